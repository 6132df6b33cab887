import { expect, test } from "bun:test";
import { lineDiff } from "./line_diff.ts";

test("equal texts have no difference", () => {
  expect(lineDiff("hosts", "a\nb\n", "a\nb\n")).toBe("");
});

test("the stretch that differs is shown with three lines around it", () => {
  const before = "1\n2\n3\n4\nold\n6\n7\n8\n9\n";
  const after = "1\n2\n3\n4\nnew\nmore\n6\n7\n8\n9\n";
  expect(lineDiff("hosts", before, after)).toBe(
    "--- hosts\n+++ hosts\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-old\n+new\n+more\n 6\n 7\n 8\n",
  );
});

test("what is appended behind a last line without an end", () => {
  expect(lineDiff("hosts", "1", "1\n2\n")).toBe(
    "--- hosts\n+++ hosts\n@@ -1,1 +1,2 @@\n-1\n\\ No newline at end of file\n+1\n+2\n",
  );
});

test("a stretch that only goes", () => {
  const [before, after] = ["1\n2\n3\n4\nold\n6\n7\n8\n9\n", "1\n2\n3\n4\n6\n7\n8\n9\n"];
  const hunk = lineDiff("hosts", before, after);
  expect(hunk).toContain("@@ -2,7 +2,6 @@");
});
