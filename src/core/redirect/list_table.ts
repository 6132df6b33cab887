/**
 * All values of all named lists in one table, so that one look-up tells in which lists a value stands. It lies in one buffer of
 * plain numbers and bytes, which the workers of a machine may share: a million values take about 45 MB, as strings in a Set 183.
 *
 * Layout, in 32-bit numbers: version, entries, slots - 1, where the records end, where the slots begin (both in numbers); then a
 * record for each entry: twice its list, and 1 more where the text is not in lower case; bytes of the text in lower case; only for
 * those marked bytes of the text as it was given; the texts in UTF-8, up to a whole number. Then two numbers for each slot: where
 * its record begins (0 = empty), and the hash. A look-up meets one slot and one record, wherever they lie.
 */
import { allSteps } from "../steps.ts";
import { hashBytes } from "../strategies/hash.ts";

const VERSION = 2;
const HEADER = 5;
/** Slots are filled in steps of so many. */
const STEP = 500;

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

const numbersOf = (bytes: number): number => (bytes + 3) >>> 2;

function slotsFor(entries: number): number {
  let slots = 8;
  while (slots < entries * 1.5) slots *= 2;
  return slots;
}

/** In bytes. */
function textStart(numbers: Uint32Array, record: number): number {
  return (record + 2 + (numbers[record]! & 1)) * 4;
}

function nextRecord(numbers: Uint32Array, record: number): number {
  const differs = numbers[record]! & 1;
  const given = differs === 1 ? numbers[record + 2]! : 0;
  return record + 2 + differs + numbersOf(numbers[record + 1]! + given);
}

/** In numbers. */
function recordSize(text: string): number {
  const folded = text.toLowerCase();
  const length = encode(folded);
  return folded === text ? 2 + numbersOf(length) : 3 + numbersOf(length + encode(text));
}

/** Fills the buffer of a table entry by entry. */
export class ListTableBuilder {
  readonly #buffer: ArrayBufferLike;
  readonly #numbers: Uint32Array;
  readonly #bytes: Uint8Array;
  #entries = 0;
  #end = HEADER;

  /** `buffer` is all zero. What is left of it stays as it is. */
  constructor(buffer: ArrayBufferLike) {
    this.#buffer = buffer;
    this.#numbers = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    this.#bytes = new Uint8Array(buffer);
  }

  /** Bytes that a table of `texts` takes. */
  static room(texts: readonly string[]): number {
    const records = texts.reduce((sum, text) => sum + recordSize(text), 0);
    return (HEADER + records + slotsFor(texts.length) * 2) * 4;
  }

  /**
   * Bytes in which the values of a document of `documentBytes` bytes have room, however long and many they are: each takes 14
   * bytes there at least, and no text is more than half as long again in lower case.
   */
  static roomFor(documentBytes: number): number {
    return 4_096 + documentBytes * 6;
  }

  /** Throws RangeError where the buffer has no room. */
  add(list: number, text: string): void {
    const folded = text.toLowerCase();
    const differs = folded === text ? 0 : 1;
    const record = this.#end;
    let end = this.#append(folded, (record + 2 + differs) * 4);
    const length = end - (record + 2 + differs) * 4;
    if (differs === 1) {
      const start = end;
      end = this.#append(text, start);
      this.#numbers[record + 2] = end - start;
    }
    this.#numbers[record] = list * 2 + differs;
    this.#numbers[record + 1] = length;
    this.#end = numbersOf(end);
    this.#entries++;
  }

  #append(text: string, at: number): number {
    const length = encode(text);
    if (at + length > this.#bytes.length) throw new RangeError("the values have no room in the table");
    this.#bytes.set(scratch.subarray(0, length), at);
    return at + length;
  }

  /** The table of what was added. Throws RangeError where its slots have no room. */
  finish(): ListTable {
    return allSteps(this.slices());
  }

  /** `finish` in steps. */
  *slices(): Generator<void, ListTable> {
    const numbers = this.#numbers;
    const slots = slotsFor(this.#entries);
    const mask = slots - 1;
    if (this.#end + slots * 2 > numbers.length) throw new RangeError("the slots have no room in the table");
    let count = 0;
    for (let record = HEADER; record < this.#end; record = nextRecord(numbers, record)) {
      const start = textStart(numbers, record);
      const hash = hashBytes(this.#bytes, 0, start, start + numbers[record + 1]!);
      let slot = hash & mask;
      while (numbers[this.#end + slot * 2] !== 0) slot = (slot + 1) & mask;
      numbers[this.#end + slot * 2] = record;
      numbers[this.#end + slot * 2 + 1] = hash;
      if (++count % STEP === 0) yield;
    }
    numbers.set([VERSION, this.#entries, mask, this.#end, this.#end]);
    return new ListTable(this.#buffer);
  }
}

const NOWHERE: readonly number[] = [];

export class ListTable {
  readonly buffer: ArrayBufferLike;
  readonly #numbers: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #slots: number;
  readonly #mask: number;

  /** `buffer` is that of a table, or a copy of it. Throws RangeError for anything else. */
  constructor(buffer: ArrayBufferLike) {
    this.buffer = buffer;
    this.#numbers = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    this.#bytes = new Uint8Array(buffer);
    const [version, , mask = 0, end = 0, slots = 0] = this.#numbers;
    if (version !== VERSION) throw new RangeError(`a table of lists of version ${version}`);
    this.#mask = mask;
    this.#end = end;
    this.#slots = slots;
  }

  get size(): number {
    return this.#numbers[1]!;
  }

  /** Numbers of the lists with a value that is `folded` in lower case, each once, in no order. */
  listsOf(folded: string): readonly number[] {
    const length = encode(folded);
    const hash = hashBytes(scratch, 0, 0, length);
    let found: number[] | null = null;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const record = this.#recordOf(slot);
      if (record === 0) return found ?? NOWHERE;
      if (!this.#isAt(slot, hash, record, length)) continue;
      const list = this.#numbers[record]! >>> 1;
      if (found === null) found = [list];
      else if (!found.includes(list)) found.push(list);
    }
  }

  /** True when the list has the value `text` in just these letters. */
  holdsExactly(text: string, list: number): boolean {
    const exact = encoder.encode(text);
    const length = encode(text.toLowerCase());
    const hash = hashBytes(scratch, 0, 0, length);
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const record = this.#recordOf(slot);
      if (record === 0) return false;
      if (!this.#isAt(slot, hash, record, length) || this.#numbers[record]! >>> 1 !== list) continue;
      const given = this.#given(record);
      if (given.length === exact.length && exact.every((byte, at) => byte === given[at])) return true;
    }
  }

  /** All entries in the order in which they were added: their lists, and the values as they were given. */
  *entries(): Generator<{ readonly list: number; readonly text: string }> {
    for (let record = HEADER; record < this.#end; record = this.#next(record))
      // A copy: decoders take no shared memory.
      yield { list: this.#numbers[record]! >>> 1, text: decoder.decode(this.#given(record).slice()) };
  }

  /** The values of the list with this number, as they were given. */
  *textsOf(list: number): Generator<string> {
    for (let record = HEADER; record < this.#end; record = this.#next(record))
      if (this.#numbers[record]! >>> 1 === list) yield decoder.decode(this.#given(record).slice());
  }

  #recordOf(slot: number): number {
    return this.#numbers[this.#slots + slot * 2]!;
  }

  /** True where the record of a slot has the text that stands in `scratch`. */
  #isAt(slot: number, hash: number, record: number, length: number): boolean {
    if (this.#numbers[this.#slots + slot * 2 + 1] !== hash || this.#numbers[record + 1] !== length)
      return false;
    const start = textStart(this.#numbers, record);
    for (let at = 0; at < length; at++) if (this.#bytes[start + at] !== scratch[at]) return false;
    return true;
  }

  #given(record: number): Uint8Array {
    const start = textStart(this.#numbers, record);
    const folded = this.#numbers[record + 1]!;
    if ((this.#numbers[record]! & 1) === 0) return this.#bytes.subarray(start, start + folded);
    return this.#bytes.subarray(start + folded, start + folded + this.#numbers[record + 2]!);
  }

  #next(record: number): number {
    return nextRecord(this.#numbers, record);
  }

  /** The table of `lists`, whose numbers are their places. */
  static build(lists: readonly ListTexts[]): ListTable {
    const room = ListTableBuilder.room(lists.flatMap(({ texts }) => texts));
    const builder = new ListTableBuilder(new ArrayBuffer(room));
    for (const [list, { texts }] of lists.entries()) for (const text of texts) builder.add(list, text);
    return builder.finish();
  }
}
