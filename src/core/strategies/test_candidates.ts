/** Candidates and counts for tests of strategies. */
import type { Candidate, Picker } from "./contract.ts";
import { mix } from "./hash.ts";

/** Candidates `b0`, `b1`, … with these weights, idle, available and without a limit. */
export function candidatesOf(...weights: readonly number[]): Candidate[] {
  return weights.map((weight, index) => candidateOf(`b${index}`, weight));
}

export function candidateOf(key: string, weight = 1, limit = 0): Candidate {
  return { key, weight, available: true, in_flight: 0, latency_ms: 0, limit };
}

/** The candidate of the next pick, which must exist. */
export function picked(picker: Picker, hash = 0, tried: readonly Candidate[] = []): Candidate {
  const candidate = picker.pick!(hash, tried);
  if (candidate === null) throw new Error("no candidate was picked");
  return candidate;
}

/** How often each of `candidates` is picked in `rounds` picks, each with another key. */
export function pickCounts(picker: Picker, candidates: readonly Candidate[], rounds: number): number[] {
  const counts = new Map(candidates.map((candidate) => [candidate, 0]));
  for (let round = 0; round < rounds; round++) {
    const candidate = picked(picker, mix(round));
    counts.set(candidate, counts.get(candidate)! + 1);
  }
  return [...counts.values()];
}

/**
 * By how many standard deviations the worst of `counts` is off, when each trial hits `i` with a probability of
 * `shares[i] / sum(shares)`.
 */
export function worstDeviation(counts: readonly number[], shares: readonly number[]): number {
  const trials = sum(counts);
  const total = sum(shares);
  return counts.reduce((worst, count, index) => {
    const chance = shares[index]! / total;
    const difference = Math.abs(count - trials * chance);
    if (difference === 0) return worst;
    return Math.max(worst, difference / Math.sqrt(trials * chance * (1 - chance)));
  }, 0);
}

/**
 * Pearson's chi-square as standard deviations of a normal distribution, so that above 4 is no chance (3 in 100,000) with
 * two counts as with many: chi-square itself is far from normal when the counts are few, its cube root is not (Wilson and
 * Hilferty 1931). Negative = more even than the mean. */
export function chiSquareDeviation(counts: readonly number[], shares: readonly number[]): number {
  return normalOfChiSquare(chiSquare(counts, shares), counts.length - 1);
}

/** The same for several experiments at once, whose chi-squares and degrees of freedom add up. */
export function summedDeviation(
  experiments: readonly (readonly number[])[],
  shares: readonly number[],
): number {
  const total = sum(experiments.map((counts) => chiSquare(counts, shares)));
  return normalOfChiSquare(total, experiments.length * (shares.length - 1));
}

function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const trials = sum(counts);
  const total = sum(shares);
  return sum(
    counts.map(
      (count, index) =>
        (count - (trials * shares[index]!) / total) ** 2 / ((trials * shares[index]!) / total),
    ),
  );
}

function normalOfChiSquare(square: number, freedom: number): number {
  const variance = 2 / (9 * freedom);
  return (Math.cbrt(square / freedom) - (1 - variance)) / Math.sqrt(variance);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
