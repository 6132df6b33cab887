/** What keeps a rule from being compiled: it is left out and named, all others go on deciding. */
import type { Branch, Condition, Rule } from "./model.ts";
import { operatorOf } from "./operators/all.ts";
import type { ConditionProblem } from "./operators/contract.ts";

export interface RuleProblem extends ConditionProblem {
  readonly rule: string;
}

/** Empty when the rule can act. */
export function ruleProblems<Result>(rule: Rule<Result>, compat: boolean): RuleProblem[] {
  return branchProblems(rule, compat).map((problem) => ({ ...problem, rule: rule.id }));
}

function branchProblems<Result>(
  { when, inner, result }: Branch<Result>,
  compat: boolean,
): ConditionProblem[] {
  const own = when.flatMap((condition) => conditionProblems(condition, compat));
  const deeper = inner.flatMap((branch) => branchProblems(branch, compat));
  if (when.length === 0) own.push({ code: "EmptyExpressions", message: "has no conditions" });
  if (result === null && inner.length === 0) own.push({ code: "ServerIsMissed", message: "has no result" });
  return [...own, ...deeper];
}

function conditionProblems(condition: Condition, compat: boolean): ConditionProblem[] {
  const operator = operatorOf(condition);
  const own = operator
    .problems(condition, compat)
    .map(({ code, message }) => ({ code, message: `${operator.name} ${message}` }));
  const children = operator.children?.(condition) ?? [];
  return [...own, ...children.flatMap((child) => conditionProblems(child, compat))];
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
