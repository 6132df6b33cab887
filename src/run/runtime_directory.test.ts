import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  expect([first.lastGeneration, first.orphans, recordedPid(path)]).toEqual([0, [], process.pid]);
  expect(() => new RuntimeDirectory(path, fail)).toThrow(
    `already running as pid ${process.pid} with runtime_dir ${path}`,
  );
  first.recordGeneration(12);
  const child = Bun.spawn(["sleep", "60"]);
  first.addWorker(child.pid);
  first.addWorker(2 ** 22 + 1);
  // As if this process had been killed: the socket is closed, the files stay.
  closeDescriptor(first.controlSocket);
  const second = new RuntimeDirectory(path, fail);
  expect(second.lastGeneration).toBe(12);
  expect(second.orphans.map(({ pid }) => pid)).toEqual([child.pid]);
  child.kill("SIGKILL");
  await child.exited;
  expect(livingWorkers(path)).toEqual([]);
  second.removeWorker(child.pid);
  second.release();
  closeDescriptor(second.controlSocket);
  expect([existsSync(join(path, "control.sock")), recordedPid(path)]).toEqual([false, 0]);
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
  first.release();
  closeDescriptor(first.controlSocket);
  writeFileSync(join(path, "generation"), "many\n");
  writeFileSync(join(path, "workers", "abc"), "1\n");
  writeFileSync(join(path, "workers", String(process.pid)), "1\n");
  const second = new RuntimeDirectory(path, fail);
  expect([second.lastGeneration, second.orphans]).toEqual([0, []]);
  second.release();
  closeDescriptor(second.controlSocket);
  rmSync(parent, { recursive: true });
});

test("what cannot be written is a warning, told once, and is written when it can be", async () => {
  const parent = mkdtempSync(join(tmpdir(), "fairlead-runtime-"));
  const path = join(parent, "run");
  const warnings: string[] = [];
  const directory = new RuntimeDirectory(path, (text) => void warnings.push(text));
  try {
    rmSync(path, { recursive: true });
    directory.recordGeneration(2);
    directory.addWorker(process.pid);
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
    closeDescriptor(directory.controlSocket);
    rmSync(parent, { recursive: true });
  }
});
