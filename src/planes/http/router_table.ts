/** The routes of one host pattern, and what a host leads to. */
import { PathIndex } from "./router_path_index.ts";
import { routerCounter } from "./router_counter.ts";
import { insertByRank, NO_RANK, type Entry } from "./router_entry.ts";
import type { PathPattern } from "../../core/rules/matcher.ts";
import type { MatchRequest } from "../../core/rules/request.ts";

/** Entries that share a host pattern. */
export class RouteTable {
  /** Best rank of all entries. */
  firstRank = NO_RANK;
  private readonly anyPath: Entry[] = [];
  private index: PathIndex | null = null;

  /** `paths` null = any path. */
  add(entry: Entry, paths: readonly PathPattern[] | null): void {
    this.firstRank = Math.min(this.firstRank, entry.rank);
    if (paths === null) {
      insertByRank(this.anyPath, entry);
      return;
    }
    this.index ??= new PathIndex();
    for (const pattern of paths) this.index.add(pattern, entry);
  }

  *finish(): Generator<void, void> {
    if (this.index !== null) yield* this.index.finish();
  }

  /** The best rank that takes the request and is better than `best`, or `best`. */
  find(request: MatchRequest, best: number): number {
    if (this.index !== null) {
      const path = request.path;
      let node = this.index.lookup(path);
      while (node !== null && node.firstRank < best) {
        if (node.path.length === path.length) best = findEntry(node.exact, request, best);
        best = findEntry(node.prefix, request, best);
        node = node.parent;
      }
    }
    return findEntry(this.anyPath, request, best);
  }
}

function findEntry(entries: readonly Entry[], request: MatchRequest, best: number): number {
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!;
    routerCounter.comparisons++;
    if (entry.rank >= best) return best;
    if (entry.listeners !== null && !entry.listeners.includes(request.listener)) continue;
    if (entry.residual === null || entry.residual(request)) return entry.rank;
  }
  return best;
}

/**
 * All routes that may take requests for one host. A connection may keep it for as long as the bytes of its Host field
 * do not change and the snapshot is the same.
 */
export class HostTable {
  private readonly tables: readonly RouteTable[];
  private readonly routeByRank: Int32Array;

  /** `tables` are complete. */
  constructor(tables: readonly RouteTable[], routeByRank: Int32Array) {
    this.tables = tables
      .filter(({ firstRank }) => firstRank !== NO_RANK)
      .sort((one, other) => one.firstRank - other.firstRank);
    this.routeByRank = routeByRank;
  }

  /** Index of the route that takes the request (its host must be the one of this table), or -1. */
  find(request: MatchRequest): number {
    const { tables } = this;
    let best = NO_RANK;
    for (let index = 0; index < tables.length; index++) {
      const table = tables[index]!;
      if (table.firstRank >= best) break;
      best = table.find(request, best);
    }
    return best === NO_RANK ? -1 : this.routeByRank[best]!;
  }
}
