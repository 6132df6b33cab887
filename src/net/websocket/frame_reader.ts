/**
 * Frames of a WebSocket client (RFC 6455 5), for servers: bytes are pushed in, messages are taken out one at a time, so that whoever
 * takes them sets the pace. No extension is spoken.
 */

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;
const CONTINUATION = 0;

/** Codes of RFC 6455 7.4.1. */
export const CLOSE_CODES = {
  normal: 1_000,
  going_away: 1_001,
  protocol_error: 1_002,
  unsupported_data: 1_003,
  /** Never on the wire: the peer has named none. */
  none: 1_005,
  invalid_text: 1_007,
  too_big: 1_009,
} as const;

export type WebSocketEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "ping" | "pong"; readonly bytes: Uint8Array }
  /** `code` is CLOSE_CODES.none where the client names none. Nothing follows. */
  | { readonly kind: "close"; readonly code: number }
  /** What has come is against the protocol or too long: to be answered by a close with this code. Nothing follows. */
  | { readonly kind: "bad"; readonly code: number; readonly reason: string };

const MAX_CONTROL_BYTES = 125;
const MASK_BYTES = 4;
const EMPTY = new Uint8Array(0);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A frame's head, and where its payload stands. */
interface FrameHead {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly maskAt: number;
  readonly length: number;
}

export class FrameReader {
  readonly #maxBytes: number;
  /** Bytes that have not been taken. */
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  /** Payloads of the fragments of a message so far; its opcode, 0 = none has begun. */
  #fragments: Uint8Array[] = [];
  #fragmentBytes = 0;
  #opcode = 0;
  #isOver = false;

  /** Messages of more than `maxBytes` are refused as soon as a head says their length. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The reader keeps `bytes`: nobody may change them any more. */
  push(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const rest = this.#bytes.length - this.#at;
    this.#bytes = rest === 0 ? bytes : Buffer.concat([this.#bytes.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** The next message or control frame; null = more bytes are needed, or nothing follows. */
  next(): WebSocketEvent | null {
    while (!this.#isOver) {
      const head = this.#head();
      if (head === null) return null;
      if ("kind" in head) return this.#end(head);
      const from = head.maskAt + MASK_BYTES;
      if (this.#bytes.length < from + head.length) return null;
      const payload = unmasked(this.#bytes, head.maskAt, head.length);
      this.#at = from + head.length;
      const event = this.#take(head, payload);
      if (event !== null) return event.kind === "close" || event.kind === "bad" ? this.#end(event) : event;
    }
    return null;
  }

  #end(event: WebSocketEvent): WebSocketEvent {
    this.#isOver = true;
    this.#bytes = EMPTY;
    this.#fragments = [];
    this.#at = 0;
    return event;
  }

  /** Null while it is not complete. */
  #head(): FrameHead | WebSocketEvent | null {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes.length < at + 2) return null;
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) return violation("a reserved bit is set");
    if ((second & 0x80) === 0) return violation("a frame of a client is not masked");
    const problem = this.#opcodeProblem(opcode, isLast);
    if (problem !== null) return violation(problem);
    const short = second & 0x7f;
    if (opcode >= CLOSE && short > MAX_CONTROL_BYTES) return violation("a control frame is too long");
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskAt = at + 2 + lengthBytes;
    if (bytes.length < maskAt) return null;
    const length = lengthBytes === 0 ? short : longLength(bytes, at + 2, lengthBytes);
    if (length < 0) return violation("a length is not written in the shortest form");
    if (opcode < CLOSE && this.#fragmentBytes + length > this.#maxBytes)
      return {
        kind: "bad",
        code: CLOSE_CODES.too_big,
        reason: `a message is longer than ${this.#maxBytes} bytes`,
      };
    return { opcode, isLast, maskAt, length };
  }

  #opcodeProblem(opcode: number, isLast: boolean): string | null {
    switch (opcode) {
      case CONTINUATION:
        return this.#opcode === 0 ? "a continuation continues nothing" : null;
      case TEXT:
      case BINARY:
        return this.#opcode === 0 ? null : "a message begins inside of another";
      case CLOSE:
      case PING:
      case PONG:
        return isLast ? null : "a control frame is fragmented";
      default:
        return "an opcode is reserved";
    }
  }

  #take({ opcode, isLast }: FrameHead, payload: Uint8Array): WebSocketEvent | null {
    if (opcode === PING || opcode === PONG)
      return { kind: opcode === PING ? "ping" : "pong", bytes: payload };
    if (opcode === CLOSE) return closeEvent(payload);
    if (opcode !== CONTINUATION && isLast) return messageEvent(opcode, payload);
    if (opcode !== CONTINUATION) this.#opcode = opcode;
    // Fragments without content would make a list without end.
    if (payload.length > 0) this.#fragments.push(payload);
    this.#fragmentBytes += payload.length;
    if (!isLast) return null;
    const whole = this.#fragments.length === 1 ? this.#fragments[0]! : Buffer.concat(this.#fragments);
    const event = messageEvent(this.#opcode, whole);
    this.#fragments = [];
    this.#fragmentBytes = this.#opcode = 0;
    return event;
  }
}

function violation(reason: string): WebSocketEvent {
  return { kind: "bad", code: CLOSE_CODES.protocol_error, reason };
}

/** -1 = it would fit into a shorter form, or has its highest bit set. What no number holds exactly is too long anyway. */
function longLength(bytes: Uint8Array, at: number, count: number): number {
  let length = 0;
  for (let k = 0; k < count; k++) length = length * 256 + bytes[at + k]!;
  if (count === 2) return length < 126 ? -1 : length;
  return length < 65_536 || bytes[at]! > 127 ? -1 : length;
}

function unmasked(bytes: Uint8Array, maskAt: number, length: number): Uint8Array {
  const payload = new Uint8Array(length);
  const from = maskAt + MASK_BYTES;
  for (let k = 0; k < length; k++) payload[k] = bytes[from + k]! ^ bytes[maskAt + (k & 3)]!;
  return payload;
}

function messageEvent(opcode: number, payload: Uint8Array): WebSocketEvent {
  if (opcode === BINARY) return { kind: "binary", bytes: payload };
  const text = textOf(payload);
  return text === null
    ? { kind: "bad", code: CLOSE_CODES.invalid_text, reason: "a text is not UTF-8" }
    : { kind: "text", text };
}

function closeEvent(payload: Uint8Array): WebSocketEvent {
  if (payload.length === 0) return { kind: "close", code: CLOSE_CODES.none };
  if (payload.length === 1) return violation("a close frame has half a code");
  const code = payload[0]! * 256 + payload[1]!;
  if (!mayBeSent(code)) return violation(`the close code ${code} may not be sent`);
  if (textOf(payload.subarray(2)) === null)
    return { kind: "bad", code: CLOSE_CODES.invalid_text, reason: "the reason of a close is not UTF-8" };
  return { kind: "close", code };
}

/** Codes of the protocol and its registry (1000 to 1014, but for three), of libraries and of applications. */
function mayBeSent(code: number): boolean {
  if (code >= 3_000) return code < 5_000;
  return code >= 1_000 && code <= 1_014 && code !== 1_004 && code !== 1_005 && code !== 1_006;
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
