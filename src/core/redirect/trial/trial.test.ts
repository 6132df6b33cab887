import { expect, test } from "bun:test";
import { contextOf } from "../context.ts";
import type { TestCase } from "../documents/service_documents.ts";
import type { NamedList } from "../model.ts";
import { operators } from "../operators/all.ts";
import {
  conditionOf,
  deciderOf,
  literalOf,
  modelOf,
  ONE_HOST,
  ruleOf,
  serverOf,
  stackOf,
  to,
  urlParams,
} from "../test_decider.ts";
import { explain } from "./explain.ts";
import { lintSlices } from "../checks/lint.ts";
import { allSteps } from "../../steps.ts";
import { caseSlices } from "./generated_cases.ts";
import { replaySlices } from "./replay.ts";
import { runTestCase } from "./case_run.ts";

const caseOf = (settings: Partial<TestCase> = {}): TestCase => ({
  name: "case",
  application: "a1",
  parameters: [{ name: "x", values: ["1"] }],
  expected: {},
  applied_url_rules: [],
  ...settings,
});
const X_IS_1 = [conditionOf("equals", { param: "x", value: "1" })];
const APPROVED = modelOf();
const NEXT = modelOf({
  rules: [ruleOf("Beta", X_IS_1, to(serverOf("1.0")))],
  url_rules: [ruleOf("tls", X_IS_1, urlParams({ protocol: "https" }))],
});

test("RD121 a case that a pending rule is for fails on what is approved and passes on what comes", () => {
  const given = caseOf({
    expected: { rule: "beta", protocol: "HTTPS", port: "8080", responseType: "path_rule", urn: "" },
    applied_url_rules: ["TLS"],
  });
  expect(runTestCase(deciderOf(APPROVED), given)).toMatchObject({
    status: "FAILED",
    actual: {
      parts: { rule: "", xreStack: "/EU/z1", flavor: "1.0", ipVersion: "4" },
      url_rules: ["Default"],
    },
    differences: [
      'protocol: expected "HTTPS", got "http"',
      'rule: expected "beta", got ""',
      'responseType: expected "path_rule", got "DEFAULT_SERVER"',
      "the URL rule TLS was not applied",
    ],
  });
  expect(runTestCase(deciderOf(NEXT), given)).toMatchObject({ status: "PASSED", differences: [] });
  expect(runTestCase(deciderOf(APPROVED, {}, []), given)).toMatchObject({
    status: "FAILED",
    actual: "no_host",
  });
});

const LISTS: readonly NamedList[] = [
  {
    name: "beta",
    description: null,
    type: "TEXT",
    version: 1,
    values: [{ value: "member", encoded: null }],
  },
];

/** A rule for each operator, each on parameters of its own. */
const RULES = [
  ...["equals", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "notEqual"].flatMap((operator) =>
    [
      ["none", "10"],
      ["string", "m"],
      ["version", "1.10"],
      ["ipv6", "2001:db8::5"],
    ].map(([type, value]) => ({ operator, type, value })),
  ),
  { operator: "contains", lists: ["beta"] },
  { operator: "contains", values: ["a", "b"], negated: true },
  { operator: "inIpRange", values: ["10.1.0.0/16"] },
  { operator: "matches", pattern: "[0-9a-f]{2}(:[0-9a-f]{2})+" },
  { operator: "isEmpty", negated: true },
  { operator: "percent", percent: 0.5 },
  { operator: "random", percent: 100 },
].map(({ operator, ...settings }, number) => {
  const param = `p${number}`;
  const guard = conditionOf("equals", { param: `guard${number}`, value: "on" });
  return ruleOf(
    `${operator}_${number}`,
    [guard, conditionOf(operator, { param, ...settings })],
    to(serverOf("1.0")),
  );
});
const JOINED = ["and", "or", "xor"].map((operator) => {
  const items = [1, 2].map((part) => conditionOf("equals", { param: `${operator}${part}`, value: "on" }));
  return ruleOf(operator, [conditionOf(operator, { items })], to(literalOf("xre://t:1")));
});

test("RD122 generated cases: a client for each rule and share, and all pass", () => {
  const model = modelOf({
    rules: [...RULES, ...JOINED],
    distribution: [
      { percent: 0.5, server: serverOf("2.0") },
      { percent: 40, server: serverOf("3.0") },
    ],
  });
  const stacks = [...ONE_HOST, stackOf("/EU/z1/2.0", "10.0.0.2"), stackOf("/EU/z1/3.0", "10.0.0.3")];
  expect(new Set(model.rules.flatMap(({ when }) => when.map(({ operator }) => operator)))).toEqual(
    new Set(operators.map(({ name }) => name)),
  );
  for (const compat of [false, true]) {
    const decider = deciderOf(model, { compat }, stacks, LISTS);
    const { cases, rules_without } = allSteps(caseSlices(decider));
    expect(rules_without).toEqual([]);
    expect(cases.map(({ name }) => name)).toEqual([
      ...model.rules.map(({ id }) => `rule_${id}`),
      "distribution_0",
      "distribution_1",
    ]);
    for (const each of cases)
      expect([each.name, runTestCase(decider, each).status]).toEqual([each.name, "PASSED"]);
    expect(cases.slice(-2).map(({ expected }) => expected.flavor)).toEqual(["2.0", "3.0"]);
    for (const { name, expected } of cases.slice(0, -2)) expect(name).toBe(`rule_${expected.rule}`);
  }
});

test("long work on a model is done in steps: tests that are hard to make, replays, lint", () => {
  const stepsOf = (work: Iterator<void>): number => {
    let steps = 0;
    while (work.next().done !== true) steps++;
    return steps;
  };
  const equals = (index: number) => conditionOf("equals", { param: `p${index}`, value: "1" });
  const hard = [
    conditionOf("lessThan", { param: "x", value: "1" }),
    conditionOf("greaterThan", { param: "x", value: "2" }),
  ];
  const many = Array.from({ length: 12 }, (_, index) => equals(index));
  const decider = deciderOf(modelOf({ rules: [ruleOf("hard", [...hard, ...many], to(serverOf("1.0")))] }));
  // Five thousand clients are tried, fifty in each step.
  expect(stepsOf(caseSlices(decider))).toBeGreaterThanOrEqual(100);
  const clients = Array.from({ length: 1_000 }, (_, index) => ({ x: String(index) }));
  expect(stepsOf(replaySlices(decider, decider, clients))).toBe(10);
  const rules = Array.from({ length: 500 }, (_, index) =>
    ruleOf(`r${index}`, [equals(index)], to(serverOf("1.0"))),
  );
  const facts = { stacks: [], lists: [], compat: false };
  expect(stepsOf(lintSlices(modelOf({ rules }), facts))).toBeGreaterThanOrEqual(30);
});

test("RD122 a rule that no client was found for is named", () => {
  const never = ruleOf(
    "never",
    [conditionOf("lessThan", { param: "x", value: "1" }), ...X_IS_1],
    to(serverOf("1.0")),
  );
  const { cases, rules_without } = allSteps(
    caseSlices(deciderOf(modelOf({ rules: [never, ...NEXT.rules] }))),
  );
  expect([cases.map(({ name }) => name), rules_without]).toEqual([["rule_Beta"], ["never"]]);
});

test("RD128 RD172 an explanation has every condition with its operands and verdict, and the same target", () => {
  const rules = [
    ruleOf("share", [conditionOf("percent", { percent: 50 })], to(literalOf("xre://p:1"))),
    ruleOf(
      "both",
      [
        conditionOf("and", {
          items: [...X_IS_1, conditionOf("contains", { param: "y", values: ["a"], negated: true })],
        }),
      ],
      to(serverOf("1.0")),
    ),
    ruleOf("later", X_IS_1, to(literalOf("xre://l:1"))),
  ];
  const decider = deciderOf(modelOf({ rules, url_rules: NEXT.url_rules }), {}, [
    stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2*2"),
    stackOf("/EU/z9/1.0", "10.0.0.9"),
  ]);
  const client = contextOf({ x: "1" });
  decider.decide(client);
  const { decision, rules: tried, url_rules, hosts } = explain(decider, client);
  expect(tried).toEqual([
    {
      rule: "share",
      conditions: [{ operator: "percent", operands: { percent: 50 }, holds: false, note: "no sticky key" }],
    },
    {
      rule: "both",
      conditions: [
        { operator: "equals", operands: { param: "x", value: "1" }, given: "1", holds: true },
        {
          operator: "contains",
          operands: { param: "y", values: ["a"], negated: true },
          given: null,
          holds: true,
        },
        { operator: "and", operands: {}, holds: true },
      ],
    },
  ]);
  expect(url_rules.map(({ rule }) => rule)).toEqual(["tls"]);
  expect(hosts.map(({ host, whitelisted }) => [host, whitelisted])).toEqual([
    ["/EU/z1/1.0 10.0.0.1", true],
    ["/EU/z1/1.0 10.0.0.2", true],
    ["/EU/z9/1.0 10.0.0.9", false],
  ]);
  // It has taken no turn.
  expect(decider.decide(client)).toEqual(decision);
});

test("RD129 a replay counts who would go elsewhere, the same each time", () => {
  const clients = Array.from({ length: 10_000 }, (_, number) => ({
    x: String(number % 4),
    mac: `m${number}`,
  }));
  const share = { percent: 10, server: serverOf("2.0") };
  const after = modelOf({ rules: NEXT.rules, distribution: [share] });
  const stacks = [...ONE_HOST, stackOf("/EU/z1/2.0", "10.0.0.2")];
  const run = () =>
    allSteps(replaySlices(deciderOf(APPROVED, {}, stacks), deciderOf(after, {}, stacks), clients));
  const report = run();
  expect(report).toEqual(run());
  const [rule, moved] = report.moves;
  expect([report.clients, report.changed, rule]).toEqual([
    10_000,
    rule!.clients + moved!.clients,
    { from: "1.0 (DEFAULT_SERVER)", to: "1.0 (rule Beta)", clients: 2_500 },
  ]);
  expect(moved).toMatchObject({ from: "1.0 (DEFAULT_SERVER)", to: "2.0 (DISTRIBUTION_RULE)" });
  expect(Math.abs(moved!.clients / 7_500 - 0.1)).toBeLessThan(0.015);
});
