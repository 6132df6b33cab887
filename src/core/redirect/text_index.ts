/**
 * Numbers by text, in plain numbers one behind the other: with ten thousand texts a Map and the strings in it lie all over the
 * memory, and each look-up waits for it several times. Measured by `bun run bench redirect`.
 */

/** Texts that are entered between two steps. */
const STEP_TEXTS = 1_000;
/** Numbers of a slot: the hash, where the text begins, its length, and what is found. */
const SLOT = 4;
const EMPTY = -1;

export class TextIndex {
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #units: Uint16Array;

  private constructor(slots: Int32Array, units: Uint16Array) {
    this.#slots = slots;
    this.#mask = slots.length / SLOT - 1;
    this.#units = units;
  }

  /** In steps. Numbers are at least 0. */
  static *slices(numbers: ReadonlyMap<string, number>): Generator<void, TextIndex> {
    let count = 4;
    while (count < numbers.size * 2) count *= 2;
    const slots = new Int32Array(count * SLOT).fill(EMPTY);
    let length = 0;
    for (const text of numbers.keys()) length += text.length;
    const units = new Uint16Array(length);
    let end = 0;
    let entered = 0;
    for (const [text, number] of numbers) {
      if (++entered % STEP_TEXTS === 0) yield;
      const hash = hashOf(text);
      let at = (hash & (count - 1)) * SLOT;
      while (slots[at + 3] !== EMPTY) at = (at + SLOT) % slots.length;
      slots[at] = hash;
      slots[at + 1] = end;
      slots[at + 2] = text.length;
      slots[at + 3] = number;
      for (let index = 0; index < text.length; index++) units[end++] = text.charCodeAt(index);
    }
    return new TextIndex(slots, units);
  }

  /** -1 for a text that is not there. */
  find(text: string): number {
    const slots = this.#slots;
    const hash = hashOf(text);
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * SLOT;
      const number = slots[at + 3]!;
      if (number === EMPTY) return EMPTY;
      if (slots[at] === hash && slots[at + 2] === text.length && this.#isAt(slots[at + 1]!, text))
        return number;
    }
  }

  #isAt(start: number, text: string): boolean {
    const units = this.#units;
    for (let index = 0; index < text.length; index++)
      if (units[start + index] !== text.charCodeAt(index)) return false;
    return true;
  }
}

/** FNV-1a over code units, then mixed: the low bits choose the slot. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) | 0;
}
