/**
 * Finds, among many paths, the longest one that a given path starts with. One walk over the path computes the hash of
 * each of its starts; only starts as long as a known path are looked up, so the work depends on the length of the path
 * and on the number of distinct lengths, not on the number of paths.
 */
import { routerCounter } from "./counter.ts";
import type { PathNode } from "./path_node.ts";
import { extendHash, HASH_START, slotOf, STRIDE, TextTable } from "./text_table.ts";

export class PathHash extends TextTable {
  private readonly nodes: readonly PathNode[];
  /** 1 where some node has this length. */
  private readonly knownLength: Uint8Array;

  private constructor(nodes: readonly PathNode[], paths: readonly string[]) {
    super(paths);
    this.nodes = nodes;
    this.knownLength = new Uint8Array(paths.at(-1)!.length + 1);
    for (const { length } of paths) this.knownLength[length] = 1;
  }

  /** `nodes` have different paths, shortest first, at least one. Pauses every few of them. */
  static *of(nodes: readonly PathNode[]): Generator<void, PathHash> {
    const paths = nodes.map(({ path }) => path);
    const hash = new PathHash(nodes, paths);
    yield* hash.enter(paths);
    return hash;
  }

  /** The node with the longest path that `path` starts with, or null. */
  lookup(path: string): PathNode | null {
    const slot = this.lookupSlot(path, false);
    if (slot < 0) return null;
    // Two texts may share a hash. Checking the longest hit checks all shorter ones; it fails for forged paths only.
    if (this.isAt(slot, path, 0)) return this.nodes[this.numberAt(slot)]!;
    const checked = this.lookupSlot(path, true);
    return checked < 0 ? null : this.nodes[this.numberAt(checked)]!;
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
      hash = extendHash(hash, path.charCodeAt(length - 1));
      if (knownLength[length] === 0) continue;
      for (let slot = slotOf(hash, mask); table[slot + 3] !== 0; slot = (slot + STRIDE) & mask) {
        probes++;
        if (table[slot] === hash && table[slot + 1] === length && (!checked || this.isAt(slot, path, 0))) {
          found = slot;
          break;
        }
      }
    }
    routerCounter.comparisons += probes;
    return found;
  }
}
