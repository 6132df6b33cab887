import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Condition, Destination, RedirectModel, Rule } from "../model.ts";
import { contextOf } from "../context.ts";
import {
  conditionOf,
  deciderOf,
  literalOf,
  modelOf,
  ruleOf,
  ONE_HOST,
  serverOf,
  to,
  urlParams,
  verdictOf,
} from "../test_decider.ts";
import { anyModel } from "../test_models.ts";
import { Coverage } from "./coverage.ts";
import { conjunctsOf, isImplied, isSteady } from "./implication.ts";
import { allSteps } from "../../steps.ts";
import { lintSlices } from "./lint.ts";
import { codesOf } from "./test_facts.ts";

const FACTS = { stacks: ONE_HOST, lists: [], compat: false };
const LITERAL = to(literalOf("http://a"));
const on = (operator: string, settings: object): Condition =>
  conditionOf(operator, { param: "x", ...settings });
const is = (value: string, settings: object = {}): Condition => on("equals", { value, ...settings });
const among = (...values: string[]): Condition => on("contains", { values });
const every = (...items: Condition[]): Condition => conditionOf("and", { items });
const some = (...items: Condition[]): Condition => conditionOf("or", { items });

const modelWith = (...rules: Rule<Destination>[]): RedirectModel => modelOf({ rules });
const lint = (model: RedirectModel, facts = {}) => allSteps(lintSlices(model, { ...FACTS, ...facts }));
/** Of a rule with `first` and one with `second` behind it. */
const found = (first: Condition[], second: Condition[], facts = {}) =>
  codesOf(lint(modelWith(ruleOf("a", first, LITERAL), ruleOf("b", second, LITERAL)), facts));

describe("rules that are never reached", () => {
  test("an earlier rule with the same or wider conditions", () => {
    const y = conditionOf("equals", { param: "y", value: "1" });
    const pairs: [Condition[], Condition[]][] = [
      [[is("v")], [is("V")]],
      [[is("v")], [is("v"), y]],
      [[is("v")], [every(is("v"), y)]],
      [[among("v", "w")], [is("v")]],
      [[among("v", "w")], [among("w")]],
      [[some(y, is("v"))], [is("v")]],
      [[some(is("w"), is("v"))], [some(is("v"), is("w"))]],
      [[on("notEqual", { value: "w" })], [is("v")]],
      [[is("v", { missing: true })], [among("v")]],
      [[on("lessThan", { value: "5", type: "numeric" })], [on("lessThan", { value: "4", type: "numeric" })]],
      [[on("greaterThan", { value: "1.9", type: "version" })], [is("1.10", { type: "version" })]],
      [[on("inIpRange", { values: ["10.0.0.0/8"] })], [on("inIpRange", { values: ["10.1.0.0/16"] })]],
      [[on("matches", { pattern: "a|b" })], [on("matches", { pattern: "a|b" })]],
    ];
    for (const [first, second] of pairs)
      expect([second, found(first, second).filter((code) => code !== "RegexNeedsEngine")]).toEqual([
        second,
        ["UnreachableRule"],
      ]);
    expect(lint(modelWith(ruleOf("a", [is("v")], LITERAL), ruleOf("b", [is("v"), y], LITERAL)))).toEqual([
      {
        code: "UnreachableRule",
        severity: "warning",
        path: "rules.b",
        rule: "b",
        message: "rule b is never reached: rule a, which is tried before, takes all of its clients",
      },
    ]);
  });

  test("what is not certain is not said", () => {
    const y = conditionOf("equals", { param: "y", value: "1" });
    const percent = conditionOf("percent", { percent: 50 });
    const pairs: [Condition[], Condition[]][] = [
      [[is("v"), y], [is("v")]],
      [[is("v", { case_sensitive: true })], [is("v")]],
      [[is("v")], [y]],
      [[is("v")], [is("v", { missing: true })]],
      [[percent], [percent]],
      [[conditionOf("random", { percent: 50 })], [conditionOf("random", { percent: 50 })]],
      [[on("lessThan", { value: "5" })], [on("lessThan", { value: "4" })]],
      [[on("lessThan", { value: "4", type: "numeric" })], [on("lessThan", { value: "5", type: "numeric" })]],
    ];
    for (const [first, second] of pairs) expect([second, found(first, second)]).toEqual([second, []]);
    expect(found([percent], [percent], { compat: true })).toEqual(["UnreachableRule"]);
  });

  test("RD36 the order is that in which rules are tried", () => {
    const rules = [
      ruleOf("narrow", [is("v")], LITERAL),
      ruleOf("wide", [among("v", "w")], LITERAL, { priority: 1 }),
    ];
    expect(lint(modelWith(...rules))).toMatchObject([{ code: "UnreachableRule", rule: "narrow" }]);
    expect(lint(modelWith(...rules), { compat: true })).toMatchObject([
      { code: "ShadowedRule", rule: "wide", path: "rules.wide.when[0].values[0]" },
    ]);
  });

  test("a part of a rule: a value, an alternative, an inner branch", () => {
    const y = conditionOf("equals", { param: "y", value: "1" });
    const first = ruleOf("a", [is("v")], LITERAL);
    const part = (rule: Rule<Destination>) => lint(modelWith(first, rule));
    expect(part(ruleOf("b", [among("w", "v")], LITERAL))).toMatchObject([
      { code: "ShadowedRule", path: "rules.b.when[0].values[1]" },
    ]);
    expect(part(ruleOf("b", [some(y, is("v"))], LITERAL))).toMatchObject([
      { code: "ShadowedRule", path: "rules.b.when[0].items[1]" },
    ]);
    const inner = { when: [is("v")], inner: [], result: LITERAL };
    expect(part(ruleOf("b", [y], null, { inner: [inner] }))).toMatchObject([
      { code: "ShadowedRule", path: "rules.b.inner[0]" },
    ]);
  });

  test("conditions that cannot hold together", () => {
    const alone = (...when: Condition[]) => codesOf(lint(modelWith(ruleOf("a", when, LITERAL))));
    expect(alone(is("v"), is("w"))).toEqual(["ContradictoryRule"]);
    expect(alone(is("v"), every(among("w", "u"), is("v", { param: "y" })))).toEqual(["ContradictoryRule"]);
    expect([alone(is("v"), among("V", "w")), alone(is("1"), is("1.0"))]).toEqual([[], []]);
  });

  test("a rule that is called unreachable is never decided by (property)", () => {
    let unreachable = 0;
    const values = fc.constantFrom("a", "B", "b", "1", "1.0");
    const parameters = fc.record({ x: values, y: values }, { requiredKeys: [] });
    const models = fc.array(fc.array(smallConditions, { minLength: 1, maxLength: 2 }), { maxLength: 5 });
    fc.assert(
      fc.property(models, fc.array(parameters, { maxLength: 8 }), fc.boolean(), (rules, clients, compat) => {
        const model = modelWith(...rules.map((when, at) => ruleOf(`r${at}`, when, LITERAL)));
        const dead = lint(model, { compat }).filter(
          ({ code }) => code === "UnreachableRule" || code === "ContradictoryRule",
        );
        unreachable += dead.length;
        const decider = deciderOf(model, { compat });
        for (const client of clients) {
          const decision = decider.decide(contextOf(client));
          if (typeof decision === "string") throw new Error(decision);
          expect(dead.map(({ rule }) => rule)).not.toContain(decision.rule);
        }
      }),
      { numRuns: 800 },
    );
    expect(unreachable).toBeGreaterThan(20);
  });

  test("the index finds an earlier rule exactly where a look at every pair does (property)", () => {
    let covered = 0;
    const conditions = fc.array(smallConditions, { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(
        fc.array(conditions, { maxLength: 4 }),
        conditions,
        fc.boolean(),
        (earlier, when, compat) => {
          const coverage = new Coverage(compat);
          for (const [at, each] of earlier.entries()) coverage.add(ruleOf(`r${at}`, each, LITERAL));
          const inner = when.flatMap(conjunctsOf);
          const isCovered = earlier.some((each) =>
            each
              .flatMap(conjunctsOf)
              .every(
                (outer) => isSteady(outer, compat) && inner.some((one) => isImplied(one, outer, compat)),
              ),
          );
          if (isCovered) covered++;
          expect(coverage.covering(when) !== null).toBe(isCovered);
        },
      ),
      { numRuns: 4_000 },
    );
    expect(covered).toBeGreaterThan(50);
  });

  test("a condition that is implied holds wherever the other one does (property)", () => {
    let implied = 0;
    const texts = fc.constantFrom("a", "B", "b", "1", "1.0", "01", "2", "1.2", "10.1.2.3", "::1", "", "x");
    const clients = fc.array(fc.record({ x: texts, y: texts }, { requiredKeys: [] }), {
      minLength: 4,
      maxLength: 10,
    });
    fc.assert(
      fc.property(smallConditions, smallConditions, clients, fc.boolean(), (inner, outer, sent, compat) => {
        if (!isImplied(inner, outer, compat)) return;
        implied++;
        for (const client of sent) {
          const [one, other] = [inner, outer].map((condition) => verdictOf([condition], client, { compat }));
          if (one) expect([client, other]).toEqual([client, true]);
        }
      }),
      { numRuns: 8_000 },
    );
    expect(implied).toBeGreaterThan(50);
  });
});

const smallValue = fc.constantFrom("a", "B", "b", "1", "2", "1.2");
const flags = {
  param: fc.constantFrom("x", "x", "x", "y"),
  negated: fc.constantFrom(false, false, false, true),
  missing: fc.constantFrom(null, null, null, true, false),
};
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({
    operator: fc.constantFrom(
      "equals",
      "notEqual",
      "lessThan",
      "lessOrEqual",
      "greaterThan",
      "greaterOrEqual",
    ),
    value: smallValue,
    type: fc.constantFrom("none" as const, "numeric" as const, "string" as const, "version" as const),
    case_sensitive: fc.constantFrom(false, false, true),
    ...flags,
  }),
  fc.record({
    operator: fc.constant("contains"),
    values: fc.array(smallValue, { minLength: 1, maxLength: 3 }),
    lists: fc.constant([]),
    case_sensitive: fc.constantFrom(false, false, true),
    ...flags,
  }),
  fc.record({
    operator: fc.constant("inIpRange"),
    values: fc.array(fc.constantFrom("10.0.0.0/8", "10.1.0.0/16", "::1", "::/0"), {
      minLength: 1,
      maxLength: 2,
    }),
    lists: fc.constant([]),
    ...flags,
  }),
  fc.record({ operator: fc.constant("isEmpty"), ...flags }),
);
const smallConditions: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  {
    weight: 1,
    arbitrary: fc.record({ operator: fc.constantFrom("and", "or", "xor"), items: fc.tuple(leaf, leaf) }),
  },
);

describe("other warnings", () => {
  test("RD23 a list that does not exist", () => {
    const rule = ruleOf("a", [on("contains", { lists: ["beta", "nobody"] })], LITERAL);
    const url = ruleOf("u", [on("inIpRange", { lists: ["nobody"] })], urlParams({ port: 1 }));
    const lists = [{ name: "beta" }];
    expect(lint(modelOf({ rules: [rule], url_rules: [url] }), { lists })).toMatchObject([
      { code: "UnknownList", rule: "a", message: expect.stringContaining('"nobody"') },
      { code: "UnknownList", rule: "u", path: "url_rules.u" },
    ]);
  });

  test("percentages over 100 together", () => {
    const distribution = [{ percent: 60, server: serverOf("1.0") }];
    const half = ruleOf("half", [conditionOf("percent", { percent: 50 })], LITERAL);
    expect(lint(modelOf({ distribution, rules: [half] }))).toMatchObject([
      { code: "DistributionAboveHundred", message: expect.stringContaining("110 % together with rule half") },
    ]);
    const other = ruleOf("half", [conditionOf("percent", { percent: 40 })], LITERAL);
    expect(lint(modelOf({ distribution, rules: [other] }))).toEqual([]);
  });

  test("a pattern that is more than texts", () => {
    const pattern = (text: string) => found([on("matches", { pattern: text })], [is("1")]);
    expect([pattern("abc"), pattern("a.*"), pattern("[0-9]+x")]).toEqual([[], [], ["RegexNeedsEngine"]]);
  });

  test("servers without hosts that may be chosen", () => {
    const rule = (server: Parameters<typeof to>[0]) => lint(modelWith(ruleOf("a", [is("1")], to(server))));
    expect(rule(serverOf("9.9"))).toMatchObject([{ code: "RuleWithoutHosts", rule: "a" }]);
    expect(codesOf(rule(serverOf("1.0", { not_whitelisted: true })))).toEqual(["RuleWithoutHosts"]);
    expect([rule(serverOf("1.0")), rule(literalOf("http://a"))]).toEqual([[], []]);
    expect(codesOf(lint(modelOf(), { stacks: [] }))).toEqual(["DefaultServerWithoutHosts"]);
  });

  test("any model is looked at without an exception (property)", () => {
    fc.assert(
      fc.property(anyModel, fc.boolean(), (model, compat) => {
        for (const { code, severity, message } of lint(model, { compat }))
          expect([code, severity, message.length > 10]).toEqual([code, "warning", true]);
      }),
    );
  });
});
