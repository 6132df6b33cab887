/** Makes a failing input small. */

const MAX_TRIES = 3_000;
const MAX_MS = 5_000;

/**
 * The smallest input found that still fails: parts are left out, halves first and single bytes last, then each byte
 * becomes `a` where that still fails. Bounded by 3,000 tries and 5 s; `fails` must hold for `bytes`.
 */
export function minimise(bytes: Uint8Array, fails: (candidate: Uint8Array) => boolean): Uint8Array {
  const end = performance.now() + MAX_MS;
  let tries = 0;
  const mayTry = (): boolean => tries++ < MAX_TRIES && performance.now() < end;
  let small = bytes;
  for (let size = Math.ceil(bytes.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let start = 0;
    while (start < small.length && mayTry()) {
      const candidate = new Uint8Array(
        Buffer.concat([small.subarray(0, start), small.subarray(start + size)]),
      );
      if (fails(candidate)) small = candidate;
      else start += size;
    }
  }
  for (let at = 0; at < small.length && mayTry(); at++) {
    if (small[at] === 0x61) continue;
    const candidate = small.slice();
    candidate[at] = 0x61;
    if (fails(candidate)) small = candidate;
  }
  return small;
}
