/** The truth tables of the operators: each verdict by the interpreter and compiled. */
import { describe, expect, test } from "bun:test";
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
  test("RD10 RD11 letters count only where the rule says so", () => {
    expect(both("equals", { value: "linux" }, { x: "Linux" })).toEqual([true, true]);
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

  test("RD15 RD16 RD17 versions", () => {
    const version = (operator: string, x: string, value: string) =>
      both(operator, { value, type: "version" }, { x });
    expect(version("greaterThan", "1.10", "1.9")).toEqual([true, true]);
    expect(version("greaterOrEqual", "1.2", "1.2.0")).toEqual([true, true]);
    expect(version("equals", "1.x", "1.0")).toEqual([false, true]);
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

  test("RD20 RD22 values and several lists, in any letters", () => {
    expect(both("contains", { values: ["A", "b"] }, { x: "B" })).toEqual([true, true]);
    expect(both("contains", { values: ["A", "b"], case_sensitive: true }, { x: "B" })).toEqual([
      false,
      false,
    ]);
    const settings = { values: ["d"], lists: ["one", "two"] };
    for (const x of ["a", "C", "D"]) expect(holds("contains", settings, { x }, { lists })).toBe(true);
    expect(holds("contains", settings, { x: "e" }, { lists })).toBe(false);
    const exact = { lists: ["one"], case_sensitive: true };
    expect(holds("contains", exact, { x: "a" }, { lists })).toBe(false);
    expect(holds("contains", exact, { x: "A" }, { lists })).toBe(true);
  });

  test("RD21 negated: not in the list is true, not sent is false in the original", () => {
    const settings = { lists: ["one"], negated: true };
    expect(holds("contains", settings, { x: "z" }, { lists })).toBe(true);
    expect(holds("contains", settings, { x: "a" }, { lists })).toBe(false);
    expect(holds("contains", settings, {}, { lists, ...COMPAT })).toBe(false);
    expect(holds("contains", settings, {}, { lists })).toBe(true);
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

  test("RD24 RD29 addresses in values and lists; what is no address is nowhere", () => {
    const networks = [listOf("n", ["10.0.0.0/8", "2001:db8::/63"], "IP")];
    const settings = { values: ["50.0.2.0/25"], lists: ["n"] };
    const verdict = (x: string) => holds("inIpRange", settings, { x }, { lists: networks });
    expect(["50.0.2.1", "50.0.2.129", "10.9.9.9", "2001:db8:0:1::", "11.0.0.1"].map(verdict)).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(both("inIpRange", { values: ["10.0.0.0/8"] }, { x: "garbage" })).toEqual([false, false]);
    expect(both("inIpRange", { values: ["10.0.0.0/8"], negated: true }, { x: "garbage" })).toEqual([
      true,
      false,
    ]);
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
    const verdicts = (operator: string) =>
      [{}, { a: "1" }, { b: "1" }, { a: "1", b: "1" }].map((parameters) =>
        verdictOf([conditionOf(operator, { items })], parameters),
      );
    expect(verdicts("xor")).toEqual([false, true, true, false]);
    expect(verdicts("and")).toEqual([false, false, false, true]);
    expect(verdicts("or")).toEqual([false, true, true, true]);
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

  test("RD39 RD40 RD41 RD172 a percentage sticks to the account, else to the address", () => {
    const verdict = (percent: number, parameters: Parameters, compat = true) =>
      verdictOf([conditionOf("percent", { percent })], parameters, { compat });
    const account = { serviceAccountId: "account-1" };
    expect([verdict(6.68, account), verdict(6.69, account)]).toEqual([false, true]);
    const mac = { serviceAccountId: " ", mac: "00:00:00:00:00:01" };
    expect([verdict(46.26, mac), verdict(46.25, mac)]).toEqual([true, false]);
    for (const parameters of [{}, { serviceAccountId: "" }, { mac: "  " }]) {
      expect([verdict(100, parameters), verdict(100, parameters, false)]).toEqual([false, true]);
      expect([verdict(0.01, parameters), verdict(0.01, parameters, false)]).toEqual([false, false]);
    }
    expect(verdict(100, account, false)).toBe(true);
  });

  test("a random share draws anew", () => {
    const verdict = (drawn: number) =>
      verdictOf([conditionOf("random", { percent: 50 })], {}, { random: () => drawn });
    expect([verdict(0.4999), verdict(0.5)]).toEqual([true, false]);
  });
});
