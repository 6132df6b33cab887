/** Collects the paths of a table while a router is built, and gives them the form in which they are looked up. */
import { EntryList, NO_RANK, type Entry } from "./entry.ts";
import { PathHash } from "./path_hash.ts";
import { PathNode } from "./path_node.ts";
import type { PathPattern } from "../../../core/rules/matcher.ts";

/** How paths are looked up: one of the two is null. */
export interface PathLookup {
  /** A list with the longest paths first. */
  readonly few: PathNode | null;
  readonly many: PathHash | null;
}

/** Up to this many nodes are compared one by one: quicker and smaller than a hash table. */
const FEW_LIMIT = 8;
/** Nodes that are linked between two pauses. */
const SLICE = 16;

export class PathIndex {
  private readonly byPath = new Map<string, PathNode>();
  private readonly byLength: PathNode[][] = [];

  add(pattern: PathPattern, entry: Entry): void {
    let node = this.byPath.get(pattern.path);
    if (node === undefined) {
      node = new PathNode(pattern.path);
      this.byPath.set(pattern.path, node);
      (this.byLength[pattern.path.length] ??= []).push(node);
    }
    if (pattern.kind === "prefix") node.addEntry(entry);
    else (node.exact ??= new EntryList()).addEntry(entry);
  }

  /** To be called once, after the last `add`. Pauses every few nodes. */
  *finish(): Generator<void, PathLookup> {
    const nodes: PathNode[] = [];
    const prefixLengths: number[] = [];
    for (const sameLength of this.byLength) {
      if (sameLength === undefined) continue;
      for (const node of sameLength) {
        this.link(node, prefixLengths);
        nodes.push(node);
        if (nodes.length % SLICE === 0) yield;
      }
      if (sameLength.some((node) => node.firstEntryRank !== NO_RANK))
        prefixLengths.unshift(sameLength[0]!.length);
    }
    if (nodes.length <= FEW_LIMIT) return { few: listOf(nodes), many: null };
    return { few: null, many: yield* PathHash.of(nodes) };
  }

  /** Sets parent and rank. `prefixLengths` are the shorter lengths at which prefixes exist, longest first. */
  private link(node: PathNode, prefixLengths: readonly number[]): void {
    for (const length of prefixLengths) {
      const shorter = this.byPath.get(node.path.slice(0, length));
      if (shorter === undefined || shorter.firstEntryRank === NO_RANK) continue;
      node.parent = shorter;
      break;
    }
    node.firstRank = Math.min(
      node.firstEntryRank,
      node.exact?.firstEntryRank ?? NO_RANK,
      node.parent?.firstRank ?? NO_RANK,
    );
  }
}

/** `nodes`, shortest first, as a list with the longest first. */
function listOf(nodes: readonly PathNode[]): PathNode | null {
  let head: PathNode | null = null;
  for (const node of nodes) {
    node.next = head;
    head = node;
  }
  return head;
}
