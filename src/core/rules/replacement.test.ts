import { expect, test } from "bun:test";
import { BEYOND_LIMITS, LinearRegex, REGEX_PLACE_LIMIT } from "./linear_regex.ts";
import { Replacement } from "./replacement.ts";

const apply = (regex: string, replacement: string, text: string): string | null | -1 =>
  new Replacement(new LinearRegex(regex), replacement).apply(text);

test.each([
  ["^/foo/(.*)", "/bar/$1", "/foo/a", "/bar/a"],
  ["^/foo/(.*)$", "/bar/${1}x", "/foo/a", "/bar/ax"],
  ["^/(?P<kind>[a-z]+)/(\\d+)$", "/$2/${kind}", "/a/17", "/17/a"],
  ["^/api", "", "/api/x", "/x"],
  ["a", "$$1", "bab", "b$1b"],
  ["a+", "<$0>", "aabaa", "<aa>b<aa>"],
  ["a*", "-", "baaac", "-b-c-"],
  ["(a)|(b)", "[$1$2]", "ab", "[a][b]"],
  ["(a)?x", "<$1>", "x", "<>"],
  ["(.)", "$1$1", "\u00e9\u{1F600}", "\u00e9\u00e9\u{1F600}\u{1F600}"],
  ["(.*)", "$1", "$1${x}", "$1${x}"],
])("%p by %p turns %p into %p, as Go does", (regex, replacement, text, expected) => {
  expect(apply(regex, replacement, text)).toBe(expected);
});

test("nothing matches: null, also for long input", () => {
  expect(apply("^/foo", "/bar", "/x/foo")).toBeNull();
  expect(apply("^/foo", "/bar", `/${"x".repeat(REGEX_PLACE_LIMIT)}/foo`)).toBeNull();
});

test("a text with very many matches is told apart from one without", () => {
  expect(apply("x", "yy", "x".repeat(64))).toBe("y".repeat(128));
  expect(apply("x", "y", "x".repeat(65))).toBe(BEYOND_LIMITS);
  // Each of these matches needs a look at all that follows: without a bound this would take seconds.
  expect(apply("x+y|x", "z", "x".repeat(8_000))).toBe(BEYOND_LIMITS);
  expect(apply("^/", "/z", `/${"x".repeat(REGEX_PLACE_LIMIT)}`)).toBe(BEYOND_LIMITS);
});

test.each([
  ["$2", "(a)", "the group `2`, expected a group of the regex, which has the group 1"],
  ["$1", "a", "the group `1`, expected a group of the regex, which has no groups"],
  ["${nam}", "(?P<name>a)(b)", "the group `nam`, expected a group of the regex, which has the groups 1 to 2"],
  [
    "$1x",
    "(a)",
    "the group `1x`, expected a group of the regex, which has the group 1; ${1}x is group 1 and an x",
  ],
  ["a$", "(a)", "a lone `$`, expected $1, ${1}, ${name}, or $$ for the character itself"],
  ["${1", "(a)", "a lone `$`, expected $1, ${1}, ${name}, or $$ for the character itself"],
])("%p for %p is refused", (replacement, regex, message) => {
  expect(() => new Replacement(new LinearRegex(regex), replacement)).toThrow(message);
});

test("pieces say where each part of the result comes from", () => {
  const replacement = new Replacement(new LinearRegex("b(c)"), "<$1>");
  expect(replacement.pieces("abcd")).toEqual([
    { text: "a", from: 0, to: 1 },
    { text: "<", from: -1, to: -1 },
    { text: "c", from: 2, to: 3 },
    { text: ">", from: -1, to: -1 },
    { text: "d", from: 3, to: 4 },
  ]);
});
