import { expect, test } from "bun:test";
import { seededRandom } from "./random.ts";
import { chiSquareDeviation } from "./test_candidates.ts";

test("the same seed gives the same stream, another one another", () => {
  const take = (seed: number): number[] => Array.from({ length: 50 }, seededRandom(seed));
  expect(take(7)).toEqual(take(7));
  expect(take(7)).not.toEqual(take(8));
});

test("numbers are from 0 to below 1 and evenly spread, pairs too, also with neighbouring seeds", () => {
  for (const seed of [0, 1, 2, -1, 2 ** 32 - 1]) {
    const random = seededRandom(seed);
    const counts = new Array<number>(256).fill(0);
    for (let round = 0; round < 100_000; round++) {
      const pair = Math.floor(random() * 16) * 16 + Math.floor(random() * 16);
      counts[pair] = counts[pair]! + 1;
    }
    expect(counts).toHaveLength(256);
    expect(
      Math.abs(
        chiSquareDeviation(
          counts,
          counts.map(() => 1),
        ),
      ),
    ).toBeLessThan(4);
  }
});

test("the first numbers of a thousand seeds are evenly spread", () => {
  const counts = new Array<number>(10).fill(0);
  for (let seed = 0; seed < 1_000; seed++) {
    const bucket = Math.floor(seededRandom(seed)() * 10);
    counts[bucket] = counts[bucket]! + 1;
  }
  expect(
    chiSquareDeviation(
      counts,
      counts.map(() => 1),
    ),
  ).toBeLessThan(4);
});
