/** Who listens to which part of a tree, for every store. */
import type { WatchListener } from "./contract.ts";
import { DEFAULT_STORE } from "./defaults.ts";
import { isWithin } from "./paths.ts";

class Watcher {
  readonly prefix: string;
  readonly listener: WatchListener;
  /** Paths since the last `flush`; null = too many, so that only a new list helps. */
  pending: Set<string> | null = new Set();

  constructor(prefix: string, listener: WatchListener) {
    this.prefix = prefix;
    this.listener = listener;
  }
}

export class Watchers {
  readonly #watchers = new Set<Watcher>();

  /** The returned function ends it. */
  add(prefix: string, listener: WatchListener): () => void {
    const watcher = new Watcher(prefix, listener);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Somebody listens to exactly this part. */
  has(prefix: string): boolean {
    for (const watcher of this.#watchers) if (watcher.prefix === prefix) return true;
    return false;
  }

  get prefixes(): ReadonlySet<string> {
    return new Set([...this.#watchers].map(({ prefix }) => prefix));
  }

  /** Keeps a changed path for `flush`. */
  note(path: string): void {
    for (const watcher of this.#watchers) {
      if (watcher.pending === null || !isWithin(path, watcher.prefix)) continue;
      watcher.pending.add(path);
      if (watcher.pending.size > DEFAULT_STORE.max_changed_paths) watcher.pending = null;
    }
  }

  /** Tells what was noted, each path once. */
  flush(): void {
    for (const watcher of this.#watchers) {
      const { pending } = watcher;
      if (pending?.size === 0) continue;
      watcher.pending = new Set();
      if (pending === null) this.#tell(watcher, () => watcher.listener.relist());
      else this.#tell(watcher, () => watcher.listener.changed([...pending]));
    }
  }

  /** Everybody, or the listeners of one prefix, must list anew; what was noted for them is told by that. */
  relist(prefix: string | null = null): void {
    for (const watcher of this.#watchers) {
      if (prefix !== null && watcher.prefix !== prefix) continue;
      watcher.pending = new Set();
      this.#tell(watcher, () => watcher.listener.relist());
    }
  }

  clear(): void {
    this.#watchers.clear();
  }

  /** One that was removed by an earlier listener hears nothing; what a listener throws is a fault of its own. */
  #tell(watcher: Watcher, call: () => void): void {
    if (!this.#watchers.has(watcher)) return;
    try {
      call();
    } catch (error) {
      reportError(error);
    }
  }
}
