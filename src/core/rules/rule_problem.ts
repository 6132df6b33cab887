/** Checks of rules for the configuration: what is wrong with one, and what to say about all of them. */
import { RegexCache } from "./linear_regex.ts";
import { compileRule, regexWarning } from "./rule.ts";
import { RuleError } from "./rule_error.ts";

/** What is wrong with the text of a rule, or null. `column` counts characters of the whole text from 1. */
export function ruleProblem(text: string): { readonly column: number; readonly message: string } | null {
  try {
    compileRule(text);
    return null;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { column: error.offset + 1, message: `${error.what}, expected ${error.expected}` };
  }
}

/** What to tell the user about many regexes in `rules`, which are correct; or null. */
export function rulesWarning(rules: readonly string[]): string | null {
  const regexes = new RegexCache();
  for (const rule of rules) compileRule(rule, regexes);
  return regexWarning(regexes.count);
}
