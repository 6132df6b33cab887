import type { Test } from "../../../core/rules/matcher.ts";
import type { MatchRequest } from "../../../core/rules/request.ts";
import { routerCounter } from "./counter.ts";

/** One way into a route: what is left to ask of a request once its host and its path have led here. */
export interface Entry {
  /** Place of the route among all routes: 0 is tried first. */
  readonly rank: number;
  /** Null when nothing is left to ask. */
  readonly residual: Test | null;
  /** Names of listeners, null = all. */
  readonly listeners: readonly string[] | null;
}

/** Comes after every rank: no route has been found yet. */
export const NO_RANK = 0x7fff_ffff;

const NO_ENTRIES: Entry[] = [];

/** Entries that are found together. Those that ask nothing stand beside the list: the common case loads no entry. */
export class EntryList {
  /** Those that ask something, by rank. */
  private asking: Entry[] = NO_ENTRIES;
  /** Best rank of those that ask nothing; all of `asking` come before it. */
  private sureRank = NO_RANK;

  /** What comes after an entry that asks nothing is never reached, and not kept. */
  addEntry(entry: Entry): void {
    if (entry.rank >= this.sureRank) return;
    if (this.asking === NO_ENTRIES) this.asking = [];
    const place = placeOf(this.asking, entry.rank);
    if (entry.residual !== null || entry.listeners !== null) {
      this.asking.splice(place, 0, entry);
    } else {
      this.sureRank = entry.rank;
      this.asking.length = place;
    }
  }

  get firstEntryRank(): number {
    return this.asking[0]?.rank ?? this.sureRank;
  }

  /** Whether every request is taken, and `rank` is the best of all. */
  takesAllFrom(rank: number): boolean {
    return this.sureRank === rank && this.asking.length === 0;
  }

  /** The rank of the first entry that takes the request if it is better than `best`, else `best`. */
  findEntry(request: MatchRequest, best: number): number {
    const { asking, sureRank } = this;
    for (let index = 0; index < asking.length; index++) {
      const entry = asking[index]!;
      routerCounter.comparisons++;
      if (entry.rank >= best) return best;
      if (entry.listeners !== null && !entry.listeners.includes(request.listener)) continue;
      if (entry.residual === null || entry.residual(request)) return entry.rank;
    }
    routerCounter.comparisons++;
    return sureRank < best ? sureRank : best;
  }
}

/** Where an entry of this rank belongs in a list that is sorted by rank. */
function placeOf(entries: readonly Entry[], rank: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.rank <= rank) low = middle + 1;
    else high = middle;
  }
  return low;
}
