import { expect, test } from "bun:test";
import { z } from "zod";
import { applyDelta } from "../core/health/delta.ts";
import type { Plan, PoolPlan } from "../core/plan.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import { checkOf, planOf, poolOf, type TestBackend } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { MemoryFiles, type Files } from "../platform/files.ts";
import type { NameAnswer } from "../platform/names.ts";
import { FakeNames } from "../platform/names_test_source.ts";
import type { Probe, ProbeResult } from "./contract.ts";
import { MAX_AGE_MS, REFRESH_MS, WRITE_GAP_MS } from "./health_file.ts";
import { FIRST_ADDRESSES_MS, FIRST_RESULTS_MS, HealthKeeper, PUBLISH_GAP_MS } from "./health_keeper.ts";

/** Every check answers at once with what the test has set for its address; unset ones do not answer. */
function fakeProbe() {
  const results = new Map<string, boolean>();
  const started: string[] = [];
  const probe: Probe<{ path?: string | undefined }> = {
    name: "fake",
    summary: "For tests.",
    schema: z.strictObject({ path: z.string().optional() }),
    create(options, target) {
      if (options.path === "/refused") throw new Error("the path cannot be used");
      if (options.path === "/file") target.readFile("/ca.pem");
      return {
        start(address, done: (result: ProbeResult) => void) {
          started.push(address.text);
          const healthy = results.get(address.text);
          if (healthy !== undefined) done({ healthy, reason: healthy ? "good" : "bad" });
          return () => {};
        },
      };
    },
  };
  return { probe: probe as Probe, results, started };
}

function setUp(initial: Partial<Snapshot> = {}, files?: Files) {
  const clock = new ManualClock();
  const names = new FakeNames();
  const { probe, results, started } = fakeProbe();
  const deltas: SnapshotDelta[] = [];
  const events: string[] = [];
  let snapshot: Snapshot = {
    generation: 1,
    plan: planOf([]),
    files: {},
    health: {},
    members: {},
    overrides: {},
    documents: {},
    ...initial,
  };
  const keeper = new HealthKeeper(
    {
      snapshot: () => snapshot,
      publish(delta) {
        deltas.push(JSON.parse(JSON.stringify(delta)) as SnapshotDelta);
        snapshot = applyDelta(snapshot, delta);
      },
    },
    {
      clock,
      names,
      probes: [probe],
      random: () => 0.999,
      report: ({ text }) => events.push(text),
      ...(files === undefined ? {} : { files }),
    },
  );
  /** Gives the keeper a plan; the clock moves past the waits for first answers. */
  const apply = async (plan: Plan, files: Snapshot["files"] = {}): Promise<void> => {
    snapshot = { ...snapshot, plan, files };
    const state = { over: false };
    const changed = keeper.planChanged(plan).finally(() => (state.over = true));
    for (let turn = 0; turn < 40 && !state.over; turn++) await Promise.resolve();
    for (let left = FIRST_ADDRESSES_MS + FIRST_RESULTS_MS; left > 0 && !state.over; left -= 50) {
      clock.advance(50);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
    await changed;
  };
  const advance = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(left, 50));
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  return {
    clock,
    names,
    results,
    started,
    deltas,
    events,
    keeper,
    apply,
    advance,
    /** Another snapshot acts before the keeper is told. */
    act: (next: Partial<Snapshot>) => void (snapshot = { ...snapshot, ...next }),
    get snapshot() {
      return snapshot;
    },
  };
}

const CHECK = checkOf("fake", {
  interval_ms: 1_000,
  timeout_ms: 500,
  jitter: 0,
  healthy_after: 2,
  unhealthy_after: 3,
});
const url = (last: number) => `http://192.0.2.${last}:80`;
const backends = (...ids: number[]): TestBackend[] => ids.map((id) => ({ id: `b${id}`, url: url(id) }));
const pool = (list: readonly TestBackend[], settings: Partial<PoolPlan> = {}) =>
  poolOf("web", list, { health_check: CHECK, ...settings });

test("first results are published before the start goes on, later ones as they change", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true).set("192.0.2.2:80", false);
  await run.apply(planOf([pool(backends(1, 2))]));
  expect(run.snapshot.health).toEqual({ "web/b1": "healthy", "web/b2": "unhealthy" });
  expect(run.clock.now()).toBe(0);
  run.results.set("192.0.2.1:80", false).set("192.0.2.2:80", true);
  await run.advance(1_100);
  expect(run.snapshot.health).toEqual({ "web/b1": "healthy", "web/b2": "healthy" });
  await run.advance(2_000);
  expect(run.snapshot.health).toEqual({ "web/b1": "unhealthy", "web/b2": "healthy" });
  expect(run.events.at(-1)).toBe("pool web: backend b1 is unhealthy (bad)");
  await run.keeper.stop();
});

test("a start does not wait long for backends that do not answer", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool(backends(1, 2))]));
  expect(run.clock.now()).toBe(FIRST_RESULTS_MS);
  expect(run.snapshot.health).toEqual({ "web/b1": "healthy" });
  await run.advance(500);
  expect(run.snapshot.health).toEqual({ "web/b1": "healthy", "web/b2": "unhealthy" });
  await run.keeper.stop();
});

test("a pool without a health check is not probed and has no health", async () => {
  const run = setUp();
  await run.apply(planOf([pool(backends(1), { health_check: null })]));
  await run.advance(5_000);
  expect([run.started, run.deltas]).toEqual([[], []]);
  await run.keeper.stop();
});

test("H-H10/keeper an unchanged backend keeps health, counts and rhythm over reloads", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool(backends(1))]));
  run.results.set("192.0.2.1:80", false);
  await run.advance(2_050);
  expect(run.started.length).toBe(3);
  // Two of three failures are counted: the reload must not forget them, nor probe anew.
  await run.apply(planOf([pool(backends(1, 2)), poolOf("other", backends(9))]));
  expect(run.started).toEqual(["192.0.2.1:80", "192.0.2.1:80", "192.0.2.1:80", "192.0.2.2:80"]);
  expect(run.snapshot.health["web/b1"]).toBe("healthy");
  await run.advance(1_000);
  expect(run.snapshot.health["web/b1"]).toBe("unhealthy");
  await run.keeper.stop();
});

test("H-H11/keeper a backend that joins, and one that moves to another address, are unknown until their first result", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool(backends(1))]));
  await run.apply(planOf([pool([...backends(1), { id: "b2", url: url(2) }])]));
  expect(run.snapshot.health).toEqual({ "web/b1": "healthy" });
  await run.apply(planOf([pool([{ id: "b1", url: url(3) }])]));
  expect(run.snapshot.health).toEqual({});
  await run.keeper.stop();
});

test("a changed check keeps the health until its first result, which decides at once", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool(backends(1))]));
  run.results.set("192.0.2.1:80", false);
  const changed = { ...CHECK, options: { path: "/other" } };
  await run.apply(planOf([pool(backends(1), { health_check: changed })]));
  await run.advance(PUBLISH_GAP_MS);
  expect(run.started.length).toBe(2);
  expect(run.snapshot.health).toEqual({ "web/b1": "unhealthy" });
  await run.keeper.stop();
});

test("a file with other content is another check, the same content is not", async () => {
  const run = setUp();
  const plan = planOf([pool(backends(1), { health_check: { ...CHECK, options: { path: "/file" } } })]);
  await run.apply(plan, { "/ca.pem": "one" });
  await run.apply(plan, { "/ca.pem": "one", "/more.pem": "x" });
  expect(run.started.length).toBe(1);
  await run.apply(plan, { "/ca.pem": "two" });
  expect(run.started.length).toBe(2);
  await run.keeper.stop();
});

test("a check that cannot be made is refused with its place, and everything goes on as before", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool(backends(1))]));
  const refused = { ...CHECK, options: { path: "/refused" } };
  const plan = planOf([pool(backends(1), { health_check: refused })]);
  expect(run.keeper.planChanged(plan)).rejects.toThrow("pool web, backend b1: the path cannot be used");
  expect(
    run.keeper.planChanged(planOf([pool(backends(1), { health_check: checkOf("none") })])),
  ).rejects.toThrow("pool web: no probe none");
  await run.advance(1_100);
  expect(run.started.length).toBe(2);
  await run.keeper.stop();
});

test("probes go to another port where the check says so, and to the unix socket whatever it says", async () => {
  const run = setUp();
  const list = [...backends(1), { id: "local", url: "unix:/run/web.sock" }];
  await run.apply(planOf([pool(list, { health_check: { ...CHECK, port: 9000 } })]));
  expect(run.started).toEqual(["192.0.2.1:9000", "unix:/run/web.sock"]);
  await run.keeper.stop();
});

test("H-E21/keeper each address of a name is a member of its own, and follows the name", async () => {
  const run = setUp();
  run.names.set("web.test", ["192.0.2.1", "192.0.2.2"], 2_000);
  run.results.set("192.0.2.1:80", true).set("192.0.2.2:80", true).set("192.0.2.3:80", true);
  await run.apply(planOf([pool([{ id: "a", url: "http://web.test" }])]));
  expect(run.snapshot.members).toEqual({ "web/a": ["192.0.2.1", "192.0.2.2"] });
  expect(run.snapshot.health).toEqual({ "web/a@192.0.2.1": "healthy", "web/a@192.0.2.2": "healthy" });
  run.names.set("web.test", ["192.0.2.2", "192.0.2.3"], 2_000);
  await run.advance(2_150);
  expect(run.snapshot.members).toEqual({ "web/a": ["192.0.2.2", "192.0.2.3"] });
  expect(run.snapshot.health).toEqual({ "web/a@192.0.2.2": "healthy", "web/a@192.0.2.3": "healthy" });
  const before = run.started.length;
  await run.advance(1_000);
  expect(run.started.slice(before)).not.toContain("192.0.2.1:80");
  await run.keeper.stop();
});

test("the names of a plan that comes are found before it acts; one that is refused leaves nothing behind", async () => {
  const run = setUp();
  const named = (id: string, name: string) => ({ id, url: `http://${name}:80` });
  run.names.set("old.test", ["192.0.2.1"]);
  run.names.set("new.test", ["192.0.2.2", "192.0.2.3"]);
  await run.apply(planOf([pool([named("a", "old.test"), named("b", "old.test")])]));
  const next = planOf([pool([named("a", "old.test"), named("b", "new.test"), named("c", "none.test")])]);
  const coming = run.keeper.planComing(next);
  await run.advance(50);
  expect(await coming).toEqual({
    health: {},
    members: { "web/b": ["192.0.2.2", "192.0.2.3"], "web/c": [] },
    overrides: {},
    documents: {},
  });
  expect(run.snapshot.members).toEqual({ "web/a": ["192.0.2.1"], "web/b": ["192.0.2.1"] });
  run.keeper.reloaded();
  const lookups = run.names.lookups.length;
  await run.advance(60_000);
  expect(run.names.lookups.slice(lookups)).not.toContain("new.test");
  await run.keeper.stop();
});

test("what was found for a plan that acts already is not taken away before the keeper is told of it", async () => {
  const run = setUp();
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool(backends(1))]));
  const next = planOf([pool([...backends(1), { id: "c", url: "http://new.test:80" }])]);
  run.act({ plan: next, members: { "web/c": ["192.0.2.9"] } });
  run.results.set("192.0.2.1:80", false);
  await run.advance(5_000);
  expect(run.snapshot.members).toEqual({ "web/c": ["192.0.2.9"] });
  run.names.set("new.test", ["192.0.2.9"]);
  await run.apply(next);
  expect(run.snapshot).toMatchObject({
    health: { "web/b1": "unhealthy" },
    members: { "web/c": ["192.0.2.9"] },
  });
  await run.keeper.stop();
});

test("a name that cannot be resolved any more keeps its members; one that never could has none and the start goes on", async () => {
  const run = setUp();
  run.names.set("good.test", ["192.0.2.1"], 1_000);
  run.results.set("192.0.2.1:80", true);
  const list = [
    { id: "good", url: "http://good.test" },
    { id: "bad", url: "http://bad.test" },
  ];
  await run.apply(planOf([pool(list)]));
  run.names.fail("good.test");
  await run.advance(60_000);
  expect(run.snapshot.members).toEqual({ "web/good": ["192.0.2.1"] });
  expect(run.snapshot.health).toEqual({ "web/good@192.0.2.1": "healthy" });
  expect(run.events).toContain("bad.test cannot be resolved (no such name): it has no address");
  expect(run.events).toContain(
    "good.test cannot be resolved (server failure): its 1 known addresses stay in use",
  );
  await run.keeper.stop();
});

test("a start waits for slow names only so long", async () => {
  const run = setUp();
  const slow = Promise.withResolvers<NameAnswer>();
  run.names.set("slow.test", slow.promise);
  await run.apply(planOf([pool([{ id: "a", url: "http://slow.test" }], { health_check: null })]));
  expect(run.clock.now()).toBe(FIRST_ADDRESSES_MS);
  slow.resolve({ kind: "found", addresses: ["192.0.2.1"], ttl_ms: 5_000 });
  await run.advance(50);
  expect(run.snapshot.members).toEqual({ "web/a": ["192.0.2.1"] });
  await run.keeper.stop();
});

test("what the snapshot knows from before holds: health until it is measured, addresses while the name has no answer", async () => {
  const run = setUp({
    health: { "web/a@192.0.2.7": "healthy", "web/gone": "healthy" },
    members: { "web/a": ["192.0.2.7"] },
  });
  const plan = (name: string) => planOf([pool([{ id: "a", url: `http://${name}` }])]);
  await run.apply(plan("web.test"));
  expect(run.snapshot.members).toEqual({ "web/a": ["192.0.2.7"] });
  expect(run.snapshot.health).toEqual({ "web/a@192.0.2.7": "healthy" });
  expect(run.started).toEqual(["192.0.2.7:80"]);
  // The same backend under another name: addresses of the old one are wrong.
  await run.apply(plan("other.test"));
  expect([run.snapshot.members, run.snapshot.health]).toEqual([{}, {}]);
  await run.keeper.stop();
});

test("many changes at once travel in few deltas", async () => {
  const run = setUp();
  const list = Array.from({ length: 500 }, (_, index) => ({
    id: `b${index}`,
    url: `http://10.0.${index >> 8}.${index & 255}:80`,
  }));
  await run.apply(planOf([pool(list)]));
  for (let index = 0; index < 500; index++) run.results.set(`10.0.${index >> 8}.${index & 255}:80`, true);
  await run.advance(1_500);
  expect(Object.keys(run.snapshot.health).length).toBe(500);
  expect(run.deltas.length).toBeLessThan(1_500 / PUBLISH_GAP_MS);
  await run.keeper.stop();
});

test("after stop nothing is probed, looked up or published", async () => {
  const run = setUp();
  run.names.set("web.test", ["192.0.2.1"], 1_000);
  run.results.set("192.0.2.1:80", true);
  await run.apply(planOf([pool([{ id: "a", url: "http://web.test" }])]));
  const counts = () => [run.started.length, run.names.lookups.length, run.deltas.length];
  await run.keeper.stop();
  const before = counts();
  run.results.set("192.0.2.1:80", false);
  await run.advance(20_000);
  expect(counts()).toEqual(before);
  expect(run.names.closed).toBe(true);
});

test("a stop ends a start that waits", async () => {
  const run = setUp();
  const plan = planOf([pool(backends(1))]);
  const starting = run.keeper.planChanged(plan);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  await run.keeper.stop();
  await starting;
  expect(run.clock.now()).toBe(0);
});

const KEPT = "/state/health.json";
/** Files of which the text that was written last is known. */
class KeptFiles extends MemoryFiles {
  text = "";
  full = false;

  override replace(path: string, bytes: Uint8Array): Promise<string | null> {
    if (this.full) return Promise.resolve("no space is left");
    this.text = new TextDecoder().decode(bytes);
    return super.replace(path, bytes);
  }

  get kept(): { written_at: number; members: Record<string, { health: string }> } {
    return JSON.parse(this.text) as never;
  }
}
const stateful = (list: readonly TestBackend[], settings: Partial<PoolPlan> = {}) =>
  planOf([pool(list, settings)], { state_dir: "/state" });

test("what is known is kept and believed at the next start: the healthy serve at once, the first result decides", async () => {
  const files = new KeptFiles();
  const first = setUp({}, files);
  first.results.set("192.0.2.1:80", true);
  first.results.set("192.0.2.2:80", false);
  await first.apply(stateful(backends(1, 2, 3)));
  await first.keeper.stop();
  expect(Object.entries(files.kept.members).map(([id, { health }]) => `${id} ${health}`)).toEqual([
    "web/b1 healthy",
    "web/b2 unhealthy",
  ]);
  const next = setUp({}, files);
  next.clock.setWall(files.kept.written_at + 1);
  await next.apply(stateful(backends(1, 2, 3)));
  expect(next.snapshot.health).toEqual({ "web/b1": "healthy", "web/b2": "unhealthy" });
  expect(next.started.length).toBe(3);
  await next.keeper.stop();
  const last = setUp({}, files);
  last.clock.setWall(files.kept.written_at + 1);
  last.results.set("192.0.2.1:80", false);
  last.results.set("192.0.2.2:80", true);
  await last.apply(stateful(backends(1, 2)));
  expect(last.snapshot.health).toEqual({ "web/b1": "unhealthy", "web/b2": "healthy" });
  await last.keeper.stop();
});

test("kept health is not believed of a member that has changed, nor when it is old or from the future", async () => {
  const files = new KeptFiles();
  const first = setUp({}, files);
  for (const port of [1, 2]) first.results.set(`192.0.2.${port}:80`, true);
  await first.apply(stateful(backends(1, 2)));
  await first.keeper.stop();
  const { text } = files;
  const { written_at: writtenAt } = files.kept;
  const knownAfter = async (age: number, plan: Plan): Promise<readonly string[]> => {
    files.write(KEPT, text);
    const run = setUp({}, files);
    run.clock.setWall(writtenAt + age);
    await run.apply(plan);
    const found = Object.keys(run.snapshot.health);
    await run.keeper.stop();
    return found;
  };
  const [one, two] = backends(1, 2) as [TestBackend, TestBackend];
  expect(await knownAfter(MAX_AGE_MS, stateful([one, two]))).toEqual(["web/b1", "web/b2"]);
  expect(await knownAfter(0, stateful([one, { ...two, url: "http://192.0.2.7:80" }]))).toEqual(["web/b1"]);
  expect(await knownAfter(0, stateful([one], { health_check: null }))).toEqual([]);
  expect(await knownAfter(MAX_AGE_MS + 1, stateful([one, two]))).toEqual([]);
  expect(await knownAfter(-1, stateful([one, two]))).toEqual([]);
});

test("changes are written once in a while, and the file is kept young; what is damaged or cannot be written is told once", async () => {
  const files = new KeptFiles({
    [KEPT]: '{"version":1,"written_at":1,"members":{"web/b1":{"health":"fine"}}}',
  });
  const run = setUp({}, files);
  run.results.set("192.0.2.1:80", true);
  await run.apply(stateful(backends(1)));
  expect(run.events[0]).toMatch(/^\/state\/health.json is not ours or damaged \(.+\): nothing is known/);
  await run.advance(WRITE_GAP_MS);
  const { written_at } = files.kept;
  expect(files.kept.members["web/b1"]?.health).toBe("healthy");
  await run.advance(WRITE_GAP_MS * 3);
  expect(files.kept.written_at).toBe(written_at);
  await run.advance(REFRESH_MS);
  expect(files.kept.written_at).toBeGreaterThan(written_at);
  await run.keeper.stop();
  files.full = true;
  const full = setUp({}, files);
  full.results.set("192.0.2.1:80", true);
  await full.apply(stateful(backends(1)));
  await full.advance(REFRESH_MS * 3);
  await full.keeper.stop();
  expect(full.events.filter((event) => event.includes("cannot be written"))).toEqual([
    "/state/health.json cannot be written (no space is left): the next start begins without health",
  ]);
});

test("H-H7/deltas a delta holds what has changed, and changes that come together travel together", async () => {
  const COUNT = 1_000;
  const run = setUp();
  const many = Array.from({ length: COUNT }, (_, index) => index + 1);
  for (const port of many) run.results.set(`127.0.0.1:${port}`, true);
  const list = many.map((port) => ({ id: `b${port}`, url: `http://127.0.0.1:${port}` }));
  await run.apply(planOf([pool(list)]));
  await run.advance(3_000);
  const sizes = () => run.deltas.map(({ health }) => Object.keys(health).length);
  expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(COUNT);
  const before = run.deltas.length;
  for (const port of [5, 500, 900]) run.results.set(`127.0.0.1:${port}`, false);
  await run.advance(20_000);
  const later = run.deltas.slice(before);
  expect(Object.assign({}, ...later.map(({ health }) => health))).toEqual({
    "web/b5": "unhealthy",
    "web/b500": "unhealthy",
    "web/b900": "unhealthy",
  });
  expect(later.length).toBeLessThanOrEqual(3);
  await run.keeper.stop();
});
