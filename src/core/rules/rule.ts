/** A rule ready to be tested: names and values are checked, and every matcher call has become a condition. */
import { REGEX_WARNING_COUNT, RegexCache } from "./linear_regex.ts";
import { MATCHERS } from "./matchers/all.ts";
import { ValueError, type Condition, type Matcher, type Test } from "./matcher.ts";
import { parseRule, type Expression, type MatcherCall } from "./parser.ts";
import type { MatchRequest } from "./request.ts";
import { RuleError } from "./rule_error.ts";

export type Compiled =
  | { readonly kind: "condition"; readonly condition: Condition }
  | { readonly kind: "not"; readonly operand: Compiled }
  | { readonly kind: "and" | "or"; readonly operands: readonly Compiled[] };

export interface Rule {
  readonly text: string;
  /** Null for the empty rule, which takes every request. */
  readonly compiled: Compiled | null;
  /** Rank when a route gives none: the length of the rule in bytes; higher is tried first. -Infinity for no rule. */
  readonly priority: number;
  /** The rule reads the host somewhere: it never takes a request that names none. */
  readonly needsHost: boolean;
}

const BY_NAME: ReadonlyMap<string, Matcher> = new Map(
  MATCHERS.map((each) => [each.name.toLowerCase(), each]),
);

/**
 * Compiles the rule of a route. `text` "" is the default route. `regexes` is shared by rules so that equal patterns are
 * compiled once and counted. Throws RuleError with the place of the first mistake.
 */
export function compileRule(text: string, regexes: RegexCache = new RegexCache()): Rule {
  if (text === "") return { text, compiled: null, priority: Number.NEGATIVE_INFINITY, needsHost: false };
  const compiler = new Compiler(text, regexes);
  const compiled = compiler.compile(parseRule(text));
  return { text, compiled, priority: defaultPriority(text, compiled), needsHost: compiler.needsHost };
}

/** Whether the rule takes the request: the meaning of a rule, without any index. */
export function matchesRule(rule: Rule, request: MatchRequest): boolean {
  if (rule.compiled === null) return true;
  return (!rule.needsHost || request.host !== "") && testOf(rule.compiled)(request);
}

/** What to tell the user about the number of regexes that run in the engine, or null. */
export function regexWarning(count: number): string | null {
  if (count <= REGEX_WARNING_COUNT) return null;
  return `${count} different regexes stand in rules; above ${REGEX_WARNING_COUNT} they cost noticeable time per request, so prefer Host, Path and PathPrefix`;
}

/** One function for a compiled expression. */
export function testOf(compiled: Compiled): Test {
  switch (compiled.kind) {
    case "condition":
      return compiled.condition.test;
    case "not": {
      const test = testOf(compiled.operand);
      return (request) => !test(request);
    }
    case "and":
      return allOf(compiled.operands.map(testOf));
    case "or": {
      const tests = compiled.operands.map(testOf);
      return (request) => {
        for (const test of tests) if (test(request)) return true;
        return false;
      };
    }
  }
}

/** True when all tests are; `tests` has at least one. */
export function allOf(tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0]!;
  return (request) => {
    for (const test of tests) if (!test(request)) return false;
    return true;
  };
}

class Compiler {
  readonly text: string;
  readonly regexes: RegexCache;
  needsHost = false;

  constructor(text: string, regexes: RegexCache) {
    this.text = text;
    this.regexes = regexes;
  }

  compile(expression: Expression): Compiled {
    switch (expression.kind) {
      case "matcher":
        return { kind: "condition", condition: this.compileCall(expression) };
      case "not":
        return { kind: "not", operand: this.compile(expression.operand) };
      default:
        return { kind: expression.kind, operands: expression.operands.map((each) => this.compile(each)) };
    }
  }

  private compileCall(call: MatcherCall): Condition {
    const matcher = BY_NAME.get(call.name.toLowerCase());
    if (matcher === undefined)
      throw this.error(call.offset, `unknown matcher \`${call.name}\``, namesLike(call.name));
    this.checkValues(matcher, call);
    if (matcher.readsHost === true) this.needsHost = true;
    try {
      return matcher.compile(
        call.values.map(({ value }) => value),
        this.regexes,
      );
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw this.error(call.values[error.index]!.offset, error.what, error.expected);
    }
  }

  private checkValues(matcher: Matcher, call: MatcherCall): void {
    const most = matcher.parameters.length;
    const least = most - (matcher.optional ?? 0);
    const count = call.values.length;
    if (count < least || count > most) {
      const hint =
        count > most && most === 1 ? `; write ${matcher.name}(…) || ${matcher.name}(…) for more` : "";
      const wanted = least === most ? `${most}` : `${least} or ${most}`;
      throw this.error(
        call.offset,
        `${matcher.name} with ${count} value${count === 1 ? "" : "s"}`,
        `${wanted} (${matcher.parameters.join(", ")})${hint}`,
      );
    }
    const empty = call.values.find(({ value }) => value === "");
    if (empty !== undefined) throw this.error(empty.offset, "an empty value", `text for ${matcher.name}`);
  }

  private error(offset: number, what: string, expected: string): RuleError {
    return new RuleError(this.text, offset, what, expected);
  }
}

/**
 * The length of the rule in bytes. `**` counts as nothing, so that `**.example.com` comes after `*.example.com` and
 * after the names that both take.
 */
function defaultPriority(text: string, compiled: Compiled): number {
  return new TextEncoder().encode(text).length - 2 * countDoubleWildcards(compiled);
}

function countDoubleWildcards(compiled: Compiled): number {
  if (compiled.kind === "condition")
    return (compiled.condition.hosts ?? []).filter(({ kind }) => kind === "labels").length;
  if (compiled.kind === "not") return countDoubleWildcards(compiled.operand);
  return compiled.operands.reduce((sum, each) => sum + countDoubleWildcards(each), 0);
}

/** The known matcher that `name` was most likely meant to be, or all of them. */
function namesLike(name: string): string {
  const written = name.toLowerCase();
  const near = MATCHERS.find((each) => differsByOne(each.name.toLowerCase(), written));
  const names = MATCHERS.map((each) => each.name).join(", ");
  return near === undefined ? `one of ${names}` : `\`${near.name}\``;
}

/** One character is missing, too much or different, or two neighbours are swapped. Covers Traefik v2's `Headers`. */
function differsByOne(known: string, written: string): boolean {
  if (Math.abs(known.length - written.length) > 1) return false;
  let start = 0;
  while (start < known.length && known[start] === written[start]) start++;
  const restKnown = known.slice(start);
  const restWritten = written.slice(start);
  return (
    restKnown.slice(1) === restWritten ||
    restKnown === restWritten.slice(1) ||
    restKnown.slice(1) === restWritten.slice(1) ||
    (restKnown.slice(2) === restWritten.slice(2) &&
      restKnown[0] === restWritten[1] &&
      restKnown[1] === restWritten[0])
  );
}
