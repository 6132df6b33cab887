import type { Random } from "./contract.ts";
import { mix } from "./hash.ts";

/**
 * A stream of numbers from 0 (included) to 1 (excluded) with 32 random bits each: sfc32 (Chris Doty-Humphrey, PractRand).
 * The same seed gives the same stream. The caller brings the seed: a fixed one in tests, a random one in production.
 */
export function seededRandom(seed: number): Random {
  let a = mix(seed);
  let b = mix(seed + 0x9e3779b9);
  let c = mix(seed + 0x3c6ef372);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first numbers still show the seed.
  for (let round = 0; round < 12; round++) next();
  return next;
}
