/** Checks of rules for the configuration: what is wrong with one, and what to say about all of them. */
import { RegexCache } from "./linear_regex.ts";
import { compileRule, regexWarning } from "./rule.ts";
import { RuleError } from "./rule_error.ts";

/** `column` counts characters of the whole text from 1. */
export interface RuleProblem {
  readonly column: number;
  readonly message: string;
}

/** What is wrong with the text of a rule, or null. */
export function ruleProblem(text: string): RuleProblem | null {
  const found = checked(text);
  return typeof found === "boolean" ? null : found;
}

/** What to tell the user about many regexes in `rules`, which are correct; or null. */
export function rulesWarning(rules: readonly string[]): string | null {
  const regexes = new RegexCache();
  for (const rule of rules) compileRule(rule, regexes);
  return regexWarning(regexes.count);
}

/** Whether the rule needs the regex engine, or what is wrong with it. */
function checked(text: string): boolean | RuleProblem {
  const regexes = new RegexCache();
  try {
    compileRule(text, regexes);
    return regexes.count > 0;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { column: error.offset + 1, message: `${error.what}, expected ${error.expected}` };
  }
}

/** The same checks for one configuration that is loaded again and again: of its rules only new ones are read. */
export class RuleChecks {
  /** Of correct rules: whether they need the regex engine. */
  #known = new Map<string, boolean>();

  /** As `ruleProblem`. */
  readonly problem = (text: string): RuleProblem | null => {
    if (this.#known.has(text)) return null;
    const found = checked(text);
    if (typeof found !== "boolean") return found;
    this.#known.set(text, found);
    return null;
  };

  /** As `rulesWarning`. Rules that are not among these are forgotten some time. */
  readonly warning = (rules: readonly string[]): string | null => {
    if (this.#known.size > 2 * rules.length) {
      const before = this.#known;
      this.#known = new Map(rules.map((rule) => [rule, before.get(rule) ?? checked(rule) === true]));
    }
    return rulesWarning(rules.filter((rule) => this.#known.get(rule) ?? checked(rule) === true));
  };
}
