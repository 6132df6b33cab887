import { expect, test } from "bun:test";
import { ancestorsOf, Base, childOf, isWithin, parentOf, pathProblem } from "./paths.ts";

test.each([
  ["/a", null],
  ["/a/b.c/d e/ä", null],
  ["/...", null],
  ["/😀", null],
  ["", "starts with /"],
  ["/", "names a node"],
  ["a", "starts with /"],
  ["/a/", "not empty"],
  ["/a//b", "not empty"],
  ["/./a", "not empty"],
  ["/a/..", "not empty"],
  ["/a\nb", "control"],
  ["/a\u{85}", "control"],
  ["/\ud800", "control"],
  [`/${"ä".repeat(2_048)}`, "4096 bytes"],
])("%j as a path: %p", (path, problem) => {
  if (problem === null) expect(pathProblem(path)).toBeNull();
  else expect(pathProblem(path)).toContain(problem);
});

test("relations of paths", () => {
  expect(["/a/b/c", "/a"].map(parentOf)).toEqual(["/a/b", "/"]);
  expect(["/a/b/c", "/a"].map(ancestorsOf)).toEqual([["/a", "/a/b"], []]);
  expect([childOf("/", "a"), childOf("/a", "b")]).toEqual(["/a", "/a/b"]);
  expect(isWithin("/ab", "/a")).toBe(false);
  expect([isWithin("/a/b", "/a"), isWithin("/a", "/a"), isWithin("/x", "/")]).toEqual([true, true, true]);
});

test("a base goes in front and comes off again", () => {
  const base = new Base("/env/one");
  expect([base.full("/a"), base.full("/", true)]).toEqual(["/env/one/a", "/env/one"]);
  expect([base.own("/env/one/a"), base.own("/env/one")]).toEqual(["/a", "/"]);
  const none = new Base("");
  expect([none.full("/a"), none.full("/", true), none.own("/a")]).toEqual(["/a", "/", "/a"]);
  expect(() => base.full("/")).toThrow(RangeError);
  expect(() => base.full(`/${"x".repeat(4_090)}`)).toThrow(RangeError);
  expect(() => new Base("/a/")).toThrow(RangeError);
});
