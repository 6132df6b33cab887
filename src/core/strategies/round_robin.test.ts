import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Candidate, Picker } from "./contract.ts";
import { seededRandom } from "./random.ts";
import { roundRobin } from "./round_robin.ts";
import { candidateOf, candidatesOf, picked, pickCounts, sum } from "./test_candidates.ts";

const fromStart = (): number => 0;
const create = (
  candidates: readonly Candidate[],
  random = fromStart,
  previous: Picker | null = null,
): Picker => roundRobin.create(candidates, {}, random, previous);

function names(picker: Picker, count: number): string {
  return Array.from({ length: count }, () => picked(picker).key).join(" ");
}

const someWeights = (maximum: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: maximum }), { minLength: 1, maxLength: 12 });

test("H-H1/core weights 5:1 are exact in every cycle, with one worker and with several", () => {
  const candidates = candidatesOf(5, 1);
  const picker = create(candidates, seededRandom(1));
  for (let cycle = 0; cycle < 100; cycle++) expect(pickCounts(picker, candidates, 6)).toEqual([5, 1]);

  const workers = [1, 2, 3, 4].map((seed) => create(candidates, seededRandom(seed)));
  const totals = workers.map((worker) => pickCounts(worker, candidates, 150));
  for (const index of [0, 1]) {
    const total = sum(totals.map((counts) => counts[index]!));
    expect(Math.abs(total - [500, 100][index]!)).toBeLessThanOrEqual(6);
  }
});

test("H-J22/ops any window as long as the sum of the weights holds exactly each weight, from any start", () => {
  fc.assert(
    fc.property(someWeights(20), fc.integer(), fc.nat(200), (weights, seed, before) => {
      const candidates = candidatesOf(...weights);
      const picker = create(candidates, seededRandom(seed));
      for (let pick = 0; pick < before; pick++) picked(picker);
      expect(pickCounts(picker, candidates, sum(weights))).toEqual(weights);
    }),
  );
});

test("H-J22/ops turns are spread: at every moment each has had its share within a turn or two", () => {
  const check = (weights: readonly number[], allowed: (share: number) => number): void => {
    const candidates = candidatesOf(...weights);
    const picker = create(candidates);
    const total = sum(weights);
    const counts = new Map(candidates.map((candidate) => [candidate, 0]));
    for (let pick = 1; pick <= total; pick++) {
      const candidate = picked(picker);
      counts.set(candidate, counts.get(candidate)! + 1);
      for (const [{ weight }, count] of [...counts].map(([one, count]) => [one, count] as const))
        expect(Math.abs(count - (pick * weight) / total)).toBeLessThan(allowed(weight / total));
    }
  };
  check([5, 1], () => 1.5);
  check([100, ...Array.from({ length: 100 }, () => 1)], () => 1.5);
  // Light ones of many different weights may have their turns close together: that is what a heavy one waits for.
  fc.assert(
    fc.property(someWeights(20), (weights) => check(weights, (share) => 2 + share * weights.length)),
    { numRuns: 50 },
  );
});

test("equal weights take turns in list order", () => {
  expect(names(create(candidatesOf(3, 3, 3)), 7)).toBe("b0 b1 b2 b0 b1 b2 b0");
});

test("the largest weights are exact too", () => {
  const candidates = candidatesOf(65_535, 1, 65_534);
  expect(pickCounts(create(candidates), candidates, 131_070)).toEqual([65_535, 1, 65_534]);
});

test("ten thousand candidates of different weights are exact", () => {
  const candidates = candidatesOf(...Array.from({ length: 10_000 }, (_, index) => 1 + (index % 7)));
  const weights = candidates.map(({ weight }) => weight);
  expect(pickCounts(create(candidates, seededRandom(3)), candidates, sum(weights))).toEqual(weights);
});

test("what cannot serve is passed over, the others stay exact, and no arrears are made up", () => {
  const candidates = candidatesOf(3, 2, 1);
  const picker = create(candidates);
  candidates[0]!.available = false;
  expect(pickCounts(picker, candidates, 300)).toEqual([0, 200, 100]);
  candidates[0]!.available = true;
  expect(pickCounts(picker, candidates, 6)).toEqual([3, 2, 1]);
});

test("a heavy candidate that is down costs nothing for ever: the light one serves, then turns go on as before", () => {
  const candidates = candidatesOf(65_535, 1);
  const picker = create(candidates);
  candidates[0]!.available = false;
  expect(pickCounts(picker, candidates, 1_000)).toEqual([0, 1_000]);
  candidates[0]!.available = true;
  expect(pickCounts(picker, candidates, 65_536)).toEqual([65_535, 1]);
});

test("workers that start together do not all begin with the same candidate", () => {
  const firsts = Array.from(
    { length: 40 },
    (_, seed) => picked(create(candidatesOf(1, 1, 1, 1), seededRandom(seed))).key,
  );
  expect(new Set(firsts)).toEqual(new Set(["b0", "b1", "b2", "b3"]));
});

test("the position is kept over a reload", () => {
  const before = create(candidatesOf(2, 1, 1));
  const twin = create(candidatesOf(2, 1, 1));
  expect(names(before, 2)).toBe(names(twin, 2));
  // Other objects with the same keys and weights: the sequence goes on as if nothing had happened.
  expect(names(create(candidatesOf(2, 1, 1), fromStart, before), 9)).toBe(names(twin, 9));
});

test("reloads that change the members again and again starve nobody and favour nobody", () => {
  const stable = candidatesOf(1, 1, 1);
  const counts = new Map<string, number>();
  let picker = create(stable);
  for (let reload = 0; reload < 900; reload++) {
    const passing = reload % 2 === 0 ? [candidateOf("passing", 1)] : [];
    picker = create([...stable, ...passing], fromStart, picker);
    for (let pick = 0; pick < 2; pick++) {
      const { key } = picked(picker);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  for (const { key } of stable) expect(counts.get(key)).toBeGreaterThan(400);
  for (const { key } of stable) expect(counts.get(key)).toBeLessThan(650);
});

test("order begins with the candidate whose turn it is and takes that turn", () => {
  const picker = create(candidatesOf(1, 1, 1));
  const orders = Array.from({ length: 3 }, () =>
    picker.order!(0)
      .map(({ key }) => key)
      .join(" "),
  );
  expect(orders).toEqual(["b0 b1 b2", "b1 b2 b0", "b2 b0 b1"]);
});
