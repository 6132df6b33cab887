import { expect, test } from "bun:test";
import { settingChanges } from "./setting.ts";

const row = (path: string, value: unknown, source = "f.yaml:1") => ({ path, value, source });

test("what differs is told with both values, what came and what went with one; a line that moved is no change", () => {
  const before = [row("a", 1), row("b", [1]), row("gone", null), row("same", "x")];
  const after = [row("same", "x", "f.yaml:9"), row("new", { c: 1 }), row("b", [2]), row("a", 1)];
  expect(settingChanges(before, after)).toEqual([
    { path: "b", before: [1], after: [2] },
    { path: "gone", before: null },
    { path: "new", after: { c: 1 } },
  ]);
  expect(settingChanges(before, before)).toEqual([]);
});
