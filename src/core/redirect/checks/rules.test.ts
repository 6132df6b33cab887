import { describe, expect, test } from "bun:test";
import type { Condition, Destination } from "../model.ts";
import { conditionOf, literalOf, ruleOf, serverOf, to, urlParams } from "../test_decider.ts";
import {
  ruleProblemsAtSave,
  ruleTemplateProblems,
  urlRuleProblems,
  urlRuleTemplateProblems,
} from "./rules.ts";
import { codesOf, factsOf } from "./test_facts.ts";

const LITERAL = to(literalOf("http://a"));
const onX = (operator: string, settings: object): Condition =>
  conditionOf(operator, { param: "x", ...settings });
const WHEN = [onX("equals", { value: "1" })];

const problemsOf = (when: readonly Condition[], compat = false) =>
  ruleProblemsAtSave(ruleOf("r", when, LITERAL), factsOf({ compat }));

describe("names, conditions, results", () => {
  const named = (id: string) => codesOf(ruleProblemsAtSave(ruleOf(id, WHEN, LITERAL), factsOf()));

  test("RD88 names of rules", () => {
    expect(["bad name", "undefined", " ", "größe", "good_1"].map(named)).toEqual([
      ["InvalidRuleName"],
      ["InvalidRuleName"],
      ["MissedRuleName"],
      ["InvalidRuleName"],
      [],
    ]);
  });

  test("RD89 neither conditions nor a result, also further in", () => {
    expect(codesOf(problemsOf([]))).toEqual(["EmptyExpressions"]);
    expect(codesOf(ruleProblemsAtSave(ruleOf<Destination>("r", WHEN, null), factsOf()))).toEqual([
      "ServerIsMissed",
    ]);
    const inner = { when: [], inner: [], result: null };
    const deep = ruleOf<Destination>("r", WHEN, null, { inner: [inner] });
    expect(ruleProblemsAtSave(deep, factsOf())).toMatchObject([
      { code: "EmptyExpressions", path: "rules.r.inner[0].when" },
      { code: "ServerIsMissed", path: "rules.r.inner[0].result", rule: "r", severity: "error" },
    ]);
  });

  test("a message names the rule, the operator and the parameter, the path where it stands", () => {
    const and = conditionOf("and", {
      items: [onX("equals", { value: " " }), onX("equals", { value: "1", param: "" })],
    });
    expect(problemsOf([and])).toEqual([
      {
        code: "MissedParamValue",
        severity: "error",
        path: "rules.r.when[0].items[0]",
        rule: "r",
        message:
          "rule r: equals on the parameter x has no value; expected what the parameter is compared with",
      },
      {
        code: "MissedParamName",
        severity: "error",
        path: "rules.r.when[0].items[1]",
        rule: "r",
        message: "rule r: equals has no param; expected the name of a parameter",
      },
    ]);
  });

  test("RD119 a template is not made from another one", () => {
    const template = ruleOf("t", WHEN, LITERAL, { template: "other" });
    expect(codesOf(ruleTemplateProblems(template, factsOf()))).toEqual(["TemplateDependsOnTemplate"]);
    expect(ruleProblemsAtSave(template, factsOf())).toEqual([]);
    const urlTemplate = ruleOf("t", WHEN, urlParams({ port: 1 }), { template: "other" });
    expect(urlRuleTemplateProblems(urlTemplate, factsOf())).toMatchObject([
      { code: "TemplateDependsOnTemplate", path: "url_rule_templates.t.template" },
    ]);
  });
});

describe("values", () => {
  test("values fit the type that they are compared as", () => {
    const found = (type: string, ...values: string[]) =>
      values.map((value) => codesOf(problemsOf([onX("equals", { value, type })]))[0] ?? "");
    expect(found("numeric", "1e3", " 5 ", "-0.5", "1x", "NaN")).toEqual([
      "",
      "",
      "",
      "ValueNumericTypeError",
      "ValueNumericTypeError",
    ]);
    expect(found("version", "1", "1.10.2", "1.x", "1.", "::1")).toEqual([
      "",
      "",
      "ValueVersionTypeError",
      "ValueVersionTypeError",
      "ValueVersionTypeError",
    ]);
    expect(found("ipv6", "2001:db8::1", "10.0.0.1", "::/0")).toEqual([
      "",
      "ValueIPV6TypeError",
      "ValueIPV6TypeError",
    ]);
    expect(found("none", "1x")).toEqual([""]);
    expect(found("other", "1x")).toEqual(["ComparisonTypeInvalid"]);
  });

  test("RD171 entries of inIpRange, and its type", () => {
    const range = (...values: string[]) => problemsOf([onX("inIpRange", { values })]);
    expect(range("10.0.0.0/8", "2001:db8::/63", "::1", "::ffff:10.0.0.0/104")).toEqual([]);
    expect(range("::ffff:10.0.0.0/8", "010.1.2.3")).toMatchObject([
      {
        code: "ValueIPV6_4TypeError",
        message: expect.stringContaining(
          'rule r: inIpRange on the parameter x has the value "::ffff:10.0.0.0/8"',
        ),
      },
      { code: "ValueIPV6_4TypeError", message: expect.stringContaining('"010.1.2.3"') },
    ]);
    const typed = (type: string) => codesOf(problemsOf([onX("inIpRange", { values: ["::1"], type })]));
    expect(["", "namespacedList", "numeric"].map(typed)).toEqual([[], [], ["IpRangeTypeError"]]);
  });

  test("neither values nor lists, and blank values", () => {
    expect(codesOf(problemsOf([onX("contains", {})]))).toEqual(["MissedParamValue"]);
    expect(problemsOf([onX("contains", { values: ["a", " "] })])).toMatchObject([
      { code: "MissedParamValue", path: "rules.r.when[0].values[1]" },
    ]);
    expect(problemsOf([onX("contains", { lists: ["a"] })])).toEqual([]);
  });

  test("percentages", () => {
    const found = (operator: string) => (percent: number) =>
      codesOf(problemsOf([conditionOf(operator, { percent })]))[0] ?? "";
    expect([0, 100.5, -1, 0.01, 12.5, 100].map(found("percent"))).toEqual([
      "PercentRangeError",
      "PercentRangeError",
      "PercentRangeError",
      "",
      "",
      "",
    ]);
    expect([0, 101, 12.5, 1, 100].map(found("random"))).toEqual([
      "RandomRangeError",
      "RandomRangeError",
      "RandomRangeError",
      "",
      "",
    ]);
  });

  test("RD31 a pattern that needs more than linear time", () => {
    expect(codesOf(problemsOf([onX("matches", { pattern: "(?=a)b" })]))).toEqual(["PatternInvalid"]);
  });

  test("RD97 one bound of a kind on a parameter where both must hold", () => {
    const less = onX("lessThan", { value: "5" });
    const other = conditionOf("lessThan", { param: "y", value: "5" });
    expect(problemsOf([less, less])).toMatchObject([
      { code: "DuplicatedLessParam", path: "rules.r.when[1]" },
    ]);
    expect(codesOf(problemsOf([less, conditionOf("and", { items: [other, less] })]))).toEqual([
      "DuplicatedLessParam",
    ]);
    expect(problemsOf([less, other, onX("lessOrEqual", { value: "4" })])).toEqual([]);
    expect(problemsOf([conditionOf("or", { items: [less, less] })])).toEqual([]);
    for (const [operator, code] of [
      ["greaterThan", "DuplicatedGreaterParam"],
      ["lessOrEqual", "DuplicatedLessOrEqualParam"],
      ["greaterOrEqual", "DuplicatedGreaterOrEqualParam"],
    ] as const) {
      const twice = onX(operator, { value: "5" });
      expect(codesOf(problemsOf([twice, twice]))).toEqual([code]);
    }
    const inner = { when: [less], inner: [], result: LITERAL };
    const deep = ruleOf<Destination>("r", [less], null, { inner: [inner, inner] });
    expect(ruleProblemsAtSave(deep, factsOf())).toMatchObject([
      { path: "rules.r.inner[0].when[0]" },
      { path: "rules.r.inner[1].when[0]" },
    ]);
  });

  test("RD34 the original joins two conditions", () => {
    const items = [..."abc"].map((param) => conditionOf("equals", { param, value: "1" }));
    const and = conditionOf("and", { items });
    expect([codesOf(problemsOf([and])), codesOf(problemsOf([and], true))]).toEqual([
      [],
      ["EmptyExpressions"],
    ]);
  });
});

describe("results", () => {
  test("servers of a rule, also within a group and further in", () => {
    const dead = serverOf("9.9");
    const group: Destination = {
      kind: "group",
      servers: [serverOf("1.0"), dead],
      enable_private: true,
      countdown: -1,
    };
    expect(ruleProblemsAtSave(ruleOf("r", WHEN, group), factsOf())).toMatchObject([
      { code: "InactivePathError", path: "rules.r.result.servers[1].path", rule: "r" },
    ]);
    const inner = { when: WHEN, inner: [], result: to(dead) };
    expect(ruleProblemsAtSave(ruleOf("r", WHEN, null, { inner: [inner] }), factsOf())).toMatchObject([
      { code: "InactivePathError", path: "rules.r.inner[0].result.server.path" },
    ]);
  });

  test("a URL rule gives something, and nothing wrong", () => {
    const found = (settings: Parameters<typeof urlParams>[0]) =>
      codesOf(urlRuleProblems(ruleOf("u", WHEN, urlParams(settings)), factsOf()));
    expect([found({}), found({ urn: " " }), found({ port: 1 }), found({ port: 0 })]).toEqual([
      ["AllReturnURLParamsMissed"],
      ["AllReturnURLParamsMissed"],
      [],
      ["PortIsInvalid"],
    ]);
  });
});
