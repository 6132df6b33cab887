import type { Test } from "../../core/rules/matcher.ts";

/** One way into a route: what is left to ask of a request once its host and its path have led here. */
export interface Entry {
  /** Place of the route among all routes: 0 is tried first. */
  readonly rank: number;
  /** Null when nothing is left to ask. */
  readonly residual: Test | null;
  /** Names of listeners, null = all. */
  readonly listeners: readonly string[] | null;
}

/** Better than any rank when compared with `<`: no route has been found yet. */
export const NO_RANK = Number.POSITIVE_INFINITY;

/** Adds `entry` to a list that is sorted by rank. */
export function insertByRank(entries: Entry[], entry: Entry): void {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.rank <= entry.rank) low = middle + 1;
    else high = middle;
  }
  entries.splice(low, 0, entry);
}
