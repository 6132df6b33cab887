import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../core/plan.ts";
import { accessLogOf, observabilityOf } from "../core/test_plan.ts";
import { ChildWorker } from "./child_worker.ts";
import type { RunEvent } from "./events.ts";
import { InProcessWorker } from "./in_process_worker.ts";
import type { RunParts } from "./parts.ts";
import { Supervisor } from "./supervisor.ts";
import { createTestProgram, TestCounters, testPlan } from "./test_program.ts";

const MAIN = join(import.meta.dir, "../../test/e2e/processes_main.ts");

async function supervised(plan: Plan, parts: RunParts["parts"] = []) {
  const counters = new TestCounters();
  const events: RunEvent[] = [];
  const state = { plan };
  const supervisor = new Supervisor({
    parts: {
      load: async () => ({ plan: state.plan, files: {}, problems: [], warnings: [] }),
      createProgram: createTestProgram,
      counters,
      parts,
    },
    launch: (index) => new ChildWorker(index, [process.execPath, MAIN, "worker"]),
    launchInProcess: () => new InProcessWorker(createTestProgram),
    claim: async () => ({ generation: 5, predecessors: null, sockets: [], limits: null }),
    report: (event) => void events.push(event),
  });
  running.push(supervisor);
  await supervisor.start();
  return { supervisor, counters, events, state };
}

const running: Supervisor[] = [];
afterEach(async () => {
  // One that a failed test has left.
  for (const supervisor of running.splice(0)) {
    supervisor.kill();
    await supervisor.stop();
  }
});

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("?"));
    socket.on("data", (bytes) => resolve(bytes.toString()));
    socket.on("error", reject);
  });
}

test("H-J8/h2 what a killed worker has counted is kept, and health reaches workers as deltas", async () => {
  const before = readdirSync("/proc/self/fd").length;
  const pools = [{ name: "web", backends: [{ id: "a" }] }] as unknown as Plan["pools"];
  const { supervisor, counters, events, state } = await supervised(
    testPlan({ web: null }, { workers: 2, pools }),
  );
  const port = supervisor.listeners()[0]?.port ?? 0;
  for (let round = 0; round < 40; round++) await ask(port);
  const live = () => [...supervisor.counters()].reduce((sum, { values }) => sum + (values[0] ?? 0), 0);
  const total = () => live() + (counters.kept.get("fairlead") ?? 0);
  expect(total()).toBe(40);

  const [victim] = (await supervisor.status()).workers;
  process.kill(victim?.pid ?? 0, "SIGKILL");
  while (!events.some(({ event }) => event === "worker_ready")) await Bun.sleep(5);
  expect(total()).toBe(40);
  for (let round = 0; round < 10; round++) await ask(port);
  expect(total()).toBe(50);

  supervisor.publish({ health: { "web/a": "healthy" }, members: {}, overrides: {}, documents: {} });
  const seen = async () => (await supervisor.status()).workers.map(({ stats }) => stats?.["health"]);
  while ((await seen()).join() !== "1,1") await Bun.sleep(5);
  state.plan = testPlan({ web: null }, { workers: 3, pools, state_dir: "next" });
  expect(await supervisor.reload()).toMatchObject({ ok: true, generation: 6 });
  expect(await seen()).toEqual([1, 1, 1]);

  await supervisor.stop();
  expect([live(), counters.kept.get("fairlead")]).toEqual([0, 50]);
  while (readdirSync("/proc/self/fd").length > before) await Bun.sleep(5);
});

test("what becomes known while workers come up reaches every one of them", async () => {
  const ids = Array.from({ length: 2_000 }, (_, index) => `b${index}`);
  const pools = [{ name: "web", backends: ids.map((id) => ({ id })) }] as unknown as Plan["pools"];
  let published = 0;
  let timer: Timer | null = null;
  const { supervisor, events } = await supervised(testPlan({ web: null }, { workers: 2, pools }), [
    (host) => ({
      planChanged() {
        timer ??= setInterval(() => {
          const id = ids[published];
          if (id === undefined) return;
          published++;
          host.publish({ health: { [`web/${id}`]: "healthy" }, members: {}, overrides: {}, documents: {} });
        }, 1);
      },
      stop: () => clearInterval(timer!),
    }),
  ]);
  const [victim] = (await supervisor.status()).workers;
  process.kill(victim?.pid ?? 0, "SIGKILL");
  while (!events.some(({ event }) => event === "worker_ready")) await Bun.sleep(5);
  clearInterval(timer!);
  const known = Object.keys(supervisor.snapshot().health).length;
  expect(known).toBe(published);
  expect((await supervisor.status()).workers.map(({ stats }) => stats?.["health"])).toEqual([known, known]);
  await supervisor.stop();
});

test("many reloads leave descriptors, memory and workers as they were", async () => {
  const { supervisor, state } = await supervised(testPlan({ web: null }, { workers: 1 }));
  const [worker] = (await supervisor.status()).workers;
  const open = (pid: number | string) => readdirSync(`/proc/${pid}/fd`).length;
  const reload = async (round: number) => {
    const observability = observabilityOf({ metrics: { prefix: `layout${round}` } });
    state.plan = testPlan({ web: null }, { workers: 1, state_dir: `round ${round}`, observability });
    expect(await supervisor.reload()).toMatchObject({ ok: true });
  };
  await reload(0);
  const before = [open("self"), open(worker?.pid ?? 0)];
  for (let round = 1; round <= 50; round++) await reload(round);
  expect([open("self"), open(worker?.pid ?? 0)]).toEqual(before);
  // Nobody has read the counters meanwhile, and yet their memory is given back.
  Bun.gc(true);
  const maps = readFileSync("/proc/self/maps", "latin1").split("\n");
  expect(maps.filter((line) => line.includes("memfd:fairlead")).length).toBeLessThan(10);
  expect((await supervisor.status()).workers.map(({ pid, generation }) => [pid, generation])).toEqual([
    [worker?.pid ?? 0, 56],
  ]);
  await supervisor.stop();
});

test("a dry run builds the new plan everywhere and says what would change; nothing is different after it", async () => {
  const said: string[] = [];
  const part = {
    planChanged: () => void said.push("changed"),
    planComing: () => (said.push("coming"), { health: {}, members: {}, overrides: {}, documents: {} }),
    planDropped: () => void said.push("dropped"),
    reloaded: () => void said.push("reloaded"),
    stop() {},
  };
  const { supervisor, events, state } = await supervised(testPlan({ web: null }, { workers: 2 }), [
    () => part,
  ]);
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const before = () => [supervisor.snapshot(), supervisor.vitals(), readdirSync("/proc/self/fd").length];
  const held = before();
  const port = supervisor.listeners()[0]?.port ?? 0;
  expect(await supervisor.dryRun()).toEqual({
    ok: true,
    dry_run: true,
    generation: 5,
    changed: false,
    changes: [],
    changed_files: [],
    warnings: [],
  });

  const folder = mkdtempSync(join(tmpdir(), "fairlead-dry-"));
  const log = join(folder, "access.log");
  const observability = observabilityOf({ access_log: accessLogOf(log) });
  // More workers and another address: sockets are opened for them, and closed again.
  state.plan = testPlan({ web: null, more: null }, { workers: 4, observability, user: "nobody" });
  expect(await supervisor.dryRun()).toMatchObject({
    ok: true,
    changed: true,
    warnings: ["user acts from the next start on"],
  });
  expect(readdirSync(folder)).toEqual([]);
  state.plan = testPlan({ web: null }, { state_dir: "fail" });
  expect(await supervisor.dryRun()).toMatchObject({ ok: false, problems: ["plan fail cannot be built"] });
  state.plan = testPlan({
    web: null,
    more: { kind: "tcp", host: "127.0.0.1", port: taken.port, dual_stack: false },
  });
  expect(await supervisor.dryRun()).toMatchObject({
    ok: false,
    problems: [expect.stringContaining("listener more: cannot listen")],
  });

  expect(said).toEqual(["changed", "coming", "dropped", "coming", "dropped", "coming", "dropped"]);
  expect(before()).toEqual(held);
  expect(events).toEqual([]);
  expect(await ask(port)).not.toBe("");
  // What was tried is no obstacle to what comes.
  state.plan = testPlan({ web: null, more: null }, { workers: 2 });
  expect(await supervisor.reload()).toMatchObject({ ok: true, changed: true, generation: 6 });
  rmSync(folder, { recursive: true });
});

test("an order for another generation than the one that acts loads nothing; who has asked stands in the log", async () => {
  const { supervisor, events, state } = await supervised(testPlan({ web: null }, { workers: 0 }));
  state.plan = testPlan({ web: null }, { workers: 0, state_dir: "next" });
  const orders = [1, 2].map((index) => supervisor.reload({ by: `peer ${index}`, generation: 5 }));
  expect(await Promise.all(orders)).toMatchObject([
    { ok: true, generation: 6 },
    { ok: false, superseded: true, generation: 6 },
  ]);
  expect(supervisor.vitals().last_reload).toMatchObject({ ok: true });
  const told = events.filter(({ event }) => event.startsWith("reload"));
  expect(told.map(({ text }) => text)).toEqual([
    "reloaded, generation 6: setting state_dir changed (peer 1)",
    "reload refused, generation 6 goes on: generation 6 acts by now, the order was for 5 (peer 2)",
  ]);
  expect(told[0]?.fields).toMatchObject({ by: "peer 1", generation: 6 });
});
