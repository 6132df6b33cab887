/** What `contains` and `inIpRange` have in common: a parameter, values and names of lists. */
import {
  type ConditionProblem,
  type ExampleNeeds,
  type Examples,
  type Field,
  MISSING,
  NEGATED,
  PARAM,
  type ParameterCondition,
  parameterProblems,
} from "./contract.ts";

export interface Membership extends ParameterCondition {
  readonly values: readonly string[];
  readonly lists: readonly string[];
}

export const MEMBERSHIP_FIELDS: readonly Field[] = [
  PARAM,
  { name: "values", key: "values", form: "values", type: "texts", absent: [] },
  { name: "lists", key: "namespacedList", form: "values", type: "texts", absent: [] },
  NEGATED,
  MISSING,
];

export function membershipProblems(condition: Membership): ConditionProblem[] {
  const { values, lists } = condition;
  const problems = parameterProblems(condition);
  if (values.length === 0 && lists.length === 0)
    problems.push({
      code: "MissedParamValue",
      message: "has neither values nor lists; expected at least one",
    });
  return problems;
}

/** A value, one of each list, and `outside`. */
export function membershipExamples(
  { param, values, lists }: Membership,
  { list }: ExampleNeeds,
  outside: readonly string[],
): Examples {
  const listed = lists.flatMap((name) => list(name)?.slice(0, 1) ?? []);
  return { [param]: [...values.slice(0, 1), ...listed, ...outside] };
}

/** The verdict where the parameter was not sent. */
export function membershipWithout({ missing, negated }: Membership, compat: boolean): boolean {
  return compat ? false : (missing ?? negated);
}
