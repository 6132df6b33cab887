/** What keeps track of backends and of limits, against models that are as simple as can be. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BackendOverrides, type BackendAction } from "../../src/admin/backend_overrides.ts";
import { DEFAULT_LIMITS } from "../../src/core/defaults.ts";
import { addDelta, applyDelta, changesOf, changeState, liveState } from "../../src/core/health/delta.ts";
import { OutlierRecord } from "../../src/core/health/outliers.ts";
import type { OutlierPlan } from "../../src/core/plan.ts";
import type { Override, Snapshot, SnapshotDelta } from "../../src/core/snapshot.ts";
import { planOf, poolOf } from "../../src/core/test_plan.ts";
import { ConnectionCounts, limitNumbers } from "../../src/planes/http/connection_counts.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import { MemoryFiles } from "../../src/platform/files.ts";

const key = fc.constantFrom("p/a", "p/b", "q/a");
const override = fc.record(
  { enabled: fc.constantFrom("active", "draining", "disabled"), weight: fc.nat(9) },
  { requiredKeys: [] },
) as fc.Arbitrary<Override>;
const delta: fc.Arbitrary<SnapshotDelta> = fc.record({
  health: fc.dictionary(key, fc.constantFrom("healthy", "unhealthy", "unknown")),
  members: fc.dictionary(key, fc.array(fc.constantFrom("192.0.2.1", "192.0.2.2"), { maxLength: 2 })),
  overrides: fc.dictionary(key, override),
  documents: fc.dictionary(key, fc.constantFrom(null, 0, "", "a", { b: [] })),
});
const EMPTY: SnapshotDelta = { health: {}, members: {}, overrides: {}, documents: {} };

/** A state as pairs of key and value, absent ones left out. */
function model(deltas: readonly SnapshotDelta[]): SnapshotDelta {
  const state = { health: new Map(), members: new Map(), overrides: new Map(), documents: new Map() };
  for (const one of deltas)
    for (const part of ["health", "members", "overrides", "documents"] as const)
      for (const [name, value] of Object.entries(one[part])) state[part].set(name, value);
  const kept = (part: "health" | "members" | "overrides") =>
    Object.fromEntries(
      [...state[part]].filter(([, value]) => value !== "unknown" && Object.keys(value).length > 0),
    );
  const documents = Object.fromEntries([...state.documents].filter(([, value]) => value !== null));
  return {
    health: kept("health"),
    members: kept("members"),
    overrides: kept("overrides"),
    documents,
  } as SnapshotDelta;
}

test("H-J22/delta any deltas lead to the state of the model, together, in place or one by one", () => {
  fc.assert(
    fc.property(fc.array(delta, { maxLength: 6 }), (deltas) => {
      const expected = model(deltas);
      const oneByOne = deltas.reduce((state, one) => applyDelta(state, one), EMPTY);
      const inPlace = liveState(EMPTY);
      const together = liveState(EMPTY);
      for (const one of deltas) {
        changeState(inPlace, one);
        addDelta(together, one);
      }
      expect(oneByOne).toEqual(expected);
      expect(inPlace).toEqual(expected);
      expect(applyDelta(EMPTY, together)).toEqual(expected);
    }),
  );
});

test("H-J22/delta what is between a state and a delta leads to the same, and nothing is between a state and itself", () => {
  fc.assert(
    fc.property(delta, delta, (before, next) => {
      const state = applyDelta(EMPTY, before);
      const between = changesOf(state, next);
      expect(applyDelta(state, between)).toEqual(applyDelta(state, next));
      expect(changesOf(applyDelta(state, next), next)).toEqual(EMPTY);
      expect(changesOf(state, state)).toEqual(EMPTY);
    }),
  );
});

const PLAN: OutlierPlan = {
  failures: 3,
  window_ms: 100,
  ejection_ms: 50,
  max_ejection_ms: 300,
  max_ejected: 0.5,
  statuses: [],
};

test("H-J22/outliers ejections are those of the model, which looks at all that has happened", () => {
  const tries = fc.array(fc.tuple(fc.boolean(), fc.oneof(fc.nat(40), fc.nat(1_000))), { maxLength: 60 });
  fc.assert(
    fc.property(tries, (list) => {
      const record = new OutlierRecord();
      let failures: number[] = [];
      let times = 0;
      let forgottenAt = 0;
      let now = 1;
      for (const [failed, gap] of list) {
        now += gap;
        if (!failed) failures = [];
        else if (failures.length > 0 && now - failures[0]! > PLAN.window_ms) failures = [now];
        else failures.push(now);
        let expected = 0;
        if (failures.length === PLAN.failures) {
          failures = [];
          for (; times > 0 && now - forgottenAt >= PLAN.max_ejection_ms; forgottenAt += PLAN.max_ejection_ms)
            times--;
          expected = PLAN.ejection_ms;
          for (let doubled = 0; doubled < times; doubled++)
            expected = Math.min(PLAN.max_ejection_ms, expected * 2);
        }
        expect(record.ended(failed, now, PLAN)).toBe(expected);
        if (expected === 0) continue;
        record.ejected(expected, now, PLAN);
        times++;
        now += expected;
        forgottenAt = now;
      }
    }),
    { numRuns: 300 },
  );
});

test("H-J22/connection_counts listeners are counted exactly, and no address beyond its limit gets in", () => {
  const event = fc.record({
    worker: fc.nat(2),
    listener: fc.nat(1),
    address: fc.nat(6).map((last) => (last === 6 ? "" : `192.0.2.${last}`)),
    leaves: fc.boolean(),
  });
  const limits = { ...DEFAULT_LIMITS, connections: 12, connections_per_ip: 4 };
  fc.assert(
    fc.property(fc.array(event, { maxLength: 150 }), (events) => {
      const shared = new Float64Array(3 * limitNumbers(2));
      const workers = [0, 1, 2].map(
        (limitRow) => new ConnectionCounts({ limits: shared, limitRow, limitRows: 3 }, 2),
      );
      let open: (typeof events)[number][] = [];
      for (const one of events) {
        const { worker, listener, address } = one;
        if (one.leaves) {
          const gone = open.find((other) => other.worker === worker);
          if (gone === undefined) continue;
          workers[worker]!.leave(gone.listener, gone.address);
          open = open.filter((other) => other !== gone);
          continue;
        }
        const known = [...open];
        const isFull = known.filter((other) => other.listener === listener).length >= limits.connections;
        const ofAddress = known.filter((other) => other.address === address && address !== "").length;
        const refused = workers[worker]!.enter(listener, address, limits);
        // So few addresses share no bucket, so the count is exact.
        const expected = isFull
          ? "connections"
          : ofAddress >= limits.connections_per_ip
            ? "connections_per_ip"
            : null;
        expect(refused).toBe(expected);
        if (refused === null) open.push(one);
      }
      for (const one of open) workers[one.worker]!.leave(one.listener, one.address);
      expect(shared.some((value) => value !== 0)).toBe(false);
    }),
    { numRuns: 60 },
  );
}, 30_000);

type Command = readonly ["restart"] | readonly ["wait", number] | readonly [string, BackendAction];

test("H-J22/overrides what operators set is what the model has, over drains and restarts", async () => {
  const DRAIN_MS = 1_000;
  const backends = [
    { id: "a", url: "http://192.0.2.1:80" },
    { id: "b", url: "http://192.0.2.2:80", weight: 3 },
  ];
  const pool = poolOf("p", backends);
  const plan = planOf([{ ...pool, timeouts: { ...pool.timeouts, drain: DRAIN_MS } }]);
  const action = fc.oneof(
    fc.constantFrom("enable", "drain", "reset").map((name) => ({ action: name }) as BackendAction),
    fc.boolean().map((force) => ({ action: "disable", force }) as BackendAction),
    fc.nat(4).map((weight) => ({ action: "weight", weight }) as BackendAction),
  );
  const command = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constantFrom("a", "b"), action) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("wait" as const), fc.constantFrom(400, 1_001)) },
    { weight: 1, arbitrary: fc.constant(["restart"] as const) },
  ) as fc.Arbitrary<Command>;
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
      const files = new MemoryFiles();
      const clock = new ManualClock();
      let snapshot: Snapshot = {
        generation: 1,
        plan,
        files: {},
        health: {},
        members: {},
        overrides: {},
        documents: {},
      };
      const start = async () => {
        snapshot = { ...snapshot, overrides: {}, documents: {} };
        const made = new BackendOverrides(
          {
            snapshot: () => snapshot,
            publish: (one) => (snapshot = applyDelta(snapshot, one)),
            report: () => {},
          },
          files,
          clock,
        );
        await made.planChanged(plan);
        return made;
      };
      /** What was set, and until when a backend drains before it is disabled. */
      const set = new Map<string, { enabled: string; weight: number; drainsUntil: number }>();
      const fresh = (id: string) => ({ enabled: "active", weight: id === "b" ? 3 : 1, drainsUntil: 0 });
      const of = (id: string) => set.get(id) ?? fresh(id);
      let overrides = await start();
      for (const [what, how] of commands) {
        if (what === "wait") clock.advance(how as number);
        else if (what === "restart") {
          await overrides.stop();
          overrides = await start();
          for (const [id, known] of set) set.set(id, { ...known, drainsUntil: 0 });
        } else {
          await overrides.change(what, how as BackendAction, "a test");
          set.set(what, changed(of(what), how as BackendAction, fresh(what), clock.now() + DRAIN_MS));
        }
        for (const report of overrides.list()) {
          const { enabled, weight, drainsUntil } = of(report.id);
          const drains = enabled === "disabled" && drainsUntil > clock.now();
          expect([commands, report.id, report.enabled, report.weight]).toEqual([
            commands,
            report.id,
            drains ? "draining" : enabled,
            weight,
          ] as never);
          expect(report.disabled_in_ms ?? 0).toBe(drains ? drainsUntil - clock.now() : 0);
        }
      }
      await overrides.stop();
    }),
    { numRuns: 150 },
  );

  function changed(
    known: { enabled: string; weight: number; drainsUntil: number },
    action: BackendAction,
    fresh: typeof known,
    end: number,
  ): typeof known {
    switch (action.action) {
      case "enable":
        return { ...known, enabled: "active", drainsUntil: 0 };
      case "drain":
        return { ...known, enabled: "draining", drainsUntil: 0 };
      case "disable": {
        if (action.force) return { ...known, enabled: "disabled", drainsUntil: 0 };
        return known.enabled === "disabled" ? known : { ...known, enabled: "disabled", drainsUntil: end };
      }
      case "weight":
        return { ...known, weight: action.weight };
      case "reset":
        return fresh;
    }
  }
}, 30_000);
