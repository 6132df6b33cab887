import { expect, test } from "bun:test";
import type { Snapshot } from "../../core/snapshot.ts";
import { planOf, poolOf } from "../../core/test_plan.ts";
import { MetricLayout } from "../../observe/metric_layout.ts";
import type { BackendConnections } from "./backend_connections.ts";
import { limitNumbers } from "./connection_counts.ts";
import { createStep } from "./middleware/all.ts";
import { HttpProgram } from "./program.ts";

const SNAPSHOT: Snapshot = {
  generation: 1,
  plan: planOf([poolOf("web", [{ id: "b", url: "http://b.test:80" }])]),
  files: {},
  health: {},
  members: {},
  overrides: {},
  documents: {},
};

/** A program with one backend whose name gets addresses. */
function start() {
  const program = new HttpProgram({ index: 0, inProcess: true }, { createStep });
  const layout = MetricLayout.ofPlan(SNAPSHOT.plan, limitNumbers(0));
  const regions = {
    counters: new Float64Array(layout.counters),
    limits: new Float64Array(layout.limits),
    limitRow: 0,
    limitRows: 1,
  };
  const prepare = (): void => {
    for (const _ of program.prepare(SNAPSHOT, regions));
  };
  prepare();
  program.apply();
  return {
    prepare,
    program,
    /** The name has this address from now on: what is kept of it. */
    move(address: string): BackendConnections {
      program.delta({ health: {}, members: { "web/b": [address] }, overrides: {}, documents: {} });
      return program.plane.runtime.pools.get("web")!.upstreams[0]!.connections;
    },
  };
}

test("an address that a name has no more is forgotten, whatever plan acts", () => {
  const { move, prepare, program } = start();
  const first = move("192.0.2.1");
  move("192.0.2.2");
  const again = move("192.0.2.1");
  expect(again === first).toBe(false);
  prepare();
  move("192.0.2.2");
  program.apply();
  expect(move("192.0.2.1") === again).toBe(false);
});

test("an address with requests at work is remembered until they have ended", () => {
  const { move } = start();
  const busy = move("192.0.2.1");
  busy.in_flight = 1;
  move("192.0.2.2");
  expect(move("192.0.2.1") === busy).toBe(true);
  move("192.0.2.2");
  busy.in_flight = 0;
  move("192.0.2.3");
  expect(move("192.0.2.1") === busy).toBe(false);
});
