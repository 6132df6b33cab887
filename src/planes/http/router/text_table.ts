/**
 * A hash table of texts that stays small and close together: with many texts, the memory that a lookup reads is what
 * costs. Measured by bench/router.ts and bench/request_path.ts on Bun 1.4.5.
 */

/** Texts that are entered between two pauses. */
const SLICE = 16;

/** FNV-1a. */
const HASH_FACTOR = 0x01000193;
export const HASH_START = 0x811c9dc5 | 0;

/** The hash of a text that goes on with one more character. */
export const extendHash = (hash: number, code: number): number => Math.imul(hash ^ code, HASH_FACTOR);

/** Numbers per slot of the table: hash, length, where the bytes of the text start, number of the text + 1 (0 = free). */
export const STRIDE = 4;

/** First slot for a hash; `mask` is the length of the table - 1. */
export function slotOf(hash: number, mask: number): number {
  return ((hash ^ (hash >>> 15)) * STRIDE) & mask;
}

export abstract class TextTable {
  /** Open addressing, at most three quarters full. */
  protected readonly table: Int32Array;
  /** The bytes of all texts, one after the other. */
  private readonly bytes: Uint8Array;

  /** Makes room for `texts` of characters below U+0100. `enter` must run to its end before any lookup. */
  constructor(texts: readonly string[]) {
    this.table = new Int32Array(STRIDE * 2 ** Math.ceil(Math.log2((texts.length * 4) / 3 + 1)));
    this.bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  }

  /** Enters the texts that the table was made for, all different, with a pause every few. */
  *enter(texts: readonly string[]): Generator<void, void> {
    const { table, bytes } = this;
    const mask = table.length - 1;
    let start = 0;
    for (const [number, text] of texts.entries()) {
      const { length } = text;
      let hash = HASH_START;
      for (let at = 0; at < length; at++) {
        bytes[start + at] = text.charCodeAt(at);
        hash = extendHash(hash, bytes[start + at]!);
      }
      let slot = slotOf(hash, mask);
      while (table[slot + 3] !== 0) slot = (slot + STRIDE) & mask;
      table.set([hash, length, start, number + 1], slot);
      start += length;
      if (number % SLICE === 0) yield;
    }
  }

  /** Number of the text in a slot that is not free, in the order of the list. */
  protected numberAt(slot: number): number {
    return this.table[slot + 3]! - 1;
  }

  /** Whether the text of a slot stands in `text` at `from`, where `text` is long enough for it. */
  protected isAt(slot: number, text: string, from: number): boolean {
    const { bytes, table } = this;
    const length = table[slot + 1]!;
    const start = table[slot + 2]!;
    for (let at = 0; at < length; at++) {
      if (bytes[start + at] !== text.charCodeAt(from + at)) return false;
    }
    return true;
  }
}
