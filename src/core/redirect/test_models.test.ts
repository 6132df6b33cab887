import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Branch, Condition, Rule } from "./model.ts";
import { operatorOf, operators } from "./operators/all.ts";
import { ruleProblems } from "./rule_problems.ts";
import { anyModel } from "./test_models.ts";

function operatorsOf<Result>({ when, inner }: Branch<Result>): string[] {
  const named = (condition: Condition): string[] => {
    const children = operatorOf(condition).children?.(condition) ?? [];
    return [condition.operator, ...children.flatMap(named)];
  };
  return [...when.flatMap(named), ...inner.flatMap((branch) => operatorsOf(branch))];
}

test("models for tests have every operator, nested rules and groups, and each of their rules can be compiled", () => {
  const seen = new Set<string>();
  for (const { rules, url_rules } of fc.sample(anyModel, { numRuns: 300, seed: 1 })) {
    const all: readonly Rule<unknown>[] = [...rules, ...url_rules];
    for (const rule of all) {
      expect(ruleProblems(rule, false)).toEqual([]);
      for (const name of operatorsOf(rule)) seen.add(name);
      if (rule.inner.some(({ inner }) => inner.length > 0)) seen.add("nested");
    }
    for (const { result } of rules) if (result !== null) seen.add(result.kind);
  }
  expect([...seen].toSorted()).toEqual(
    [...operators.map(({ name }) => name), "group", "nested", "server"].toSorted(),
  );
});
