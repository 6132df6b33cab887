/**
 * All values of all named lists in one table, so that one look-up tells in which lists a value stands. It lies in one buffer of
 * plain numbers and bytes, which the workers of a machine may share: a million values take about 45 MB, as strings in a Set 183.
 *
 * Layout, in 32-bit numbers: version, entries, slots - 1, where the texts begin; then for each entry where its text begins, and its
 * list with a mark where the text is not in lower case; then the slots: 0 = empty, else the number of an entry from 1. Behind
 * them the texts in UTF-8: each in lower case, and as it was given behind that where the two differ.
 */
import { hashBytes } from "../strategies/hash.ts";

const VERSION = 1;
const HEADER = 4;
/** Numbers of an entry: where its text begins, where its text in lower case ends, its list. */
const ENTRY = 3;

/** A list as clients meet it: what they send, not what operators read. */
export interface ListTexts {
  readonly name: string;
  readonly texts: readonly string[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
let scratch = new Uint8Array(512);

/** Writes the UTF-8 form of `text` into `scratch`. Returns its length. */
function encode(text: string): number {
  if (scratch.length < text.length * 3) scratch = new Uint8Array(text.length * 3);
  return encoder.encodeInto(text, scratch).written;
}

const NOWHERE: readonly number[] = [];

export class ListTable {
  readonly buffer: ArrayBufferLike;
  readonly #numbers: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #slots: number;
  readonly #mask: number;
  readonly #textEnd: number;

  /** `buffer` is what `build` gave, or a copy of it. Throws RangeError for anything else. */
  constructor(buffer: ArrayBufferLike) {
    this.buffer = buffer;
    this.#numbers = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    this.#bytes = new Uint8Array(buffer);
    const [version, entries = 0, mask = 0, textStart = 0] = this.#numbers;
    if (version !== VERSION) throw new RangeError(`a table of lists of version ${version}`);
    this.#slots = HEADER + entries * ENTRY;
    this.#mask = mask;
    this.#textEnd = textStart;
  }

  get size(): number {
    return this.#numbers[1]!;
  }

  /** Numbers of the lists with a value that is `folded` in lower case, each once, in no order. */
  listsOf(folded: string): readonly number[] {
    let found: number[] | null = null;
    this.#each(folded, (entry) => {
      const list = this.#numbers[entry + 2]!;
      if (found === null) found = [list];
      else if (!found.includes(list)) found.push(list);
      return false;
    });
    return found ?? NOWHERE;
  }

  /** True when the list has the value `text` in just these letters. */
  holdsExactly(text: string, list: number): boolean {
    const length = encode(text);
    const exact = scratch.slice(0, length);
    return this.#each(text.toLowerCase(), (entry) => {
      if (this.#numbers[entry + 2] !== list) return false;
      const [start, middle, end] = [this.#numbers[entry]!, this.#numbers[entry + 1]!, this.#endOf(entry)];
      const from = middle < end ? middle : start;
      return end - from === length && exact.every((byte, at) => byte === this.#bytes[from + at]);
    });
  }

  /** The values of the list with this number, as they were given. */
  *textsOf(list: number): Generator<string> {
    for (let entry = HEADER; entry < this.#slots; entry += ENTRY) {
      if (this.#numbers[entry + 2] !== list) continue;
      const [start, middle, end] = [this.#numbers[entry]!, this.#numbers[entry + 1]!, this.#endOf(entry)];
      // A copy: decoders take no shared memory.
      yield decoder.decode(this.#bytes.slice(middle < end ? middle : start, end));
    }
  }

  /** Shows all entries whose text in lower case is `folded`, until one is taken. Returns whether one was. */
  #each(folded: string, isTaken: (entry: number) => boolean): boolean {
    const length = encode(folded);
    for (let slot = hashBytes(scratch, 0, 0, length) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const number = this.#numbers[this.#slots + slot]!;
      if (number === 0) return false;
      const entry = HEADER + (number - 1) * ENTRY;
      if (this.#hasText(entry, length) && isTaken(entry)) return true;
    }
  }

  #hasText(entry: number, length: number): boolean {
    const start = this.#numbers[entry]!;
    if (this.#numbers[entry + 1]! - start !== length) return false;
    for (let at = 0; at < length; at++) if (this.#bytes[start + at] !== scratch[at]) return false;
    return true;
  }

  #endOf(entry: number): number {
    return entry + ENTRY < this.#slots ? this.#numbers[entry + ENTRY]! : this.#textEnd;
  }

  /**
   * The table of `lists`, whose numbers are their places. `allocate` gives the memory for it, for instance memory that workers
   * share.
   */
  static build(
    lists: readonly ListTexts[],
    allocate: (bytes: number) => ArrayBufferLike = (bytes) => new ArrayBuffer(bytes),
  ): ListTable {
    const { entries, textBytes } = measure(lists);
    let slots = 8;
    while (slots < entries * 1.5) slots *= 2;
    const textStart = (HEADER + entries * ENTRY + slots) * 4;
    const buffer = allocate(textStart + textBytes);
    const numbers = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    numbers.set([VERSION, entries, slots - 1, textStart + textBytes]);
    fill(lists, numbers, new Uint8Array(buffer), {
      slots: HEADER + entries * ENTRY,
      mask: slots - 1,
      textStart,
    });
    return new ListTable(buffer);
  }

  static readonly empty: ListTable = ListTable.build([]);
}

function measure(lists: readonly ListTexts[]): { entries: number; textBytes: number } {
  let entries = 0;
  let textBytes = 0;
  for (const { texts } of lists)
    for (const text of texts) {
      const folded = text.toLowerCase();
      entries++;
      textBytes += encode(folded) + (folded === text ? 0 : encode(text));
    }
  return { entries, textBytes };
}

interface Places {
  readonly slots: number;
  readonly mask: number;
  readonly textStart: number;
}

function fill(
  lists: readonly ListTexts[],
  numbers: Uint32Array,
  bytes: Uint8Array,
  { slots, mask, textStart }: Places,
): void {
  let number = 0;
  let end = textStart;
  const append = (text: string): number => {
    const length = encode(text);
    bytes.set(scratch.subarray(0, length), end);
    end += length;
    return length;
  };
  for (const [list, { texts }] of lists.entries())
    for (const text of texts) {
      const entry = HEADER + number++ * ENTRY;
      const folded = text.toLowerCase();
      numbers[entry] = end;
      const length = append(folded);
      let slot = hashBytes(scratch, 0, 0, length) & mask;
      while (numbers[slots + slot] !== 0) slot = (slot + 1) & mask;
      numbers[slots + slot] = number;
      numbers[entry + 1] = end;
      numbers[entry + 2] = list;
      if (folded !== text) append(text);
    }
}
