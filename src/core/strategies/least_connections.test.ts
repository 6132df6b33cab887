import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Candidate, mayTake, type Picker } from "./contract.ts";
import { leastConnections } from "./least_connections.ts";
import { seededRandom } from "./random.ts";
import { candidatesOf, picked, pickCounts, sum } from "./test_candidates.ts";

const create = (candidates: readonly Candidate[], seed = 1, previous: Picker | null = null): Picker =>
  leastConnections.create(candidates, {}, seededRandom(seed), previous);

/** The reference: who may be chosen at all. */
function leastLoaded(candidates: readonly Candidate[], tried: readonly Candidate[]): Candidate[] {
  const free = candidates.filter((candidate) => mayTake(candidate, tried));
  const least = Math.min(...free.map(({ in_flight, weight }) => in_flight / weight));
  return free.filter(({ in_flight, weight }) => in_flight / weight === least);
}

/** Time until the first of `running` ends, on a clock that the test moves. */
interface Running {
  readonly candidate: Candidate;
  readonly end: number;
}

test("H-H3/core picks are those of the reference model", () => {
  const load = fc.record({
    weight: fc.integer({ min: 0, max: 5 }),
    in_flight: fc.nat(6),
    limit: fc.constantFrom(0, 0, 3),
    available: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(load, { maxLength: 8 }), fc.nat(3), (loads, triedCount) => {
      const candidates = loads.map((one, index) => ({ ...one, latency_ms: 0, key: `b${index}` }));
      const tried = candidates.slice(0, triedCount);
      const picker = create(candidates);
      for (let pick = 0; pick < 20; pick++) {
        const allowed = leastLoaded(candidates, tried);
        const candidate = picker.pick!(0, tried);
        if (allowed.length === 0) expect(candidate).toBeNull();
        else expect(allowed).toContain(candidate!);
        if (candidate !== null) candidate.in_flight++;
      }
    }),
  );
});

test("H-H3/core one backend ten times as slow: requests in flight are equal, not requests", () => {
  const candidates = candidatesOf(1, 1, 1, 1);
  const slow = candidates[2]!;
  const picker = create(candidates);
  const random = seededRandom(4);
  const area = new Map(candidates.map((candidate) => [candidate, 0]));
  const served = new Map(candidates.map((candidate) => [candidate, 0]));
  let running: Running[] = [];
  for (let now = 0; now < 20_000; now += 2 * random()) {
    for (const { candidate, end } of running) if (end <= now) candidate.in_flight--;
    running = running.filter(({ end }) => end > now);
    const candidate = picked(picker);
    candidate.in_flight++;
    served.set(candidate, served.get(candidate)! + 1);
    running.push({ candidate, end: now + (candidate === slow ? 300 : 30) });
    for (const one of candidates) area.set(one, area.get(one)! + one.in_flight);
  }
  const mean = sum([...area.values()]) / 4;
  for (const total of area.values()) expect(Math.abs(total / mean - 1)).toBeLessThan(0.1);
  const others = candidates.filter((one) => one !== slow).map((one) => served.get(one)!);
  expect(served.get(slow)! / (sum(others) / 3)).toBeLessThan(0.13);
});

test("an idle pool follows its weights, from any start", () => {
  const candidates = candidatesOf(5, 3, 1);
  for (let seed = 0; seed < 20; seed++) {
    const counts = pickCounts(create(candidates, seed), candidates, 900);
    for (const [index, { weight }] of candidates.entries())
      expect(Math.abs(counts[index]! - weight * 100)).toBeLessThanOrEqual(2);
  }
});

test("a member that was busy for long makes up for no time", () => {
  const candidates = candidatesOf(1, 1);
  const picker = create(candidates);
  candidates[0]!.in_flight = 1;
  expect(pickCounts(picker, candidates, 500)).toEqual([0, 500]);
  candidates[0]!.in_flight = 0;
  const [first] = pickCounts(picker, candidates, 10);
  expect(first).toBeGreaterThanOrEqual(5);
  expect(first).toBeLessThanOrEqual(6);
});

test("workers that start together do not all begin with the same candidate", () => {
  const firsts = Array.from({ length: 40 }, (_, seed) => picked(create(candidatesOf(1, 1, 1), seed)).key);
  expect(new Set(firsts).size).toBe(3);
});

test("turns are kept over a reload by key, and who is new waits for its own", () => {
  const before = create(candidatesOf(1, 1, 1));
  const twin = create(candidatesOf(1, 1, 1));
  pickCounts(before, [], 100);
  pickCounts(twin, [], 100);
  const candidates = candidatesOf(1, 1, 1);
  const after = create(candidates, 2, before);
  const sequence = (picker: Picker): string[] => Array.from({ length: 6 }, () => picked(picker).key);
  expect(sequence(after)).toEqual(sequence(twin));
  const grown = candidatesOf(1, 1, 1, 1);
  const counts = pickCounts(create(grown, 2, after), grown, 40);
  for (const count of counts) expect(Math.abs(count - 10)).toBeLessThanOrEqual(1);
});

test("order goes by load", () => {
  const candidates = candidatesOf(1, 2, 0, 1);
  Object.assign(candidates[0]!, { in_flight: 2 });
  Object.assign(candidates[1]!, { in_flight: 3 });
  Object.assign(candidates[3]!, { in_flight: 1, available: false });
  expect(create(candidates).order!(0).map(({ key }) => key)).toEqual(["b3", "b1", "b0"]);
});
