/** What keeps a rule from being compiled: it is left out and named, all others go on deciding. */
import type { Branch, Condition, Rule } from "./model.ts";
import { operatorOf } from "./operators/all.ts";
import type { ConditionProblem } from "./operators/contract.ts";

export interface RuleProblem extends ConditionProblem {
  readonly rule: string;
}

const NO_PROBLEMS: readonly RuleProblem[] = [];

/** Empty when the rule can act. Nearly all can: nothing is made for those. */
export function ruleProblems<Result>(rule: Rule<Result>, compat: boolean): readonly RuleProblem[] {
  const problems: ConditionProblem[] = [];
  addBranchProblems(problems, rule, compat);
  if (problems.length === 0) return NO_PROBLEMS;
  return problems.map((problem) => ({ ...problem, rule: rule.id }));
}

function addBranchProblems<Result>(
  problems: ConditionProblem[],
  { when, inner, result }: Branch<Result>,
  compat: boolean,
): void {
  for (const condition of when) addConditionProblems(problems, condition, compat);
  if (when.length === 0) problems.push({ code: "EmptyExpressions", message: "has no conditions" });
  if (result === null && inner.length === 0)
    problems.push({ code: "ServerIsMissed", message: "has no result" });
  for (const branch of inner) addBranchProblems(problems, branch, compat);
}

function addConditionProblems(problems: ConditionProblem[], condition: Condition, compat: boolean): void {
  const operator = operatorOf(condition);
  for (const { code, message } of operator.problems(condition, compat))
    problems.push({ code, message: `${operator.name} ${message}` });
  if (operator.children === undefined) return;
  for (const child of operator.children(condition)) addConditionProblems(problems, child, compat);
}

/** Names of the lists that a rule looks at, each once. */
export function listsOfRule<Result>(rule: Branch<Result>): string[] {
  const names = new Set<string>();
  const seeCondition = (condition: Condition): void => {
    const { lists, children } = operatorOf(condition);
    for (const name of lists?.(condition) ?? []) names.add(name);
    for (const child of children?.(condition) ?? []) seeCondition(child);
  };
  const see = (branch: Branch<Result>): void => {
    for (const condition of branch.when) seeCondition(condition);
    for (const deeper of branch.inner) see(deeper);
  };
  see(rule);
  return [...names];
}
