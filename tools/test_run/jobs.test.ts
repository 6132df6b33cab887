import { expect, test } from "bun:test";
import { planJobs } from "./jobs.ts";

test("unit tests run together by folder, tests under test/ alone and first", () => {
  const files = [
    "src/core/a.test.ts",
    "src/core/deep/er/b.test.ts",
    "src/main.test.ts",
    "src/planes/http/c.test.ts",
    "src/planes/stream/d.test.ts",
    "test/contract/e.test.ts",
    "test/e2e/f.test.ts",
    "test/fuzz/fuzz.test.ts",
    "tools/g.test.ts",
    "tools/test_run/h.test.ts",
  ];
  const jobs = planJobs(files);
  expect(jobs.map(({ name, files: own }) => [name, own.length])).toEqual([
    ["test/fuzz/fuzz.test.ts", 1],
    ["test/e2e/f.test.ts", 1],
    ["test/contract/e.test.ts", 1],
    ["src", 1],
    ["src/core", 2],
    ["src/planes/http", 1],
    ["src/planes/stream", 1],
    ["tools", 2],
  ]);
  expect(jobs.flatMap((job) => job.files).toSorted()).toEqual(files);
});
