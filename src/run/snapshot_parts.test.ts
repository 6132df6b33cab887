import { expect, test } from "bun:test";
import type { BackendPlan, PoolPlan, RoutePlan } from "../core/plan.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { sharedPlan } from "../core/shared_plan.ts";
import {
  forgetParts,
  PART_CHARACTERS,
  sharedParts,
  SnapshotAssembler,
  snapshotParts,
  type SnapshotPart,
} from "./snapshot_parts.ts";
import { testPlan } from "./test_program.ts";

const backend = (id: number) => ({ id: `backend-${id}`, url: "http://127.0.0.1:1" }) as BackendPlan;
const pool = (name: string, count: number) =>
  ({ name, backends: Array.from({ length: count }, (_, id) => backend(id)) }) as unknown as PoolPlan;

function snapshot(): Snapshot {
  const plan = testPlan(
    { web: null },
    {
      pools: [pool("empty", 0), pool("large", 5_000), pool("small", 2)],
      routes: Array.from(
        { length: 10_000 },
        (_, id) => ({ name: `route-${id}`, match: "Path(`/`)" }) as RoutePlan,
      ),
    },
  );
  return {
    generation: 7,
    plan,
    files: { "/a.crt": "x".repeat(3 * PART_CHARACTERS), "/b.key": "key" },
    health: Object.fromEntries(
      Array.from({ length: 5_000 }, (_, id) => [`large/backend-${id}`, "healthy" as const]),
    ),
    members: { "small/backend-1": ["10.0.0.1", "10.0.0.2"] },
    overrides: { "small/backend-0": { enabled: "draining", weight: 7 } },
    documents: { "plane/large": ["y".repeat(3 * PART_CHARACTERS)], "plane/small": { a: null } },
  };
}

function take(assembler: SnapshotAssembler, parts: Iterable<string>): number {
  let characters = 0;
  for (const text of parts) {
    assembler.add(JSON.parse(text) as SnapshotPart);
    characters += text.length;
  }
  return characters;
}

test("a large snapshot arrives whole in parts of bounded size", () => {
  const sent = snapshot();
  const assembler = new SnapshotAssembler();
  let parts = 0;
  for (const text of snapshotParts(sent)) {
    const part = JSON.parse(text) as SnapshotPart;
    // One item may be larger than a part, but then it is alone.
    if (text.length > PART_CHARACTERS + 100) expect("items" in part ? part.items.length : 0).toBe(1);
    assembler.add(part);
    parts++;
  }
  expect(parts).toBeGreaterThan(10);
  expect(assembler.finish()).toEqual(JSON.parse(JSON.stringify(sent)));
});

test("a head begins anew, and nothing can be finished without one", () => {
  const assembler = new SnapshotAssembler();
  expect(() => assembler.finish()).toThrow("without a head");
  const small = { ...snapshot(), generation: 8, files: {}, health: {}, plan: testPlan({ web: null }) };
  take(assembler, snapshotParts(snapshot()));
  take(assembler, snapshotParts(small));
  expect(assembler.finish()).toEqual(small);
  expect(() => assembler.finish()).toThrow("without a head");
});

test("of a snapshot that follows only what differs is sent, wherever it stands", () => {
  const assembler = new SnapshotAssembler();
  const first = snapshot();
  take(assembler, snapshotParts(first));
  assembler.finish();
  const next = JSON.parse(JSON.stringify({ ...snapshot(), generation: 8 })) as typeof first & {
    plan: { routes: RoutePlan[]; pools: PoolPlan[] };
    files: Record<string, string>;
  };
  next.plan.routes.splice(5_000, 1, { name: "new", match: "Path(`/new`)" } as RoutePlan);
  next.plan.routes.unshift(next.plan.routes.pop()!);
  next.plan.pools[2] = pool("small", 3);
  next.files["/b.key"] = "another";
  const shared = { ...next, plan: sharedPlan(first.plan, next.plan), health: {}, documents: {} };
  const characters = take(assembler, snapshotParts(shared, first));
  expect(characters).toBeLessThan(10_000);
  expect(assembler.finish()).toEqual(JSON.parse(JSON.stringify(shared)));
  // What was finished last is the base of what comes then.
  expect(take(assembler, snapshotParts({ ...shared, generation: 9 }, shared))).toBeLessThan(10_000);
  expect(assembler.finish()).toEqual(JSON.parse(JSON.stringify({ ...shared, generation: 9 })));
});

test("nothing can be kept of a snapshot that there was not", () => {
  const assembler = new SnapshotAssembler();
  const sent = snapshot();
  expect(() => take(assembler, snapshotParts(sent, sent))).toThrow("without the one before it");
});

test("who asks later gets the state of that time, beside a plan that was written once", () => {
  const sent = snapshot();
  const health = { ...sent.health };
  const changing = { ...sent, health };
  const assembler = new SnapshotAssembler();
  take(assembler, sharedParts(changing, null));
  expect(assembler.finish().health).toEqual(health);
  health["large/backend-0"] = "unhealthy";
  take(assembler, sharedParts(changing, null));
  expect(assembler.finish()).toEqual(JSON.parse(JSON.stringify(changing)));
  forgetParts(changing);
});
