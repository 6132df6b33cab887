import { expect, test } from "bun:test";
import { seededRandom } from "./random.ts";
import { candidatesOf, chiSquareDeviation, picked, pickCounts, worstDeviation } from "./test_candidates.ts";
import { weightedRandom } from "./weighted_random.ts";

const ROUNDS = 60_000;

test.each([[[1, 1]], [[5, 1]], [[1, 2, 3, 4, 5, 6]], [[1, 1_000]], [[65_535, 1, 30_000]]])(
  "weights %j are met within 4 standard deviations",
  (weights) => {
    const candidates = candidatesOf(...weights);
    const counts = pickCounts(
      weightedRandom.create(candidates, {}, seededRandom(11), null),
      candidates,
      ROUNDS,
    );
    expect(worstDeviation(counts, weights)).toBeLessThan(4);
    expect(chiSquareDeviation(counts, weights)).toBeLessThan(4);
  },
);

test("a hundred candidates pass the chi-square test", () => {
  const candidates = candidatesOf(...Array.from({ length: 100 }, (_, index) => 1 + index));
  const counts = pickCounts(
    weightedRandom.create(candidates, {}, seededRandom(5), null),
    candidates,
    200_000,
  );
  expect(
    chiSquareDeviation(
      counts,
      candidates.map(({ weight }) => weight),
    ),
  ).toBeLessThan(4);
});

test("while some cannot serve, the others keep their shares of each other", () => {
  // Few are left, so blind draws and the look at all of them both take part.
  const candidates = candidatesOf(50, 1, 2, 3, 40);
  candidates[0]!.available = false;
  const tried = [candidates[4]!];
  const picker = weightedRandom.create(candidates, {}, seededRandom(9), null);
  const counts = [0, 0, 0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) counts[candidates.indexOf(picked(picker, 0, tried))]!++;
  expect([counts[0], counts[4]]).toEqual([0, 0]);
  expect(worstDeviation(counts.slice(1, 4), [1, 2, 3])).toBeLessThan(4);
});

test("the first of an order is drawn by weight, and the second from what is left", () => {
  const candidates = candidatesOf(1, 2, 5);
  const picker = weightedRandom.create(candidates, {}, seededRandom(21), null);
  const first = [0, 0, 0];
  const secondAfterHeaviest = [0, 0];
  for (let round = 0; round < 20_000; round++) {
    const [one, two] = picker.order!(0).map((candidate) => candidates.indexOf(candidate));
    first[one!]!++;
    if (one === 2) secondAfterHeaviest[two!]!++;
  }
  expect(worstDeviation(first, [1, 2, 5])).toBeLessThan(4);
  expect(worstDeviation(secondAfterHeaviest, [1, 2])).toBeLessThan(4);
});
