import { expect, test } from "bun:test";
import type { Branch, Destination } from "../model.ts";
import { conditionOf, modelOf, ruleOf, serverOf, to } from "../test_decider.ts";
import { outdatedRules, resynced } from "./template_sync.ts";

const is = (value: string) => [conditionOf("equals", { param: "x", value })];
const branch = (value: string, result: Destination | null): Branch<Destination> => ({
  when: is(value),
  inner: [],
  result,
});
const [ONE, TWO, THREE] = ["1.0", "2.0", "3.0"].map((path) => to(serverOf(path))) as [
  Destination,
  Destination,
  Destination,
];

test("a rule is out of date where its conditions differ, and not where it leads elsewhere", () => {
  const template = ruleOf("t", is("1"), ONE);
  const from = { template: "t" };
  const model = modelOf({
    rules: [
      ruleOf("same", is("1"), TWO, from),
      ruleOf("other", is("2"), ONE, from),
      ruleOf("own", is("2"), ONE),
      ruleOf("orphan", is("2"), ONE, { template: "gone" }),
    ],
  });
  const templates = modelOf({ rule_templates: [template] });
  expect(outdatedRules(model, templates)).toEqual([{ kind: "rule", id: "other", template: "t" }]);
  expect(outdatedRules(model, modelOf())).toEqual([]);
});

test("a rule gets the conditions of its template and keeps what it leads to", () => {
  const template = ruleOf("t", is("1"), ONE);
  const rule = ruleOf("r", is("2"), TWO, { template: "t", priority: 7 });
  expect(resynced(rule, template)).toEqual(ruleOf("r", is("1"), TWO, { template: "t", priority: 7 }));
});

test("inner parts are those of the template; results of parts that the rule does not have are the template's", () => {
  const nested = ruleOf<Destination>("t", is("1"), null, { inner: [branch("2", ONE), branch("3", TWO)] });
  const rule = ruleOf<Destination>("r", is("1"), null, { inner: [branch("9", THREE)] });
  expect(resynced(rule, nested).inner).toEqual([branch("2", THREE), branch("3", TWO)]);
  expect(
    outdatedRules(modelOf({ rules: [{ ...rule, template: "t" }] }), modelOf({ rule_templates: [nested] })),
  ).toHaveLength(1);
  // A rule that had parts gets none where the template has none, and leads where the template does.
  const flat = resynced(rule, ruleOf("t", is("1"), ONE));
  expect(flat).toMatchObject({ inner: [], result: ONE });
});
