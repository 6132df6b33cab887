import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeDescriptor } from "../platform/sockets.ts";
import { livingWorkers, recordedPid, RuntimeDirectory } from "./runtime_directory.ts";

const fail = (text: string): never => {
  throw new Error(text);
};

test("one supervisor at a time; the next one finds the generation and the living workers", async () => {
  const parent = mkdtempSync(join(tmpdir(), "fairlead-runtime-"));
  const path = join(parent, "deep", "run");
  const first = new RuntimeDirectory(path, fail);
  const firstSocket = first.claim();
  expect([first.lastGeneration, first.orphans(), recordedPid(path)]).toEqual([0, [], process.pid]);
  expect(() => new RuntimeDirectory(path, fail).claim()).toThrow(
    `already running as pid ${process.pid} with runtime_dir ${path}`,
  );
  first.recordGeneration(12);
  const child = Bun.spawn(["sleep", "60"]);
  const workerSocket = first.addWorker(child.pid);
  expect(first.addWorker(2 ** 22 + 1)).toBe(-1);
  first.recordTotals({ families: [] });
  // As if this process had been killed: the sockets are closed, the files stay.
  for (const fd of [firstSocket, workerSocket]) closeDescriptor(fd);
  const second = new RuntimeDirectory(path, fail);
  const secondSocket = second.claim();
  expect(second.lastGeneration).toBe(12);
  expect(second.readTotals()).toEqual({ families: [] });
  expect(second.orphans().map(({ pid }) => pid)).toEqual([child.pid]);
  child.kill("SIGKILL");
  await child.exited;
  expect(livingWorkers(path)).toEqual([]);
  second.removeWorker(child.pid);
  second.forgetTotals();
  second.release();
  closeDescriptor(secondSocket);
  expect(readdirSync(path).toSorted()).toEqual(["generation", "workers"]);
  rmSync(parent, { recursive: true });
});

test("a directory that cannot be made, or that holds nonsense, is told or survived", () => {
  const parent = mkdtempSync(join(tmpdir(), "fairlead-runtime-"));
  writeFileSync(join(parent, "file"), "");
  expect(() => new RuntimeDirectory(join(parent, "file"), fail)).toThrow(
    `cannot use runtime_dir ${parent}/file`,
  );
  const path = join(parent, "run");
  const first = new RuntimeDirectory(path, fail);
  closeDescriptor(first.claim());
  first.release();
  writeFileSync(join(path, "generation"), "many\n");
  writeFileSync(join(path, "workers", "abc"), "1\n");
  writeFileSync(join(path, "workers", String(process.pid)), "1\n");
  writeFileSync(join(path, "worker-1234567.sock"), "");
  writeFileSync(join(path, "counters.json"), "{");
  const second = new RuntimeDirectory(path, fail);
  closeDescriptor(second.claim());
  expect([second.lastGeneration, second.orphans(), second.readTotals()]).toEqual([0, [], null]);
  expect(readdirSync(path)).not.toContain("worker-1234567.sock");
  second.release();
  rmSync(parent, { recursive: true });
});

test("what cannot be written is a warning, told once, and is written when it can be", async () => {
  const parent = mkdtempSync(join(tmpdir(), "fairlead-runtime-"));
  const path = join(parent, "run");
  const warnings: string[] = [];
  const directory = new RuntimeDirectory(path, (text) => void warnings.push(text));
  const sockets = [directory.claim()];
  try {
    rmSync(path, { recursive: true });
    directory.recordGeneration(2);
    sockets.push(directory.addWorker(process.pid));
    expect([recordedPid(path), livingWorkers(path).length, warnings]).toEqual([process.pid, 1, []]);

    rmSync(path, { recursive: true });
    writeFileSync(path, "no directory");
    directory.recordGeneration(3);
    directory.removeWorker(process.pid);
    directory.recordGeneration(4);
    expect(warnings).toEqual([
      expect.stringContaining(`cannot write to runtime_dir ${path}, which is tried`),
    ]);
    rmSync(path);
    while (!existsSync(join(path, "generation"))) await Bun.sleep(10);
    expect(readFileSync(join(path, "generation"), "utf8")).toBe("4\n");
    expect([recordedPid(path), livingWorkers(path), warnings.length]).toEqual([process.pid, [], 1]);
  } finally {
    directory.release();
    for (const fd of sockets) closeDescriptor(fd);
    rmSync(parent, { recursive: true });
  }
});
