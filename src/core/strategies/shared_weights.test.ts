import { expect, test } from "bun:test";
import fc from "fast-check";
import { sharedWeights, type WeightOfBackend } from "./shared_weights.ts";

const backends = (...pairs: [weight: number, addresses: number][]): WeightOfBackend[] =>
  pairs.map(([weight, addresses]) => ({ weight, addresses }));

test("one address per backend: the weights as they are", () => {
  expect(sharedWeights(backends([65_535, 1], [100, 1], [100, 1], [0, 1], [7, 0]))).toEqual([
    65_535, 100, 100, 0, 7,
  ]);
  expect(sharedWeights([])).toEqual([]);
});

test("addresses share the weight of their backend", () => {
  expect(sharedWeights(backends([1, 1], [1, 3]))).toEqual([3, 1]);
  expect(sharedWeights(backends([100, 1], [100, 4]))).toEqual([100, 25]);
  expect(sharedWeights(backends([5, 2], [1, 3], [0, 9], [4, 0]))).toEqual([15, 2, 0, 0]);
  expect(sharedWeights(backends([65_535, 1], [65_535, 3]))).toEqual([65_535, 21_845]);
  expect(sharedWeights(backends([40_000, 1], [40_000, 3]))).toEqual([3, 1]);
});

test("what cannot be exact is rounded, and nobody with weight goes without", () => {
  expect(sharedWeights(backends([65_535, 1], [1, 3]))).toEqual([65_535, 1]);
  const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].map((count): [number, number] => [1, count]);
  const rounded = sharedWeights(backends(...primes));
  for (const [at, [, count]] of primes.entries())
    expect(Math.abs(rounded[at]! * count - 2 * 65_535)).toBeLessThan(2 * count);
});

test("whole numbers within the limit; exact where small numbers allow it", () => {
  const some = fc.array(fc.record({ weight: fc.oneof(fc.nat(20), fc.nat(65_535)), addresses: fc.nat(256) }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(some, (list) => {
      const weights = sharedWeights(list);
      expect(weights).toHaveLength(list.length);
      for (const [at, weight] of weights.entries()) {
        const { weight: whole, addresses } = list[at]!;
        expect(Number.isInteger(weight) && weight >= 0 && weight <= 65_535).toBe(true);
        if (addresses > 0) expect(weight > 0).toBe(whole > 0);
      }
    }),
  );
  const small = fc.array(fc.record({ weight: fc.nat(9), addresses: fc.integer({ min: 1, max: 8 }) }), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(
    fc.property(small, (list) => {
      const totals = sharedWeights(list).map((weight, at) => weight * list[at]!.addresses);
      for (const [at, { weight }] of list.entries())
        expect(totals[at]! * list[0]!.weight).toBe(totals[0]! * weight);
    }),
  );
});
