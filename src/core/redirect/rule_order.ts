/** In which order rules are tried. */
import type { Branch, Condition, Rule } from "./model.ts";
import { operatorOf } from "./operators/all.ts";

/** The rules in the order in which they are tried: by what the original takes them to cost, or by priority. Stable. */
export function rulesInOrder<Result>(rules: readonly Rule<Result>[], compat: boolean): Rule<Result>[] {
  if (!compat) return rules.toSorted((one, other) => other.priority - one.priority);
  const costs = new Map(rules.map((rule) => [rule, costOfBranch(rule)]));
  return rules.toSorted((one, other) => costs.get(one)! - costs.get(other)!);
}

/** A condition that joins others costs what they cost when it stands directly in a rule, and a fixed number deeper down. */
export function costOfBranch<Result>({ when, inner }: Branch<Result>): number {
  const own = when.reduce((sum, condition) => sum + costOnTop(condition), 0);
  return inner.reduce((sum, branch) => sum + costOfBranch(branch), own);
}

function costOnTop(condition: Condition): number {
  const { cost, children } = operatorOf(condition);
  if (children === undefined) return cost;
  return children(condition).reduce((sum, child) => sum + operatorOf(child).cost, 0);
}
