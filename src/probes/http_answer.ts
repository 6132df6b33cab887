/**
 * Reads one answer of a backend to a probe, by the same strict rules as the proxy itself: what the proxy would refuse
 * makes the backend unhealthy. Of the body only a limited part is kept, and none where nobody looks at it.
 */
import { ChunkReader, spans } from "../net/h1/chunks.ts";
import { framing, judgeResponse } from "../net/h1/framing.ts";
import { INCOMPLETE, parsed, parseResponse } from "../net/h1/parse.ts";
import { UNKNOWN_LENGTH } from "../net/exchange.ts";
import { Head } from "../net/head.ts";
import { responseBodyLength } from "../net/http_exchange.ts";

/** Limits of an answer's head. */
export const HEAD_LIMIT_BYTES = 32_768;
const MAX_FIELDS = 200;
/** Informational answers before the final one. */
const MAX_INTERIM = 10;
const EXTENSION_LIMIT_BYTES = 4_096;
const START = Buffer.from("HTTP/1.");
const HEAD_END = Buffer.from("\r\n\r\n");

const NOTHING = new Uint8Array(0);
/** Of the answer that is read right now: nothing of it is kept over events. */
const head = new Head(MAX_FIELDS);

/** `more`: bytes are missing; `complete`: everything that is wanted is there; else what is wrong. */
export type Progress = "more" | "complete" | { readonly problem: string };

export class AnswerReader {
  status = 0;
  /** The Location field, or null. */
  location: string | null = null;
  /** The first part of the body, up to the limit. */
  body: Uint8Array = NOTHING;

  readonly #isHead: boolean;
  readonly #bodyLimit: number;
  /** Null while the head has not come in parts. */
  #head: Buffer | null = null;
  #headLength = 0;
  #interim = 0;
  /** Body bytes that are still to come, Infinity = until the end of the connection or the last chunk. */
  #remaining = 0;
  #chunks: ChunkReader | null = null;
  #bodyLength = 0;

  /** `bodyLimit` 0: the answer is complete after its head. */
  constructor(isHead: boolean, bodyLimit: number) {
    this.#isHead = isHead;
    this.#bodyLimit = bodyLimit;
  }

  read(bytes: Uint8Array): Progress {
    return this.status === 0 ? this.#readHead(bytes) : this.#readBody(bytes, 0, bytes.length);
  }

  /** The connection has ended. */
  end(): Progress {
    if (this.status === 0) return problem(this.#headLength === 0 ? "no answer" : "the answer was cut off");
    return this.#remaining === Infinity && this.#chunks === null
      ? this.#complete()
      : problem("the answer was cut off");
  }

  #readHead(bytes: Uint8Array): Progress {
    if (this.#head === null && bytes.length <= HEAD_LIMIT_BYTES) {
      const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      if (startsAsAnswer(whole) && whole.indexOf(HEAD_END) >= 0) return this.#parse(whole, NOTHING);
    }
    this.#head ??= Buffer.allocUnsafeSlow(HEAD_LIMIT_BYTES);
    const searchFrom = Math.max(0, this.#headLength - HEAD_END.length + 1);
    const taken = Math.min(bytes.length, this.#head.length - this.#headLength);
    this.#head.set(bytes.subarray(0, taken), this.#headLength);
    this.#headLength += taken;
    const known = this.#head.subarray(0, this.#headLength);
    if (!startsAsAnswer(known)) return problem("the answer is not HTTP/1");
    if (known.indexOf(HEAD_END, searchFrom) < 0)
      return taken < bytes.length || known.length === HEAD_LIMIT_BYTES
        ? problem(`the head of the answer is longer than ${HEAD_LIMIT_BYTES} bytes`)
        : "more";
    return this.#parse(known, bytes.subarray(taken));
  }

  /** Parses `known`, in which the head is as a whole; `rest` did not fit behind it. */
  #parse(known: Buffer, rest: Uint8Array): Progress {
    const end = parseResponse(head, known, known.length);
    if (end === INCOMPLETE || end < 0) return problem("the head of the answer is malformed");
    const { status } = parsed;
    const chunked = parsed.transferEncoding >= 0;
    if (judgeResponse(head) !== null) return problem("the length of the answer is malformed");
    if (status < 200 && status !== 101) return this.#skipInterim(known.subarray(end), rest);
    this.status = status;
    this.location = head.get("location");
    const length = responseBodyLength(this.#isHead, status, framing.length);
    this.#remaining = length === UNKNOWN_LENGTH ? Infinity : length;
    if (chunked && this.#remaining > 0)
      this.#chunks = new ChunkReader(EXTENSION_LIMIT_BYTES, HEAD_LIMIT_BYTES);
    if (this.#bodyLimit === 0 || this.#remaining === 0) return this.#complete();
    this.body = new Uint8Array(this.#bodyLimit);
    const progress = this.#readBody(known, end, known.length);
    return progress === "more" && rest.length > 0 ? this.#readBody(rest, 0, rest.length) : progress;
  }

  /** Goes on with what follows an informational answer. */
  #skipInterim(behind: Uint8Array, rest: Uint8Array): Progress {
    if (++this.#interim > MAX_INTERIM) return problem(`more than ${MAX_INTERIM} informational answers`);
    const following = Buffer.concat([behind, rest]);
    this.#headLength = 0;
    return following.length === 0 ? "more" : this.#readHead(following);
  }

  #readBody(bytes: Uint8Array, from: number, to: number): Progress {
    const chunks = this.#chunks;
    if (chunks === null) {
      const length = Math.min(to - from, this.#remaining);
      this.#remaining -= length;
      this.#keep(bytes, from, from + length);
      return this.#remaining === 0 || this.#bodyLength === this.#bodyLimit ? this.#complete() : "more";
    }
    if (chunks.read(bytes, from, to) < 0) return problem("the chunks of the answer are malformed");
    for (let index = 0; index < chunks.spanCount; index++)
      this.#keep(bytes, spans[index * 2]!, spans[index * 2 + 1]!);
    return chunks.done || this.#bodyLength === this.#bodyLimit ? this.#complete() : "more";
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    const length = Math.min(to - from, this.#bodyLimit - this.#bodyLength);
    this.body.set(bytes.subarray(from, from + length), this.#bodyLength);
    this.#bodyLength += length;
  }

  #complete(): Progress {
    this.body = this.body.subarray(0, this.#bodyLength);
    return "complete";
  }
}

/** True for what may be the beginning of an answer, however short. */
function startsAsAnswer(known: Buffer): boolean {
  const length = Math.min(known.length, START.length);
  return known.compare(START, 0, length, 0, length) === 0;
}

function problem(text: string): Progress {
  return { problem: text };
}
