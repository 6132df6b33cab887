/**
 * JSON documents of which some arrays are very long, read in steps: JSON.parse holds the event loop for as long as a whole
 * document takes. Elements of the named arrays are parsed some at a time, the rest of the document at the end without them.
 */

/** Names of members from the top; `*` = each element of an array. */
export type JsonPath = readonly string[];

export interface LongArray {
  readonly path: JsonPath;
  /** Some more elements. `index` is the place in the array that `*` of the path stands for, 0 without one. */
  take(elements: readonly unknown[], index: number): void;
}

/** Bytes of elements that are parsed at a time: some 0.3 ms. */
const PART_BYTES = 32 * 1_024;
/** Bytes that are looked over between two steps. */
const STEP_BYTES = 128 * 1_024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A value that is open: `index` counts elements of an array, `key` is the member of an object. */
interface Level {
  readonly isArray: boolean;
  index: number;
  key: string;
}

/** The long array that is being read. */
interface Reading {
  readonly array: LongArray;
  readonly index: number;
  readonly depth: number;
  /** Where the elements begin that were not parsed yet. */
  from: number;
}

/**
 * Returns the document with nothing in its long arrays. Throws SyntaxError for what is no JSON in UTF-8, and where the same long array
 * stands twice, of which JSON.parse would take the second.
 */
export function* parseJsonParts(bytes: Uint8Array, arrays: readonly LongArray[]): Generator<void, unknown> {
  const reader = new JsonPartsReader(bytes, arrays);
  while (reader.step()) yield;
  return reader.finish();
}

class JsonPartsReader {
  readonly #bytes: Uint8Array;
  readonly #arrays: readonly LongArray[];
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #levels: Level[] = [];
  readonly #seen = new Set<string>();
  #at = 0;
  #reading: Reading | null = null;
  /** Elements have just been told. */
  #isPartDone = false;
  /** Where a member of an object may begin, and no value. */
  #isKey = false;
  #rest = "";
  /** Where the part of the rest begins that is not there yet. */
  #restFrom = 0;

  constructor(bytes: Uint8Array, arrays: readonly LongArray[]) {
    this.#bytes = bytes;
    this.#arrays = arrays;
  }

  /** False at the end of the document. */
  step(): boolean {
    const bytes = this.#bytes;
    const end = Math.min(bytes.length, this.#at + STEP_BYTES);
    while (this.#at < end) {
      const byte = bytes[this.#at]!;
      if (byte === QUOTE) this.#text();
      else {
        if (byte <= CLOSE_OBJECT && byte >= COMMA) this.#mark(byte);
        this.#at++;
      }
      if (this.#isPartDone) {
        this.#isPartDone = false;
        return true;
      }
    }
    return this.#at < bytes.length;
  }

  finish(): unknown {
    if (this.#reading !== null) throw new SyntaxError("the document ends within an array");
    return JSON.parse(this.#rest + this.#decoded(this.#restFrom, this.#bytes.length));
  }

  #mark(byte: number): void {
    const level = this.#levels.at(-1);
    switch (byte) {
      case COLON:
        this.#isKey = false;
        return;
      case COMMA:
        this.#comma(level);
        return;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.#open(byte === OPEN_ARRAY);
        return;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        this.#close(byte === CLOSE_ARRAY);
        return;
      default:
    }
  }

  #comma(level: Level | undefined): void {
    if (level === undefined) return;
    this.#isKey = !level.isArray;
    if (!level.isArray) return;
    level.index++;
    const reading = this.#reading;
    if (reading === null || reading.depth !== this.#levels.length) return;
    if (this.#at - reading.from < PART_BYTES) return;
    this.#flush(reading, this.#at);
    reading.from = this.#at + 1;
    this.#isPartDone = true;
  }

  #open(isArray: boolean): void {
    this.#levels.push({ isArray, index: 0, key: "" });
    this.#isKey = !isArray;
    if (!isArray || this.#reading !== null) return;
    const array = this.#arrays.find(({ path }) => this.#isAt(path));
    if (array === undefined) return;
    const place = this.#levels.slice(0, -1).map((level) => (level.isArray ? level.index : level.key));
    const name = JSON.stringify(place);
    if (this.#seen.has(name)) throw new SyntaxError(`${place.join(".")} stands there twice`);
    this.#seen.add(name);
    const index = this.#levels.find((level) => level.isArray)?.index ?? 0;
    this.#rest += this.#decoded(this.#restFrom, this.#at + 1);
    this.#reading = {
      array,
      index: array.path.includes("*") ? index : 0,
      depth: this.#levels.length,
      from: this.#at + 1,
    };
  }

  #isAt(path: JsonPath): boolean {
    return (
      path.length === this.#levels.length - 1 &&
      path.every((name, depth) => {
        const level = this.#levels[depth]!;
        return level.isArray ? name === "*" : level.key === name;
      })
    );
  }

  #close(isArray: boolean): void {
    const reading = this.#reading;
    if (reading !== null && reading.depth === this.#levels.length) {
      if (!isArray) throw new SyntaxError("an array ends as an object");
      this.#flush(reading, this.#at);
      this.#reading = null;
      this.#restFrom = this.#at;
    }
    this.#levels.pop();
    this.#isKey = false;
  }

  #flush({ array, index, from }: Reading, to: number): void {
    const elements = JSON.parse(`[${this.#decoded(from, to)}]`) as unknown[];
    // A comma before the end, or two of them, is none of JSON.
    if (elements.length === 0 && this.#bytes[from - 1] !== OPEN_ARRAY)
      throw new SyntaxError("an element is missing");
    if (elements.length > 0) array.take(elements, index);
  }

  /** A text, from its quotation mark on. */
  #text(): void {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let end = bytes.indexOf(QUOTE, start);
    while (end >= 0 && isEscaped(bytes, end, start)) end = bytes.indexOf(QUOTE, end + 1);
    if (end < 0) throw new SyntaxError("the document ends within a text");
    this.#at = end + 1;
    const level = this.#levels.at(-1);
    if (this.#isKey && level !== undefined && this.#reading === null)
      level.key = JSON.parse(this.#decoded(start - 1, end + 1)) as string;
  }

  #decoded(from: number, to: number): string {
    return this.#decoder.decode(this.#bytes.subarray(from, to));
  }
}

/** True behind an odd number of backslashes. */
function isEscaped(bytes: Uint8Array, at: number, start: number): boolean {
  let first = at;
  while (first > start && bytes[first - 1] === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}
