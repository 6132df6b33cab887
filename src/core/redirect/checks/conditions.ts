/** Checks of the conditions of a rule: what the engine needs, and what the original demands before it saves one. */
import { parseDouble } from "../java_double.ts";
import { parseIpv6 } from "../../schema/ip.ts";
import type { Branch, Condition } from "../model.ts";
import { operatorOf } from "../operators/all.ts";
import type { Comparison } from "../operators/comparison.ts";
import type { RandomShare } from "../operators/random.ts";
import type { ComparisonType } from "../text_order.ts";
import type { ProblemCode } from "./catalogue.ts";
import { partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";

/** One of these on a parameter is enough where all must hold. */
const ONCE: Readonly<Record<string, ProblemCode>> = {
  lessThan: "DuplicatedLessParam",
  greaterThan: "DuplicatedGreaterParam",
  lessOrEqual: "DuplicatedLessOrEqualParam",
  greaterOrEqual: "DuplicatedGreaterOrEqualParam",
};

/** Problems of all conditions of a branch and of those within it. */
export function branchProblems(
  { when, inner, result }: Branch<unknown>,
  place: Place,
  compat: boolean,
  outside: ReadonlySet<string> = new Set(),
): Problem[] {
  const problems: Problem[] = [];
  if (when.length === 0)
    problems.push(
      problemAt("EmptyExpressions", partOf(place, ".when"), "has no conditions; expected at least one"),
    );
  if (result === null && inner.length === 0)
    problems.push(
      problemAt("ServerIsMissed", partOf(place, ".result"), "has no result; expected where it leads"),
    );
  const together = new Set(outside);
  for (const [at, condition] of when.entries()) {
    const part = partOf(place, `.when[${at}]`);
    problems.push(...conditionProblems(condition, part, compat));
    problems.push(...duplicateProblems(condition, part, together));
  }
  for (const [at, branch] of inner.entries())
    problems.push(...branchProblems(branch, partOf(place, `.inner[${at}]`), compat, together));
  return problems;
}

function conditionProblems(condition: Condition, place: Place, compat: boolean): Problem[] {
  const operator = operatorOf(condition);
  const here = { ...place, words: `${place.words}: ${calledIn(condition)}` };
  const problems = operator
    .problems(condition, compat)
    .map(({ code, message }) => problemAt(code, here, message));
  problems.push(...ownProblems(condition, here));
  for (const [at, child] of (operator.children?.(condition) ?? []).entries())
    problems.push(...conditionProblems(child, partOf(place, `.items[${at}]`), compat));
  return problems;
}

/** "equals on the parameter mac" */
function calledIn(condition: Condition): string {
  const { param } = condition as Partial<Comparison>;
  return typeof param === "string" && param.trim() !== ""
    ? `${condition.operator} on the parameter ${param}`
    : condition.operator;
}

/** What the engine does not mind. */
function ownProblems(condition: Condition, place: Place): Problem[] {
  switch (condition.operator) {
    case "random":
      return randomProblems(condition as RandomShare, place);
    case "contains":
      return blankValueProblems(condition as Condition & { readonly values: readonly string[] }, place);
    case "inIpRange":
      return rangeTypeProblems(condition as Condition & { readonly type?: unknown }, place);
    default:
      return "value" in condition && "type" in condition ? typeProblems(condition as Comparison, place) : [];
  }
}

function randomProblems({ percent }: RandomShare, place: Place): Problem[] {
  // The engine has its say about what is out of range.
  if (!(percent > 0 && percent <= 100) || Number.isInteger(percent)) return [];
  return [problemAt("RandomRangeError", place, `has the value ${percent}; expected a whole number`)];
}

function blankValueProblems({ values }: { readonly values: readonly string[] }, place: Place): Problem[] {
  const at = values.findIndex((value) => value.trim() === "");
  if (at < 0) return [];
  const message = `has a blank value at place ${at + 1}; expected a text`;
  return [problemAt("MissedParamValue", partOf(place, `.values[${at}]`), message)];
}

/** The original writes it; our model has no such field, but a model that came as JSON may. */
function rangeTypeProblems({ type }: { readonly type?: unknown }, place: Place): Problem[] {
  if (type === undefined || type === null || type === "" || type === "namespacedList") return [];
  const message = `has the type ${JSON.stringify(type)}; expected none or namespacedList`;
  return [problemAt("IpRangeTypeError", partOf(place, ".type"), message)];
}

interface Fit {
  readonly code: ProblemCode;
  readonly expected: string;
  readonly fits: (value: string) => boolean;
}

/** Types whose values have a form. */
const FITS: Readonly<Partial<Record<ComparisonType, Fit>>> = {
  numeric: {
    code: "ValueNumericTypeError",
    expected: "a number",
    fits: (value) => !Number.isNaN(parseDouble(value) ?? Number.NaN),
  },
  version: {
    code: "ValueVersionTypeError",
    expected: "a version such as 1.10.2",
    fits: (value) => /^\d+(?:\.\d+)*$/.test(value),
  },
  ipv6: {
    code: "ValueIPV6TypeError",
    expected: "an IPv6 address",
    fits: (value) => parseIpv6(value) !== null,
  },
};

function typeProblems({ value, type }: Comparison, place: Place): Problem[] {
  const fit = Object.hasOwn(FITS, type) ? FITS[type] : undefined;
  if (fit === undefined || value.trim() === "" || fit.fits(value)) return [];
  const message = `has the value ${shown(value)} and the type ${type}; expected ${fit.expected}`;
  return [problemAt(fit.code, partOf(place, ".value"), message)];
}

/** Adds what must hold to `together`, by operator and parameter. Those in an `or` need not hold together. */
function duplicateProblems(condition: Condition, place: Place, together: Set<string>): Problem[] {
  if (condition.operator === "and")
    return (operatorOf(condition).children?.(condition) ?? []).flatMap((child, at) =>
      duplicateProblems(child, partOf(place, `.items[${at}]`), together),
    );
  if (!Object.hasOwn(ONCE, condition.operator)) return [];
  const key = `${condition.operator} ${(condition as Comparison).param}`;
  if (!together.has(key)) {
    together.add(key);
    return [];
  }
  const words = `${place.words}: ${calledIn(condition)}`;
  const message = "stands there twice; expected once, as only the narrower one acts";
  return [problemAt(ONCE[condition.operator]!, { ...place, words }, message)];
}
