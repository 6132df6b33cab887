import { expect, test } from "bun:test";
import { conditionOf, literalOf, modelOf, rolloutOf, ruleOf, to, urlParams } from "../test_decider.ts";
import {
  type ApplicationModels,
  listDeletionProblems,
  templateDeletionProblems,
  usesOfList,
} from "./deletion.ts";

const inList = conditionOf("contains", { param: "x", lists: ["beta"] });
const other = conditionOf("contains", { param: "x", lists: ["staff"] });
const rule = (id: string, condition = inList, template: string | null = null) =>
  ruleOf(id, [conditionOf("or", { items: [other, condition] })], to(literalOf("http://a")), { template });

const models = (approved: object, next: object, app = "a1"): ApplicationModels => ({
  app,
  approved: modelOf(approved),
  next: modelOf(next),
});

test("RD102 a list that an approved or pending rule uses stays", () => {
  const applications = [
    models({ rules: [rule("old")] }, { rules: [rule("new")] }),
    models({}, { url_rules: [ruleOf("u", [inList], urlParams({ port: 1 }))] }, "a2"),
  ];
  expect(listDeletionProblems("beta", applications)).toEqual([
    {
      code: "NamespacedlistIsInUse",
      severity: "error",
      path: "lists.beta",
      rule: null,
      message: "list beta is used by a1/old, a1/new (pending), a2/u (pending); expected no rule that uses it",
    },
  ]);
  expect(usesOfList("beta", applications).map(({ in: where }) => where)).toEqual([
    "approved",
    "pending",
    "pending",
  ]);
  expect(listDeletionProblems("nobody", applications)).toEqual([]);
  expect(usesOfList("beta", [models({ rules: [rule("r")] }, { rules: [rule("r")] })])).toMatchObject([
    { in: "both" },
  ]);
  expect(usesOfList("beta", [models({}, { rule_templates: [rule("t")] })])).toMatchObject([
    { kind: "rule_templates" },
  ]);
  const rollouts = [rolloutOf({ allow: ["beta"] }), rolloutOf({ id: "other", deny: ["staff"] })];
  expect(usesOfList("beta", [models({}, { rollouts })])).toEqual([
    { app: "a1", kind: "rollouts", rule: "beta", in: "pending" },
  ]);
  expect(usesOfList("staff", [models({ rollouts }, { rollouts })])).toMatchObject([
    { rule: "other", in: "both" },
  ]);
});

test("RD119 a template that an approved or pending rule is made from stays", () => {
  const used = models({ rules: [rule("a", inList, "t")] }, { rules: [rule("b", inList, "t")] });
  expect(templateDeletionProblems("t", "rule_templates", used)).toMatchObject([
    { code: "TemplateIsUsed", message: expect.stringContaining("a1/a, a1/b (pending)") },
  ]);
  expect(templateDeletionProblems("t", "url_rule_templates", used)).toEqual([]);
  expect(templateDeletionProblems("other", "rule_templates", used)).toEqual([]);
});
