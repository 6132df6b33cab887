/**
 * MurmurHash3 x86_32 (Austin Appleby, public domain): short code, good on short keys, and the same value for a text and
 * for its bytes, so that a plane may hash whichever it has. Not for secrets, and no defence against chosen keys.
 */

const FIRST_FACTOR = 0xcc9e2d51;
const SECOND_FACTOR = 0x1b873593;

/** Hash of a text of latin1 characters (of others only the low eight bits count), as an unsigned 32-bit number. */
export function hashText(text: string, seed = 0): number {
  const { length } = text;
  const whole = length & ~3;
  let state = seed | 0;
  for (let at = 0; at < whole; at += 4) {
    const word =
      (text.charCodeAt(at) & 0xff) |
      ((text.charCodeAt(at + 1) & 0xff) << 8) |
      ((text.charCodeAt(at + 2) & 0xff) << 16) |
      (text.charCodeAt(at + 3) << 24);
    state = withWord(state, word);
  }
  let rest = 0;
  for (let at = length - 1; at >= whole; at--) rest = (rest << 8) | (text.charCodeAt(at) & 0xff);
  return mix(state ^ scrambled(rest) ^ length);
}

/** Hash of `bytes` from `start` (included) to `end` (excluded), as an unsigned 32-bit number. */
export function hashBytes(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  const length = end - start;
  const whole = start + (length & ~3);
  let state = seed | 0;
  for (let at = start; at < whole; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    state = withWord(state, word);
  }
  let rest = 0;
  for (let at = end - 1; at >= whole; at--) rest = (rest << 8) | bytes[at]!;
  return mix(state ^ scrambled(rest) ^ length);
}

/** The finisher of MurmurHash3: spreads every bit of a 32-bit number over all bits. Returns an unsigned number. */
export function mix(value: number): number {
  return mixSigned(value) >>> 0;
}

/** As `mix`, but signed: quicker where the numbers are only compared. */
export function mixSigned(value: number): number {
  const one = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  const two = Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
  return two ^ (two >>> 16);
}

function withWord(state: number, word: number): number {
  const mixed = state ^ scrambled(word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function scrambled(word: number): number {
  const one = Math.imul(word, FIRST_FACTOR);
  return Math.imul((one << 15) | (one >>> 17), SECOND_FACTOR);
}
