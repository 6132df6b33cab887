import { expect, test } from "bun:test";
import type { PoolPlan } from "../core/plan.ts";
import { applyDelta } from "../core/health/delta.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import { checkOf, planOf, poolOf } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { GAP_MS, type PoolEvent, PoolWatch } from "./pool_watch.ts";

const url = "http://127.0.0.1:9001";
const poolWith = (name: string, settings: Partial<PoolPlan> = {}) =>
  poolOf(
    name,
    ["a", "b", "c"].map((id) => ({ id, url, last_resort: id === "c" })),
    { health_check: checkOf("tcp"), ...settings },
  );

function setUp(...pools: PoolPlan[]) {
  const clock = new ManualClock();
  const said: PoolEvent[] = [];
  // Changed in place, as the supervisor does it.
  const snapshot: { -readonly [Key in keyof Snapshot]: Snapshot[Key] } = {
    generation: 1,
    plan: planOf(pools),
    files: {},
    health: {},
    members: {},
    overrides: {},
    documents: {},
  };
  const watch = new PoolWatch({ snapshot: () => snapshot, report: (event) => said.push(event) }, clock);
  const publish = (changes: Partial<SnapshotDelta>) => {
    Object.assign(snapshot, applyDelta(snapshot, { ...NOTHING_CHANGED, ...changes }));
    watch.published({ ...NOTHING_CHANGED, ...changes });
  };
  const set = (changes: Partial<SnapshotDelta>) => {
    publish(changes);
    clock.advance(GAP_MS);
  };
  const reload = (...next: PoolPlan[]) => {
    snapshot.plan = planOf(next);
    watch.planChanged();
  };
  return { clock, said, watch, publish, set, reload };
}

test("each condition that a pool comes to is told once, with how its backends stand", () => {
  const { said, watch, set } = setUp(poolWith("app"), poolWith("other"));
  watch.planChanged();
  expect(said).toEqual([]);
  const health = (a: string, b: string, c: string) =>
    set({ health: { "app/a": a, "app/b": b, "app/c": c } as Snapshot["health"] });
  health("healthy", "unhealthy", "healthy");
  health("unhealthy", "unhealthy", "healthy");
  health("unhealthy", "unhealthy", "unhealthy");
  health("unhealthy", "unhealthy", "unhealthy");
  health("healthy", "unhealthy", "unhealthy");
  expect(said.map(({ level, text }) => `${level}: ${text}`)).toEqual([
    "warning: pool app serves from its backends of last resort alone (of 3 backends 1 healthy, 2 unhealthy)",
    "error: pool app is down: no backend may take a request (of 3 backends 0 healthy, 3 unhealthy)",
    "info: pool app serves again (of 3 backends 1 healthy, 2 unhealthy)",
  ]);
});

test("panic is told, and what an operator has taken out counts", () => {
  const { said, watch, set } = setUp(poolWith("app", { panic_threshold: 0.9 }));
  watch.planChanged();
  set({ health: { "app/a": "unhealthy" } });
  set({ health: { "app/a": "healthy" } });
  set({ overrides: { "app/a": { enabled: "disabled" }, "app/b": { enabled: "draining" } } });
  expect(said.map(({ fields }) => fields["condition"])).toEqual(["panic", "serving", "last_resort"]);
});

test("a reload tells of pools that do not serve, and forgets those that are gone", () => {
  const { said, watch, reload } = setUp(poolWith("app"));
  watch.planChanged();
  reload(poolOf("empty", []));
  expect(said.map(({ text }) => text)).toEqual([
    "pool empty is down: no backend may take a request (of 0 backends 0 healthy, 0 unhealthy)",
  ]);
  reload(poolWith("app"));
  reload(poolOf("empty", []));
  expect(said.length).toBe(2);
});

test("a pool that flutters is told twice a second at most, and in the end as it is", () => {
  const { clock, said, watch, publish } = setUp(
    poolOf("app", [{ id: "a", url }], { health_check: checkOf("tcp") }),
  );
  watch.planChanged();
  clock.advance(GAP_MS);
  for (let round = 0; round < 101; round++) {
    publish({ health: { "app/a": round % 2 === 0 ? "unhealthy" : "healthy" } });
    clock.advance(GAP_MS / 50);
  }
  clock.advance(GAP_MS);
  expect(said.length).toBeLessThanOrEqual(5);
  expect(said[0]?.fields).toMatchObject({ condition: "down" });
  expect(said.at(-1)?.fields).toMatchObject({ condition: "down" });
});

test("nothing is told after the end", () => {
  const { clock, said, watch, publish } = setUp(
    poolOf("app", [{ id: "a", url }], { health_check: checkOf("tcp") }),
  );
  watch.planChanged();
  publish({ health: { "app/a": "unhealthy" } });
  watch.stop();
  clock.advance(10 * GAP_MS);
  expect(said).toEqual([]);
});
