import { expect, test } from "bun:test";
import fc from "fast-check";
import { consistentHashOptions } from "./consistent_hash_options.ts";
import { consistentHash } from "./consistent_hash.ts";
import type { Candidate, Picker } from "./contract.ts";
import { hashText } from "./hash.ts";
import { ipHash } from "./ip_hash.ts";
import { seededRandom } from "./random.ts";
import { candidatesOf, picked, sum, worstDeviation } from "./test_candidates.ts";

const create = (
  candidates: readonly Candidate[],
  load_factor: number,
  previous: Picker | null = null,
): Picker => consistentHash.create(candidates, { load_factor }, Math.random, previous);

const KEYS = Array.from({ length: 100_000 }, (_, index) => hashText(`session-${index}`));
const ten = (): Candidate[] => candidatesOf(...Array.from({ length: 10 }, () => 1));

function owners(picker: Picker, keys = KEYS): string[] {
  return keys.map((key) => picked(picker, key).key);
}

function countsOf(names: readonly string[], candidates: readonly Candidate[]): number[] {
  const counts = new Map(candidates.map(({ key }) => [key, 0]));
  for (const name of names) counts.set(name, counts.get(name)! + 1);
  return [...counts.values()];
}

test("while one cannot serve only its keys move, over all others by weight, and they return", () => {
  const candidates = candidatesOf(3, 1, 2, 4);
  const picker = create(candidates, 0);
  const before = owners(picker);
  candidates[0]!.available = false;
  const during = owners(picker);
  const moved = during.filter((_name, index) => before[index] === "b0");
  expect(during.filter((name, index) => before[index] !== "b0" && name !== before[index])).toEqual([]);
  expect(worstDeviation(countsOf(moved, candidates.slice(1)), [1, 2, 4])).toBeLessThan(4);
  candidates[0]!.available = true;
  expect(owners(picker)).toEqual(before);
});

test("load follows the weights", () => {
  const candidates = candidatesOf(1, 5, 10);
  const counts = countsOf(owners(create(candidates, 0)), candidates);
  expect(worstDeviation(counts, [1, 5, 10])).toBeLessThan(4);
});

/** Every request is one of few keys, the worst that can happen to hashing; ends are at random. */
function peakUnderHotKeys(factor: number, candidates: readonly Candidate[]): number {
  const picker = create(candidates, factor);
  const random = seededRandom(2);
  const running: Candidate[] = [];
  const total = sum(candidates.map(({ weight }) => weight));
  let worst = 0;
  for (let request = 0; request < 20_000; request++) {
    const candidate = picked(picker, KEYS[Math.floor(random() ** 3 * 5)]!);
    const bound = Math.ceil((factor * (running.length + 1) * candidate.weight) / total);
    expect(++candidate.in_flight).toBeLessThanOrEqual(bound);
    running.push(candidate);
    if (running.length === 400) running.splice(Math.floor(random() * 400), 1)[0]!.in_flight--;
    if (running.length < 399) continue;
    for (const { in_flight, weight } of candidates)
      worst = Math.max(worst, in_flight / weight / (running.length / total));
  }
  return worst;
}

test.each([1, 1.25, 2])("H-H2/core bounded load: peak / mean stays within the factor %d", (factor) => {
  const worst = peakUnderHotKeys(factor, ten());
  console.log(
    `consistent_hash, five hot keys, load_factor ${factor}: peak ${worst.toFixed(3)} x mean in flight`,
  );
  // Whole requests: 40 in flight each on average.
  expect(worst).toBeLessThanOrEqual(factor + 1 / 39);
});

test("bounded load goes by weight", () => {
  expect(peakUnderHotKeys(1.25, candidatesOf(4, 2, 1, 1))).toBeLessThanOrEqual(1.25 + 1 / 49);
});

test("without a bound a key stays, with one it leaves its candidate only under load", () => {
  const [free, bound] = [create(ten(), 0), ten()];
  const key = KEYS[0]!;
  const owner = picked(free, key);
  for (let request = 0; request < 50; request++) picked(free, key).in_flight++;
  expect(owner.in_flight).toBe(50);
  const bounded = create(bound, 1.25);
  for (let request = 0; request < 50; request++) picked(bounded, key).in_flight++;
  // Each may hold 1.25 tenths of all, so the first eight of the key's order are enough, and the last two stay idle.
  const used = new Set(bound.filter(({ in_flight }) => in_flight > 0));
  expect(used).toEqual(new Set(bounded.order!(key).slice(0, 8)));
  expect(Math.max(...bound.map(({ in_flight }) => in_flight))).toBe(Math.ceil((1.25 * 50) / 10));
  for (const candidate of bound) candidate.in_flight = 4;
  expect(picked(bounded, key).key).toBe(owner.key);
});

test("the bound gives way to the last candidate that can serve", () => {
  const candidates = candidatesOf(1, 1, 1);
  candidates[0]!.in_flight = 100;
  const picker = create(candidates, 1);
  for (const key of KEYS.slice(0, 50)) expect(picked(picker, key, candidates.slice(1)).key).toBe("b0");
});

test("order begins with what an idle pool picks, then what it picks without that", () => {
  const candidates = candidatesOf(1, 2, 3, 0, 4);
  const picker = create(candidates, 0);
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 32 - 1 }), (key) => {
      const order = picker.order!(key);
      expect(order).toHaveLength(4);
      for (let count = 0; count < 4; count++)
        expect(picked(picker, key, order.slice(0, count))).toBe(order[count]!);
    }),
  );
});

test("a reload with the same members keeps the table, and all keys their candidate", () => {
  const before = create(ten(), 1.25);
  const after = create(ten(), 0, before);
  expect(owners(after)).toEqual(owners(before));
});

test("list order does not matter", () => {
  expect(owners(create(ten().reverse(), 0))).toEqual(owners(create(ten(), 0)));
});

test("load_factor is 1.25 by default; 0, 1 and 1000 are taken, the rest is refused", () => {
  const parse = (load_factor: unknown): unknown => consistentHashOptions.safeParse({ load_factor }).data;
  expect(consistentHashOptions.parse({})).toEqual({ load_factor: 1.25 });
  for (const good of [0, 1, 1.5, 1_000]) expect(parse(good)).toEqual({ load_factor: good });
  for (const bad of [0.5, -1, 1_001, NaN, Infinity, "2"]) expect(parse(bad)).toBeUndefined();
});

test("ip_hash keeps an address on its backend under any load", () => {
  const candidates = ten();
  const picker = ipHash.create(candidates, {}, Math.random, null);
  const addresses = Array.from({ length: 20_000 }, (_, client) =>
    hashText(`10.0.${client >> 8}.${client & 255}`),
  );
  const before = owners(picker, addresses);
  for (const [index, candidate] of candidates.entries()) candidate.in_flight = index * 1_000;
  expect(owners(picker, addresses)).toEqual(before);
  expect(
    worstDeviation(
      countsOf(before, candidates),
      candidates.map(() => 1),
    ),
  ).toBeLessThan(4);
});

test("a pool with more backends than the table has slots still spreads its keys over all", () => {
  const candidates = candidatesOf(...Array.from({ length: 65_522 }, () => 1));
  const picker = create(candidates, 0);
  const found = KEYS.slice(0, 100).map((key) => picked(picker, key));
  expect(new Set(found).size).toBeGreaterThan(95);
  expect(KEYS.slice(0, 100).map((key) => picked(picker, key))).toEqual(found);
});
