/** Why a rule takes a request or does not: the rule is evaluated as it is written, part by part. */
import { RegexCache } from "./linear_regex.ts";
import { MATCHERS } from "./matchers/all.ts";
import { parseRule, type Expression } from "./parser.ts";
import type { MatchRequest } from "./request.ts";
import { compileRule, type Compiled, type Rule } from "./rule.ts";

/** Longest text of a part in a reason. */
const SHOWN = 200;

export interface RuleReasons {
  readonly rule: Rule;
  /** Null when the rule takes the request; else the first part that does not hold, in words. */
  readonly failed: string | null;
  /** A part that reads the host alone does not hold: the rule is for other hosts. */
  readonly elsewhere: boolean;
}

const READS_HOST: ReadonlySet<string> = new Set(
  MATCHERS.filter(({ readsHost }) => readsHost === true).map(({ name }) => name.toLowerCase()),
);

/** Evaluates the rule `text` on `request`. Throws RuleError for a rule that cannot be read. */
export function ruleReasons(
  text: string,
  request: MatchRequest,
  regexes: RegexCache = new RegexCache(),
): RuleReasons {
  const rule = compileRule(text, regexes);
  if (rule.compiled === null) return { rule, failed: null, elsewhere: false };
  if (rule.needsHost && request.host === "")
    return { rule, failed: "the request names no host", elsewhere: true };
  const expression = parseRule(text);
  const part = failing(expression, rule.compiled, request);
  if (part === null) return { rule, failed: null, elsewhere: false };
  const failed = `${shortened(textOf(part, true))} does not hold`;
  return { rule, failed, elsewhere: isElsewhere(expression, rule.compiled, request) };
}

/** A part that all of the rule depends on reads the host alone, and does not hold. */
function isElsewhere(expression: Expression, compiled: Compiled, request: MatchRequest): boolean {
  if (compiled.kind === "and")
    return compiled.operands.some((operand, index) =>
      isElsewhere(operandOf(expression, index), operand, request),
    );
  return readsHostAlone(expression) && failing(expression, compiled, request) !== null;
}

/** The first part that does not hold, or null. Both trees have the same form. */
function failing(expression: Expression, compiled: Compiled, request: MatchRequest): Expression | null {
  switch (compiled.kind) {
    case "condition":
      return compiled.condition.test(request) ? null : expression;
    case "not":
      return failing(operandOf(expression, 0), compiled.operand, request) === null ? expression : null;
    case "and":
      for (const [index, operand] of compiled.operands.entries()) {
        const part = failing(operandOf(expression, index), operand, request);
        if (part !== null) return part;
      }
      return null;
    case "or": {
      const holds = compiled.operands.some(
        (operand, index) => failing(operandOf(expression, index), operand, request) === null,
      );
      return holds ? null : expression;
    }
  }
}

function operandOf(expression: Expression, index: number): Expression {
  if (expression.kind === "not") return expression.operand;
  if (expression.kind === "matcher") throw new Error("a matcher has no operands");
  return expression.operands[index]!;
}

function readsHostAlone(expression: Expression): boolean {
  switch (expression.kind) {
    case "matcher":
      return READS_HOST.has(expression.name.toLowerCase());
    case "not":
      return readsHostAlone(expression.operand);
    default:
      return expression.operands.every(readsHostAlone);
  }
}

function textOf(expression: Expression, outermost = false): string {
  switch (expression.kind) {
    case "matcher":
      return `${expression.name}(${expression.values.map(({ value }) => quoted(value)).join(", ")})`;
    case "not":
      return `!${textOf(expression.operand)}`;
    default: {
      const joined = expression.operands
        .map((operand) => textOf(operand))
        .join(expression.kind === "and" ? " && " : " || ");
      return outermost ? joined : `(${joined})`;
    }
  }
}

const quoted = (value: string): string => (value.includes("`") ? JSON.stringify(value) : `\`${value}\``);

const shortened = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
