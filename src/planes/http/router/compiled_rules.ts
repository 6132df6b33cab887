/** Rules in the form in which tables take them, kept from one router to the next. */
import type { RegexCache } from "../../../core/rules/linear_regex.ts";
import type { HostPattern } from "../../../core/rules/matcher.ts";
import { compileRule } from "../../../core/rules/rule.ts";
import { alternativesOf, type Alternative } from "./guards.ts";

export interface CompiledRule {
  /** Where the route gives none. */
  readonly priority: number;
  readonly needsHost: boolean;
  readonly alternatives: readonly Alternative[];
}

export class CompiledRules {
  #before: CompiledRules | null;
  readonly #byText = new Map<string, CompiledRule>();

  /** `before`: those of another router, which are taken over as they are asked for. */
  constructor(before: CompiledRules | null) {
    this.#before = before;
  }

  /** A rule that is compiled already, or undefined. */
  known(text: string): CompiledRule | undefined {
    const own = this.#byText.get(text);
    if (own !== undefined) return own;
    const taken = this.#before === null ? undefined : this.#before.#byText.get(text);
    if (taken !== undefined) this.#byText.set(text, taken);
    return taken;
  }

  /** Throws RuleError for a rule that cannot be read. */
  compile(text: string, regexes: RegexCache): CompiledRule {
    const { asked } = regexes;
    const { compiled, priority, needsHost } = compileRule(text, regexes);
    const alternatives = alternativesOf(compiled).map(withOwnHosts);
    const rule = { priority, needsHost, alternatives };
    // Patterns are counted by the cache of each router.
    if (regexes.asked === asked) this.#byText.set(text, rule);
    return rule;
  }

  /** Lets those before go: all that is needed has been asked for. */
  settle(): void {
    this.#before = null;
  }
}

function withOwnHosts(alternative: Alternative): Alternative {
  const { hosts } = alternative;
  return hosts === null ? alternative : { ...alternative, hosts: hosts.map(withOwnText) };
}

function withOwnText(pattern: HostPattern): HostPattern {
  switch (pattern.kind) {
    case "literal":
      return { kind: "literal", host: ownText(pattern.host) };
    case "one_label":
    case "labels":
      return { kind: pattern.kind, suffix: ownText(pattern.suffix) };
    case "any":
      return pattern;
  }
}

/** A copy: a part of the text of a rule would keep all of it alive, and its characters far away. */
export function ownText(text: string): string {
  return text.split("").join("");
}
