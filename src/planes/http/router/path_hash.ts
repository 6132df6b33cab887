/**
 * Finds, among many paths, the longest one that a given path starts with. One walk over the path computes the hash of
 * each of its starts; only starts as long as a known path are looked up, so the work depends on the length of the path
 * and on the number of distinct lengths, not on the number of paths. What a lookup reads lies close together: with many
 * paths, memory is what costs. Measured by bench/router.ts on Bun 1.4.5.
 */
import { routerCounter } from "./counter.ts";
import type { PathNode } from "./path_node.ts";

/** Nodes that are entered between two pauses. */
const SLICE = 16;

const HASH_START = 0x811c9dc5 | 0;
/** FNV-1a. */
const HASH_FACTOR = 0x01000193;

/** Numbers per slot of the table: hash, length, where the bytes of the path start, number of the node + 1 (0 = free). */
const STRIDE = 4;

export class PathHash {
  private readonly nodes: readonly PathNode[];
  /** Open addressing, at most three quarters full. */
  private readonly table: Int32Array;
  /** The paths of all nodes, one after the other. */
  private readonly bytes: Uint8Array;
  /** 1 where some node has this length. */
  private readonly knownLength: Uint8Array;

  /** `nodes` have different paths, shortest first, at least one. `fill` must run to its end before any lookup. */
  constructor(nodes: readonly PathNode[]) {
    this.nodes = nodes;
    this.table = new Int32Array(STRIDE * 2 ** Math.ceil(Math.log2((nodes.length * 4) / 3 + 1)));
    this.bytes = new Uint8Array(nodes.reduce((sum, { length }) => sum + length, 0));
    this.knownLength = new Uint8Array(nodes.at(-1)!.length + 1);
  }

  /** Enters the nodes, with a pause every few. */
  *fill(): Generator<void, void> {
    const { nodes, table, bytes, knownLength } = this;
    const mask = table.length - 1;
    let start = 0;
    for (let number = 0; number < nodes.length; number++) {
      const { path, length } = nodes[number]!;
      let hash = HASH_START;
      for (let at = 0; at < length; at++) {
        bytes[start + at] = path.charCodeAt(at);
        hash = Math.imul(hash ^ bytes[start + at]!, HASH_FACTOR);
      }
      let slot = slotOf(hash, mask);
      while (table[slot + 3] !== 0) slot = (slot + STRIDE) & mask;
      table.set([hash, length, start, number + 1], slot);
      knownLength[length] = 1;
      start += length;
      if (number % SLICE === 0) yield;
    }
  }

  /** The node with the longest path that `path` starts with, or null. */
  lookup(path: string): PathNode | null {
    const slot = this.lookupSlot(path, false);
    if (slot < 0) return null;
    // Two texts may share a hash. Checking the longest hit checks all shorter ones; it fails for forged paths only.
    if (this.isAt(slot, path)) return this.nodeAt(slot);
    const checked = this.lookupSlot(path, true);
    return checked < 0 ? null : this.nodeAt(checked);
  }

  private nodeAt(slot: number): PathNode {
    return this.nodes[this.table[slot + 3]! - 1]!;
  }

  /** Slot of the longest start of `path` whose hash is known, and whose text too where `checked`; -1 for none. */
  private lookupSlot(path: string, checked: boolean): number {
    const { table, knownLength } = this;
    const mask = table.length - 1;
    const end = Math.min(path.length + 1, knownLength.length);
    let found = -1;
    let probes = 1;
    let hash = HASH_START;
    for (let length = 1; length < end; length++) {
      hash = Math.imul(hash ^ path.charCodeAt(length - 1), HASH_FACTOR);
      if (knownLength[length] === 0) continue;
      for (let slot = slotOf(hash, mask); table[slot + 3] !== 0; slot = (slot + STRIDE) & mask) {
        probes++;
        if (table[slot] === hash && table[slot + 1] === length && (!checked || this.isAt(slot, path))) {
          found = slot;
          break;
        }
      }
    }
    routerCounter.comparisons += probes;
    return found;
  }

  /** Whether `path`, which is long enough, starts with the text of a slot. */
  private isAt(slot: number, path: string): boolean {
    const { bytes, table } = this;
    const length = table[slot + 1]!;
    const start = table[slot + 2]!;
    for (let at = 0; at < length; at++) if (bytes[start + at] !== path.charCodeAt(at)) return false;
    return true;
  }
}

/** First slot for a hash; `mask` is the length of the table - 1. */
function slotOf(hash: number, mask: number): number {
  return ((hash ^ (hash >>> 15)) * STRIDE) & mask;
}
