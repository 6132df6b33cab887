/**
 * Chunked bodies (RFC 9112 7.1), strict: a size of 1 to 16 hexadecimal digits, CRLF and nothing else as line end, no
 * white space around the size. Extensions are read up to a limit and never sent on; trailers are kept for the caller.
 */
import { CLASS, HEX, TOKEN, VALUE } from "./bytes.ts";
import { GrowingBytes } from "./growing_bytes.ts";

const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILER_FIRST = 7;
const TRAILER = 8;
const TRAILER_LF = 9;
const END_LF = 10;
const DONE = 11;

const MAX_SIZE_DIGITS = 16;
/** Larger chunks than this are not sizes but attacks on number types. */
const MAX_CHUNK_BYTES = Number.MAX_SAFE_INTEGER;
/** Chunks that are smaller than this on average are cheaper to copy than to write one by one. */
const JOIN_BELOW_BYTES = 16 * 1024;
const CR = 13;
const LF = 10;
const SEMICOLON = 59;

/**
 * Payload ranges found by the last `read`: start and end in turn. Shared: copy or use before the next `read`. Grows with
 * the number of chunks that one read holds.
 */
export let spans = new Int32Array(2 * 4096);

function growSpans(): void {
  const larger = new Int32Array(spans.length * 2);
  larger.set(spans);
  spans = larger;
}

export class ChunkReader {
  /** The body has ended; bytes after the returned position belong to the next message. */
  done = false;
  /** Payload bytes read so far. */
  payloadBytes = 0;
  /** Payload ranges in `spans` after a `read`. */
  spanCount = 0;
  /** The bytes of the last `read` are what a strict sender would send: they can go on as they are. */
  canonical = true;
  /** Bytes of a trailer section without the final empty line, or null. */
  trailer: Uint8Array | null = null;
  /** Bytes left of the chunk that is being read. */
  remaining = 0;

  #state = SIZE_FIRST;
  #digits = 0;
  #trailerBytes: GrowingBytes | null = null;
  #extensionBytes = 0;
  readonly #maxExtensionBytes: number;
  readonly #maxTrailerBytes: number;

  constructor(maxExtensionBytes: number, maxTrailerBytes: number) {
    this.#maxExtensionBytes = maxExtensionBytes;
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  /** True inside the payload of a chunk: nothing but bytes is expected. */
  get insideData(): boolean {
    return this.#state === DATA;
  }

  /** True where a new chunk may begin. */
  get betweenChunks(): boolean {
    return this.#state === SIZE_FIRST;
  }

  /**
   * Reads `bytes[from..to)`. Returns the position after what belongs to the body (`to` unless the body ended), or -1
   * when it is malformed or over a limit. A state machine over bytes, longer than a screen on purpose.
   */
  read(bytes: Uint8Array, from: number, to: number): number {
    let p = from;
    this.spanCount = 0;
    this.canonical = this.#state === SIZE_FIRST || this.#state === DATA;
    while (p < to) {
      switch (this.#state) {
        case SIZE_FIRST:
        case SIZE: {
          const byte = bytes[p++]!;
          if ((CLASS[byte]! & HEX) !== 0) {
            if (!this.#takeDigit(byte)) return -1;
            this.#state = SIZE;
          } else if (this.#state === SIZE_FIRST) return -1;
          else if (byte === CR) this.#state = SIZE_LF;
          else if (byte === SEMICOLON) {
            this.#state = EXTENSION;
            this.canonical = false;
          } else return -1;
          break;
        }
        case EXTENSION: {
          const byte = bytes[p++]!;
          if (byte === CR) this.#state = SIZE_LF;
          else if ((CLASS[byte]! & VALUE) === 0 || ++this.#extensionBytes > this.#maxExtensionBytes)
            return -1;
          break;
        }
        case SIZE_LF:
          if (bytes[p++] !== LF) return -1;
          this.#digits = 0;
          this.#state = this.remaining > 0 ? DATA : TRAILER_FIRST;
          break;
        case DATA: {
          const length = Math.min(this.remaining, to - p);
          if (this.spanCount * 2 + 2 > spans.length) growSpans();
          spans[this.spanCount * 2] = p;
          spans[this.spanCount * 2 + 1] = p + length;
          this.spanCount++;
          p += length;
          this.payloadBytes += length;
          this.remaining -= length;
          if (this.remaining === 0) this.#state = DATA_CR;
          break;
        }
        case DATA_CR:
          if (bytes[p++] !== CR) return -1;
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (bytes[p++] !== LF) return -1;
          this.#state = SIZE_FIRST;
          break;
        case TRAILER_FIRST:
          if (bytes[p] === CR) {
            p++;
            this.#state = END_LF;
          } else if ((CLASS[bytes[p]!]! & TOKEN) === 0) return -1;
          else {
            this.canonical = false;
            this.#state = TRAILER;
          }
          break;
        case TRAILER: {
          const start = p;
          while (p < to && (CLASS[bytes[p]!]! & VALUE) !== 0) p++;
          if (p < to) {
            if (bytes[p++] !== CR) return -1;
            this.#state = TRAILER_LF;
          }
          if (!this.#keepTrailer(bytes, start, p)) return -1;
          break;
        }
        case TRAILER_LF:
          if (bytes[p] !== LF || !this.#keepTrailer(bytes, p, p + 1)) return -1;
          p++;
          this.#state = TRAILER_FIRST;
          break;
        case END_LF:
          if (bytes[p++] !== LF) return -1;
          this.#state = DONE;
          this.done = true;
          return p;
        default:
          return p;
      }
    }
    if (this.#state !== SIZE_FIRST && this.#state !== DATA) this.canonical = false;
    return p;
  }

  /**
   * Moves the payload of the last `read` together where it came in many small chunks, so that one range is left: a chunk
   * of one byte would else cost three writes. Bytes between the ranges are overwritten.
   */
  joinSmallSpans(bytes: Uint8Array): void {
    const count = this.spanCount;
    if (count < 2 || spans[count * 2 - 1]! - spans[0]! > count * JOIN_BELOW_BYTES) return;
    let at = spans[1]!;
    for (let index = 1; index < count; index++) {
      const from = spans[index * 2]!;
      const to = spans[index * 2 + 1]!;
      if (to - from > 64) bytes.copyWithin(at, from, to);
      else for (let k = from; k < to; k++) bytes[at + k - from] = bytes[k]!;
      at += to - from;
    }
    spans[1] = at;
    this.spanCount = 1;
  }

  /** Returns false when the size has too many digits or is too large. */
  #takeDigit(byte: number): boolean {
    const digit = byte <= 57 ? byte - 48 : (byte | 32) - 87;
    this.remaining = this.remaining * 16 + digit;
    return ++this.#digits <= MAX_SIZE_DIGITS && this.remaining <= MAX_CHUNK_BYTES;
  }

  #keepTrailer(bytes: Uint8Array, from: number, to: number): boolean {
    this.#trailerBytes ??= new GrowingBytes();
    if (this.#trailerBytes.length + to - from > this.#maxTrailerBytes) return false;
    this.trailer = this.#trailerBytes.add(bytes.subarray(from, to));
    return true;
  }
}

/** Length of the `count` parts that a reader has just found. */
export function spanBytes(count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += spans[index * 2 + 1]! - spans[index * 2]!;
  return sum;
}
