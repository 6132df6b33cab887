/**
 * What a store is: a tree of paths such as `/fairlead/apps/a1/model`, each node with bytes and a revision, shared by several
 * programs. Values are small (`max_value_bytes`); what may be larger goes through `large_documents.ts`. A new store passes
 * `test/contract/stores.test.ts`.
 */
import type { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { NameSource } from "../platform/names.ts";

/**
 * Grows with every change of a node's value, and is compared for equality only. A node that was deleted and made again may
 * have a revision that it had before: what others hold revisions of is emptied and not deleted.
 */
export type Revision = number;

export interface StoredValue {
  /** Belongs to the caller. */
  readonly value: Uint8Array;
  readonly revision: Revision;
}

/** What must hold for an operation: no such node, a node of this revision, or nothing (undefined). */
export type Expect = "absent" | Revision | undefined;

export type StoreOperation =
  /** Changes nothing: the transaction happens only while the node has this revision. */
  | { readonly kind: "check"; readonly path: string; readonly revision: Revision }
  /** Makes the node, with the parents that are missing (empty ones), or gives it another value. */
  | {
      readonly kind: "put";
      readonly path: string;
      readonly value: Uint8Array;
      readonly expect?: Expect;
    }
  /** Removes a node that has no children. Without `expect` a missing node is good as well. */
  | { readonly kind: "delete"; readonly path: string; readonly expect?: Revision | undefined };

export type StoreState =
  | { readonly kind: "connected" }
  /** `since_ms` is of the store's clock (monotonic); `reason` is a sentence for an operator. */
  | { readonly kind: "disconnected"; readonly since_ms: number; readonly reason: string }
  | { readonly kind: "closed" };

/** What a watch tells. Calls come one after the other; what they throw is reported and ends nothing. */
export interface WatchListener {
  /**
   * These nodes, at or below the prefix, were made, changed or removed; each path once. A store may name nodes that have not
   * changed. Read them to see what they are now: it may be more than this change.
   */
  changed(paths: readonly string[]): void;
  /** Anything may have changed, as after a lost connection: list and read everything anew. */
  relist(): void;
}

export interface Watch {
  /** Nothing is told after this. */
  close(): void;
}

/** A node that lives as long as this program does, and no longer than a lease or session without it. */
export interface Registration {
  readonly path: string;
  /** The node stood there when the store was last reached. */
  readonly held: boolean;
  /** Removes the node; while the store is not reached, as soon as it is or when the lease or session ends. Never throws. */
  close(): Promise<void>;
}

/** Every method may reject with StoreUnavailable, StoreRefused, and RangeError for a path that is none. */
export interface Store {
  /** Bytes of the largest value; a larger one is refused before it is sent (StoreRefused). */
  readonly max_value_bytes: number;
  readonly state: StoreState;
  /** Calls `listener` after each change of `state`; returns the function that ends it. */
  onState(listener: (state: StoreState) => void): () => void;
  /** Resolves when connected. Rejects with StoreUnavailable after `limitMs`, or at once when closed. */
  whenConnected(limitMs: number): Promise<void>;

  /** The node as it is known here, which may lag behind other programs' writes; see `sync`. Null = there is none. */
  get(path: string): Promise<StoredValue | null>;
  /** Names of the nodes directly below, in the order of their code units. Null = there is no such node. `/` is the base. */
  children(path: string): Promise<readonly string[] | null>;
  /** Whatever anybody had written before this call is seen by what is read after it. */
  sync(): Promise<void>;
  /**
   * All of the operations in their order, or none. Gives back the new revision of each put, null for the others. Rejects with
   * StoreConflict that names the first path that was not as expected.
   */
  transact(operations: readonly StoreOperation[]): Promise<readonly (Revision | null)[]>;
  put(path: string, value: Uint8Array, expect?: Expect): Promise<Revision>;
  delete(path: string, expect?: Revision): Promise<void>;

  /**
   * Makes a node that is removed when this program closes or is gone, and made again when the lease or session has ended
   * although the program lives. Takes the place of another program's registration; a document there is a StoreConflict.
   * What others delete stays deleted until the next session. Resolves when the node stands.
   */
  register(path: string, value: Uint8Array): Promise<Registration>;
  /** Watches all nodes at and below `prefix`, which need not exist. Resolves when nothing is missed any more. */
  watch(prefix: string, listener: WatchListener): Promise<Watch>;
  /** Removes registrations, ends watches, and lets go of the store. Never throws. */
  close(): Promise<void>;
}

/** What a store gets of the machine. */
export interface StoreEnvironment {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly names: Pick<NameSource, "lookup">;
  /** Where stores in files are kept when the options name no folder. */
  readonly state_dir: string;
  /** Content of a file that the options name. Throws when it was not read. */
  readonly readFile: (path: string) => string;
}

/** A kind of store, as configurations name it. */
export interface StorePart<Options = unknown> {
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** The options beside `type`: a strict object whose output is plain JSON. */
  readonly schema: z.ZodType<Options>;
  /**
   * Opens the store; it may have no connection yet. Throws StoreUnavailable or StoreRefused where it is known at once that
   * it cannot be used.
   */
  open(options: Options, environment: StoreEnvironment): Store;
}
