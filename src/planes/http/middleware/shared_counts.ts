/**
 * Counts by key over all workers of the machine, in the workers' shared limits. Each worker writes a hash table of its
 * own (open addressing, linear probing) and looks a key up in the tables of all. Counts are exact but for what happens
 * in the same instant: while one worker enters or moves an entry, another may count one too few or too many.
 */
import type { SharedCounts } from "../../../net/exchange.ts";

/** Entries of one worker's table, a power of two. */
const ENTRIES = 16_384;
const MASK = ENTRIES - 1;
/** A fuller table would take long to search: what comes then is counted in this worker alone. */
const MOST_ENTRIES = ENTRIES * 0.75;
/** Key and count. */
const NUMBERS_EACH = 2;

/** How many shared numbers a worker's table takes. */
export const SHARED_COUNT_NUMBERS = ENTRIES * NUMBERS_EACH;

/** Where the tables lie: `base` numbers into each row of `stride` numbers. */
export interface SharedTables {
  readonly limits: Float64Array;
  readonly limitRow: number;
  readonly limitRows: number;
  readonly stride: number;
  readonly base: number;
}

export class MachineCounts implements SharedCounts {
  #numbers: Float64Array = new Float64Array(SHARED_COUNT_NUMBERS);
  #own = 0;
  #rows = 1;
  #stride = 0;
  #base = 0;
  #entries = 0;
  /** Counts of keys for which the own table has no room. */
  readonly #surplus = new Map<number, number>();

  /** Takes what this worker has counted into other shared memory. Its own table there must be empty. */
  moveTo({ limits, limitRow, limitRows, stride, base }: SharedTables): void {
    const [before, from] = [this.#numbers, this.#own];
    this.#numbers = limits;
    this.#rows = limitRows;
    this.#stride = stride;
    this.#base = base;
    this.#own = limitRow * stride + base;
    limits.set(before.subarray(from, from + SHARED_COUNT_NUMBERS), this.#own);
  }

  enter(key: number, limit: number): boolean {
    if (this.count(key) >= limit) return false;
    const at = this.#find(this.#own, key);
    if (this.#numbers[at] !== key) {
      if (this.#entries >= MOST_ENTRIES) {
        this.#surplus.set(key, (this.#surplus.get(key) ?? 0) + 1);
        return true;
      }
      this.#entries++;
      this.#numbers[at + 1] = 0;
      this.#numbers[at] = key;
    }
    this.#numbers[at + 1]!++;
    return true;
  }

  leave(key: number): void {
    const at = this.#find(this.#own, key);
    if (this.#numbers[at] === key) {
      if (this.#numbers[at + 1]! > 1) this.#numbers[at + 1]!--;
      else this.#remove(at);
      return;
    }
    const surplus = this.#surplus.get(key) ?? 0;
    if (surplus > 1) this.#surplus.set(key, surplus - 1);
    else this.#surplus.delete(key);
  }

  /** The count of a key over all workers. */
  count(key: number): number {
    let sum = this.#surplus.size === 0 ? 0 : (this.#surplus.get(key) ?? 0);
    for (let row = 0; row < this.#rows; row++) {
      const at = this.#find(row * this.#stride + this.#base, key);
      if (this.#numbers[at] === key) sum += this.#numbers[at + 1]!;
    }
    return sum;
  }

  /** Position of the entry of `key` in the table that begins at `table`, or of the free one where it would stand. */
  #find(table: number, key: number): number {
    let entry = key & MASK;
    // Bounded: another worker may change its table meanwhile.
    for (let probes = 0; probes < ENTRIES; probes++) {
      const stored = this.#numbers[table + entry * NUMBERS_EACH]!;
      if (stored === key || stored === 0) break;
      entry = (entry + 1) & MASK;
    }
    return table + entry * NUMBERS_EACH;
  }

  /** Frees an entry and moves those behind it up that would not be found past a gap (Knuth, 6.4 R). */
  #remove(position: number): void {
    const numbers = this.#numbers;
    let gap = (position - this.#own) / NUMBERS_EACH;
    for (let entry = (gap + 1) & MASK; ; entry = (entry + 1) & MASK) {
      const at = this.#own + entry * NUMBERS_EACH;
      const key = numbers[at]!;
      if (key === 0) break;
      const home = key & MASK;
      if (((entry - home) & MASK) < ((entry - gap) & MASK)) continue;
      const to = this.#own + gap * NUMBERS_EACH;
      numbers[to + 1] = numbers[at + 1]!;
      numbers[to] = key;
      gap = entry;
    }
    const at = this.#own + gap * NUMBERS_EACH;
    numbers[at] = 0;
    numbers[at + 1] = 0;
    this.#entries--;
  }
}
