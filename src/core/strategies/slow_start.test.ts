/** Slow start in front of every strategy. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { strategies } from "./all.ts";
import { strategyParts } from "./all_parts.ts";
import { type Candidate, mayTake, type Strategy } from "./contract.ts";
import { mix } from "./hash.ts";
import { seededRandom } from "./random.ts";
import { holdsBack, SlowStartPicker, type SlowStarter } from "./slow_start.ts";
import { candidateOf, candidatesOf, picked } from "./test_candidates.ts";

const optionsOf = ({ name }: Strategy): unknown =>
  strategyParts.find((part) => part.name === name)!.schema.parse({});

/** A picker for `candidates`; `start` puts those with a share into slow start, as a plane does. */
function slowly(strategy: Strategy, candidates: readonly Candidate[]) {
  const inner = strategy.create(candidates, optionsOf(strategy), seededRandom(1), null);
  const picker = new SlowStartPicker(inner, strategy, candidates, seededRandom(2));
  return {
    inner,
    picker,
    start(shares: Readonly<Record<string, number>>): void {
      const starters: SlowStarter[] = [];
      for (const candidate of candidates) {
        const share = shares[candidate.key];
        if (share !== undefined) starters.push({ candidate, share });
        if (share !== undefined && holdsBack(strategy)) candidate.available = false;
      }
      picker.update(starters);
    },
    /** How many of so many requests, each with another key, `key` gets. */
    countOf(key: string, rounds: number): number {
      let count = 0;
      for (let round = 0; round < rounds; round++) if (picked(picker, mix(round)).key === key) count++;
      return count;
    },
  };
}

describe.each(strategies.map((strategy) => [strategy.name, strategy] as const))("%s", (_name, strategy) => {
  if (strategy.spreads_by !== null) {
    test("a slow starter has exactly its part of its weight, however idle the pool is", () => {
      for (const share of [0.1, 0.25, 0.5, 0.9]) {
        const run = slowly(strategy, candidatesOf(1, 2, 3));
        run.start({ b1: share });
        const expected = (10_000 * 2 * share) / (1 + 3 + 2 * share);
        expect(Math.abs(run.countOf("b1", 10_000) - expected)).toBeLessThanOrEqual(2);
      }
    });

    test("several have theirs, and what a share grows by takes nothing away", () => {
      const run = slowly(strategy, candidatesOf(1, 1, 1, 1));
      run.start({ b0: 0.5, b3: 0.2 });
      expect(Math.abs(run.countOf("b0", 2_700) - 500)).toBeLessThanOrEqual(2);
      run.start({ b0: 0.6, b3: 0.4 });
      expect(Math.abs(run.countOf("b3", 3_000) - 400)).toBeLessThanOrEqual(2);
    });
  }

  if (strategy.spreads_by === "load") {
    test("a slow starter that stalls is passed over", () => {
      const candidates = candidatesOf(1, 1);
      const run = slowly(strategy, candidates);
      run.start({ b1: 0.9 });
      candidates[1]!.in_flight = 3;
      candidates[0]!.in_flight = 2;
      expect(run.countOf("b1", 100)).toBe(0);
      candidates[0]!.in_flight = 4;
      expect(run.countOf("b1", 100)).toBeGreaterThan(40);
    });
  }

  if (strategy.keyed) {
    test("only keys of the slow starter are away from their candidate, as many as its share says, each until its time", () => {
      const run = slowly(strategy, candidatesOf(1, 2, 1, 1));
      const of = (): string[] => Array.from({ length: 5_000 }, (_, key) => picked(run.picker, mix(key)).key);
      run.start({});
      const home = of();
      const homes = home.filter((key) => key === "b1").length;
      let before = home.map(() => "");
      for (const share of [0.1, 0.3, 0.6, 1]) {
        run.start({ b1: share });
        const now = of();
        for (const [key, name] of now.entries()) {
          if (home[key] !== "b1") expect(name).toBe(home[key]!);
          if (before[key] === "b1") expect(name).toBe("b1");
        }
        const there = now.filter((key) => key === "b1").length;
        expect(Math.abs(there / homes - share)).toBeLessThan(0.05);
        before = now;
      }
      expect(before).toEqual(home);
    });
  }

  if (!strategy.keyed && strategy.spreads_by === null) {
    test("the first of the list takes its share of all requests", () => {
      const run = slowly(strategy, candidatesOf(1, 1, 1));
      run.start({ b0: 0.25 });
      expect(Math.abs(run.countOf("b0", 1_000) - 250)).toBeLessThanOrEqual(1);
    });
  }

  test("where nobody else may take a request, slow starters take it, and only then is there none", () => {
    const candidates = [candidateOf("b0", 1, 1), candidateOf("b1", 1, 1)];
    const run = slowly(strategy, candidates);
    run.start({ b1: 0.01 });
    const [full, starter] = candidates as [Candidate, Candidate];
    full.in_flight = 1;
    for (let round = 0; round < 20; round++) expect(run.picker.pick!(mix(round), [])).toBe(starter);
    expect(run.picker.pick!(1, [starter])).toBeNull();
    starter.in_flight = 1;
    expect(run.picker.pick!(1, [])).toBeNull();
  });

  const someCandidates = fc.array(
    fc.record({
      weight: fc.integer({ min: 0, max: 3 }),
      available: fc.boolean(),
      in_flight: fc.nat(3),
      latency_ms: fc.constantFrom(0, 5),
      limit: fc.constantFrom(0, 0, 2),
      share: fc.constantFrom(0, 0, 0.1, 0.7),
    }),
    { maxLength: 14 },
  );

  test("whoever may take a request is found, and nobody else", () => {
    fc.assert(
      fc.property(someCandidates, fc.nat(), fc.nat(3), (given, hash, count) => {
        const candidates = given.map((one, index) => ({ ...one, key: `b${index}` }));
        const served = candidates.map((candidate) => ({ ...candidate }));
        const run = slowly(strategy, candidates);
        const isStarter = (index: number): boolean =>
          given[index]!.share > 0 && given[index]!.available && given[index]!.weight > 0;
        run.start(
          Object.fromEntries(
            given.flatMap(({ share }, index) => (isStarter(index) ? [[`b${index}`, share]] : [])),
          ),
        );
        const tried = candidates.slice(0, count);
        const allowed = served.filter((one) => mayTake(one, tried)).map(({ key }) => key);
        for (let round = 0; round < 6; round++) {
          const candidate = run.picker.pick!(mix(hash + round), tried);
          if (allowed.length === 0) expect(candidate).toBeNull();
          else expect(allowed).toContain(candidate!.key);
        }
      }),
    );
  });

  if (strategy.can.includes("order")) {
    test("an order names everybody once, those whose time has not come behind the others", () => {
      const run = slowly(strategy, candidatesOf(1, 1, 1));
      run.start({ b0: 0.01 });
      const orders = Array.from({ length: 50 }, (_, hash) =>
        run.picker.order!(mix(hash)).map(({ key }) => key),
      );
      for (const order of orders) expect(order.toSorted()).toEqual(["b0", "b1", "b2"]);
      expect(orders.filter(([first]) => first === "b0").length).toBeLessThan(4);
    });
  }
});
