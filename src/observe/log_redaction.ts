/** What of a request does not get into the access log: values of fields and query parameters, and userinfo of URLs. */
import { CUT_MARK_BYTES, LONGEST_ESCAPE, type PutValue } from "./line_bytes.ts";

export const REDACTED = "REDACTED";
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const REDACTED_BYTES = utf8(REDACTED);

function putRedacted(out: Uint8Array, at: number): number {
  for (let k = 0; k < REDACTED_BYTES.length; k++) out[at + k] = REDACTED_BYTES[k]!;
  return at + REDACTED_BYTES.length;
}

/** Bytes that `putUrl` may write beyond its limit. */
export const URL_OVERRUN_BYTES = REDACTED.length + CUT_MARK_BYTES;

const SLASH = 47;
const QUESTION = 63;
const AMPERSAND = 38;
const SEMICOLON = 59;
const EQUALS = 61;
const PERCENT = 37;
const PLUS = 43;
const BRACKET = 91;
const AT = 64;
const COLON = 58;
const ASTERISK = 42;

const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Names of query parameters whose values are secret. Compared without regard to case, decoded, up to a `[`. */
export class SecretParameters {
  readonly #names: readonly Uint8Array[];
  readonly #texts: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => utf8(lowerAscii(name)));
    this.#texts = new Set(this.#names.map((bytes) => Buffer.from(bytes).latin1Slice()));
  }

  get none(): boolean {
    return this.#names.length === 0;
  }

  /** True when the name in `bytes[from..to)` is one of them. */
  has(bytes: Uint8Array, from: number, to: number): boolean {
    let end = from;
    for (; end < to && bytes[end] !== BRACKET; end++) {
      const byte = bytes[end]!;
      if (byte === PERCENT || byte === PLUS) return this.#hasDecoded(bytes, from, to);
    }
    next: for (let index = 0; index < this.#names.length; index++) {
      const name = this.#names[index]!;
      if (name.length !== end - from) continue;
      for (let k = 0; k < name.length; k++) {
        const byte = bytes[from + k]!;
        if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== name[k]) continue next;
      }
      return true;
    }
    return false;
  }

  /** A name with percent-encoding is rare: here strings are in order. */
  #hasDecoded(bytes: Uint8Array, from: number, to: number): boolean {
    const text = Buffer.from(bytes.subarray(from, to)).latin1Slice().replaceAll("+", " ");
    const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
    return this.#texts.has(lowerAscii(decoded.split("[", 1)[0]!));
  }
}

/**
 * Writes a request target or another URL. Secret parameters have REDACTED as their value; the userinfo of an absolute
 * URL is replaced too. Both `&` and `;` begin a parameter, but only `&` ends a secret one, so that servers of either
 * habit are covered. May write URL_OVERRUN_BYTES beyond `limit`.
 */
export function putUrl(
  out: Uint8Array,
  at: number,
  limit: number,
  bytes: Uint8Array,
  from: number,
  to: number,
  secrets: SecretParameters,
  put: PutValue,
): number {
  if (from < to && bytes[from] !== SLASH && bytes[from] !== ASTERISK) {
    const end = userinfoEnd(bytes, from, to);
    if (end > from) {
      const start = authorityStart(bytes, from, end);
      at = put(out, at, limit, bytes, from, start);
      if (at > limit - LONGEST_ESCAPE) return at;
      at = putRedacted(out, at);
      from = end;
    }
  }
  if (secrets.none) return put(out, at, limit, bytes, from, to);
  let parameter = from;
  while (parameter < to && bytes[parameter] !== QUESTION) parameter++;
  parameter++;
  let written = from;
  while (parameter < to) {
    let nameEnd = parameter;
    while (nameEnd < to && !isNameEnd(bytes[nameEnd]!)) nameEnd++;
    if (bytes[nameEnd] === EQUALS && nameEnd < to && secrets.has(bytes, parameter, nameEnd)) {
      at = put(out, at, limit, bytes, written, nameEnd + 1);
      if (at > limit - LONGEST_ESCAPE) return at;
      at = putRedacted(out, at);
      while (nameEnd < to && bytes[nameEnd] !== AMPERSAND) nameEnd++;
      written = nameEnd;
    }
    while (nameEnd < to && bytes[nameEnd] !== AMPERSAND && bytes[nameEnd] !== SEMICOLON) nameEnd++;
    parameter = nameEnd + 1;
  }
  return put(out, at, limit, bytes, written, to);
}

function isNameEnd(byte: number): boolean {
  return byte === EQUALS || byte === AMPERSAND || byte === SEMICOLON;
}

/** Position of the `@` that ends the userinfo of an absolute URL (or of an authority), or `from` when there is none. */
function userinfoEnd(bytes: Uint8Array, from: number, to: number): number {
  let found = from;
  for (let k = authorityStart(bytes, from, to); k < to; k++) {
    const byte = bytes[k]!;
    if (byte === SLASH || byte === QUESTION) break;
    // The last one: a password may hold an unencoded `@`.
    if (byte === AT) found = k;
  }
  return found;
}

/** Position behind `scheme://`, or `from` when there is no scheme. */
function authorityStart(bytes: Uint8Array, from: number, to: number): number {
  for (let k = from; k + 2 < to; k++) {
    const byte = bytes[k]!;
    if (byte === COLON) return bytes[k + 1] === SLASH && bytes[k + 2] === SLASH ? k + 3 : from;
    if (byte === SLASH || byte === QUESTION) return from;
  }
  return from;
}
