import { expect, test } from "bun:test";
import { fstatSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessLogOf, observabilityOf } from "../core/test_plan.ts";
import type { RunEvent } from "./events.ts";
import { InProcessWorker } from "./in_process_worker.ts";
import { Supervisor } from "./supervisor.ts";
import { createTestProgram, TestCounters, TestProgram, testPlan } from "./test_program.ts";

/** A worker that says when it has its log, and goes on when it may. */
class SlowWorker extends InProcessWorker {
  readonly hasLog = Promise.withResolvers<void>();
  mayGoOn: Promise<void> = Promise.resolve();

  override async openLog(name: string, fd: number): Promise<void> {
    await super.openLog(name, fd);
    this.hasLog.resolve();
    await this.mayGoOn;
  }
}

test("a worker that comes up while the logs are opened again writes to the new ones", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-logs-"));
  const path = join(directory, "access.log");
  const workers: SlowWorker[] = [];
  const events: RunEvent[] = [];
  let gate: Promise<void> = Promise.resolve();
  const launch = () => {
    const worker = new SlowWorker(createTestProgram);
    worker.mayGoOn = gate;
    workers.push(worker);
    return worker;
  };
  const plan = testPlan(
    { web: null },
    { workers: 1, observability: observabilityOf({ access_log: accessLogOf(path) }) },
  );
  const supervisor = new Supervisor({
    parts: {
      load: async () => ({ plan, files: {}, problems: [], warnings: [] }),
      createProgram: createTestProgram,
      counters: new TestCounters(),
    },
    launch,
    launchInProcess: launch,
    claim: async () => ({ generation: 1, predecessors: null, sockets: [], limits: null }),
    report: (event) => void events.push(event),
  });
  try {
    await supervisor.start();
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    workers[0]!.kill();
    while (workers.length < 2) await Bun.sleep(1);
    await workers[1]!.hasLog.promise;
    renameSync(path, `${path}.1`);
    await supervisor.reopenLogs();
    resolve();
    while (!events.some(({ event }) => event === "worker_ready")) await Bun.sleep(1);
    const { log } = workers[1]!.program as TestProgram;
    expect(fstatSync(log).ino).toBe(statSync(path).ino);
  } finally {
    supervisor.kill();
    await supervisor.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
