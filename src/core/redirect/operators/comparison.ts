/** Comparisons of a parameter with a value. */
import { parseDouble } from "../java_double.ts";
import { COMPARISON_TYPES, compareValues, type ComparisonType } from "../text_order.ts";
import {
  CASE_SENSITIVE,
  type Compiler,
  type CompiledCondition,
  type ConditionProblem,
  type Field,
  type Key,
  MISSING,
  NEGATED,
  type Operator,
  PARAM,
  type ParameterCondition,
  parameterProblems,
  UNLIKELY,
} from "./contract.ts";

export interface Comparison extends ParameterCondition {
  readonly value: string;
  readonly type: ComparisonType;
  readonly case_sensitive: boolean;
}

const FIELDS: readonly Field[] = [
  PARAM,
  { name: "value", key: "value", form: "element", type: "text" },
  { name: "type", key: "type", form: "attribute", type: "text", absent: "none" },
  CASE_SENSITIVE,
  NEGATED,
  MISSING,
];

/** `order` is null for values that cannot be compared. */
type Judge = (order: number | null) => boolean;

function comparison(name: string, words: string, judge: Judge): Operator<Comparison> {
  return {
    name,
    summary: `The parameter ${words} the value, as numbers where both are, else as texts, or as \`type\` says.`,
    fields: FIELDS,
    cost: 10,
    problems: comparisonProblems,
    holds(condition, { parameters, compat }) {
      const given = parameters(condition.param);
      if (given === undefined) return verdictWithout(condition, judge, compat);
      return negatedAs(
        condition,
        compat,
        judge(compareValues(given, condition.value, { ...condition, compat })),
      );
    },
    compile: (condition, compiler) => compileComparison(condition, judge, compiler),
    examples: ({ param, value }) => ({ [param]: neighbours(value) }),
  };
}

/** In the original a parameter that was not sent fails every comparison, and `negation` has no effect. */
function verdictWithout(condition: Comparison, judge: Judge, compat: boolean): boolean {
  if (compat) return false;
  return condition.missing ?? negatedAs(condition, compat, judge(null));
}

function negatedAs({ negated }: Comparison, compat: boolean, holds: boolean): boolean {
  return negated && !compat ? !holds : holds;
}

function comparisonProblems(condition: Comparison): ConditionProblem[] {
  const { value, type } = condition;
  const problems = parameterProblems(condition);
  if (!COMPARISON_TYPES.includes(type))
    problems.push({
      code: "ComparisonTypeInvalid",
      message: `has the type ${JSON.stringify(type)}; expected one of ${COMPARISON_TYPES.join(", ")}`,
    });
  if (value.trim() === "")
    problems.push({
      code: "MissedParamValue",
      message: "has no value; expected what the parameter is compared with",
    });
  return problems;
}

/** The value itself, and some that come before and behind it in each of the orders. */
function neighbours(value: string): string[] {
  const number = parseDouble(value);
  const [, start = "", last = "0"] = /^(.*?)(\d*)$/.exec(value)!;
  const step = (by: number): string => `${start}${Math.max(0, Number(last) + by)}`;
  const steps = [step(1), step(-1), `${value}.1`, `${value}~`, value.slice(0, -1), UNLIKELY];
  return number === null ? [value, ...steps] : [value, String(number + 1), String(number - 1), ...steps];
}

function compileComparison(condition: Comparison, judge: Judge, compiler: Compiler): CompiledCondition {
  const { value, type, case_sensitive, param } = condition;
  const { compat } = compiler;
  const slot = compiler.slot(param);
  const without = verdictWithout(condition, judge, compat);
  const isTurned = condition.negated && !compat;
  const number = type === "none" || type === "numeric" ? parseDouble(value) : null;
  const rules = { type, case_sensitive, compat };
  const order = (given: string): number | null => compareValues(given, value, rules);
  const test: CompiledCondition["test"] =
    number === null && type === "none"
      ? textTest(value, case_sensitive, slot, { judge, without, isTurned })
      : (parameters) => {
          const given = parameters.value(slot);
          return given === undefined ? without : judge(order(given)) !== isTurned;
        };
  const isIndexable = condition.operator === "equals" && !isTurned && !without;
  if (!isIndexable) return { test, keys: null };
  const keys = keysOf(value, slot, type, number);
  // As a number nothing else is compared; a text may be asked for letter by letter, or be no number where one is wanted.
  const isText = !case_sensitive && (type !== "numeric" || compat);
  return { test, keys, keys_suffice: number !== null || isText };
}

interface Verdicts {
  readonly judge: Judge;
  readonly without: boolean;
  readonly isTurned: boolean;
}

/** A value that is no number is compared as a text whatever the parameter is. */
function textTest(
  value: string,
  isCaseSensitive: boolean,
  slot: number,
  { judge, without, isTurned }: Verdicts,
): CompiledCondition["test"] {
  const compared = isCaseSensitive ? value : value.toLowerCase();
  return (parameters) => {
    const given = parameters.value(slot);
    if (given === undefined) return without;
    const text = isCaseSensitive ? given : parameters.folded(slot);
    return judge(text === compared ? 0 : text < compared ? -1 : 1) !== isTurned;
  };
}

/** What a parameter that equals the value has; null where too many texts do. */
function keysOf(value: string, slot: number, type: ComparisonType, number: number | null): Key[] | null {
  if (type === "string" || (type === "none" && number === null) || (type === "numeric" && number === null))
    return [{ slot, kind: "text", folded: value.toLowerCase() }];
  if (number !== null && !Number.isNaN(number)) return [{ slot, kind: "number", number }];
  return null;
}

export const comparisons: readonly Operator<Comparison>[] = [
  comparison("equals", "equals", (order) => order === 0),
  comparison("notEqual", "does not equal", (order) => order !== 0),
  comparison("lessThan", "is less than", (order) => order !== null && order < 0),
  comparison("lessOrEqual", "is at most", (order) => order !== null && order <= 0),
  comparison("greaterThan", "is greater than", (order) => order !== null && order > 0),
  comparison("greaterOrEqual", "is at least", (order) => order !== null && order >= 0),
];
