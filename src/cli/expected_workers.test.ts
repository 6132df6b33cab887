import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectedWorkers } from "./expected_workers.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-expected-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, "fairlead.yaml");

test.each([
  ["workers: 3\n", undefined, undefined, 3],
  ["a: 1\nworkers:   auto # all\n", undefined, undefined, 4],
  ["a: { workers: 7 }\n", undefined, undefined, 4],
  ["workers: 0\n", undefined, undefined, 0],
  ["workers: 200\n", undefined, undefined, 8],
  ["workers: nonsense\n", undefined, undefined, 0],
  ["workers: 3\n", "2", "1", 2],
  ["workers: 3\n", undefined, "1", 1],
  ["workers: 3\n", "x", undefined, 0],
])("%p, flag %p, variable %p: %p", (text, flag, variable, expected) => {
  writeFileSync(file, text);
  expect(expectedWorkers({ flag, variable, file, cores: 4 })).toBe(expected);
});

test("a file that cannot be read asks for nobody", () => {
  expect(expectedWorkers({ flag: undefined, variable: undefined, file: `${file}.none`, cores: 4 })).toBe(0);
});

test("a pipe, a folder and a huge file are not read", () => {
  const workers = (name: string): number =>
    expectedWorkers({ flag: undefined, variable: undefined, file: name, cores: 4 });
  const pipe = join(directory, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  expect(workers(pipe)).toBe(0);
  expect(workers(directory)).toBe(0);
  writeFileSync(file, "workers: 3\n");
  truncateSync(file, 64 * 2 ** 20 + 1);
  expect(workers(file)).toBe(0);
});
