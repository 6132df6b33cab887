/**
 * Sticky percentages: a client has a position from 0 to 100 that its key alone decides, so a share that grows keeps those whom it
 * has.
 */
import { type Context, isBlank } from "./context.ts";
import { sipHash, type Hash64 } from "./sip_hash.ts";

/** A hundredth of a percent of the non-negative 64-bit numbers. */
const HUNDREDTH = Number((2n ** 63n - 1n) / 10_000n);

/** The highest hash that the first `percent` percent hold, in halves; both unsigned. */
export interface Bound {
  readonly high: number;
  readonly low: number;
}

/** `percent` from 0 to 100. */
export function boundOf(percent: number): Bound {
  const bound = BigInt(Math.trunc(HUNDREDTH * (percent * 100)));
  return { high: Number(bound >> 32n), low: Number(bound & 0xffffffffn) };
}

/** The first value that is not blank among the sticky parameters, or null. */
export function stickyKey(parameters: Context, names: readonly string[]): string | null {
  for (const name of names) {
    const value = parameters(name);
    if (value !== undefined && !isBlank(value)) return value;
  }
  return null;
}

const hash: Hash64 = { high: 0, low: 0 };

/** Writes the position of `key` into `result`, with unsigned halves. A salt sets it apart from its positions elsewhere. */
export function positionOf(key: string, salt: string, result: Hash64): void {
  sipHash(salt === "" ? key : `${salt}\0${key}`, hash);
  const { high, low } = hash;
  // As in Java, the lowest of all numbers has no positive counterpart and is within every bound: here it is the first one.
  const isNegative = high < 0;
  const absoluteLow = isNegative ? -low >>> 0 : low >>> 0;
  const absoluteHigh = isNegative ? (~high + (low === 0 ? 1 : 0)) >>> 0 : high;
  const isLowest = absoluteHigh === 0x80000000;
  result.high = isLowest ? 0 : absoluteHigh;
  result.low = isLowest ? 0 : absoluteLow;
}

/** True when a position is within `bound`. */
export function isWithin(position: Readonly<Hash64>, bound: Bound): boolean {
  return position.high < bound.high || (position.high === bound.high && position.low <= bound.low);
}

/** The position in percent, for people. */
export function percentOf({ high, low }: Readonly<Hash64>): number {
  return (high * 2 ** 32 + low) / (HUNDREDTH * 100);
}
