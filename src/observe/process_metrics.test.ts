import { expect, test } from "bun:test";
import type { ProcessUsage } from "../platform/process_usage.ts";
import { MetricsKeeper } from "./metrics_keeper.ts";
import { ProcessMetrics, type WorkerProcess } from "./process_metrics.ts";
import { parseExposition, type Exposition } from "./test_exposition.ts";

function setUp() {
  const keeper = new MetricsKeeper();
  const usages = new Map<number, Partial<ProcessUsage>>([[process.pid, { cpuSeconds: 1 }]]);
  const metrics = new ProcessMetrics(keeper.supervisor, (pid) => {
    const usage = usages.get(pid);
    if (usage === undefined) return null;
    const idle = {
      cpuSeconds: 0,
      residentBytes: 10,
      startSeconds: 5,
      openDescriptors: 3,
      maxDescriptors: 99,
    };
    return { ...idle, ...usage };
  });
  const show = (...workers: WorkerProcess[]): Exposition => {
    metrics.update(workers);
    return parseExposition(keeper.text("", []));
  };
  return { usages, show };
}

const worker = (index: number, pid: number, draining = false, generation = 7): WorkerProcess => ({
  index,
  pid,
  draining,
  generation,
});
const byProcess = ({ samples }: Exposition, name: string) =>
  Object.fromEntries(
    samples.filter((sample) => sample.name === name).map(({ labels, value }) => [labels["process"], value]),
  );

test("each process has its rows, those that drain together", () => {
  const { usages, show } = setUp();
  for (const pid of [11, 12, 13, 14]) usages.set(pid, { cpuSeconds: pid });
  const found = show(worker(0, 11), worker(1, 12), worker(0, 13, true), worker(1, 14, true));
  expect(byProcess(found, "process_cpu_seconds_total")).toEqual({
    supervisor: 1,
    "worker-0": 11,
    "worker-1": 12,
    draining: 27,
  });
  expect(byProcess(found, "process_resident_memory_bytes")["draining"]).toBe(20);
  expect(byProcess(found, "process_open_fds")).toMatchObject({ supervisor: 3, draining: 6 });
  expect(byProcess(found, "process_max_fds")).toEqual({ supervisor: 99, "worker-0": 99, "worker-1": 99 });
  expect(byProcess(found, "process_start_time_seconds")["worker-1"]).toBe(5);
  expect(found.value("workers_draining")).toBe(2);
  expect(found.value("worker_config_generation", { worker: "1" })).toBe(7);
});

test("time goes on where a worker is replaced, drains or is gone, and is never counted twice", () => {
  const { usages, show } = setUp();
  usages.set(11, { cpuSeconds: 10 });
  show(worker(0, 11));
  usages.set(11, { cpuSeconds: 12 });
  usages.set(21, { cpuSeconds: 1 });
  const replaced = byProcess(show(worker(0, 21), worker(0, 11, true)), "process_cpu_seconds_total");
  expect(replaced).toEqual({ supervisor: 1, "worker-0": 11, draining: 2 });
  usages.delete(11);
  expect(byProcess(show(worker(0, 21)), "process_cpu_seconds_total")).toEqual(replaced);
  // A new process with a pid that was seen before.
  usages.set(21, { cpuSeconds: 0.5 });
  expect(byProcess(show(worker(0, 21)), "process_cpu_seconds_total")["worker-0"]).toBe(11.5);
});

test("a process that cannot be looked at has no rows, and a worker inside the supervisor is the supervisor", () => {
  const { show } = setUp();
  const found = show(worker(0, process.pid), worker(1, 99));
  expect(byProcess(found, "process_resident_memory_bytes")).toEqual({ supervisor: 10 });
  expect(found.value("worker_config_generation", { worker: "0" })).toBe(7);
});
