/** The pairs of a query as they stand in the bytes of a target: a text is made of a value only when it is asked for. */
import { isText, latin1Text } from "./latin1.ts";

const NO_BYTES = new Uint8Array(0);
const QUESTION = 63;
const AMPERSAND = 38;
const EQUALS = 61;
const PERCENT = 37;
const PLUS = 43;
/** Numbers per pair: start and end of the name, start and end of the value, and whether they are encoded. */
const STRIDE = 5;
const ENCODED_NAME = 1;
const ENCODED_VALUE = 2;

export class QueryPairs {
  #bytes: Uint8Array = NO_BYTES;
  #places = new Int32Array(16 * STRIDE);
  #count = 0;

  /** Reads the target in `bytes[from..to)`, which must stay as they are as long as values are asked for. */
  read(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes;
    this.#count = 0;
    let at = from;
    while (at < to && bytes[at] !== QUESTION) at++;
    for (at++; at < to; at++) at = this.#readPair(at, to);
  }

  /** Returns the position of its end. A pair without a name is left out. */
  #readPair(from: number, to: number): number {
    const bytes = this.#bytes;
    let nameEnd = -1;
    let encoded = 0;
    let at = from;
    for (; at < to; at++) {
      const byte = bytes[at];
      if (byte === AMPERSAND) break;
      if (byte === EQUALS && nameEnd < 0) nameEnd = at;
      else if (byte === PERCENT || byte === PLUS) encoded |= nameEnd < 0 ? ENCODED_NAME : ENCODED_VALUE;
    }
    if (nameEnd < 0) nameEnd = at;
    if (nameEnd > from) this.#add(from, nameEnd, at, encoded);
    return at;
  }

  #add(from: number, nameEnd: number, end: number, encoded: number): void {
    const place = this.#count * STRIDE;
    if (place === this.#places.length) {
      const larger = new Int32Array(place * 2);
      larger.set(this.#places);
      this.#places = larger;
    }
    const places = this.#places;
    places[place] = from;
    places[place + 1] = nameEnd;
    places[place + 2] = nameEnd < end ? nameEnd + 1 : end;
    places[place + 3] = end;
    places[place + 4] = encoded;
    this.#count++;
  }

  /** Lets go of the bytes. */
  end(): void {
    this.#bytes = NO_BYTES;
  }

  /** The value of the first pair with this name, decoded; undefined where none has it. Without a `=` it is "". */
  value(name: string): string | undefined {
    const bytes = this.#bytes;
    const places = this.#places;
    for (let place = 0; place < this.#count * STRIDE; place += STRIDE) {
      const from = places[place]!;
      const to = places[place + 1]!;
      const encoded = places[place + 4]!;
      const isIt =
        (encoded & ENCODED_NAME) === 0
          ? isText(bytes, from, to, name)
          : decoded(latin1Text(bytes, from, to)) === name;
      if (!isIt) continue;
      const value = latin1Text(bytes, places[place + 2]!, places[place + 3]!);
      return (encoded & ENCODED_VALUE) === 0 ? value : decoded(value);
    }
    return undefined;
  }
}

/** What is not encoded as it should is taken as it stands. */
function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
