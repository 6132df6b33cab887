/**
 * The rules, read one after the other: the specification of what `compiled_rules.ts` does faster, and what `explain` runs, because
 * it can say of each condition what it saw.
 */
import type { Branch, Condition, Rule } from "./model.ts";
import { operatorOf } from "./operators/all.ts";
import type { Facts } from "./operators/contract.ts";
import { rulesInOrder } from "./rule_order.ts";
import { ruleProblems } from "./rule_problems.ts";

/** What a rule decides by: facts without its own part. `salt` is that of the application. */
export type RuleFacts = Omit<Facts, "holds">;

/** Told of each condition that is looked at. */
export interface Trace {
  rule(id: string): void;
  condition(condition: Condition, holds: boolean): void;
}

const NO_TRACE: Trace = { rule: () => {}, condition: () => {} };

export interface RuleResult<Result> {
  readonly rule: string;
  readonly result: Result;
}

/** Results of all rules that hold, in the order in which they are tried. Lazy: the first one is what flavor rules need. */
export function* ruleResults<Result>(
  rules: readonly Rule<Result>[],
  facts: RuleFacts,
  trace: Trace = NO_TRACE,
): Generator<RuleResult<Result>> {
  for (const rule of rulesInOrder(rules, facts.compat)) {
    if (ruleProblems(rule, facts.compat).length > 0) continue;
    trace.rule(rule.id);
    const result = branchResult(rule, { ...facts, salt: ruleSalt(facts.salt, rule.id) }, trace);
    if (result !== null) yield { rule: rule.id, result };
  }
}

/** Percentages of two rules choose their clients independently. */
export function ruleSalt(salt: string, rule: string): string {
  return `${salt}/${rule}`;
}

function branchResult<Result>(branch: Branch<Result>, facts: RuleFacts, trace: Trace): Result | null {
  const holds = (condition: Condition): boolean => {
    const verdict = operatorOf(condition).holds(condition, { ...facts, holds });
    trace.condition(condition, verdict);
    return verdict;
  };
  if (!branch.when.every(holds)) return null;
  for (const inner of branch.inner) {
    const deeper = branchResult(inner, facts, trace);
    if (deeper !== null) return deeper;
  }
  return branch.result;
}
