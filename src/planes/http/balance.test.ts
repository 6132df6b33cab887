/** When backends start slowly and how zones share the traffic, in a worker whose clock is moved by hand. */
import { expect, test } from "bun:test";
import type { PoolPlan } from "../../core/plan.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../../core/snapshot.ts";
import { checkOf, planOf, poolOf, type TestBackend } from "../../core/test_plan.ts";
import type { CounterRegions } from "../../core/worker_program.ts";
import { MetricLayout } from "../../observe/metric_layout.ts";
import { ManualClock } from "../../platform/clock.ts";
import { limitNumbers } from "./connection_counts.ts";
import { createStep } from "./middleware/all.ts";
import { HttpProgram } from "./program.ts";

type Known = Partial<Pick<Snapshot, "health" | "members" | "overrides">>;

function start(pool: PoolPlan, known: Known = {}) {
  const clock = new ManualClock();
  const program = new HttpProgram({ index: 0, inProcess: true }, { createStep, clock, random: () => 0 });
  let generation = 0;
  const state = { health: {}, members: {}, overrides: {}, documents: {}, ...known };
  const apply = (plan: PoolPlan, more: Known = {}): void => {
    const snapshot: Snapshot = {
      generation: ++generation,
      plan: planOf([plan]),
      files: {},
      ...state,
      ...more,
    };
    const layout = MetricLayout.ofPlan(snapshot.plan, limitNumbers(0));
    const regions: CounterRegions = {
      counters: new Float64Array(layout.counters),
      limits: new Float64Array(layout.limits),
      limitRow: 0,
      limitRows: 1,
    };
    for (const _ of program.prepare(snapshot, regions));
    program.apply();
  };
  apply(pool);
  const runtime = () => program.plane.runtime.pools.get("web")!;
  return {
    clock,
    program,
    apply,
    get pool() {
      return runtime();
    },
    upstream: (key: string) => runtime().upstreams.find((one) => one.key === key)!,
    delta: (delta: Partial<SnapshotDelta>) => program.delta({ ...NOTHING_CHANGED, ...delta }),
    /** Part of so many requests that each backend gets. */
    parts(rounds = 1_000): Record<string, number> {
      const found: Record<string, number> = {};
      for (let round = 0; round < rounds; round++) {
        const key = runtime().picker.pick!(0, [])?.key ?? "none";
        found[key] = (found[key] ?? 0) + 1 / rounds;
      }
      return Object.fromEntries(
        Object.entries(found).map(([key, part]) => [key, Math.round(part * 100) / 100]),
      );
    },
  };
}

const backend = (id: string, more: Partial<TestBackend> = {}): TestBackend => ({
  id,
  url: `http://192.0.2.${id.charCodeAt(0)}:80`,
  ...more,
});
const [A, B, C] = [backend("a"), backend("b"), backend("c")];
const slow_start = { duration_ms: 10_000, initial_share: 0.1 };
const check = { health_check: checkOf("tcp"), slow_start };
const healthy = { "web/a": "healthy", "web/b": "healthy" } as const;
/** Of two equal backends the part of one that has this part of its weight. */
const part = (share: number): number => Math.round((share / (1 + share)) * 100) / 100;

test("H-H23/ramp a backend that becomes healthy again gets a part that grows evenly from the first one to all", () => {
  const run = start(poolOf("web", [A, B], check), { health: healthy });
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
  run.delta({ health: { "web/b": "unhealthy" } });
  expect(run.parts()).toEqual({ a: 1 });
  run.delta({ health: { "web/b": "healthy" } });
  for (const share of [0.1, 0.28, 0.46, 0.64, 0.82]) {
    expect(Math.abs(run.parts()["b"]! - part(share))).toBeLessThan(0.02);
    run.clock.advance(2_000);
  }
  run.clock.advance(300);
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
  expect(run.pool.picker.constructor.name).toBe("RoundRobinPicker");
});

test("a cold start is no slow start, whatever the order in which first results come", () => {
  const run = start(poolOf("web", [A, B, C], check));
  expect(run.parts(300)).toEqual({ a: 0.33, b: 0.33, c: 0.33 });
  run.delta({ health: { "web/a": "healthy" } });
  expect(run.parts(300)).toEqual({ a: 1 });
  run.delta({ health: { "web/b": "healthy" } });
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
  // It was found bad first.
  run.delta({ health: { "web/c": "unhealthy" } });
  run.delta({ health: { "web/c": "healthy" } });
  expect(run.parts()["c"]).toBeLessThan(0.07);
});

test("a backend that joins, is enabled after a drain or is let in again starts slowly; a changed weight does not matter", () => {
  const plan = poolOf("web", [A, B], check);
  const run = start(poolOf("web", [A], check), { health: healthy });
  run.apply(plan);
  expect(run.parts()["b"]).toBe(part(0.1));
  run.clock.advance(11_000);
  expect(run.parts()["b"]).toBe(0.5);
  run.delta({ overrides: { "web/b": { enabled: "draining" } } });
  expect(run.parts()).toEqual({ a: 1 });
  run.delta({ overrides: { "web/b": {} } });
  expect(run.parts()["b"]).toBe(part(0.1));
  run.clock.advance(11_000);
  run.delta({ overrides: { "web/b": { weight: 2 } } });
  expect(run.parts()["b"]).toBe(0.67);
  run.delta({ overrides: { "web/b": {} } });
  run.upstream("b").connections.eject(1_000, () => run.delta({ overrides: { "web/a": {} } }));
  run.delta({ overrides: { "web/a": {} } });
  expect(run.parts()).toEqual({ a: 1 });
  run.clock.advance(1_100);
  expect(run.parts()["b"]).toBeLessThan(0.12);
});

test("H-H23/reload a slow start goes on over a reload, begins for no unchanged backend, and ends with the setting", () => {
  const run = start(poolOf("web", [A, B], check), { health: healthy });
  run.delta({ health: { "web/b": "unhealthy" } });
  run.delta({ health: { "web/b": "healthy" } });
  run.clock.advance(5_000);
  run.apply(poolOf("web", [A, B], { ...check, max_idle_connections: 3 }));
  expect(Math.abs(run.parts()["b"]! - part(0.55))).toBeLessThan(0.02);
  run.clock.advance(2_500);
  expect(Math.abs(run.parts()["b"]! - part(0.775))).toBeLessThan(0.02);
  run.apply(poolOf("web", [A, B], { health_check: checkOf("tcp") }));
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
});

test("nobody starts slowly where there is no other to take more: alone, after all were down, in a panic", () => {
  const run = start(poolOf("web", [A, B], { ...check, on_all_down: "panic" }), { health: healthy });
  run.delta({ health: { "web/a": "unhealthy", "web/b": "unhealthy" } });
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
  run.delta({ health: { "web/b": "healthy" } });
  expect(run.parts()).toEqual({ b: 1 });
  run.delta({ health: { "web/a": "healthy" } });
  expect(run.parts()["a"]).toBe(part(0.1));
  // The other one goes: all that is left is needed.
  run.delta({ health: { "web/b": "unhealthy" } });
  expect(run.parts()).toEqual({ a: 1 });
  run.delta({ health: { "web/b": "healthy" } });
  expect(run.parts()["b"]).toBe(part(0.1));
});

test("a name's new address starts slowly beside the old ones", () => {
  const named = { id: "n", url: "http://n.test:80" };
  const run = start(poolOf("web", [named], { slow_start }), { members: { "web/n": ["192.0.2.1"] } });
  run.delta({ members: { "web/n": ["192.0.2.1", "192.0.2.2"] } });
  expect(run.parts()["n@192.0.2.2"]).toBe(part(0.1));
  run.delta({ members: { "web/n": ["192.0.2.3"] } });
  expect(run.parts()).toEqual({ "n@192.0.2.3": 1 });
});

const zones = { local: "x", order: ["y"], spill_below: 0.5 };
const zoned = [
  backend("a", { zone: "x" }),
  backend("b", { zone: "x" }),
  backend("c", { zone: "y" }),
  backend("d", { zone: "z" }),
  backend("e", { zone: "x", last_resort: true }),
];
const allHealthy = Object.fromEntries(zoned.map(({ id }) => [`web/${id}`, "healthy" as const]));

test("traffic stays in our zone while enough of it serves, then spills over in proportion, then goes to the next", () => {
  const run = start(
    poolOf("web", zoned, { health_check: checkOf("tcp"), zones: { ...zones, spill_below: 0.8 } }),
    {
      health: allHealthy,
    },
  );
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
  run.delta({ health: { "web/a": "unhealthy" } });
  // Half of the zone serves: 0.5 / 0.8 of the traffic.
  expect(run.parts()).toEqual({ b: 0.63, c: 0.38 });
  run.delta({ overrides: { "web/b": { enabled: "draining" } } });
  expect(run.parts()).toEqual({ c: 1 });
  run.delta({ health: { "web/c": "unhealthy" } });
  expect(run.parts()).toEqual({ d: 1 });
  run.delta({ health: { "web/d": "unhealthy" } });
  expect(run.parts()).toEqual({ e: 1 });
  run.delta({ health: { "web/e": "unhealthy" } });
  expect(run.parts(3)).toEqual({ none: 1 });
  run.delta({ health: { "web/a": "healthy" }, overrides: { "web/b": {} } });
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
});

test("an ejected backend counts as lost; one that starts slowly counts as far as it has come", () => {
  const settings = { health_check: checkOf("tcp"), zones: { ...zones, spill_below: 1 }, slow_start };
  const run = start(poolOf("web", zoned, settings), { health: allHealthy });
  run.upstream("a").connections.eject(60_000, () => {});
  run.delta({ health: { "web/d": "unhealthy" } });
  run.delta({ overrides: { "web/c": {} } });
  expect(run.parts()).toEqual({ b: 0.5, c: 0.5 });
  run.upstream("a").connections.readmit();
  run.delta({ overrides: { "web/c": {} } });
  const { a = 0, b = 0, c = 0 } = run.parts();
  expect(c).toBe(0.45);
  expect(a / (a + b)).toBeCloseTo(0.1 / 1.1, 1);
  run.clock.advance(11_000);
  expect(run.parts()).toEqual({ a: 0.5, b: 0.5 });
});

test("a panic serves from our zone, as everybody counts as serving", () => {
  const settings = { health_check: checkOf("tcp"), zones, panic_threshold: 0.9 };
  const health = { ...allHealthy, "web/a": "unhealthy" } as const;
  expect(start(poolOf("web", zoned, settings), { health }).parts()).toEqual({ a: 0.5, b: 0.5 });
});
