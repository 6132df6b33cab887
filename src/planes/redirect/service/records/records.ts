/** Reads and writes records, several at once where they belong together. What was read last stays readable while the store is away. */
import type { Revision, Store, StoreOperation } from "../../../../store/contract.ts";
import { StoreConflict, StoreUnavailable } from "../../../../store/errors.ts";
import { DocumentTooLarge, LargeDocuments } from "../../../../store/large_documents.ts";
import { ServiceError } from "../service_error.ts";
import { readRecord, recordBytes, type Kept, type RecordKind, type Versioned } from "./record.ts";

/** A record with the value that it shall have, and what it must be until then. */
export interface RecordWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly expect: Revision | null;
}

export function recordWrite<Value extends Versioned>(
  kind: RecordKind<Value>,
  value: Value,
  expect: Revision | null,
): RecordWrite {
  return { path: kind.path, bytes: recordBytes(kind, value), expect };
}

/** So many records are held; revisions are not. */
const MOST_HELD = 4_096;
/** Two who write at once begin anew so often, at most. */
const MOST_ATTEMPTS = 40;
const FIRST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 100;

export class Records {
  readonly #store: () => Store | null;
  readonly #maxBytes: () => number;
  readonly #held = new Map<string, { readonly value: unknown; readonly revision: Revision | null }>();

  /** `store` gives null while it could not be opened; records are at most `maxBytes` long, which a reload may change. */
  constructor(store: () => Store | null, maxBytes: () => number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** The record, also where the store is away and it has been read before. Rejects with ServiceError 503. */
  async read<Value extends Versioned>(kind: RecordKind<Value>): Promise<Kept<Value>> {
    try {
      return await this.readFresh(kind);
    } catch (error) {
      const held = this.#held.get(kind.path);
      if (held === undefined || !(error instanceof ServiceError) || error.status !== 503) throw error;
      return { value: held.value as Value, revision: held.revision, is_stale: true };
    }
  }

  /** The record as it stands in the store now. Rejects with ServiceError: 503 while it is away, 500 for a damaged record. */
  async readFresh<Value extends Versioned>(kind: RecordKind<Value>): Promise<Kept<Value>> {
    const documents = this.#documents();
    try {
      const revision = await documents.revision(kind.path);
      const held = this.#held.get(kind.path);
      if (held !== undefined && held.revision === revision)
        return { value: held.value as Value, revision, is_stale: false };
      const document = revision === null ? null : await documents.read(kind.path);
      const found =
        document === null
          ? { value: kind.empty, revision: null }
          : { value: readRecord(kind, document.value), revision: document.revision };
      this.#hold(kind, found);
      return { ...found, is_stale: false };
    } catch (error) {
      throw awayOr(error);
    }
  }

  #hold<Value extends Versioned>(
    kind: RecordKind<Value>,
    found: { readonly value: Value; readonly revision: Revision | null },
  ): void {
    if (kind.is_compressed === true) return;
    this.#held.delete(kind.path);
    this.#held.set(kind.path, found);
    if (this.#held.size > MOST_HELD) this.#held.delete(this.#held.keys().next().value!);
  }

  /** Names below a folder of records, in order. Rejects with ServiceError 503. */
  async names(path: string): Promise<readonly string[]> {
    try {
      return (await this.#opened().children(path)) ?? [];
    } catch (error) {
      throw awayOr(error);
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await this.#documents().remove(path);
    } catch (error) {
      throw awayOr(error);
    }
  }

  /** The value of a plain node, null where there is none. Rejects with ServiceError 503. */
  async node(path: string): Promise<{ readonly value: Uint8Array; readonly revision: Revision } | null> {
    try {
      return await this.#opened().get(path);
    } catch (error) {
      throw awayOr(error);
    }
  }

  /** Deletes a node; false where it has children, or another revision than `expect`. Rejects with ServiceError 503. */
  async deleteNode(path: string, expect?: Revision): Promise<boolean> {
    try {
      await this.#opened().delete(path, expect);
      return true;
    } catch (error) {
      if (error instanceof StoreConflict) return false;
      throw awayOr(error);
    }
  }

  /**
   * Does `attempt` until nobody else has written between its reads and its writes: it reads, and gives back what is to be written with
   * its own result. Rejects with ServiceError: what `attempt` throws, 503 while the store is away.
   */
  async change<Result>(attempt: () => Promise<Outcome<Result>>): Promise<Result> {
    for (let number = 1; ; number++) {
      const { writes, operations = [], result } = await attempt();
      if (writes.length === 0 && operations.length === 0) return result;
      try {
        await this.#documents().writeAll(
          writes.map(({ path, bytes, expect }) => ({ path, content: bytes, expect: expect ?? "absent" })),
          operations,
        );
        return result;
      } catch (error) {
        if (!(error instanceof StoreConflict)) throw awayOr(error);
        if (number >= MOST_ATTEMPTS)
          throw new ServiceError(503, `others write at the same time: ${error.message}`);
      }
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** number);
      await Bun.sleep(wait * (0.5 + Math.random()));
      // Whoever was faster may have written through another server.
      await this.#opened()
        .sync()
        .catch((error: unknown) => {
          throw awayOr(error);
        });
    }
  }

  #opened(): Store {
    const store = this.#store();
    if (store === null) throw new ServiceError(503, "the store cannot be used: it could not be opened");
    return store;
  }

  #documents(): LargeDocuments {
    return new LargeDocuments(this.#opened(), this.#maxBytes());
  }
}

export interface Outcome<Result> {
  readonly writes: readonly RecordWrite[];
  readonly operations?: readonly StoreOperation[];
  readonly result: Result;
}

function awayOr(error: unknown): unknown {
  if (error instanceof DocumentTooLarge)
    return new ServiceError(413, `${error.message} (max_model_bytes); nothing has changed`);
  if (error instanceof StoreUnavailable)
    return new ServiceError(503, `the store is away: ${error.message}`, { fields: "Retry-After: 1\r\n" });
  return error;
}
