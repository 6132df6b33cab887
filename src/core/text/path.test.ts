import { expect, test } from "bun:test";
import fc from "fast-check";
import { isNormalPath, isSafePath, matchPath, readablePath, stripPathPrefix } from "./path.ts";

const CASES: [path: string, normal: string | null][] = [
  ["", "/"],
  ["/", "/"],
  ["*", "*"],
  ["/a", "/a"],
  ["/a/", "/a/"],
  ["/%61%2D%5f%7E", "/a-_~"],
  ["/caf%c3%a9", "/caf%C3%A9"],
  ['/{id}|"<>^`', "/%7Bid%7D%7C%22%3C%3E%5E%60"],
  ["/%7Bid%7d", "/%7Bid%7D"],
  ["/a:b@c!$&'()*+,;=[]", "/a:b@c!$&'()*+,;=[]"],
  ["/.well-known/x", "/.well-known/x"],
  ["/...", "/..."],
  ["/..a/.b", "/..a/.b"],
  ["/a;x/..;/b", "/a;x/..;/b"],
];

test("paths are brought to one form", () => {
  for (const [path, normal] of CASES) expect([path, matchPath(path)]).toEqual([path, normal]);
});

test("H-A18/path a percent sign without two hex digits is malformed", () => {
  for (const path of ["/%zz", "/%2", "/%", "/a%", "/%%41", "/%4g", "/% 1", "/%-1", "/%+1", "/a/%u0041"])
    expect([path, matchPath(path)]).toEqual([path, null]);
});

test("H-A19/path dot segments and repeated slashes are resolved, encoded dots too", () => {
  const table: [string, string][] = [
    ["/a/../admin", "/admin"],
    ["/a/%2e%2e/admin", "/admin"],
    ["/a/%2E./admin", "/admin"],
    ["/a/.%2e/admin", "/admin"],
    ["/a/./b", "/a/b"],
    ["/a/%2e/b", "/a/b"],
    ["//", "/"],
    ["//a///b", "/a/b"],
    ["//../b", "/b"],
    ["/a/../..//b", "/b"],
    ["/a//../../../b", "/b"],
    ["/a/..//./b//", "/b/"],
    ["/a/b/..", "/a/"],
    ["/a/b/.", "/a/b/"],
    ["/a/..", "/"],
    ["/../..", "/"],
    ["/../../a", "/a"],
    ["/a/b/../../../c/", "/c/"],
  ];
  for (const [path, normal] of table) expect([path, matchPath(path)]).toEqual([path, normal]);
});

test("H-I11/path a path that servers read in two ways is malformed", () => {
  for (const path of [
    "/a//../b",
    "/admin//../x",
    "/admin//%2e%2e/x",
    "/admin/.//../x",
    "/admin///.././x",
    "/admin//..",
    "/a/b//../../x",
    "//a//../",
  ]) {
    expect([path, matchPath(path)]).toEqual([path, null]);
    expect([path, isNormalPath(path)]).toEqual([path, false]);
    expect([path, stripPathPrefix(path, "/")]).toEqual([path, null]);
  }
});

test("H-A20/path encoded separators stay encoded", () => {
  for (const escape of ["%2f", "%5c", "%00", "%3b", "%25", "%3f", "%23", "%2F", "%0a", "%20"]) {
    expect(matchPath(`/a${escape}b`)).toBe(`/a${escape.toUpperCase()}b`);
    expect(matchPath(`/a/..${escape}b/c`)).toBe(`/a/..${escape.toUpperCase()}b/c`);
  }
  expect(matchPath("/%252e%252e/a")).toBe("/%252e%252e/a");
});

test("H-A21/path a backslash, a control, a space and bytes above 0x7e are malformed", () => {
  for (const path of [
    "/a\\b",
    "\\a",
    "/..\\a",
    "/a b",
    "/a\x00",
    "/a\x1f",
    "/a\x7f",
    "/é",
    "/\u{1f9ad}",
    "/a?b",
    "/a#b",
  ])
    expect([path, matchPath(path)]).toEqual([path, null]);
});

test("a path without a leading slash is malformed", () => {
  for (const path of ["a", "a/b", "*/", ".", "..", "http://a/"]) expect(matchPath(path)).toBeNull();
});

test("H-A22/path stripping a prefix never leaves a path that climbs", () => {
  const table: [path: string, prefix: string, rest: string | null][] = [
    ["/api../x", "/api", null],
    ["/api%2e%2e/x", "/api", null],
    ["/api./x", "/api", null],
    ["/api/../x", "/", "/x"],
    ["/api/x", "/api", "/x"],
    ["/api", "/api", "/"],
    ["/api/", "/api", "/"],
    ["/apix", "/api", "/x"],
    ["/%61pi/%41%2fb", "/api", "/%41%2fb"],
    ["/{a}/x{y}", "/%7Ba%7D", "/x{y}"],
    ["/%7ba%7d/x", "/%7Ba%7D", "/x"],
    ["/z/../api//x/%41", "/api", "/x/A"],
    ["/api/..a", "/api", "/..a"],
    ["/api/%zz", "/api", null],
  ];
  for (const [path, prefix, rest] of table)
    expect([path, stripPathPrefix(path, prefix)]).toEqual([path, rest]);
});

test("nothing to do returns the same path, and a quick look is never wrong", () => {
  expect(isSafePath("/static/js/main.a1.js")).toBe(true);
  expect(isSafePath("/.well-known")).toBe(false);
  expect(isNormalPath("/.well-known")).toBe(true);
  expect(isNormalPath("/a/%2e%2e/b")).toBe(false);
  expect(isNormalPath("/a//b")).toBe(false);
  expect(isNormalPath("/a%2fb")).toBe(true);
  for (const malformed of ["/%zz", "/a%2", "/a\\b", "/a b", "a"]) expect(isNormalPath(malformed)).toBe(false);
});

const piece = fc.constantFrom(
  "/",
  "//",
  ".",
  "..",
  "%2e",
  "%2E",
  "%2f",
  "a",
  "B",
  "%41",
  "%7b",
  "{",
  "%",
  "\\",
  "~",
  "%c3%a9",
  ";",
  "%25",
);
const rawPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

const MALFORMED = /\\|%(?![0-9a-fA-F]{2})/;
const merged = (path: string) => path.replace(/\/{2,}/g, "/");
/** Dot segments resolved by the parser of WHATWG URL. */
const resolved = (path: string) => new URL(`http://a${path}`).pathname;

test("servers that resolve dot segments before or after merging slashes read the path as we do", () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("/", "//", "/..", "/.", "/%2e.", "/a", "/B%2f{"), {
        minLength: 1,
        maxLength: 8,
      }),
      (pieces) => {
        const path = pieces.join("");
        const [before, after] = [merged(resolved(path)), resolved(merged(path))];
        const normal = matchPath(path);
        if (normal === null) refused++;
        expect([path, normal]).toEqual([path, before === after ? matchPath(before) : null]);
      },
    ),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(50);
});

test("a normal form is stable, well-formed and without dot segments", () => {
  fc.assert(
    fc.property(rawPath, (path) => {
      const normal = matchPath(path);
      if (normal === null) {
        if (!MALFORMED.test(path)) expect(merged(resolved(path))).not.toBe(resolved(merged(path)));
        return;
      }
      expect(matchPath(normal)).toBe(normal);
      expect(normal).toMatch(/^(?:\/(?!\.{0,2}(?:\/|$))(?:[A-Za-z0-9._~;-]|%[0-9A-F]{2})+)*\/?$/);
      if (isSafePath(path)) expect(normal).toBe(path);
      expect(isNormalPath(normal)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("a stripped path keeps what its normal form says", () => {
  fc.assert(
    fc.property(rawPath, fc.nat(12), (path, cut) => {
      const normal = matchPath(path);
      if (normal === null) return;
      // A prefix in normal form never ends inside an escape.
      const prefix = (normal.slice(0, 1 + cut).match(/^(?:[^%]|%[0-9A-F]{2})*/) as [string])[0];
      const stripped = stripPathPrefix(path, prefix);
      const rest = normal.slice(prefix.length);
      const expected = rest.startsWith("/") ? rest : `/${rest}`;
      if (matchPath(expected) === expected) expect(matchPath(stripped ?? "")).toBe(expected);
      else expect(stripped).toBeNull();
    }),
    { numRuns: 2_000 },
  );
});

test("regexes see readable text, and nothing that could be taken for a separator", () => {
  expect(readablePath("/a%20b/%7Bid%7D/caf%C3%A9")).toBe("/a b/{id}/café");
  expect(readablePath("/%2F%5C%25%00%0A%3B%3F%23%7F")).toBe("/%2F%5C%25%00%0A%3B%3F%23%7F");
  expect(readablePath("/%C3%28/%FF/%E2%82")).toBe("/%C3%28/%FF/%E2%82");
  expect(readablePath("/plain")).toBe("/plain");
});
