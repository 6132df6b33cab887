/** How many connections a listener and an address may have, over all workers of the machine. */
import type { Limits } from "../../core/plan.ts";
import { hashText, mix } from "../../core/strategies/hash.ts";
import { SHARED_COUNT_NUMBERS, type SharedTables } from "./middleware/shared_counts.ts";

/** Buckets for addresses in the shared limits, each address counted in two of them. */
export const ADDRESS_BUCKETS = 16_384;

/** How many shared numbers a worker's row needs: one per listener, the buckets, and the counts of steps. */
export function limitNumbers(listeners: number): number {
  return listeners + ADDRESS_BUCKETS + SHARED_COUNT_NUMBERS;
}

/** Shared numbers of all workers: one row each, the own one is written, all are read. */
export interface LimitRows {
  readonly limits: Float64Array;
  readonly limitRow: number;
  readonly limitRows: number;
}

/** Where the counts of steps lie in the shared numbers. */
export function stepTables({ limits, limitRow, limitRows }: LimitRows, listeners: number): SharedTables {
  const stride = limitNumbers(listeners);
  return { limits, limitRow, limitRows, stride, base: listeners + ADDRESS_BUCKETS };
}

/**
 * Counts connections against limits of the whole machine. Addresses are counted in two hashed buckets and the smaller
 * count holds (a count-min sketch, Cormode and Muthukrishnan 2005): never too few are counted, and too many only when
 * both buckets are shared with others.
 */
export class ConnectionCounts {
  readonly #rows: LimitRows;
  readonly #listeners: number;
  readonly #stride: number;

  constructor(rows: LimitRows, listeners: number) {
    this.#rows = rows;
    this.#listeners = listeners;
    this.#stride = limitNumbers(listeners);
  }

  /** Counts a connection, or returns the limit that forbids it. */
  enter(listener: number, address: string, limits: Limits): "connections" | "connections_per_ip" | null {
    if (limits.connections > 0 && this.#sum(listener) >= limits.connections) return "connections";
    const perAddress = limits.connections_per_ip;
    if (perAddress > 0 && address !== "" && this.#addressCount(address) >= perAddress)
      return "connections_per_ip";
    this.#add(listener, address, 1);
    return null;
  }

  leave(listener: number, address: string): void {
    this.#add(listener, address, -1);
  }

  #add(listener: number, address: string, change: number): void {
    const { limits, limitRow } = this.#rows;
    const base = limitRow * this.#stride;
    limits[base + listener]! += change;
    if (address === "") return;
    const hash = hashText(address);
    limits[base + this.#bucket(hash)]! += change;
    limits[base + this.#bucket(mix(hash ^ 0x5bd1e995))]! += change;
  }

  #bucket(hash: number): number {
    return this.#listeners + (hash % ADDRESS_BUCKETS);
  }

  #addressCount(address: string): number {
    const hash = hashText(address);
    return Math.min(this.#sum(this.#bucket(hash)), this.#sum(this.#bucket(mix(hash ^ 0x5bd1e995))));
  }

  #sum(index: number): number {
    const { limits, limitRows } = this.#rows;
    let sum = 0;
    for (let row = 0; row < limitRows; row++) sum += limits[row * this.#stride + index]!;
    return sum;
  }
}
