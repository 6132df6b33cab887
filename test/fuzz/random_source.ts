/** Random numbers that are the same for the same seed. */
export interface RandomSource {
  /** A whole number from 0 to `limit` - 1; 0 when the limit is 0. */
  readonly below: (limit: number) => number;
}

/** Takes any number as the seed (mulberry32: one 32-bit word of state, good enough to choose mutations by). */
export function randomSource(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
  return { below: (limit) => Math.floor((next() / 2 ** 32) * limit) };
}
