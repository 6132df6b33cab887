/**
 * The tree in an SQLite file, for several programs at once. Everything here is synchronous; `write` is one transaction of the
 * file, and reads see the last one that was committed.
 */
import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Revision, StoredValue, StoreOperation } from "../contract.ts";
import { StoreConflict, StoreRefused } from "../errors.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { ancestorsOf, parentOf } from "../paths.ts";

/** How long a call may wait for a lock, in which the whole program waits too. */
const LOCK_WAIT_MS = 20;
/** Old rows of `changes` are removed after so many new ones. */
const TRIM_EVERY = 1_000;
const NO_BYTES = new Uint8Array(0);

/** `sequence` of the last change of a node is its revision. `owner` is null for documents. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS nodes (
    path TEXT NOT NULL UNIQUE, parent TEXT NOT NULL, revision INTEGER NOT NULL, owner TEXT, value BLOB NOT NULL);
  CREATE INDEX IF NOT EXISTS nodes_by_parent ON nodes (parent);
  CREATE INDEX IF NOT EXISTS nodes_by_owner ON nodes (owner) WHERE owner IS NOT NULL;
  CREATE TABLE IF NOT EXISTS changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, boot TEXT NOT NULL, expires_ms INTEGER NOT NULL);
`;

interface NodeRow {
  readonly revision: number;
  readonly owner: string | null;
}

function statements(database: Database) {
  return {
    dataVersion: database.query<{ data_version: number }, []>("PRAGMA data_version"),
    value: database.query<StoredValue, [string]>("SELECT value, revision FROM nodes WHERE path = ?"),
    node: database.query<NodeRow, [string]>("SELECT revision, owner FROM nodes WHERE path = ?"),
    children: database.query<{ path: string }, [string]>("SELECT path FROM nodes WHERE parent = ?"),
    change: database.query<{ sequence: number }, [string]>(
      "INSERT INTO changes (path) VALUES (?) RETURNING sequence",
    ),
    trim: database.query<null, [number]>("DELETE FROM changes WHERE sequence <= ?"),
    firstChange: database.query<{ first: number | null }, []>("SELECT min(sequence) AS first FROM changes"),
    lastChange: database.query<{ last: number | null }, []>("SELECT max(sequence) AS last FROM changes"),
    changesAfter: database.query<{ sequence: number; path: string }, [number]>(
      "SELECT sequence, path FROM changes WHERE sequence > ? ORDER BY sequence",
    ),
    insert: database.query<null, [string, string, number, string | null, Uint8Array]>(
      "INSERT INTO nodes (path, parent, revision, owner, value) VALUES (?, ?, ?, ?, ?)",
    ),
    update: database.query<null, [Uint8Array, number, string]>(
      "UPDATE nodes SET value = ?, revision = ? WHERE path = ?",
    ),
    remove: database.query<null, [string]>("DELETE FROM nodes WHERE path = ?"),
    owned: database.query<{ path: string }, [string]>("SELECT path FROM nodes WHERE owner = ?"),
    renew: database.query<null, [number, string]>("UPDATE owners SET expires_ms = ? WHERE id = ?"),
    addOwner: database.query<null, [string, string, number]>(
      "INSERT INTO owners (id, boot, expires_ms) VALUES (?, ?, ?)",
    ),
    removeOwner: database.query<null, [string]>("DELETE FROM owners WHERE id = ?"),
    deadOwners: database.query<{ id: string }, [string, number]>(
      "SELECT id FROM owners WHERE boot <> ? OR expires_ms < ?",
    ),
  };
}

export class Tables {
  readonly #path: string;
  readonly #inode: number;
  readonly #database: Database;
  readonly #statements: ReturnType<typeof statements>;

  /** Opens or makes the file, for its owner only (0600). Throws what SQLite and the file system say. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    // SQLite would make it readable for all, and gives its helper files the rights of this one.
    closeSync(openSync(path, "a", 0o600));
    this.#path = path;
    this.#inode = statSync(path).ino;
    this.#database = new Database(path, { readwrite: true, strict: true });
    try {
      // Setting the journal mode waits for no lock, so that a start beside others may need more than one try.
      this.#database.run(`PRAGMA busy_timeout = ${DEFAULT_STORE.sqlite.busy_ms}`);
      this.#database.run("PRAGMA journal_mode = WAL");
      this.#database.run("PRAGMA synchronous = FULL");
      this.#database.transaction(() => this.#database.run(TABLES)).immediate();
      this.#database.run(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`);
      this.#statements = statements(this.#database);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** The file stands where it did. One that was removed or replaced can still be written, and nobody would read it. */
  isInPlace(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** Another number when another connection has written since the last call. */
  dataVersion(): number {
    return this.#statements.dataVersion.get()!.data_version;
  }

  /** Number of the last change. */
  lastChange(): number {
    return this.#statements.lastChange.get()?.last ?? 0;
  }

  /** Paths changed after `sequence`, with the new last number; `paths` is null where some are not known any more. */
  changesAfter(sequence: number): { readonly last: number; readonly paths: readonly string[] | null } {
    const first = this.#statements.firstChange.get()?.first ?? 0;
    if (first > sequence + 1) return { last: this.lastChange(), paths: null };
    const rows = this.#statements.changesAfter.all(sequence);
    return { last: rows.at(-1)?.sequence ?? sequence, paths: rows.map(({ path }) => path) };
  }

  get(path: string): StoredValue | null {
    return this.#statements.value.get(path);
  }

  /** Paths directly below; null where there is no node. */
  children(path: string): readonly string[] | null {
    const rows = this.#statements.children.all(path);
    if (rows.length === 0 && path !== "/" && this.#statements.node.get(path) === null) return null;
    return rows.map((row) => row.path);
  }

  /** Runs `change` in a transaction, which does not happen when it throws. */
  write<Result>(change: () => Result): Result {
    return this.#database.transaction(change).immediate();
  }

  /** For writes whose loss at a power failure does not matter, such as a beat. */
  writeLightly<Result>(change: () => Result): Result {
    this.#database.run("PRAGMA synchronous = NORMAL");
    try {
      return this.write(change);
    } finally {
      this.#database.run("PRAGMA synchronous = FULL");
    }
  }

  /** Within `write`. `ownPath` gives the caller's form of a path for errors. */
  apply(operation: StoreOperation, ownPath: (full: string) => string): Revision | null {
    const { path } = operation;
    const node = this.#statements.node.get(path);
    const conflict = (expected: StoreConflict["expected"]) => new StoreConflict(ownPath(path), expected);
    if (operation.kind === "check") {
      if (node?.revision !== operation.revision) throw conflict(operation.revision);
      return null;
    }
    const { expect } = operation;
    if (typeof expect === "number" && node?.revision !== expect) throw conflict(expect);
    if (operation.kind === "delete") {
      if (node === null) return null;
      if (this.#statements.children.get(path) !== null) throw conflict("without children");
      this.remove(path);
      return null;
    }
    if (expect === "absent" && node !== null) throw conflict("absent");
    if (node === null) return this.#insert(path, operation.value, null, ownPath);
    const revision = this.#noteChange(path);
    this.#statements.update.run(operation.value, revision, path);
    return revision;
  }

  /** Within `write`: puts a registration in the place of one that may stand there. Throws StoreConflict for a document. */
  register(path: string, value: Uint8Array, owner: string, ownPath: (full: string) => string): void {
    const node = this.#statements.node.get(path);
    if (node !== null && node.owner === null) throw new StoreConflict(ownPath(path), "absent");
    if (node !== null) this.remove(path);
    this.#insert(path, value, owner, ownPath);
  }

  /** Within `write`: removes a registration of this owner. */
  unregister(path: string, owner: string): void {
    if (this.#statements.node.get(path)?.owner === owner) this.remove(path);
  }

  /** Within `write`. */
  remove(path: string): void {
    this.#noteChange(path);
    this.#statements.remove.run(path);
  }

  // Owners of registrations; times are those of `machineTime`.

  addOwner(id: string, boot: string, expiresMs: number): void {
    this.#statements.addOwner.run(id, boot, expiresMs);
  }

  /** False when others have taken it for dead. */
  renewOwner(id: string, expiresMs: number): boolean {
    return this.#statements.renew.run(expiresMs, id).changes > 0;
  }

  deadOwners(boot: string, now: number): readonly string[] {
    return this.#statements.deadOwners.all(boot, now).map(({ id }) => id);
  }

  /** Within `write`: with its registrations. */
  removeOwner(id: string): void {
    for (const { path } of this.#statements.owned.all(id)) this.remove(path);
    this.#statements.removeOwner.run(id);
  }

  close(): void {
    this.#database.close();
  }

  #insert(
    path: string,
    value: Uint8Array,
    owner: string | null,
    ownPath: (full: string) => string,
  ): Revision {
    for (const parent of ancestorsOf(path)) {
      const node = this.#statements.node.get(parent);
      if (node === null)
        this.#statements.insert.run(parent, parentOf(parent), this.#noteChange(parent), null, NO_BYTES);
      else if (node.owner !== null)
        throw new StoreRefused("a registration cannot have nodes below it", ownPath(path));
    }
    const revision = this.#noteChange(path);
    this.#statements.insert.run(path, parentOf(path), revision, owner, value);
    return revision;
  }

  #noteChange(path: string): number {
    const { sequence } = this.#statements.change.get(path)!;
    if (sequence % TRIM_EVERY === 0)
      this.#statements.trim.run(sequence - DEFAULT_STORE.sqlite.max_kept_changes);
    return sequence;
  }
}
