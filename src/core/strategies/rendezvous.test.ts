import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Candidate, Picker } from "./contract.ts";
import { hashText } from "./hash.ts";
import { rendezvous } from "./rendezvous.ts";
import {
  candidateOf,
  candidatesOf,
  chiSquareDeviation,
  picked,
  sum,
  summedDeviation,
  worstDeviation,
} from "./test_candidates.ts";

const create = (candidates: readonly Candidate[]): Picker =>
  rendezvous.create(candidates, {}, Math.random, null);

const KEYS = Array.from({ length: 50_000 }, (_, index) => hashText(`session-${index}`));
const ten = (): Candidate[] => candidatesOf(...Array.from({ length: 10 }, () => 1));
const owners = (picker: Picker): string[] => KEYS.map((key) => picked(picker, key).key);

function countsOf(names: readonly string[], keys: readonly string[]): number[] {
  return keys.map((key) => names.filter((name) => name === key).length);
}

test("H-H2/core one of ten lost: its tenth of the keys moves, evenly, and no other", () => {
  const before = owners(create(ten()));
  const after = owners(create(ten().slice(1)));
  const moved = KEYS.map((_, index) => index).filter((index) => before[index] !== after[index]);
  expect(moved.filter((index) => before[index] !== "b0")).toEqual([]);
  expect(Math.abs(moved.length / KEYS.length - 0.1)).toBeLessThan(0.006);
  const targets = countsOf(
    moved.map((index) => after[index]!),
    ten()
      .slice(1)
      .map(({ key }) => key),
  );
  expect(
    chiSquareDeviation(
      targets,
      targets.map(() => 1),
    ),
  ).toBeLessThan(4);
});

test("H-H2/core one added to nine: about a tenth of the keys moves to it, and no other", () => {
  const before = owners(create(ten().slice(0, 9)));
  const after = owners(create(ten()));
  const moved = KEYS.map((_, index) => index).filter((index) => before[index] !== after[index]);
  expect(moved.filter((index) => after[index] !== "b9")).toEqual([]);
  expect(Math.abs(moved.length / KEYS.length - 0.1)).toBeLessThan(0.006);
});

test("a changed weight moves keys only to the one that grew", () => {
  const before = owners(create(candidatesOf(1, 1, 1, 1)));
  const after = owners(create(candidatesOf(1, 3, 1, 1)));
  const moved = KEYS.map((_, index) => index).filter((index) => before[index] !== after[index]);
  expect(moved.filter((index) => after[index] !== "b1")).toEqual([]);
  expect(Math.abs(moved.length / KEYS.length - 0.25)).toBeLessThan(0.01);
});

test.each([[[1, 1, 1]], [[5, 1]], [[1, 2, 2, 3, 3, 3]], [[1, 1_000, 1_000]], [[65_535, 20_000, 40]]])(
  "load follows the weights %j",
  (weights) => {
    // Many sets of keys and names: one set alone is off by 4 standard deviations every now and then, and says little.
    const experiments = Array.from({ length: 25 }, (_, set) => {
      const candidates = weights.map((weight, index) => candidateOf(`10.${set}.0.${index}:80`, weight));
      const picker = create(candidates);
      const counts = new Map(candidates.map((candidate) => [candidate, 0]));
      for (let key = 0; key < 10_000; key++) {
        const candidate = picked(picker, hashText(`session-${set * 10_000 + key}`));
        counts.set(candidate, counts.get(candidate)! + 1);
      }
      return [...counts.values()];
    });
    const totals = weights.map((_, index) => sum(experiments.map((counts) => counts[index]!)));
    expect(worstDeviation(totals, weights)).toBeLessThan(4);
    expect(summedDeviation(experiments, weights)).toBeLessThan(4);
  },
);

test("H-J22/ops the quick way by groups of weight agrees with the order by all logarithms", () => {
  const someWeights = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(someWeights, fc.nat({ max: 2 ** 32 - 1 }), (weights, key) => {
      const picker = create(candidatesOf(...weights));
      const order = picker.order!(key);
      expect(order).toHaveLength(weights.filter((weight) => weight > 0).length);
      for (const [index, candidate] of order.entries())
        expect(picked(picker, key, order.slice(0, index))).toBe(candidate);
      expect(picker.pick!(key, order)).toBeNull();
    }),
  );
});

test("a table loses only the slots of the lost candidate, and follows the weights", () => {
  const candidates = candidatesOf(1, 2, 3);
  const picker = create(candidates);
  const before = picker.table!(4_093);
  const counts = [0, 1, 2].map((index) => before.filter((slot) => slot === index).length);
  expect(worstDeviation(counts, [1, 2, 3])).toBeLessThan(4);
  candidates[1]!.available = false;
  Object.assign(candidates[2]!, { limit: 1, in_flight: 1 });
  const after = picker.table!(4_093);
  expect([...after].filter((index, slot) => before[slot] !== 1 && index !== before[slot])).toEqual([]);
  expect(after.includes(1)).toBe(false);
});

test("list order does not matter, equal keys neither", () => {
  const candidates = [...ten(), candidateOf("b3")];
  expect(owners(create(candidates.toReversed()))).toEqual(owners(create(candidates)));
});
