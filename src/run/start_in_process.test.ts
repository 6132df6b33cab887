import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../core/plan.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { accessLogOf, observabilityOf } from "../core/test_plan.ts";
import type { CounterRegions, CreateProgram, WorkerProgram } from "../core/worker_program.ts";
import { startInProcess } from "./start_in_process.ts";
import { createTestProgram, TestCounters, TestProgram, testPlan } from "./test_program.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-run-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const options = { createProgram: createTestProgram };

/** What a server answers to one byte, or the error code. */
function ask(target: { port: number } | { path: string }): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect("port" in target ? { ...target, host: "127.0.0.1" } : target, () =>
      socket.write("?"),
    );
    socket.on("data", (bytes) => (said += bytes.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "?"));
    socket.on("close", () => resolve(said));
  });
}

test("a plan starts, answers and reports real ports", async () => {
  await using server = await startInProcess(
    testPlan({ web: null, api: null }, { state_dir: "one" }),
    options,
  );
  expect(server.listeners().map(({ name, address }) => [name, address])).toEqual([
    ["web", "127.0.0.1"],
    ["api", "127.0.0.1"],
  ]);
  expect(await ask({ port: server.port("web") })).toBe(`one ${process.pid}`);
  expect(await ask({ port: server.port("api") })).toBe(`one ${process.pid}`);
  expect(() => server.port("none")).toThrow("no listener none");
});

test("a reload keeps sockets, swaps the plan, adds and removes listeners", async () => {
  await using server = await startInProcess(
    testPlan({ web: null, old: null }, { state_dir: "one" }),
    options,
  );
  const [web, old] = [server.port("web"), server.port("old")];
  const path = join(directory, "new.sock");
  const unix = { kind: "unix", path, mode: 0o600, user: null, group: null } as const;
  const next = testPlan({ web: null, local: unix }, { state_dir: "two" });
  expect(await server.reload({ plan: next })).toEqual({
    ok: true,
    changed: true,
    generation: 2,
    changes: ["listener local added", "listener old removed", "setting state_dir changed"],
    warnings: ["state_dir acts from the next start on"],
  });
  expect(server.events).toContainEqual({
    event: "config_warning",
    level: "warning",
    text: "state_dir acts from the next start on",
  });
  expect(server.port("web")).toBe(web);
  expect(await ask({ port: web })).toBe(`two ${process.pid}`);
  expect(await ask({ path })).toBe(`two ${process.pid}`);
  expect(await ask({ port: old })).toBe("ECONNREFUSED");
  expect(await server.reload({ plan: next })).toEqual({
    ok: true,
    changed: false,
    generation: 2,
    changes: [],
    warnings: [],
  });
  expect(await server.reload({ plan: testPlan({ web: null }, { state_dir: "two" }) })).toMatchObject({
    ok: true,
  });
  expect(existsSync(path)).toBe(false);
});

test("a reload that anything refuses changes nothing and leaves nothing open", async () => {
  await using server = await startInProcess(testPlan({ web: null }, { state_dir: "one" }), options);
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  const busy = { kind: "tcp", host: "127.0.0.1", port: taken.port, dual_stack: false } as const;
  const path = join(directory, "refused.sock");
  const local = { kind: "unix", path, mode: null, user: null, group: null } as const;
  const observability = observabilityOf({ access_log: accessLogOf(join(directory, "none", "access.log")) });
  for (const [next, words] of [
    [
      testPlan({ web: null, local, api: busy }, { state_dir: "two" }),
      /^listener api: cannot listen on .* in use by /,
    ],
    [testPlan({ web: null, local }, { state_dir: "fail" }), /^plan fail cannot be built$/],
    [
      testPlan({ web: null, local }, { observability }),
      /^cannot open the log .*none\/access.log: no such file or directory$/,
    ],
  ] as const) {
    const result = await server.reload({ plan: next });
    expect(result).toMatchObject({ ok: false, generation: 1 });
    expect(result.ok ? "" : result.problems.join()).toMatch(words);
    expect(await ask({ port: server.port("web") })).toBe(`one ${process.pid}`);
    expect([existsSync(path), open()]).toEqual([false, before]);
  }
  const broken = await server.reload({ plan: null, problems: ["a.yaml:1:1: broken"] });
  expect(broken).toEqual({ ok: false, generation: 1, problems: ["a.yaml:1:1: broken"] });
  expect((await server.supervisor.status()).last_reload).toMatchObject({ ok: false });
  taken.stop();
});

test("what goes wrong after the commit is told, and tried again by an equal configuration", async () => {
  const path = join(directory, "lost.sock");
  const at = (mode: number) => ({ kind: "unix", path, mode, user: null, group: null }) as const;
  await using server = await startInProcess(testPlan({ local: at(0o600) }, { state_dir: "one" }), options);
  rmSync(path);
  const next = testPlan({ local: at(0o660) }, { state_dir: "one" });
  for (const generation of [2, 3])
    expect(await server.reload({ plan: next })).toEqual({
      ok: false,
      acts: true,
      generation,
      problems: [expect.stringMatching(/^listener local: .*lost\.sock/)],
      changes: generation === 2 ? ["listener local changed"] : [],
    });
  writeFileSync(path, "");
  expect(await server.reload({ plan: next })).toMatchObject({ ok: true, changed: true, generation: 4 });
  expect(await server.reload({ plan: next })).toMatchObject({ ok: true, changed: false, generation: 4 });
});

test("a defect within a reload is its result", async () => {
  const plan = testPlan({ web: null }, { state_dir: "one" });
  await using server = await startInProcess(plan, {
    ...options,
    report(event) {
      if (event.text === "defect") throw new Error("nobody to tell");
    },
  });
  const next = testPlan({ web: null }, { state_dir: "two" });
  expect(await server.reload({ plan: next, warnings: ["defect"] })).toEqual({
    ok: false,
    generation: 1,
    problems: ["the reload has failed: nobody to tell"],
  });
  expect(await ask({ port: server.port("web") })).toBe(`one ${process.pid}`);
  expect(await server.reload({ plan: next, warnings: [] })).toMatchObject({ ok: true, generation: 2 });
});

test("a start that anything refuses says why and leaves nothing open", async () => {
  const before = readdirSync("/proc/self/fd").length;
  const path = join(directory, "start.sock");
  const local = { kind: "unix", path, mode: null, user: null, group: null } as const;
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const busy = { kind: "tcp", host: "127.0.0.1", port: taken.port, dual_stack: false } as const;
  expect(startInProcess(testPlan({ local, busy }), options)).rejects.toThrow(
    /listener busy: cannot listen on/,
  );
  expect(startInProcess(testPlan({ local }, { state_dir: "fail" }), options)).rejects.toThrow(
    "cannot be built",
  );
  await Bun.sleep(0);
  taken.stop();
  while (readdirSync("/proc/self/fd").length > before) await Bun.sleep(5);
  expect(existsSync(path)).toBe(false);
});

test("an address that overlaps the one before takes over its port", async () => {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop();
  const wide = { kind: "tcp", host: "", port, dual_stack: true } as const;
  await using server = await startInProcess(testPlan({ web: wide }, { state_dir: "one" }), options);
  expect(await ask({ port })).toBe(`one ${process.pid}`);
  const narrow = { ...wide, host: "127.0.0.1", dual_stack: false };
  expect(await server.reload({ plan: testPlan({ web: narrow }, { state_dir: "two" }) })).toMatchObject({
    ok: true,
  });
  expect(server.listeners()).toEqual([{ name: "web", address: "127.0.0.1", port }]);
  expect(await ask({ port })).toBe(`two ${process.pid}`);
});

test("log files are opened in append mode, kept over reloads and reopened on demand", async () => {
  const path = join(directory, "access.log");
  const observability = observabilityOf({ access_log: accessLogOf(path) });
  await using server = await startInProcess(
    testPlan({ web: null }, { observability, state_dir: "a" }),
    options,
  );
  const program = server.program as TestProgram;
  const { pid } = process;
  writeSync(program.log, "one\n");
  const fd = program.log;
  await server.reload({ plan: testPlan({ web: null }, { observability, state_dir: "b" }) });
  expect(program.log).toBe(fd);
  renameSync(path, `${path}.1`);
  writeSync(program.log, "two\n");
  await server.supervisor.reopenLogs();
  writeSync(program.log, "three\n");
  expect([readFileSync(`${path}.1`, "utf8"), readFileSync(path, "utf8")]).toEqual([
    `${pid}\none\ntwo\n`,
    `${pid}\nthree\n`,
  ]);
});

test("health travels as deltas, survives a reload and goes with its backend", async () => {
  const pools = (ids: string[]) =>
    [{ name: "web", backends: ids.map((id) => ({ id })) }] as unknown as ReturnType<typeof testPlan>["pools"];
  const initial = {
    health: { "web/a": "unhealthy", "web/gone": "healthy" },
    members: {},
    overrides: {},
    documents: {},
  } as const;
  const plan = testPlan({ web: null }, { pools: pools(["a", "b"]) });
  await using server = await startInProcess(plan, { ...options, initial });
  const program = server.program as TestProgram;
  expect(program.health).toEqual({ "web/a": "unhealthy" });
  server.publish({ health: { "web/b@10.0.0.1": "healthy", "web/a": "unhealthy" } });
  expect(program.health).toEqual({ "web/a": "unhealthy", "web/b@10.0.0.1": "healthy" });
  await server.reload({ plan: testPlan({ web: null }, { pools: pools(["b", "c"]) }) });
  expect(program.health).toEqual({ "web/b@10.0.0.1": "healthy" });
});

test("what becomes known while a snapshot is built reaches the worker, and unknown takes a key away", async () => {
  const pools = [{ name: "web", backends: [{ id: "a" }, { id: "b" }] }] as unknown as Plan["pools"];
  const building = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  /** The second plan takes its time. */
  const createProgram: CreateProgram = (identity) => {
    const program = new TestProgram(identity);
    return Object.assign(program as WorkerProgram, {
      async prepare(snapshot: Snapshot, regions: CounterRegions) {
        if (snapshot.generation > 1) {
          building.resolve();
          await gate.promise;
        }
        for (const _ of TestProgram.prototype.prepare.call(program, snapshot, regions));
      },
    });
  };
  await using server = await startInProcess(testPlan({ web: null }, { pools }), { createProgram });
  const program = server.program as TestProgram;
  server.publish({ health: { "web/a": "healthy" }, members: { "web/b": ["192.0.2.1"] } });
  const reloaded = server.reload({ plan: testPlan({ web: null }, { pools, state_dir: "next" }) });
  await building.promise;
  server.publish({
    health: { "web/a": "unknown", "web/b@192.0.2.1": "unhealthy" },
    members: { "web/b": [] },
  });
  gate.resolve();
  expect(await reloaded).toMatchObject({ ok: true, generation: 2 });
  expect(server.snapshot()).toMatchObject({ health: { "web/b@192.0.2.1": "unhealthy" }, members: {} });
  expect(program.health).toEqual({ "web/a": "unknown", "web/b@192.0.2.1": "unhealthy" });
});

test("counters of a layout that is left go to the keeper, once", async () => {
  const counters = new TestCounters();
  const plan = (prefix: string) =>
    testPlan({ web: null }, { observability: observabilityOf({ metrics: { prefix } }) });
  const server = await startInProcess(plan("a"), { ...options, counters });
  const total = () => [...server.supervisor.counters()].map(({ layout, values }) => [layout.key, values[0]]);
  await ask({ port: server.port("web") });
  expect(total()).toEqual([["a", 1]]);
  await server.reload({ plan: plan("b") });
  await ask({ port: server.port("web") });
  expect([total(), [...counters.kept]]).toEqual([[["b", 1]], [["a", 1]]]);
  await server.reload({ plan: { ...plan("b"), state_dir: "same layout" } });
  expect([total(), [...counters.kept]]).toEqual([[["b", 1]], [["a", 1]]]);
  await server.stop();
  expect(Object.fromEntries(counters.kept)).toEqual({ a: 1, b: 1 });
  expect(total()).toEqual([]);
});

test("stop: no new connections, what is under way is finished, what stays is cut", async () => {
  const timeouts = { ...testPlan({}).timeouts, drain: 400 };
  const server = await startInProcess(testPlan({ web: null }, { state_dir: "one", timeouts }), options);
  const port = server.port("web");
  const open = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket));
    });
  const [busy, idle] = [await open(), await open()];
  const ends = Promise.withResolvers<string>();
  idle.on("error", () => {});
  idle.on("close", () => ends.resolve("cut"));
  const stopped = server.stop();
  const answer = new Promise((resolve) => busy.on("data", (bytes) => resolve(bytes.toString())));
  busy.write("?");
  expect(await answer).toBe(`one ${process.pid}`);
  expect(await ends.promise).toBe("cut");
  await stopped;
  expect(await ask({ port })).toBe("ECONNREFUSED");
});

test("what a part finds out about a plan stands in its snapshot from the start; a part may refuse a plan", async () => {
  const pools = (ids: string[]) =>
    [{ name: "web", backends: ids.map((id) => ({ id })) }] as unknown as Plan["pools"];
  const results: boolean[] = [];
  const part = () => ({
    planComing(plan: Plan) {
      if (plan.state_dir === "bad") throw new Error("the part refuses");
      return {
        health: { "web/b": "healthy", "web/gone": "healthy" },
        members: { "web/b": ["192.0.2.1"] },
        overrides: {},
        documents: {},
      } as const;
    },
    planChanged() {},
    reloaded: ({ ok }: { ok: boolean }) => void results.push(ok),
    stop() {},
  });
  await using server = await startInProcess(testPlan({ web: null }, { pools: pools(["a"]) }), {
    ...options,
    parts: [part],
  });
  const next = testPlan({ web: null }, { pools: pools(["a", "b"]), state_dir: "bad" });
  expect(await server.reload({ plan: next })).toEqual({
    ok: false,
    generation: 1,
    problems: ["the part refuses"],
  });
  await server.reload({ plan: { ...next, state_dir: "good" } });
  expect(server.snapshot()).toMatchObject({ generation: 2, members: { "web/b": ["192.0.2.1"] } });
  expect((server.program as TestProgram).health).toEqual({ "web/b": "healthy" });
  expect(results).toEqual([false, true]);
});

test("parts of the supervisor follow the plan, and one that refuses is told", async () => {
  const calls: string[] = [];
  const part = () => ({
    address: "127.0.0.1:1",
    planChanged(plan: { state_dir: string }) {
      calls.push(plan.state_dir);
      if (plan.state_dir === "bad") throw new Error("the part refuses");
    },
    draining: () => void calls.push("draining"),
    stop() {
      calls.push("stop");
      throw new Error("cannot stop");
    },
  });
  const server = await startInProcess(testPlan({ web: null }, { state_dir: "one" }), {
    ...options,
    parts: [part],
  });
  expect(server.supervisor.partAddresses).toEqual(["127.0.0.1:1"]);
  await server.reload({ plan: testPlan({ web: null }, { state_dir: "two" }) });
  const result = await server.reload({ plan: testPlan({ web: null }, { state_dir: "bad" }) });
  expect(result).toEqual({
    ok: false,
    acts: true,
    generation: 3,
    problems: ["the part refuses"],
    changes: ["setting state_dir changed"],
  });
  await server.stop();
  expect(calls).toEqual(["one", "two", "bad", "draining", "stop"]);
  expect(server.events.at(-1)?.text).toBe("cannot stop");
  expect(
    startInProcess(testPlan({ web: null }, { state_dir: "bad" }), { ...options, parts: [part] }),
  ).rejects.toThrow("the part refuses");
});
