/** The truth tables of the operators: each verdict by the interpreter and compiled. */
import { describe, expect, test } from "bun:test";
import { REGEX_INPUT_LIMIT } from "../../rules/linear_regex.ts";
import type { NamedList } from "../model.ts";
import { ruleProblems } from "../rule_problems.ts";
import { conditionOf, literalOf, ruleOf, to, verdictOf } from "../test_decider.ts";

type Parameters = Readonly<Record<string, string>>;
type Settings = Readonly<Record<string, unknown>>;

const COMPAT = { compat: true };

/** Verdict of one condition on the parameter `x`. */
const holds = (operator: string, settings: Settings, parameters: Parameters, options = {}): boolean =>
  verdictOf([conditionOf(operator, { param: "x", ...settings })], parameters, options);

const both = (operator: string, settings: Settings, parameters: Parameters): [boolean, boolean] => [
  holds(operator, settings, parameters),
  holds(operator, settings, parameters, COMPAT),
];

const listOf = (name: string, values: readonly string[], type: NamedList["type"] = "TEXT"): NamedList => ({
  name,
  description: null,
  type,
  version: 1,
  values: values.map((value) => ({ value, encoded: null })),
});

describe("comparisons", () => {
  test("RD10 upper and lower case are the same", () => {
    expect(both("equals", { value: "linux" }, { x: "Linux" })).toEqual([true, true]);
    expect(both("equals", { value: "LINUX" }, { x: "Linux" })).toEqual([true, true]);
    expect(both("lessThan", { value: "LINUX" }, { x: "a" })).toEqual([true, true]);
  });

  test("RD11 upper and lower case differ where the rule says so", () => {
    expect(both("equals", { value: "Linux", case_sensitive: true }, { x: "Linux" })).toEqual([true, true]);
    expect(both("equals", { value: "linux", case_sensitive: true }, { x: "Linux" })).toEqual([false, false]);
  });

  test("RD13 numbers compare as numbers unless they are texts", () => {
    expect(both("lessThan", { value: "9" }, { x: "10" })).toEqual([false, false]);
    expect(both("lessThan", { value: "9", type: "string" }, { x: "10" })).toEqual([true, true]);
    expect(both("equals", { value: "10.0" }, { x: "1e1" })).toEqual([true, true]);
    expect(both("equals", { value: "-0" }, { x: "0" })).toEqual([true, true]);
    expect(both("equals", { value: "10.0", type: "string" }, { x: "10" })).toEqual([false, false]);
  });

  test("RD14 what is no number is a text in the original, and nothing here", () => {
    expect(both("greaterThan", { value: "5", type: "numeric" }, { x: "abc" })).toEqual([false, true]);
    expect(both("notEqual", { value: "5", type: "numeric" }, { x: "abc" })).toEqual([true, true]);
  });

  const version = (operator: string, x: string, value: string) =>
    both(operator, { value, type: "version" }, { x });

  test("RD15 parts of a version compare as numbers", () => {
    expect(version("greaterThan", "1.10", "1.9")).toEqual([true, true]);
    expect(version("greaterThan", "1.9", "1.10")).toEqual([false, false]);
  });

  test("RD16 a version goes on with zeros", () => {
    for (const operator of ["greaterOrEqual", "lessOrEqual", "equals"])
      expect(version(operator, "1.2", "1.2.0")).toEqual([true, true]);
    expect(version("greaterOrEqual", "1.2", "1.2.1")).toEqual([false, false]);
  });

  test("RD17 a part of a version that is no number is 0 in the original, and here it is no version", () => {
    expect(version("equals", "1.x", "1.0")).toEqual([false, true]);
    expect(version("equals", "1.x", "1.1")).toEqual([false, false]);
    expect(version("equals", "::1", "0")).toEqual([false, true]);
  });

  test("RD18 IPv6 addresses by their bytes", () => {
    expect(both("lessThan", { value: "2001:db8::2", type: "ipv6" }, { x: "2001:db8::1" })).toEqual([
      true,
      true,
    ]);
    expect(both("lessThan", { value: "::", type: "ipv6" }, { x: "none" })).toEqual([true, true]);
  });

  test("RD19 a parameter that was not sent: never in the original, else by policy", () => {
    expect(both("notEqual", { value: "1" }, {})).toEqual([true, false]);
    expect(both("notEqual", { value: "1" }, { x: "2" })).toEqual([true, true]);
    expect(both("equals", { value: "1" }, {})).toEqual([false, false]);
    for (const missing of [true, false])
      expect(both("notEqual", { value: "1", missing }, {})).toEqual([missing, false]);
  });

  test("negation acts, though not in the original", () => {
    expect(both("equals", { value: "1", negated: true }, { x: "1" })).toEqual([false, true]);
    expect(both("lessThan", { value: "1", negated: true }, { x: "1" })).toEqual([true, false]);
  });
});

describe("membership", () => {
  const lists = [listOf("one", ["A", "b"]), listOf("two", ["c"])];

  /** As `both`, with the lists above. */
  const inLists = (settings: Settings, parameters: Parameters): [boolean, boolean] => [
    holds("contains", settings, parameters, { lists }),
    holds("contains", settings, parameters, { lists, ...COMPAT }),
  ];

  test("RD20 a value or a text of a list in any letters, or exactly", () => {
    for (const place of [{ values: ["A", "b"] }, { lists: ["one"] }]) {
      const exact = { ...place, case_sensitive: true };
      expect(inLists(place, { x: "B" })).toEqual([true, true]);
      expect(inLists(exact, { x: "B" })).toEqual([false, false]);
      expect(inLists(exact, { x: "b" })).toEqual([true, true]);
    }
  });

  test("RD22 in any of two lists and the values of the rule", () => {
    const settings = { values: ["d"], lists: ["one", "two"] };
    for (const x of ["a", "C", "D"]) expect(inLists(settings, { x })).toEqual([true, true]);
    expect(inLists(settings, { x: "e" })).toEqual([false, false]);
  });

  test("RD21 negated: not in the list is true, not sent is false in the original", () => {
    const settings = { lists: ["one"], negated: true };
    expect(inLists(settings, { x: "z" })).toEqual([true, true]);
    expect(inLists(settings, { x: "a" })).toEqual([false, false]);
    expect(inLists(settings, {})).toEqual([true, false]);
  });

  test("RD23 an unknown list holds nothing", () => {
    expect(both("contains", { lists: ["nobody"] }, { x: "a" })).toEqual([false, false]);
  });

  test("RD103 of an encoded list the original knows the MD5 alone", () => {
    const md5 = "900150983CD24FB0D6963F7D28E17F72";
    const encoded: NamedList = {
      ...listOf("e", [], "ENCODED"),
      values: [{ value: "abc", encoded: md5 }],
    };
    const verdict = (x: string, compat: boolean) =>
      holds("contains", { lists: ["e"] }, { x }, { lists: [encoded], compat });
    expect([verdict(md5, true), verdict("abc", true)]).toEqual([true, false]);
    expect([verdict(md5, false), verdict("abc", false), verdict("abd", false)]).toEqual([true, true, false]);
  });

  /** Whether `x` lies in `network` that stands in the rule, and in a list, in both semantics: four times the same. */
  const isInNetwork = (x: string, network: string): boolean => {
    const networks = [listOf("n", ["192.0.2.7", network], "IP")];
    const verdicts = [false, true].flatMap((compat) => [
      holds("inIpRange", { values: ["192.0.2.7", network] }, { x }, { compat }),
      holds("inIpRange", { lists: ["n"] }, { x }, { compat, lists: networks }),
    ]);
    expect([x, new Set(verdicts).size]).toEqual([x, 1]);
    return verdicts[0]!;
  };

  test("RD24 an address within a network and one behind it", () => {
    expect(["50.0.2.1", "50.0.2.129"].map((x) => isInNetwork(x, "50.0.2.0/25"))).toEqual([true, false]);
    const settings = { values: ["50.0.2.0/25"], lists: ["n"] };
    const lists = [listOf("n", ["10.0.0.0/8"], "IP")];
    const verdict = (x: string) => holds("inIpRange", settings, { x }, { lists });
    expect(["50.0.2.1", "10.9.9.9", "11.0.0.1"].map(verdict)).toEqual([true, true, false]);
  });

  test("RD25 a network lies within another where all of it does", () => {
    expect(isInNetwork("73.1.196.0/24", "73.1.196.0/23")).toBe(true);
    expect(isInNetwork("73.1.196.0/22", "73.1.196.0/23")).toBe(false);
  });

  test("RD26 the last address of an IPv6 network and the one behind it", () => {
    expect(isInNetwork("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8::/63")).toBe(true);
    expect(isInNetwork("2001:db8:0:2::1", "2001:db8::/63")).toBe(false);
  });

  test("RD27 an IPv6 address is no small number", () => {
    expect(isInNetwork("::a00:1", "10.0.0.0/8")).toBe(false);
  });

  test("RD28 a mapped address is the IPv4 address", () => {
    expect(isInNetwork("::ffff:10.0.0.1", "10.0.0.0/8")).toBe(true);
    expect(isInNetwork("::ffff:11.0.0.1", "10.0.0.0/8")).toBe(false);
  });

  test("RD29 what is no address is nowhere, in the original not outside either", () => {
    const settings = { values: ["10.0.0.0/8"] };
    expect(isInNetwork("garbage", "10.0.0.0/8")).toBe(false);
    const negated = { ...settings, negated: true };
    expect(both("inIpRange", negated, { x: "garbage" })).toEqual([true, false]);
    expect(both("inIpRange", negated, { x: "11.0.0.1" })).toEqual([true, true]);
  });
});

describe("the others", () => {
  test("RD30 the whole text matches", () => {
    const verdict = (x: string) => both("matches", { pattern: "12...bc" }, { x });
    expect([verdict("123-abc"), verdict("x123-abc")]).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(both("matches", { pattern: "a|b" }, { x: "bc" })).toEqual([false, false]);
  });

  test("RD31 a pattern that explodes elsewhere takes its time in proportion, and look-around is refused", () => {
    const start = performance.now();
    expect(holds("matches", { pattern: "(a+)+" }, { x: `${"a".repeat(8_000)}!` })).toBe(false);
    expect(holds("matches", { pattern: "(a|a)*b" }, { x: "a".repeat(50_000) })).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
    const ofLength = (length: number) => both("matches", { pattern: "a+" }, { x: "a".repeat(length) });
    expect([ofLength(REGEX_INPUT_LIMIT), ofLength(REGEX_INPUT_LIMIT + 1)]).toEqual([
      [true, true],
      [false, false],
    ]);
    const problems = (pattern: string) =>
      ruleProblems(
        ruleOf("r", [conditionOf("matches", { param: "x", pattern })], to(literalOf("http://a"))),
        false,
      );
    expect(problems("(?=a)b")).toMatchObject([{ rule: "r", code: "PatternInvalid" }]);
    expect(problems("a)|(b")).toMatchObject([{ rule: "r", code: "PatternInvalid" }]);
  });

  test("RD32 empty: absent, nothing, blank", () => {
    for (const parameters of [{}, { x: "" }, { x: " \t" }]) {
      expect(both("isEmpty", {}, parameters)).toEqual([true, true]);
      expect(both("isEmpty", { negated: true }, parameters)).toEqual([false, false]);
    }
    expect(both("isEmpty", {}, { x: "a" })).toEqual([false, false]);
    expect(both("isEmpty", { negated: true }, { x: "a" })).toEqual([true, true]);
  });

  const equals = (param: string) => conditionOf("equals", { param, value: "1" });

  test("RD33 of two exactly one, and what joins conditions", () => {
    const items = [equals("a"), equals("b")];
    for (const compat of [false, true]) {
      const verdicts = (operator: string) =>
        [{}, { a: "1" }, { b: "1" }, { a: "1", b: "1" }].map((parameters) =>
          verdictOf([conditionOf(operator, { items })], parameters, { compat }),
        );
      expect(verdicts("xor")).toEqual([false, true, true, false]);
      expect(verdicts("and")).toEqual([false, false, false, true]);
      expect(verdicts("or")).toEqual([false, true, true, true]);
    }
  });

  test("RD34 three conditions are joined here, and refused in the original", () => {
    const and = conditionOf("and", { items: [equals("a"), equals("b"), equals("c")] });
    expect(verdictOf([and], { a: "1", b: "1", c: "1" })).toBe(true);
    const rule = ruleOf("three", [and], to(literalOf("http://a")));
    expect(ruleProblems(rule, false)).toEqual([]);
    expect(ruleProblems(rule, true)).toEqual([
      {
        rule: "three",
        code: "EmptyExpressions",
        message: "and joins 3 conditions; expected exactly 2, as the original has it",
      },
    ]);
  });

  const isAmong = (percent: number, parameters: Parameters, compat = true): boolean =>
    verdictOf([conditionOf("percent", { percent })], parameters, { compat });

  test.each([
    ["account-1", 6.68, 6.69],
    ["account-2", 28.21, 28.22],
    ["account-3", 41.84, 41.85],
    ["user42", 74.07, 74.08],
    ["00:00:00:00:00:01", 46.25, 46.26],
    ["é", 28.25, 28.26],
    ["a", 34.09, 34.1],
    ["1234567890", 72.32, 72.33],
  ])("RD39 the account %s is not among the first %d percent, and among %d", (key, without, within) => {
    const account = { serviceAccountId: key };
    expect([isAmong(without, account), isAmong(within, account)]).toEqual([false, true]);
  });

  test("RD40 a blank account does not count: the address does", () => {
    const parameters = { serviceAccountId: " ", mac: "00:00:00:00:00:01" };
    expect([isAmong(46.26, parameters), isAmong(46.25, parameters)]).toEqual([true, false]);
    expect(isAmong(6.69, { ...parameters, serviceAccountId: "account-1" })).toBe(true);
  });

  test("RD41 without account and address nobody is among a share", () => {
    for (const compat of [false, true])
      expect([isAmong(0.01, {}, compat), isAmong(99.99, {}, compat)]).toEqual([false, false]);
  });

  test("RD172 without a key the whole is everybody, and in the original nobody", () => {
    for (const parameters of [{}, { serviceAccountId: "" }, { mac: "  " }]) {
      expect([isAmong(100, parameters), isAmong(100, parameters, false)]).toEqual([false, true]);
      expect([isAmong(0.01, parameters), isAmong(0.01, parameters, false)]).toEqual([false, false]);
    }
    const account = { serviceAccountId: "account-1" };
    expect([isAmong(100, account), isAmong(100, account, false)]).toEqual([true, true]);
  });

  test("a random share draws anew", () => {
    const verdict = (drawn: number) =>
      verdictOf([conditionOf("random", { percent: 50 })], {}, { random: () => drawn });
    expect([verdict(0.4999), verdict(0.5)]).toEqual([true, false]);
  });
});
