/** Request ids: 128 random bits as 32 hexadecimal digits. Unique, not secret, so a fast generator is enough. */
import { latin1Bytes } from "./h1/bytes.ts";

const DIGITS = latin1Bytes("0123456789abcdef");
const seed = crypto.getRandomValues(new Int32Array(4));
let s0 = seed[0]!;
let s1 = seed[1]!;
let s2 = seed[2]!;
let s3 = seed[3]! | 1;

/** Writes a new id into `into[0..32)`. xoshiro128** (Blackman and Vigna, 2018), seeded by the system. */
export function newRequestId(into: Uint8Array): void {
  for (let at = 0; at < 32; at += 8) {
    const scrambled = Math.imul(s1, 5);
    const value = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = (s3 << 11) | (s3 >>> 21);
    into[at] = DIGITS[value >>> 28]!;
    into[at + 1] = DIGITS[(value >>> 24) & 15]!;
    into[at + 2] = DIGITS[(value >>> 20) & 15]!;
    into[at + 3] = DIGITS[(value >>> 16) & 15]!;
    into[at + 4] = DIGITS[(value >>> 12) & 15]!;
    into[at + 5] = DIGITS[(value >>> 8) & 15]!;
    into[at + 6] = DIGITS[(value >>> 4) & 15]!;
    into[at + 7] = DIGITS[value & 15]!;
  }
}
