import { expect, test } from "bun:test";
import { compileRule } from "../../src/core/rules/rule.ts";
import { RULE_SEEDS, rules } from "./rules.ts";

test("H-J21/ops the seeds of the fuzzer are rules", () => {
  for (const seed of RULE_SEEDS) expect(compileRule(seed).compiled).not.toBeNull();
  for (const seed of rules.seeds()) expect(rules.run(seed)).not.toBe("refused");
});
