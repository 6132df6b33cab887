import { expect, test } from "bun:test";
import type { PoolPlan } from "../../core/plan.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../../core/snapshot.ts";
import { checkOf, planOf, poolOf } from "../../core/test_plan.ts";
import type { CounterRegions } from "../../core/worker_program.ts";
import { MetricLayout } from "../../observe/metric_layout.ts";
import { limitNumbers } from "./connection_counts.ts";
import { createStep } from "./middleware/all.ts";
import { HttpProgram, type WorkerPart } from "./program.ts";

const snapshotOf = (generation: number, pool: PoolPlan, known: Partial<Snapshot> = {}): Snapshot => ({
  generation,
  plan: planOf([pool]),
  files: {},
  health: {},
  members: {},
  overrides: {},
  documents: {},
  ...known,
});

function start(snapshot: Snapshot, parts: readonly WorkerPart[] = []) {
  const program = new HttpProgram({ index: 0, inProcess: true }, { createStep, parts });
  const layout = MetricLayout.ofPlan(snapshot.plan, limitNumbers(0));
  const regions: CounterRegions = {
    counters: new Float64Array(layout.counters),
    limits: new Float64Array(layout.limits),
    limitRow: 0,
    limitRows: 1,
  };
  const prepare = (next: Snapshot): void => {
    for (const _ of program.prepare(next, regions));
  };
  prepare(snapshot);
  program.apply();
  return {
    prepare,
    program,
    delta: (delta: Partial<SnapshotDelta>) => program.delta({ ...NOTHING_CHANGED, ...delta }),
    /** Candidates of the pool that acts, with what makes them one. */
    get candidates() {
      const { upstreams } = program.plane.runtime.pools.get("web")!;
      return upstreams.map(({ key, weight, available }) => [key, weight, available]);
    },
  };
}

const A = { id: "a", url: "http://192.0.2.1:80" };
const B = { id: "b", url: "http://b.test:80" };
const check = { health_check: checkOf("tcp") };

test("deltas change addresses, weights and who may serve; unknown and nothing take away", () => {
  const run = start(snapshotOf(1, poolOf("web", [A, B], check), { health: { "web/a": "healthy" } }));
  expect(run.candidates).toEqual([["a", 1, true]]);
  run.delta({ members: { "web/b": ["192.0.2.2", "192.0.2.3"] } });
  expect(run.candidates).toEqual([
    ["a", 2, true],
    ["b@192.0.2.2", 1, false],
    ["b@192.0.2.3", 1, false],
  ]);
  run.delta({ health: { "web/b@192.0.2.2": "healthy", "web/a": "unhealthy" } });
  expect(run.candidates).toEqual([
    ["a", 2, false],
    ["b@192.0.2.2", 1, true],
    ["b@192.0.2.3", 1, false],
  ]);
  run.delta({ health: { "web/a": "unknown", "web/b@192.0.2.2": "unknown" }, members: { "web/b": [] } });
  expect(run.candidates).toEqual([["a", 1, true]]);
});

test("what an operator has set decides over weight and traffic; what is drained keeps nobody waiting", () => {
  const health = { "web/a": "healthy", "web/c": "unknown" } as const;
  const C = { id: "c", url: "http://192.0.2.3:80", weight: 4 };
  const run = start(snapshotOf(1, poolOf("web", [A, C], check), { health }));
  expect(run.candidates).toEqual([
    ["a", 1, true],
    ["c", 4, false],
  ]);
  run.delta({ overrides: { "web/a": { enabled: "draining" }, "web/c": { weight: 2 } } });
  expect(run.candidates).toEqual([
    ["a", 1, false],
    ["c", 2, true],
  ]);
  run.prepare(snapshotOf(2, poolOf("web", [A, C]), { overrides: { "web/a": { enabled: "disabled" } } }));
  run.program.apply();
  run.delta({ overrides: { "web/c": { weight: 9 } } });
  expect(run.candidates).toEqual([
    ["a", 1, false],
    ["c", 9, true],
  ]);
  run.delta({ overrides: { "web/a": {}, "web/c": {} } });
  expect(run.candidates).toEqual([
    ["a", 1, true],
    ["c", 4, true],
  ]);
});

test("a plan that is prepared changes nothing of what acts, and knows all when it acts", () => {
  const run = start(snapshotOf(1, poolOf("web", [A, B]), { members: { "web/b": ["192.0.2.2"] } }));
  const before = run.candidates;
  expect(before).toEqual([
    ["a", 1, true],
    ["b@192.0.2.2", 1, true],
  ]);
  const { upstreams } = run.program.plane.runtime.pools.get("web")!;
  run.prepare(snapshotOf(2, poolOf("web", [A, B], check), { members: { "web/b": ["192.0.2.2"] } }));
  run.delta({ health: { "web/a": "unhealthy", "web/b@192.0.2.2": "healthy" } });
  expect(run.candidates).toEqual(before);
  expect(upstreams[0]!.connections.view).toBe(upstreams[0]!);
  run.program.discard();
  expect(run.candidates).toEqual(before);
  run.prepare(snapshotOf(3, poolOf("web", [A, B], check), { members: { "web/b": ["192.0.2.2"] } }));
  run.delta({
    health: { "web/a": "unhealthy", "web/b@192.0.2.4": "healthy" },
    members: { "web/b": ["192.0.2.4"] },
  });
  run.program.apply();
  expect(run.candidates).toEqual([
    ["a", 1, false],
    ["b@192.0.2.4", 1, true],
  ]);
});

test("parts of other planes are told all documents of a snapshot that acts, and then changes", () => {
  const told: unknown[] = [];
  const part: WorkerPart = {
    documents: (all) => told.push({ ...all }),
    changed: (documents) => told.push(documents),
  };
  const run = start(snapshotOf(1, poolOf("web", [A]), { documents: { "plane/a": 1 } }), [part]);
  run.prepare(snapshotOf(2, poolOf("web", [A]), { documents: { "plane/a": 1, "plane/b": 2 } }));
  run.delta({ documents: { "plane/a": null, "plane/c": 3 } });
  run.program.apply();
  expect(told).toEqual([{ "plane/a": 1 }, { "plane/a": null, "plane/c": 3 }, { "plane/b": 2, "plane/c": 3 }]);
});
