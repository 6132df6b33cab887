import { expect, test } from "bun:test";
import type { BackendPlan, PoolPlan, RoutePlan } from "../core/plan.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { PART_CHARACTERS, SnapshotAssembler, snapshotParts } from "./snapshot_parts.ts";
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
  };
}

test("a large snapshot arrives whole in parts of bounded size", () => {
  const sent = snapshot();
  const assembler = new SnapshotAssembler();
  let parts = 0;
  for (const part of snapshotParts(sent)) {
    const text = JSON.stringify(part);
    // One item may be larger than a part, but then it is alone.
    if (text.length > PART_CHARACTERS + 100) expect("items" in part ? part.items.length : 0).toBe(1);
    assembler.add(JSON.parse(text) as typeof part);
    parts++;
  }
  expect(parts).toBeGreaterThan(10);
  expect(assembler.finish()).toEqual(JSON.parse(JSON.stringify(sent)));
});

test("a head begins anew, and nothing can be finished without one", () => {
  const assembler = new SnapshotAssembler();
  expect(() => assembler.finish()).toThrow("without a head");
  const small = { ...snapshot(), generation: 8, files: {}, health: {}, plan: testPlan({ web: null }) };
  for (const part of snapshotParts(snapshot())) assembler.add(part);
  for (const part of snapshotParts(small)) assembler.add(part);
  expect(assembler.finish()).toEqual(small);
  expect(() => assembler.finish()).toThrow("without a head");
});
