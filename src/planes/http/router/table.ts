/** The routes of one pattern of hosts, and what a host leads to. */
import { routerCounter } from "./counter.ts";
import { EntryList, NO_RANK, type Entry } from "./entry.ts";
import { PathIndex } from "./path_index.ts";
import type { PathHash } from "./path_hash.ts";
import type { PathNode } from "./path_node.ts";
import type { PathPattern } from "../../../core/rules/matcher.ts";
import type { MatchRequest } from "../../../core/rules/request.ts";

/** Routes that share a host pattern; its own entries are those for any path. */
export class RouteTable extends EntryList {
  /** Best rank of all entries. */
  firstRank = NO_RANK;
  private few: PathNode | null = null;
  private many: PathHash | null = null;
  /** While the router is being built. */
  private index: PathIndex | null = null;

  /** `paths` null = any path. */
  add(entry: Entry, paths: readonly PathPattern[] | null): void {
    this.firstRank = Math.min(this.firstRank, entry.rank);
    if (paths === null) {
      this.addEntry(entry);
      return;
    }
    this.index ??= new PathIndex();
    for (const pattern of paths) this.index.add(pattern, entry);
  }

  get isFinished(): boolean {
    return this.index === null;
  }

  /** To be called after the last `add`. */
  *finish(): Generator<void, void> {
    if (this.index === null) return;
    const { few, many } = yield* this.index.finish();
    this.few = few;
    this.many = many;
    this.index = null;
  }

  /** The best rank if it takes every request, else NO_RANK. */
  get rankOfAll(): number {
    return this.takesAllFrom(this.firstRank) ? this.firstRank : NO_RANK;
  }

  /** The best rank that takes the request if it is better than `best`, else `best`. */
  findRank(request: MatchRequest, best: number): number {
    if (this.few !== null || this.many !== null) {
      const path = request.path;
      let node = this.few !== null ? longestIn(this.few, path) : this.many!.lookup(path);
      while (node !== null && node.firstRank < best) {
        if (node.exact !== null && node.length === path.length) best = node.exact.findEntry(request, best);
        best = node.findEntry(request, best);
        node = node.parent;
      }
    }
    return this.findEntry(request, best);
  }
}

/** The first node of a list whose path `path` starts with, or null. */
function longestIn(list: PathNode, path: string): PathNode | null {
  let node: PathNode | null = list;
  for (; node !== null; node = node.next) {
    routerCounter.comparisons++;
    if (path.startsWith(node.path)) return node;
  }
  return null;
}

const NO_TABLES: readonly RouteTable[] = [];

/**
 * All routes that may take requests for one host. A connection may keep it for as long as the bytes of its Host field
 * do not change and the snapshot is the same.
 */
export class HostTable {
  /** Of most hosts one route takes every request: nothing else is read then. -1 = it depends on the request. */
  private readonly sureRoute: number;
  private readonly tables: readonly RouteTable[];
  private readonly routeByRank: Int32Array;

  /** `tables` are those of all patterns that take the host, finished, best rank first. */
  constructor(tables: readonly RouteTable[], routeByRank: Int32Array) {
    const sureRank = tables[0]?.rankOfAll ?? NO_RANK;
    this.sureRoute = sureRank === NO_RANK ? -1 : routeByRank[sureRank]!;
    this.tables = this.sureRoute < 0 ? tables : NO_TABLES;
    this.routeByRank = routeByRank;
  }

  /** Index of the route that takes the request (its host must be one of this table), or -1. */
  find(request: MatchRequest): number {
    if (this.sureRoute >= 0) return this.sureRoute;
    const { tables } = this;
    let best = NO_RANK;
    for (let index = 0; index < tables.length; index++) {
      const table = tables[index]!;
      if (table.firstRank >= best) break;
      best = table.findRank(request, best);
    }
    return best === NO_RANK ? -1 : this.routeByRank[best]!;
  }
}
