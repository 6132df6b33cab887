/** Byte classes of HTTP/1.1 (RFC 9110 5.6.2, RFC 9112 3 and 5) and small writers of numbers into byte buffers. */

/** tchar: may stand in a method or a field name. */
export const TOKEN = 1;
/** field-vchar, SP, HTAB and obs-text: may stand in a field value. */
export const VALUE = 2;
/** May stand in a request target: visible ASCII without `#` (fragment). */
export const TARGET = 4;
export const UNDERSCORE = 8;
export const PERCENT = 16;
export const HEX = 32;
/** Means nothing in a query; in a path no two servers agree on it. */
export const BACKSLASH = 64;

export const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) CLASS[byte]! |= TOKEN;
  if (byte === 9 || (byte >= 32 && byte !== 127)) CLASS[byte]! |= VALUE;
  if (byte > 32 && byte < 127 && character !== "#") CLASS[byte]! |= TARGET;
  if (character === "_") CLASS[byte]! |= UNDERSCORE;
  if (character === "%") CLASS[byte]! |= PERCENT;
  if (/[0-9A-Fa-f]/.test(character)) CLASS[byte]! |= HEX;
  if (character === "\\") CLASS[byte]! |= BACKSLASH;
}

/** The bytes of a latin1 string. */
export function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Compares bytes with a lower-case ASCII name of letters, digits and `-`, ignoring case. */
export function equalsName(bytes: Uint8Array, from: number, name: Uint8Array): boolean {
  for (let k = 0; k < name.length; k++) if ((bytes[from + k]! | 32) !== name[k]) return false;
  return true;
}

/** Writes a non-negative integer below 2^53 in decimal; returns the position after it. */
export function writeDecimal(into: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    into[at] = 48 + value;
    return at + 1;
  }
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let position = at + digits;
  for (let rest = value; position > at; rest = Math.floor(rest / 10)) into[--position] = 48 + (rest % 10);
  return at + digits;
}

const HEX_DIGITS = latin1Bytes("0123456789abcdef");

/** Writes a non-negative integer below 2^31 in hexadecimal; returns the position after it. */
export function writeHex(into: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let rest = value >>> 4; rest > 0; rest >>>= 4) digits++;
  for (let k = digits - 1, rest = value; k >= 0; k--, rest >>>= 4) into[at + k] = HEX_DIGITS[rest & 15]!;
  return at + digits;
}

/** Copies `source` to `at`; returns the position after it. A loop beats `set` for the short pieces of a head. */
export function writeBytes(into: Uint8Array, at: number, source: Uint8Array): number {
  const length = source.length;
  if (length > 48) into.set(source, at);
  else for (let k = 0; k < length; k++) into[at + k] = source[k]!;
  return at + length;
}

const { latin1Write } = Buffer.prototype;

/** The same as `writeText`, faster for texts that are long or put together from others. */
export function writeLatin1(into: Uint8Array, at: number, text: string): number {
  return at + latin1Write.call(into as Buffer, text, at, text.length);
}

/** Writes latin1 text; returns the position after it. */
export function writeText(into: Uint8Array, at: number, text: string): number {
  for (let k = 0; k < text.length; k++) into[at + k] = text.charCodeAt(k);
  return at + text.length;
}
