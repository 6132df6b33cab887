import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { raiseOpenFileLimit } from "./processes.ts";
import { usageOf } from "./process_usage.ts";

test("this process uses time, memory and descriptors, and began before now", () => {
  const limit = raiseOpenFileLimit();
  const before = usageOf(process.pid)!;
  for (const end = performance.now() + 50; performance.now() < end;);
  const opened = Array.from({ length: 20 }, () => openSync("/dev/null", "r"));
  const after = usageOf(process.pid)!;
  expect(after.cpuSeconds - before.cpuSeconds).toBeGreaterThan(0);
  expect(after.openDescriptors - before.openDescriptors).toBe(20);
  for (const fd of opened) closeSync(fd);
  expect(after.maxDescriptors).toBe(limit);
  const { rss } = process.memoryUsage();
  expect(after.residentBytes).toBeGreaterThan(rss / 2);
  expect(after.residentBytes).toBeLessThan(rss * 2);
  const uptime = Date.now() / 1_000 - after.startSeconds;
  // The kernel's time of its start is a whole second.
  expect(Math.abs(uptime - process.uptime())).toBeLessThan(2);
});

test("a process that is gone uses nothing", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(usageOf(child.pid)).toBeNull();
});
