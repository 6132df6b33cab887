/** Reads what stands below `/services`: all of it, a part, or single hosts; not more at the same time than a store likes. */
import type { Store } from "../../../store/contract.ts";
import { StoreRefused } from "../../../store/errors.ts";
import { isWithin } from "../../../store/paths.ts";
import { HOST_DEPTH, type StackTree, type TreeChanges } from "./stack_tree.ts";

export interface ListingOptions {
  /** Path of the services in the store. */
  readonly root: string;
  readonly reads_at_once: number;
}

/** Depth of a path: 0 for `""`, 5 for a host. */
export function depthOf(path: string): number {
  return path === "" ? 0 : path.split("/").length - 1;
}

export class StoreListing {
  readonly #store: Store;
  readonly #options: ListingOptions;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(store: Store, options: ListingOptions) {
    this.#store = store;
    this.#options = options;
    this.#free = options.reads_at_once;
  }

  /**
   * What has become of these nodes, and of all below them. `known` is what was there before. Rejects with what the store
   * rejects with, but a node that it refuses to show is passed over.
   */
  async changes(paths: ReadonlySet<string>, known: StackTree): Promise<TreeChanges> {
    const collected = new Collected();
    await Promise.all(
      [...paths].filter((path) => !isCovered(path, paths)).map((path) => this.#look(path, known, collected)),
    );
    return collected;
  }

  async #look(path: string, known: StackTree, collected: Collected): Promise<void> {
    if (depthOf(path) === HOST_DEPTH) {
      if (!(await this.#readHost(path, collected))) collected.gone.push(path);
      return;
    }
    await this.#list(path, collected);
    const before = known.known(path);
    collected.isEmpty = path === "" && !collected.nodes.has("");
    if (!collected.isEmpty)
      for (const stack of before.stacks) if (!collected.nodes.has(stack)) collected.deleted.push(stack);
    for (const node of before.nodes) if (!collected.found.has(node)) collected.gone.push(node);
  }

  async #list(path: string, collected: Collected): Promise<void> {
    const names = await this.#children(path);
    if (names === null) return;
    collected.nodes.add(path);
    const isStack = depthOf(path) === HOST_DEPTH - 1;
    await Promise.all(
      names.map((name) =>
        isStack ? this.#readHost(`${path}/${name}`, collected) : this.#list(`${path}/${name}`, collected),
      ),
    );
  }

  #children(path: string): Promise<readonly string[] | null> {
    return this.#bounded(async () => {
      try {
        return await this.#store.children(this.#options.root + path);
      } catch (error) {
        // A part that nobody may see has no hosts for us.
        if (error instanceof StoreRefused) return [];
        throw error;
      }
    });
  }

  /** False where there is no such node. */
  async #readHost(path: string, collected: Collected): Promise<boolean> {
    return await this.#bounded(async () => {
      try {
        const value = await this.#store.get(this.#options.root + path);
        if (value !== null) collected.found.set(path, value.value);
        return value !== null;
      } catch (error) {
        if (!(error instanceof StoreRefused)) throw error;
        collected.found.set(path, `cannot be read: ${error.message}`);
        return true;
      }
    });
  }

  async #bounded<Result>(read: () => Promise<Result>): Promise<Result> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

class Collected implements TreeChanges {
  isEmpty = false;
  readonly deleted: string[] = [];
  readonly gone: string[] = [];
  readonly found = new Map<string, Uint8Array | string>();
  /** Nodes above hosts that are there. */
  readonly nodes = new Set<string>();
}

/** True where a node above is looked at anyway. */
function isCovered(path: string, paths: ReadonlySet<string>): boolean {
  for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
    if (paths.has(path.slice(0, end))) return true;
    if (end === 0) return false;
  }
  return false;
}

/** The path below the services, or null for one that is not theirs or is below a host. */
export function pathBelow(root: string, path: string): string | null {
  if (!isWithin(path, root)) return null;
  const below = path.slice(root.length);
  return depthOf(below) > HOST_DEPTH ? null : below;
}
