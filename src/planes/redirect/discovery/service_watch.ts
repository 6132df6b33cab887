/**
 * Keeps a tree of hosts as the store has them: one recursive watch, whatever the number of stacks. What it tells is gathered, read
 * and applied in batches, one after the other; after a lost connection everything is listed anew.
 */
import type { Clock } from "../../../platform/clock.ts";
import type { Store, StoreState, Watch, WatchListener } from "../../../store/contract.ts";
import { StoreUnavailable } from "../../../store/errors.ts";
import { once } from "../../../store/once.ts";
import type { StackTree } from "./stack_tree.ts";
import { type ListingOptions, pathBelow, StoreListing } from "./store_listing.ts";

export interface WatchOptions extends ListingOptions {
  /** Changes of so long a time are read together. */
  readonly gather_ms: number;
  /** Pause after a read that failed although the store is there. */
  readonly retry_ms: number;
}

export const DEFAULT_WATCH: WatchOptions = {
  root: "/services",
  reads_at_once: 64,
  gather_ms: 25,
  retry_ms: 500,
};

/** How often it is looked whether the grace of hosts is over. */
const SETTLE_MS = 500;
/** More changed nodes than that are not remembered one by one. */
const MOST_CHANGED = 20_000;

export class ServiceWatch implements WatchListener {
  readonly #options: WatchOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #tree: StackTree;
  readonly #told: (applications: ReadonlySet<string>) => void;
  readonly #listing: StoreListing;
  readonly #listed = Promise.withResolvers<void>();
  /** Nodes to look at; `""` = all. */
  #changed = new Set<string>();
  #watch: Watch | null = null;
  #isArming = false;
  #isReading = false;
  #isClosed = false;
  /** Not everything has been listed since the store was last reached. */
  #isUnlisted = true;
  /** The last read has failed. */
  #isFailing = false;
  #stopTimer: (() => void) | null = null;
  #timerDue = 0;
  #stopListening: (() => void) | null = null;
  #stopSettling: (() => void) | null = null;

  /** `told` is called after each batch with the applications whose hosts have changed, also when none have. */
  constructor(
    options: WatchOptions,
    store: Store,
    clock: Clock,
    tree: StackTree,
    told: (applications: ReadonlySet<string>) => void,
  ) {
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#tree = tree;
    this.#told = told;
    this.#listing = new StoreListing(store, options);
  }

  start(): void {
    this.#stopListening = this.#store.onState((state) => this.#stateChanged(state));
    this.#stopSettling = this.#clock.every(SETTLE_MS, () => this.#told(this.#tree.settle()));
    this.#stateChanged(this.#store.state);
  }

  /** The store is reached, everything was listed since it is, and the last read has not failed. */
  get isCurrent(): boolean {
    return !this.#isUnlisted && !this.#isFailing && this.#store.state.kind === "connected";
  }

  /** Resolves when everything was listed for the first time. */
  whenListed(): Promise<void> {
    return this.#listed.promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    this.#stopListening?.();
    this.#stopSettling?.();
    this.#stopTimer?.();
    this.#changed.clear();
  }

  changed(paths: readonly string[]): void {
    for (const path of paths) {
      const below = pathBelow(this.#options.root, path);
      if (below !== null) this.#changed.add(below);
    }
    if (this.#changed.size > MOST_CHANGED) this.#changed = new Set([""]);
    this.#readSoon(this.#options.gather_ms);
  }

  relist(): void {
    this.#changed.add("");
    this.#readSoon(this.#options.gather_ms);
  }

  #stateChanged({ kind }: StoreState): void {
    if (this.#isClosed) return;
    if (kind === "disconnected") this.#isUnlisted = true;
    if (kind !== "connected") return;
    this.#tree.recovered();
    if (this.#watch === null) void this.#arm();
    // Stores that have lost nothing need not tell to list anew.
    else this.relist();
  }

  async #arm(): Promise<void> {
    if (this.#isArming || this.#isClosed) return;
    this.#isArming = true;
    try {
      const watch = await this.#store.watch(this.#options.root, this);
      if (this.#isClosed) return watch.close();
      this.#watch = watch;
      this.relist();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isArming = false;
    }
  }

  #readSoon(delayMs: number): void {
    if (this.#isReading || this.#isClosed) return;
    const due = this.#clock.now() + delayMs;
    if (this.#stopTimer !== null && this.#timerDue <= due) return;
    this.#stopTimer?.();
    this.#timerDue = due;
    this.#stopTimer = once(this.#clock, delayMs, () => {
      this.#stopTimer = null;
      if (this.#watch === null) void this.#arm();
      else void this.#readAll();
    });
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    let paths = this.#changed;
    try {
      while (this.#changed.size > 0 && !this.#isClosed) {
        paths = this.#changed;
        this.#changed = new Set();
        await this.#read(paths);
      }
      this.#isReading = false;
    } catch (error) {
      this.#isReading = false;
      for (const path of paths) this.#changed.add(path);
      this.#failed(error);
    }
  }

  async #read(paths: ReadonlySet<string>): Promise<void> {
    const isAll = paths.has("");
    // If the connection breaks meanwhile, it is not this listing that makes up for it.
    if (isAll) this.#isUnlisted = false;
    const changes = await this.#listing.changes(paths, this.#tree);
    this.#isFailing = false;
    if (this.#isClosed) return;
    if (isAll) this.#tree.listed();
    this.#told(this.#tree.apply(changes));
    if (isAll) this.#listed.resolve();
  }

  /** A lost connection is followed by a new list in any case; the pause is for what fails otherwise. */
  #failed(error: unknown): void {
    this.#isFailing = true;
    if (!(error instanceof StoreUnavailable)) reportError(error);
    this.#readSoon(this.#options.retry_ms);
  }
}
