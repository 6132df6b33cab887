/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) with the reference key 00 01 … 0f, in 32-bit halves: a decision makes no BigInt. Its
 * 64 bits decide which percentage a client is in, so they are those of the original.
 */

/** The 64 bits of a hash, as two signed 32-bit numbers. */
export interface Hash64 {
  high: number;
  low: number;
}

const encoder = new TextEncoder();
let scratch = new Uint8Array(256);

/** State: four 64-bit words as high and low halves. */
const state = new Int32Array(8);
// "somepseudorandomlygeneratedbytes" with the key 0706050403020100, 0f0e0d0c0b0a0908 in it.
const START = Int32Array.of(
  0x736f6d65 ^ 0x07060504,
  0x70736575 ^ 0x03020100,
  0x646f7261 ^ 0x0f0e0d0c,
  0x6e646f6d ^ 0x0b0a0908,
  0x6c796765 ^ 0x07060504,
  0x6e657261 ^ 0x03020100,
  0x74656462 ^ 0x0f0e0d0c,
  0x79746573 ^ 0x0b0a0908,
);

/** Writes the hash of the UTF-8 form of `text` into `result`. */
export function sipHash(text: string, result: Hash64): void {
  const length = encode(text);
  state.set(START);
  const whole = length & ~7;
  for (let at = 0; at < whole; at += 8) absorb(word(at + 4), word(at));
  // The last word has what is left, and the length in its highest byte.
  scratch.fill(0, length, whole + 8);
  scratch[whole + 7] = length & 0xff;
  absorb(word(whole + 4), word(whole));
  state[5] = state[5]! ^ 0xff;
  for (let round = 0; round < 4; round++) mixState();
  result.high = state[0]! ^ state[2]! ^ state[4]! ^ state[6]!;
  result.low = state[1]! ^ state[3]! ^ state[5]! ^ state[7]!;
}

function encode(text: string): number {
  const most = text.length * 3 + 8;
  if (scratch.length < most) scratch = new Uint8Array(most);
  return encoder.encodeInto(text, scratch).written;
}

function word(at: number): number {
  return scratch[at]! | (scratch[at + 1]! << 8) | (scratch[at + 2]! << 16) | (scratch[at + 3]! << 24);
}

function absorb(high: number, low: number): void {
  state[6] = state[6]! ^ high;
  state[7] = state[7]! ^ low;
  mixState();
  mixState();
  state[0] = state[0]! ^ high;
  state[1] = state[1]! ^ low;
}

/** One SipRound on local copies, which the compiler keeps in registers. */
function mixState(): void {
  let [h0, l0, h1, l1] = [state[0]!, state[1]!, state[2]!, state[3]!];
  let [h2, l2, h3, l3] = [state[4]!, state[5]!, state[6]!, state[7]!];
  let low = (l0 >>> 0) + (l1 >>> 0);
  h0 = (h0 + h1 + (low > 0xffffffff ? 1 : 0)) | 0;
  l0 = low | 0;
  let kept = h1;
  h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
  l1 = ((l1 << 13) | (kept >>> 19)) ^ l0;
  kept = h0;
  h0 = l0;
  l0 = kept;
  low = (l2 >>> 0) + (l3 >>> 0);
  h2 = (h2 + h3 + (low > 0xffffffff ? 1 : 0)) | 0;
  l2 = low | 0;
  kept = h3;
  h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
  l3 = ((l3 << 16) | (kept >>> 16)) ^ l2;
  low = (l0 >>> 0) + (l3 >>> 0);
  h0 = (h0 + h3 + (low > 0xffffffff ? 1 : 0)) | 0;
  l0 = low | 0;
  kept = h3;
  h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
  l3 = ((l3 << 21) | (kept >>> 11)) ^ l0;
  low = (l2 >>> 0) + (l1 >>> 0);
  h2 = (h2 + h1 + (low > 0xffffffff ? 1 : 0)) | 0;
  l2 = low | 0;
  kept = h1;
  h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
  l1 = ((l1 << 17) | (kept >>> 15)) ^ l2;
  kept = h2;
  h2 = l2;
  l2 = kept;
  state[0] = h0;
  state[1] = l0;
  state[2] = h1;
  state[3] = l1;
  state[4] = h2;
  state[5] = l2;
  state[6] = h3;
  state[7] = l3;
}
