import { EntryList, NO_RANK } from "./entry.ts";

/** One path that rules know; its own entries are those of rules that name it as a prefix. */
export class PathNode extends EntryList {
  readonly path: string;
  readonly length: number;
  /** Best rank of this node and all its parents. */
  firstRank = NO_RANK;
  /** The longest node whose path is a shorter start of this one and which has prefix entries. */
  parent: PathNode | null = null;
  /** Entries for exactly this path. */
  exact: EntryList | null = null;
  /** Next in a list that has the longest paths first: how few nodes are kept. */
  next: PathNode | null = null;

  constructor(path: string) {
    super();
    this.path = path;
    this.length = path.length;
  }
}
