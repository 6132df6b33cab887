/**
 * Finds, among many exact paths and prefixes, all that a path has. One walk over the path computes the hash of each of
 * its starts; only starts as long as a known path are looked up, so the work depends on the length of the path and on
 * the number of distinct lengths, not on the number of routes. Every node knows the next shorter prefix, so the longest
 * hit leads to all others. Measured by bench/router.ts on Bun 1.4.5.
 */
import { routerCounter } from "./router_counter.ts";
import { insertByRank, NO_RANK, type Entry } from "./router_entry.ts";
import type { PathPattern } from "../../core/rules/matcher.ts";

export class PathNode {
  readonly path: string;
  /** Entries for paths that start with `path`, by rank. */
  readonly prefix: Entry[] = [];
  /** Entries for `path` itself, by rank. */
  readonly exact: Entry[] = [];
  /** The next shorter node whose path is a start of this one and which has prefix entries. */
  parent: PathNode | null = null;
  /** Best rank of this node and all its parents. */
  firstRank = NO_RANK;

  constructor(path: string) {
    this.path = path;
  }
}

/** Up to this many nodes are compared one by one: quicker and smaller than a hash table. */
const LINEAR_LIMIT = 8;
/** Nodes that `finish` works on between two pauses. */
const SLICE = 16;
const HASH_START = 0x811c9dc5 | 0;
/** FNV-1a. */
const HASH_FACTOR = 0x01000193;

/** Shared, because a router has one index per host and most of them are small. */
const NO_NUMBERS = new Int32Array(0);
const NO_LENGTHS = new Uint8Array(0);

export class PathIndex {
  /** While it is being built; empty afterwards. */
  private byPath: Map<string, PathNode> | null = new Map();
  private byLength: PathNode[][] = [];
  /** Longest first, when there are few. */
  private few: PathNode[] = [];

  private nodes: PathNode[] = [];
  /** Open addressing: number of a node + 1, 0 = free. */
  private slots = NO_NUMBERS;
  private hashes = NO_NUMBERS;
  private lengths = NO_NUMBERS;
  /** 1 where some node has this length. */
  private knownLength = NO_LENGTHS;

  /** Only before `finish`. */
  add(pattern: PathPattern, entry: Entry): void {
    let node = this.byPath!.get(pattern.path);
    if (node === undefined) {
      node = new PathNode(pattern.path);
      this.byPath!.set(pattern.path, node);
      (this.byLength[pattern.path.length] ??= []).push(node);
    }
    insertByRank(pattern.kind === "exact" ? node.exact : node.prefix, entry);
  }

  /** Completes the index after the last `add`, with a pause every few nodes. */
  *finish(): Generator<void, void> {
    const prefixLengths: number[] = [];
    for (const nodes of this.byLength) {
      if (nodes === undefined) continue;
      for (const node of nodes) {
        this.link(node, prefixLengths);
        this.nodes.push(node);
        if (this.nodes.length % SLICE === 0) yield;
      }
      if (nodes.some((node) => node.prefix.length > 0)) prefixLengths.unshift(nodes[0]!.path.length);
      yield;
    }
    this.byPath = null;
    this.byLength = [];
    if (this.nodes.length <= LINEAR_LIMIT) this.few = this.nodes.toReversed();
    else yield* this.fillTable();
  }

  /** Sets parent and rank. `prefixLengths` are the shorter lengths at which prefixes exist, longest first. */
  private link(node: PathNode, prefixLengths: readonly number[]): void {
    for (const length of prefixLengths) {
      const shorter = this.byPath!.get(node.path.slice(0, length));
      if (shorter === undefined || shorter.prefix.length === 0) continue;
      node.parent = shorter;
      break;
    }
    node.firstRank = Math.min(
      node.parent?.firstRank ?? NO_RANK,
      node.exact[0]?.rank ?? NO_RANK,
      node.prefix[0]?.rank ?? NO_RANK,
    );
  }

  private *fillTable(): Generator<void, void> {
    const { nodes } = this;
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(nodes.length * 2)));
    this.hashes = new Int32Array(nodes.length);
    this.lengths = new Int32Array(nodes.length);
    this.knownLength = new Uint8Array(nodes.at(-1)!.path.length + 1);
    for (const [number, node] of nodes.entries()) {
      const { length } = node.path;
      let hash = HASH_START;
      for (let at = 0; at < length; at++) hash = Math.imul(hash ^ node.path.charCodeAt(at), HASH_FACTOR);
      this.hashes[number] = hash;
      this.lengths[number] = length;
      this.knownLength[length] = 1;
      const mask = this.slots.length - 1;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = number + 1;
      if (number % SLICE === 0) yield;
    }
  }

  /** The longest node whose path is a start of `path`, or null. */
  lookup(path: string): PathNode | null {
    if (this.nodes.length <= LINEAR_LIMIT) return this.lookupLinear(path);
    const node = this.lookupHashed(path, false);
    // Two texts may share a hash: the check of the longest hit stands for all shorter ones, and fails for forged paths.
    if (node === null || path.startsWith(node.path)) return node;
    return this.lookupHashed(path, true);
  }

  private lookupLinear(path: string): PathNode | null {
    for (const node of this.few) {
      routerCounter.comparisons++;
      if (path.startsWith(node.path)) return node;
    }
    return null;
  }

  private lookupHashed(path: string, checked: boolean): PathNode | null {
    const { slots, hashes, lengths, knownLength, nodes } = this;
    const mask = slots.length - 1;
    const end = Math.min(path.length + 1, knownLength.length);
    let found: PathNode | null = null;
    let probes = 1;
    let hash = HASH_START;
    for (let length = 1; length < end; length++) {
      hash = Math.imul(hash ^ path.charCodeAt(length - 1), HASH_FACTOR);
      if (knownLength[length] === 0) continue;
      let slot = (hash ^ (hash >>> 15)) & mask;
      for (let number = slots[slot]!; number !== 0; number = slots[slot]!) {
        probes++;
        if (
          hashes[number - 1] === hash &&
          lengths[number - 1] === length &&
          (!checked || path.startsWith(nodes[number - 1]!.path))
        ) {
          found = nodes[number - 1]!;
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    routerCounter.comparisons += probes;
    return found;
  }
}
