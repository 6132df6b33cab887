/**
 * Nodes of stacks that have had no host for long are taken from the store. Since when a stack is empty stands in the store too, so that
 * restarts do not begin anew, and several programs may do this at once: none deletes a node that has a host.
 */
import type { Clock } from "../../../platform/clock.ts";
import type { Store } from "../../../store/contract.ts";
import { ROOT } from "../models/stored.ts";
import { isObject } from "../../../core/schema/is_object.ts";
import type { RecordKind, Versioned } from "./records/record.ts";
import { Records, recordWrite } from "./records/records.ts";
import { ServiceError } from "./service_error.ts";
import { stackNodes } from "./stack_paths.ts";

/** Milliseconds since 1970 at which a stack was first seen without hosts, by its path with the application. */
interface EmptyStacks extends Versioned {
  readonly since: Readonly<Record<string, number>>;
}

const EMPTY_STACKS: RecordKind<EmptyStacks> = {
  path: `${ROOT}/empty_stacks`,
  empty: { version: 0, since: {} },
  read: (value) => (isObject(value["since"]) ? (value as never) : null),
};

export interface RetentionOptions {
  /** Path in the store below which hosts register. */
  readonly root: string;
  readonly retention_ms: number;
  readonly max_bytes: number;
}

/** Between two looks, at most: a store with many stacks is not listed all the time. */
const LONGEST_PAUSE_MS = 3_600_000;
/** So many looks fall into the time that an empty stack is kept. */
const LOOKS = 20;
const SHORTEST_PAUSE_MS = 100;

export class StackRetention {
  readonly #options: RetentionOptions;
  readonly #records: Records;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #deleted: (paths: readonly string[]) => void;
  readonly #end: () => void;
  #sweeping: Promise<void> = Promise.resolve();
  #closed = false;

  /** `deleted` is told of the stacks that are gone. */
  constructor(
    store: Store,
    clock: Clock,
    options: RetentionOptions,
    deleted: (paths: readonly string[]) => void,
  ) {
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#deleted = deleted;
    this.#records = new Records(
      () => store,
      () => options.max_bytes,
    );
    const pause = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, options.retention_ms / LOOKS));
    this.#end = clock.every(pause, () => {
      this.#sweeping = this.#sweeping.then(() => this.sweep());
    });
  }

  /** Looks once. While the store is away nothing is done. */
  async sweep(): Promise<void> {
    if (this.#closed || this.#store.state.kind !== "connected") return;
    try {
      const old = await this.#oldStacks(await this.#emptyStacks());
      const gone: string[] = [];
      for (const path of old) if (await this.#delete(path)) gone.push(path);
      if (gone.length > 0) this.#deleted(gone);
    } catch (error) {
      // The next look does it.
      if (!(error instanceof ServiceError)) throw error;
    }
  }

  async #emptyStacks(): Promise<ReadonlySet<string>> {
    const { root } = this.#options;
    const empty = new Set<string>();
    for (const { path, app } of await stackNodes(this.#records, root)) {
      const node = `${path}/${app}`;
      if ((await this.#records.names(root + node)).length === 0) empty.add(node);
    }
    return empty;
  }

  /** Notes which stacks are empty, and gives back those that have been for long enough. */
  #oldStacks(empty: ReadonlySet<string>): Promise<string[]> {
    const now = this.#clock.wall();
    return this.#records.change(async () => {
      const { value, revision } = await this.#records.readFresh(EMPTY_STACKS);
      const since = Object.fromEntries(
        [...empty].map((node) => [node, Object.hasOwn(value.since, node) ? value.since[node]! : now]),
      );
      const old = [...empty].filter((node) => now - since[node]! >= this.#options.retention_ms);
      const isSame = JSON.stringify(since) === JSON.stringify(value.since);
      const next = { version: value.version + 1, since };
      return { writes: isSame ? [] : [recordWrite(EMPTY_STACKS, next, revision)], result: old };
    });
  }

  /** The node, and what is empty above it. False where a host has come since, or somebody else was faster. */
  async #delete(node: string): Promise<boolean> {
    const { root } = this.#options;
    const found = await this.#records.node(root + node);
    if (found === null || !(await this.#records.deleteNode(root + node, found.revision))) return false;
    for (let above = parentOf(node); above !== ""; above = parentOf(above))
      if (!(await this.#records.deleteNode(root + above))) break;
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#end();
    await this.#sweeping;
  }
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
