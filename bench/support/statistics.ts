/** Middle and spread of a few measured values. */

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Median (of an even count: the mean of the two in the middle). NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median, lowest and highest. NaN for no values. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, lowest: Number.NaN, highest: Number.NaN };
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** `values` over `base`, pair by pair: the ratio of each round, in which both were measured in turn. */
export function ratios(values: readonly number[], base: readonly number[]): number[] {
  return values.slice(0, base.length).map((value, index) => value / base[index]!);
}
