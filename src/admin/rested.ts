/** Text that costs time to make. */
import type { Clock } from "../platform/clock.ts";

/** What takes less is made for everybody who asks. */
const CHEAP_MS = 5;
/** Making the text takes at most one part in so many of the time. */
const SHARE = 10;

/**
 * Returns `make`, whose text is given again until ten times the time has passed that it took to make: whoever asks all
 * the time (in a process that serves requests too) cannot take more than a tenth of it.
 */
export function rested(make: () => string, clock: Clock): () => string {
  let text = "";
  let freshUntil = -Infinity;
  return () => {
    const begin = clock.now();
    if (begin < freshUntil) return text;
    text = make();
    const end = clock.now();
    freshUntil = end - begin < CHEAP_MS ? -Infinity : end + (end - begin) * (SHARE - 1);
    return text;
  };
}
