/** Weights of addresses: a backend that is given by name has one share, however many addresses the name has. */
import { MAX_WEIGHT } from "../model.ts";

/** A backend: its weight, 0 to 65535, and the number of its addresses. */
export interface WeightOfBackend {
  readonly weight: number;
  readonly addresses: number;
}

/**
 * The weight that each address of each backend has, so that the addresses of a backend share its weight. Where every
 * backend has one address these are the weights of the backends; else all are scaled alike to whole numbers from 0 to
 * 65535, exactly if that is possible and else rounded, and no address of a backend with weight gets 0.
 */
export function sharedWeights(backends: readonly WeightOfBackend[]): number[] {
  if (backends.every(({ addresses }) => addresses <= 1)) return backends.map(({ weight }) => weight);
  return exactWeights(backends) ?? roundedWeights(backends);
}

function exactWeights(backends: readonly WeightOfBackend[]): number[] | null {
  const shares = backends.map(({ weight, addresses }) => {
    const common = addresses === 0 ? 0 : greatestCommonDivisor(weight, addresses);
    return common === 0 ? [0, 1] : [weight / common, addresses / common];
  }) as [number, number][];
  let scale = 1;
  for (const [, parts] of shares) {
    scale *= parts / greatestCommonDivisor(scale, parts);
    // Beyond this some address would have a weight that is too high, even after the division below.
    if (scale > MAX_WEIGHT * MAX_WEIGHT) return null;
  }
  const scaled = shares.map(([weight, parts]) => weight * (scale / parts));
  if (Math.max(...scaled) <= MAX_WEIGHT) return scaled;
  const common = scaled.reduce(greatestCommonDivisor, 0);
  return Math.max(...scaled) / common <= MAX_WEIGHT ? scaled.map((weight) => weight / common) : null;
}

function roundedWeights(backends: readonly WeightOfBackend[]): number[] {
  const shares = backends.map(({ weight, addresses }) => (addresses === 0 ? 0 : weight / addresses));
  const highest = Math.max(...shares);
  return shares.map((share) => (share === 0 ? 0 : Math.max(1, Math.round((share / highest) * MAX_WEIGHT))));
}

/** Of 0 and a number: the number. */
function greatestCommonDivisor(one: number, other: number): number {
  while (other !== 0) [one, other] = [other, one % other];
  return one;
}
