import { expect, test } from "bun:test";
import { RE2JS } from "re2js";
import fc from "fast-check";
import { literalRegex, requiredPrefix } from "./literal_regex.ts";
import {
  BEYOND_LIMITS,
  LinearRegex,
  REGEX_PATTERN_LIMIT,
  REGEX_PLACE_LIMIT,
  RegexCache,
} from "./linear_regex.ts";

/** `kind text` of each form, `+` for one more character, or null where the engine decides. */
function forms(pattern: string): string[] | null {
  const literal = literalRegex(pattern);
  if (literal === null) return null;
  return literal.forms.map(({ kind, text, longer }) => `${kind} ${text}${longer ? "+" : ""}`);
}

test("regexes that are text in disguise are found", () => {
  const table: [string, string[] | null][] = [
    ["foo", ["contains foo"]],
    ["^/api", ["prefix /api"]],
    ["^/api/.*", ["prefix /api/"]],
    ["^/api/.*$", ["prefix /api/"]],
    ["^/api/.+", ["prefix /api/+"]],
    ["^/api$", ["exact /api"]],
    ["\\A/api\\z", ["exact /api"]],
    ["\\.json$", ["suffix .json"]],
    ["^.*\\.json$", ["suffix .json"]],
    ["^.+\\.example\\.com$", ["suffix .example.com+"]],
    [".+", ["suffix +"]],
    ["^/(css|js)", ["prefix /css", "prefix /js"]],
    ["^/(?:a|b)/(c|d)$", ["exact /a/c", "exact /a/d", "exact /b/c", "exact /b/d"]],
    ["^/a|\\.b$", ["prefix /a", "suffix .b"]],
    ["^(?P<name>x|)y", ["prefix xy", "prefix y"]],
    ["(?i)^/API", ["prefix /api"]],
    ["^www[.]a[/]b", ["prefix www.a/b"]],
    ["", ["contains "]],
    ["^/v[0-9]", null],
    ["^/a+", null],
    ["^/a?b", null],
    ["^(a|b)*$", null],
    ["a.b", null],
    ["\\d", null],
    ["^/x{2}", null],
    ["(?i:a)", null],
    ["a^b", null],
    ["a$b", null],
    ["foo.+", null],
    ["^.+x.+$", null],
    ["é", null],
    [`^(${Array.from({ length: 65 }, (_, index) => `a${index}`).join("|")})$`, null],
  ];
  for (const [pattern, expected] of table) expect([pattern, forms(pattern)]).toEqual([pattern, expected]);
});

const part = fc.constantFrom(
  ..."a b / . k K s \u212a é \n ^ $ .* .+ .*? .+? ( (?: ) | \\. \\/ \\A \\z [.] [a] [ab] a* a? x{2} \\d .".split(
    " ",
  ),
);
const pattern = fc
  .tuple(fc.constantFrom("", "", "(?i)"), fc.array(part, { maxLength: 8 }))
  .map(([flag, parts]) => flag + parts.join(""));
const input = fc
  .array(
    fc.constantFrom("a", "b", "/", ".", "k", "K", "s", "S", "\u212a", "\u017f", "é", "\n", "x", "1", ".*"),
    {
      maxLength: 6,
    },
  )
  .map((characters) => characters.join(""));

test("string operations decide as the regex engine does", () => {
  let literal = 0;
  fc.assert(
    fc.property(pattern, fc.array(input, { minLength: 4, maxLength: 12 }), (text, inputs) => {
      let engine: RE2JS;
      try {
        engine = RE2JS.compile(text);
      } catch {
        expect(() => new LinearRegex(text)).toThrow();
        return;
      }
      const regex = new LinearRegex(text);
      if (regex.literal !== null) literal++;
      for (const each of inputs) {
        const expected = engine.test(each);
        expect([text, each, regex.test(each)]).toEqual([text, each, expected]);
        checkAnchors(regex, each, expected);
      }
    }),
    { numRuns: 5_000 },
  );
  // The test is worth something only if string operations really decided.
  expect(literal).toBeGreaterThan(500);
});

function checkAnchors(regex: LinearRegex, text: string, matches: boolean): void {
  if (regex.anchors === null) return;
  const anchored = regex.anchors.some((anchor) =>
    anchor.kind === "exact" ? text === anchor.text : text.startsWith(anchor.text),
  );
  if (matches) expect([regex.pattern, text, anchored]).toEqual([regex.pattern, text, true]);
  if (anchored && regex.anchorsSuffice && !text.includes("\n")) expect(matches).toBe(true);
}

test("the fixed start of a regex that is not literal is found", () => {
  const table: [string, string][] = [
    ["^/api/v[0-9]+/", "/api/v"],
    ["^/api/v1?/", "/api/v"],
    ["^/api/v1+/", "/api/v1"],
    ["^/ab{2}", "/a"],
    ["^/a\\.b\\d", "/a.b"],
    ["^a*", ""],
    ["/api/v[0-9]", ""],
    ["^/a[0-9]|^/b", ""],
    ["^/a(b+|c)", "/a"],
    // Classes beside an alternation are not looked into.
    ["^/a([0-9]|b)", ""],
    ["^/a[|]", ""],
    ["(?i)^/a\\d", ""],
  ];
  for (const [text, prefix] of table) expect([text, requiredPrefix(text)]).toEqual([text, prefix]);
});

test("time is linear where backtracking engines need hours", () => {
  const regex = new LinearRegex("x*x*x*y");
  expect(regex.literal).toBeNull();
  expect(regex.test("x".repeat(100_000))).toBe(false);
  expect(new LinearRegex("^(a+)+$").test(`${"a".repeat(5_000)}!`)).toBe(false);
});

test.each(["^/admin", "admin[0-9]$", "(?i)ADMIN", "^/(admin|root)/.*[0-9]$"])(
  "no input is too long for %p",
  (pattern) => {
    const regex = new LinearRegex(pattern);
    for (const length of [10, 8_192, 1_048_576]) {
      expect(regex.test(`/admin/${"x".repeat(length)}/admin1`)).toBe(true);
      expect(regex.test(`/${"x".repeat(length)}/adm`)).toBe(false);
    }
  },
);

test("what matches beyond the limit of places is not told as no match", () => {
  const regex = new LinearRegex("a(b)?");
  const text = "x".repeat(REGEX_PLACE_LIMIT - 1);
  expect(regex.firstMatch(`${text}a`)).toEqual([text.length, text.length + 1, -1, -1]);
  expect(regex.firstMatch(`${text}xa`)).toBe(BEYOND_LIMITS);
  expect(regex.firstMatch(`${text}xx`)).toBeNull();
  expect(regex.allMatches(`${text}xa`)).toBe(BEYOND_LIMITS);
  expect(regex.allMatches(`${text}xx`)).toEqual([]);
});

test("patterns have a limit", () => {
  expect(() => new LinearRegex("a".repeat(REGEX_PATTERN_LIMIT + 1))).toThrow("at most");
});

test("look-around and back-references are refused", () => {
  for (const text of ["a(?=b)", "(?<=a)b", "(a)\\1", "(", "[a-", "a**", "x{1001}"])
    expect(() => new LinearRegex(text)).toThrow("malformed regex");
});

test("equal patterns are compiled once, and only those that need the engine are counted", () => {
  const cache = new RegexCache();
  expect(cache.get("^/a[0-9]")).toBe(cache.get("^/a[0-9]"));
  cache.get("^/api");
  expect(cache.count).toBe(1);
});
