import { expect, test } from "bun:test";
import fc from "fast-check";
import { splitPath } from "./assignments.ts";
import type { Layer } from "./layer.ts";
import { Merged, NOTHING_MERGED } from "./merge.ts";
import { isMap } from "./plain_value.ts";
import type { Path } from "./problem.ts";

const layer = (source: string, value: unknown): Layer => ({
  kind: "file",
  source,
  folder: "/",
  replaceable: false,
  value,
  text: null,
});
/** All at once, which must be the same as one after the other. */
const join = (...values: unknown[]): Merged => {
  const layers = values.map((value, index) => layer(String(index), value));
  const before = JSON.stringify(values);
  const together = NOTHING_MERGED.withFiles(layers, () => true, []);
  let merged = NOTHING_MERGED;
  for (const one of layers) merged = merged.withFiles([one], () => true, []);
  expect(together.value).toEqual(merged.value);
  for (const path of leaves(merged.value, [])) expect(together.originOf(path)).toEqual(merged.originOf(path));
  // Values of layers are kept over reloads.
  expect(JSON.stringify(values)).toBe(before);
  return together;
};

function at(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) value = (value as Record<string | number, unknown>)[step];
  return value;
}

function* leaves(value: unknown, path: Path): Generator<Path> {
  if (typeof value !== "object" || value === null) yield path;
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* leaves(item, [...path, index]);
  else for (const [key, item] of Object.entries(value)) yield* leaves(item, [...path, key]);
}

test("maps are joined, lists are joined end to end, later values win, nothing replaces nothing", () => {
  expect(join({ a: { b: 1, c: [1] }, d: 1 }, { a: { b: 2, c: [2] }, e: 3 }, { d: null }, null).value).toEqual(
    {
      a: { b: 2, c: [1, 2] },
      d: 1,
      e: 3,
    },
  );
});

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.nat(9),
    fc.constant(null),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("tree"), { maxKeys: 3 }),
  ),
}));
const file = fc.dictionary(fc.constantFrom("a", "b", "c"), tree, { maxKeys: 3 });

test("every part of a joined value is found where its origin says, and no layer is changed", () => {
  fc.assert(
    fc.property(fc.array(file, { minLength: 1, maxLength: 4 }), (files) => {
      const before = structuredClone(files);
      const merged = join(...files);
      for (const path of leaves(merged.value, [])) {
        const origin = merged.originOf(path);
        expect(at(origin?.layer.value, origin?.at ?? [])).toEqual(at(merged.value, path) as never);
      }
      expect(files).toEqual(before);
    }),
    { numRuns: 1_000 },
  );
});

test("an assignment is found at its path, comes from its layer, and leaves the rest alone", () => {
  const path = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 3 }), path, (files, steps) => {
      const merged = join(...files);
      const before = structuredClone(merged.value);
      const flag = { ...layer("flag", "set"), kind: "flag" as const };
      const assigned = merged.withAssignment(steps, flag);
      expect(at(assigned.value, steps)).toBe("set");
      expect(assigned.originOf(steps)).toEqual({ layer: flag, at: [] });
      expect(merged.value).toEqual(before);
      for (const other of leaves(assigned.value, [])) {
        const origin = assigned.originOf(other);
        if (origin?.layer !== flag)
          expect(at(origin?.layer.value, origin?.at ?? [])).toEqual(at(assigned.value, other) as never);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("an assignment into a list changes one entry, or adds one behind the last", () => {
  const merged = join({ list: [{ a: 1 }, { a: 2 }] });
  const flag = { ...layer("flag", 9), kind: "flag" as const };
  expect(merged.withAssignment(["list", 1, "a"], flag).value).toEqual({ list: [{ a: 1 }, { a: 9 }] });
  expect(merged.withAssignment(["list", 2, "a"], flag).value).toEqual({
    list: [{ a: 1 }, { a: 2 }, { a: 9 }],
  });
});

test("of two kinds of value the one that fits stays and the other is told", () => {
  const wrong: { path: Path }[] = [];
  const accepts = (_: Path, value: unknown): boolean => isMap(value);
  const first = NOTHING_MERGED.withFiles([layer("0", { a: { b: 1 } })], accepts, wrong as never);
  expect(first.withFiles([layer("1", { a: [] })], accepts, wrong as never).value).toEqual({ a: { b: 1 } });
  expect(wrong.map(({ path }) => path)).toEqual([["a"]]);
});

test.each([
  ["a.b", ["a", "b"]],
  ['a."b.c".0', ["a", "b.c", "0"]],
  ["a..b", ["a", "", "b"]],
  ['a."b', null],
  ['a."b"c', null],
  ["", [""]],
])("the path %p", (text, steps) => {
  expect(splitPath(text)).toEqual(steps);
});
