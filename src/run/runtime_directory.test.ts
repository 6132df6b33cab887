import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeDescriptor } from "../platform/sockets.ts";
import { livingWorkers, recordedPid, RuntimeDirectory } from "./runtime_directory.ts";

test("one supervisor at a time; the next one finds the generation and the living workers", async () => {
  const parent = mkdtempSync(join(tmpdir(), "fairlead-runtime-"));
  const path = join(parent, "deep", "run");
  const first = new RuntimeDirectory(path);
  expect([first.lastGeneration, first.orphans, recordedPid(path)]).toEqual([0, [], process.pid]);
  expect(() => new RuntimeDirectory(path)).toThrow(
    `already running as pid ${process.pid} with runtime_dir ${path}`,
  );
  first.recordGeneration(12);
  const child = Bun.spawn(["sleep", "60"]);
  first.addWorker(child.pid);
  first.addWorker(2 ** 22 + 1);
  // As if this process had been killed: the socket is closed, the files stay.
  closeDescriptor(first.controlSocket);
  const second = new RuntimeDirectory(path);
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
  expect(() => new RuntimeDirectory(join(parent, "file"))).toThrow(`cannot use runtime_dir ${parent}/file`);
  const path = join(parent, "run");
  const first = new RuntimeDirectory(path);
  first.release();
  closeDescriptor(first.controlSocket);
  writeFileSync(join(path, "generation"), "many\n");
  writeFileSync(join(path, "workers", "abc"), "1\n");
  writeFileSync(join(path, "workers", String(process.pid)), "1\n");
  const second = new RuntimeDirectory(path);
  expect([second.lastGeneration, second.orphans]).toEqual([0, []]);
  second.release();
  closeDescriptor(second.controlSocket);
  rmSync(parent, { recursive: true });
});
