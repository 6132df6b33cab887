import { expect, test } from "bun:test";
import { type Candidate, mayTake, type Picker } from "./contract.ts";
import { powerOfTwoChoices } from "./power_of_two_choices.ts";
import { seededRandom } from "./random.ts";
import {
  candidateOf,
  candidatesOf,
  chiSquareDeviation,
  picked,
  pickCounts,
  sum,
  worstDeviation,
} from "./test_candidates.ts";
import { weightedRandom } from "./weighted_random.ts";

const create = (candidates: readonly Candidate[], seed = 1): Picker =>
  powerOfTwoChoices.create(candidates, {}, seededRandom(seed), null);

/** The reference: the chance of each candidate, summed over all pairs of different draws. */
function chances(candidates: readonly Candidate[], tried: readonly Candidate[]): number[] {
  const weightOf = (one: Candidate): number => (mayTake(one, tried) ? one.weight : 0);
  const load = (one: Candidate): number => one.in_flight / one.weight;
  const total = sum(candidates.map(weightOf));
  const result = candidates.map(() => 0);
  for (const [first, one] of candidates.entries()) {
    const chance = weightOf(one) / total;
    if (chance === 1) result[first] = 1;
    if (chance === 0 || chance === 1) continue;
    for (const [second, other] of candidates.entries()) {
      if (second === first || weightOf(other) === 0) continue;
      const winner = load(other) < load(one) ? second : first;
      result[winner] = result[winner]! + (chance * weightOf(other)) / (total - weightOf(one));
    }
  }
  return result;
}

test.each([
  ["equal weights", [1, 1, 1, 1], [3, 2, 1, 0]],
  ["weights", [5, 1, 3, 2], [9, 2, 6, 4]],
  ["ties", [4, 2, 1, 1], [4, 2, 1, 3]],
  ["idle", [4, 2, 1, 1], [0, 0, 0, 0]],
  ["one heavy", [1_000, 1, 1, 1], [2_000, 1, 2, 3]],
  ["two", [1, 1], [7, 8]],
])("H-H3/core chances are those of the reference model: %s", (_name, weights, loads) => {
  const candidates = candidatesOf(...weights);
  for (const [index, in_flight] of loads.entries()) candidates[index]!.in_flight = in_flight;
  const expected = chances(candidates, []);
  const counts = pickCounts(create(candidates), candidates, 40_000);
  for (const [index, chance] of expected.entries()) if (chance === 0) expect(counts[index]).toBe(0);
  const possible = counts.filter((_count, index) => expected[index]! > 0);
  expect(
    worstDeviation(
      possible,
      expected.filter((chance) => chance > 0),
    ),
  ).toBeLessThan(4);
});

test("H-H3/core the reference model holds while some cannot serve", () => {
  const candidates = [3, 9, 2, 1, 1, 4].map((weight, index) => ({
    ...candidateOf(`b${index}`, weight),
    in_flight: index,
  }));
  candidates[1]!.available = false;
  const tried = [candidates[5]!];
  const expected = chances(candidates, tried);
  const picker = create(candidates, 8);
  const counts = candidates.map(() => 0);
  for (let round = 0; round < 40_000; round++)
    counts[candidates.indexOf(picked(picker, 0, tried) as never)]!++;
  const possible = [0, 2, 3, 4].filter((index) => expected[index]! > 0);
  expect(sum(possible.map((index) => counts[index]!))).toBe(40_000);
  expect(
    chiSquareDeviation(
      possible.map((index) => counts[index]!),
      possible.map((index) => expected[index]!),
    ),
  ).toBeLessThan(4);
});

test("two choices keep the fullest far below what one choice does", () => {
  const peak = (strategy: typeof powerOfTwoChoices): number => {
    const candidates = candidatesOf(...Array.from({ length: 100 }, () => 1));
    const picker = strategy.create(candidates, {}, seededRandom(3), null);
    for (let request = 0; request < 10_000; request++) picked(picker).in_flight++;
    return Math.max(...candidates.map(({ in_flight }) => in_flight));
  };
  // 100 each on average; theory: one choice is about 30 above, two choices about 2.
  expect(peak(powerOfTwoChoices)).toBeLessThanOrEqual(104);
  expect(peak(weightedRandom)).toBeGreaterThan(115);
});

test("the first of an order is the less loaded of the first two drawn", () => {
  const candidates = candidatesOf(1, 1, 1);
  candidates[1]!.in_flight = 5;
  const picker = create(candidates);
  for (let round = 0; round < 200; round++) {
    const [first, second] = picker.order!(0);
    expect(first!.in_flight).toBeLessThanOrEqual(second!.in_flight);
  }
});
