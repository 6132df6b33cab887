import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  deciderOf,
  conditionOf,
  literalOf,
  modelOf,
  ONE_HOST,
  ruleOf,
  serverOf,
  to,
} from "../test_decider.ts";
import { anyModel } from "../test_models.ts";
import { allSteps } from "../../steps.ts";
import { lintSlices } from "./lint.ts";
import { codesOf } from "./test_facts.ts";
import { modelProblems } from "./whole_model.ts";

const FACTS = {
  stacks: ONE_HOST,
  lists: [{ name: "l", description: null, type: "TEXT", version: 1, values: [] }],
  compat: false,
} as const;

test("a whole model: errors of each kind of entity, with where they are", () => {
  expect(modelProblems(modelOf(), FACTS)).toEqual([]);
  const bad = modelOf({
    default_server: serverOf("9.9"),
    distribution: [{ percent: 100, server: serverOf("1.0") }],
    rules: [ruleOf("r", [], to(literalOf("http://a")))],
    whitelist: ["/EU/z1", "x"],
  });
  expect(modelProblems(bad, FACTS).map(({ path }) => path)).toEqual([
    "default_server.path",
    "distribution",
    "rules.r.when",
    "whitelist[1]",
  ]);
});

test("rules that the engine leaves out are exactly among those with errors (property)", () => {
  fc.assert(
    fc.property(anyModel, fc.boolean(), (model, compat) => {
      const rules = new Set(modelProblems(model, { ...FACTS, compat }).map(({ rule }) => rule));
      for (const { rule } of deciderOf(model, { compat }).problems) expect(rules).toContain(rule);
    }),
  );
});

/** Ten thousand rules on a few parameters, in the ways that people write them. */
function manyRules(count: number) {
  const conditions = (at: number) => {
    switch (at % 5) {
      case 0:
        return [conditionOf("equals", { param: "mac", value: `m${at}` })];
      case 1:
        return [conditionOf("contains", { param: "mac", values: [`n${at}`, `o${at}`] })];
      case 2:
        return [
          conditionOf("greaterOrEqual", { param: "version", value: `${count - at}.1`, type: "version" }),
          conditionOf("equals", { param: "model", value: `t${at % 500}` }),
        ];
      case 3:
        return [
          conditionOf("contains", { param: "account", lists: ["l"] }),
          conditionOf("matches", { param: "agent", pattern: `a${at}.*[0-9]` }),
        ];
      default:
        return [
          conditionOf("or", {
            items: [0, 1].map((part) => conditionOf("equals", { param: "mac", value: `p${at}_${part}` })),
          }),
        ];
    }
  };
  return Array.from({ length: count }, (_, at) => ruleOf(`r${at}`, conditions(at), to(serverOf("1.0"))));
}

test("ten thousand rules are checked in under a second", () => {
  const model = modelOf({ rules: manyRules(10_000) });
  // Others work on the machine too: the best of three runs counts.
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    const errors = modelProblems(model, FACTS);
    const warnings = allSteps(lintSlices(model, FACTS));
    const elapsed = performance.now() - start;
    expect([errors.length, ...new Set(codesOf(warnings))]).toEqual([0, "RegexNeedsEngine"]);
    return elapsed;
  });
  expect(Math.min(...times)).toBeLessThan(1_000);
});

test("rules that all overlap are compared up to a limit, and that is said", () => {
  const rules = Array.from({ length: 2_000 }, (_, at) =>
    ruleOf(
      `r${at}`,
      [conditionOf("lessThan", { param: "x", value: String(at), type: "numeric" })],
      to(serverOf("1.0")),
    ),
  );
  const start = performance.now();
  expect(codesOf(allSteps(lintSlices(modelOf({ rules }), FACTS)))).toEqual(["LintIncomplete"]);
  expect(performance.now() - start).toBeLessThan(1_500);
});
