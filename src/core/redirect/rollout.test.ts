import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Rollout } from "./model.ts";
import { decidingSignal, nextRollout, rolloutPercent } from "./rollout.ts";
import type { Hash64 } from "./sip_hash.ts";
import { boundOf, isWithin, positionOf } from "./sticky.ts";
import { rolloutOf as someRollout } from "./test_decider.ts";

const rolloutOf = (settings: Partial<Rollout> = {}): Rollout => someRollout({ step: -1, ...settings });
const FINE = { failing: 1, samples: 100 };

test("RD131 a step lasts, then the next one comes, and at each step nobody leaves", () => {
  let rollout = rolloutOf();
  expect(nextRollout(rollout, { failing: 0, samples: 0 }, 59_999).event).toBeNull();
  const percents: number[] = [];
  for (let minute = 1; rollout.state === "running"; minute++) {
    const next = nextRollout(rollout, FINE, minute * 60_000);
    percents.push(rolloutPercent(next.rollout));
    rollout = next.rollout;
  }
  expect([percents, rollout.state]).toEqual([[1, 5, 25, 25], "done"]);
  const position: Hash64 = { high: 0, low: 0 };
  for (let number = 0; number < 5_000; number++) {
    positionOf(`key-${number}`, rollout.salt, position);
    const inside = rollout.steps.map((percent) => isWithin(position, boundOf(percent)));
    expect(inside).toEqual(inside.toSorted((one, other) => Number(one) - Number(other)));
  }
});

test("RD130 a gate that fails takes the step back at once, with a reason, and stops there", () => {
  const running = rolloutOf({ step: 1 });
  const { rollout, event } = nextRollout(running, { failing: 3, samples: 100 }, 5_000);
  expect(rollout).toMatchObject({ step: 0, state: "rolled_back", since_ms: 5_000 });
  expect(event).toEqual({
    kind: "rolled_back",
    from: 5,
    to: 1,
    reason: "3 % of 100 samples fail; at most 2 % may",
  });
  expect(nextRollout(rollout, FINE, 1e9).event).toBeNull();
  expect(nextRollout(rolloutOf({ step: 0 }), { failing: 9, samples: 100 }, 1).rollout.step).toBe(-1);
});

test("RD130 too few samples decide nothing", () => {
  const few = { failing: 50, samples: 99 };
  expect(nextRollout(rolloutOf({ step: 1 }), few, 1e9).event).toBeNull();
  expect(nextRollout(rolloutOf({ step: 1, gate: null }), few, 1e9).event?.kind).toBe("advanced");
  expect(nextRollout(rolloutOf({ step: 1, state: "paused" }), FINE, 1e9).event).toBeNull();
});

test("RD130 of several sources the one decides that fails most, among those with samples enough", () => {
  const probes = { failing: 0, samples: 1_000 };
  const clients = { failing: 6, samples: 100 };
  expect(decidingSignal([probes, clients], 100)).toBe(clients);
  expect(decidingSignal([probes, clients], 101)).toBe(probes);
  expect(decidingSignal([{ failing: 1, samples: 1 }, clients], 500)).toBe(clients);
  expect(decidingSignal([], 1)).toEqual({ failing: 0, samples: 0 });
  expect(decidingSignal([{ failing: 0, samples: 0 }], 0)).toEqual({ failing: 0, samples: 0 });
});

test("whatever is seen, a step is taken by one at most and stays within the list", () => {
  const signals = fc.record({ failing: fc.nat(200), samples: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(fc.tuple(signals, fc.nat(100_000)), { maxLength: 20 }), (seen) => {
      let rollout = rolloutOf();
      let now = 0;
      for (const [signal, passed] of seen) {
        now += passed;
        const { rollout: next, event } = nextRollout(rollout, signal, now);
        expect(Math.abs(next.step - rollout.step)).toBeLessThanOrEqual(1);
        expect(next.step).toBeWithin(-1, rollout.steps.length);
        expect(event === null).toBe(next === rollout);
        rollout = next;
      }
    }),
  );
});
