/**
 * SQLite as a store, for the programs of one machine. Other programs' writes are seen by `PRAGMA data_version`, a look at
 * shared memory that takes some microseconds, every 200 ms; what has changed stands in the table `changes`. A registration
 * belongs to an owner, a row with a lease that its program renews; whoever finds an owner whose lease is over removes it.
 */
import { join } from "node:path";
import { bootId, machineTime } from "../../platform/machine_time.ts";
import type {
  Expect,
  Registration,
  Revision,
  Store,
  StoredValue,
  StoreEnvironment,
  StoreOperation,
  StoreState,
  Watch,
  WatchListener,
} from "../contract.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { StoreUnavailable } from "../errors.ts";
import { once } from "../once.ts";
import { checkOperations } from "../operations.ts";
import { Base, isWithin } from "../paths.ts";
import { StateKeeper } from "../state.ts";
import { Watchers } from "../watchers.ts";
import { isBusy, sqliteError } from "./failures.ts";
import { Tables } from "./tables.ts";

const { busy_ms, max_value_bytes } = DEFAULT_STORE.sqlite;
const FILE_NAME = "store.sqlite";
const FIRST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 50;

export interface SqliteStoreOptions {
  readonly directory: string;
  readonly base: string;
  readonly lease_ms: number;
  readonly poll_ms: number;
}

interface Registered {
  readonly full: string;
  readonly value: Uint8Array;
  held: boolean;
}

export class SqliteStore implements Store {
  readonly max_value_bytes = max_value_bytes;
  readonly #file: string;
  #tables: Tables;
  readonly #base: Base;
  readonly #options: SqliteStoreOptions;
  readonly #environment: StoreEnvironment;
  readonly #state: StateKeeper;
  readonly #watchers = new Watchers();
  readonly #registered = new Set<Registered>();
  /** Paths of closed registrations that could not be removed yet. */
  readonly #leftovers = new Set<string>();
  readonly #boot = bootId();
  readonly #stopTimers: readonly (() => void)[];
  /** Owner of our registrations, null before the first. */
  #owner: string | null = null;
  #seenVersion: number;
  #seenChange: number;
  #beating = false;
  #closed = false;

  /** Opens or makes the file. Throws StoreUnavailable or StoreRefused, RangeError for a base that is none. */
  constructor(options: SqliteStoreOptions, environment: StoreEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.#base = new Base(options.base);
    this.#file = join(options.directory, FILE_NAME);
    this.#state = new StateKeeper(environment.clock, "not open yet");
    try {
      this.#tables = new Tables(this.#file);
      this.#seenVersion = this.#tables.dataVersion();
      this.#seenChange = this.#tables.lastChange();
    } catch (error) {
      throw sqliteError(this.#file, error);
    }
    this.#state.connected();
    const { clock } = environment;
    this.#stopTimers = [
      clock.every(options.poll_ms, () => this.#poll()),
      clock.every(Math.ceil(options.lease_ms / 3), () => void this.#beat()),
    ];
    // What programs before us have left goes at once, not with the first beat.
    void this.#beat();
  }

  get state(): StoreState {
    return this.#state.state;
  }

  onState(listener: (state: StoreState) => void): () => void {
    return this.#state.onState(listener);
  }

  whenConnected(limitMs: number): Promise<void> {
    return this.#state.whenConnected(limitMs);
  }

  async get(path: string): Promise<StoredValue | null> {
    const full = this.#base.full(path);
    return this.#read(() => this.#tables.get(full));
  }

  async children(path: string): Promise<readonly string[] | null> {
    const full = this.#base.full(path, true);
    const paths = this.#read(() => this.#tables.children(full));
    return paths?.map((each) => each.slice(each.lastIndexOf("/") + 1)).toSorted() ?? null;
  }

  /** Reads see every committed write anyway. */
  async sync(): Promise<void> {
    this.#read(() => {});
  }

  async transact(operations: readonly StoreOperation[]): Promise<readonly (Revision | null)[]> {
    checkOperations(operations, DEFAULT_STORE.sqlite);
    const full = operations.map((operation) => ({ ...operation, path: this.#base.full(operation.path) }));
    return await this.#write(() => full.map((operation) => this.#tables.apply(operation, this.#own)));
  }

  async put(path: string, value: Uint8Array, expect?: Expect): Promise<Revision> {
    const [revision] = await this.transact([{ kind: "put", path, value, expect }]);
    return revision!;
  }

  async delete(path: string, expect?: Revision): Promise<void> {
    await this.transact([{ kind: "delete", path, expect }]);
  }

  async register(path: string, value: Uint8Array): Promise<Registration> {
    checkOperations([{ kind: "put", path, value }], DEFAULT_STORE.sqlite);
    const registered: Registered = { full: this.#base.full(path), value: value.slice(), held: false };
    await this.#write(() => this.#place(registered));
    registered.held = true;
    this.#registered.add(registered);
    return {
      path,
      get held() {
        return registered.held;
      },
      close: () => this.#unregister(registered),
    };
  }

  async watch(prefix: string, listener: WatchListener): Promise<Watch> {
    this.#base.full(prefix, true);
    // What was written before this call is not told.
    this.#read(() => this.#look());
    return { close: this.#watchers.add(prefix, listener) };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const stop of this.#stopTimers) stop();
    this.#watchers.clear();
    const owner = this.#owner;
    this.#registered.clear();
    // Where it does not come through, the lease ends them.
    if (owner !== null) await this.#write(() => this.#tables.removeOwner(owner)).catch(() => {});
    this.#closed = true;
    this.#tables.close();
    this.#state.closed();
  }

  readonly #own = (full: string): string => this.#base.own(full);

  /** Within a transaction: makes a registration of ours, and the owner when there is none (any more). */
  #place({ full, value }: Registered): void {
    const expires = machineTime() + this.#options.lease_ms;
    const owner = (this.#owner ??= crypto.randomUUID());
    this.#leftovers.delete(full);
    if (!this.#tables.renewOwner(owner, expires)) this.#tables.addOwner(owner, this.#boot, expires);
    this.#tables.register(full, value, owner, this.#own);
  }

  async #unregister(registered: Registered): Promise<void> {
    if (!this.#registered.delete(registered) || this.#owner === null) return;
    const owner = this.#owner;
    registered.held = false;
    this.#leftovers.add(registered.full);
    // Where it does not come through, the next beat tries again.
    await this.#write(() => this.#tables.unregister(registered.full, owner)).then(
      () => this.#leftovers.delete(registered.full),
      () => {},
    );
  }

  /** Renews the lease, and removes owners that did not renew theirs. */
  async #beat(): Promise<void> {
    if (this.#beating || this.#closed) return;
    this.#beating = true;
    try {
      if (!this.#tables.isInPlace()) this.#reopen();
      const now = machineTime();
      const dead = this.#read(() => this.#tables.deadOwners(this.#boot, now));
      if (dead.length === 0 && this.#owner === null) return;
      await this.#write(() => this.#renew(), "lightly");
    } catch (error) {
      // The next beat tries again; the state says what is wrong.
      if (!(error instanceof Error) || !error.name.startsWith("Store")) reportError(error);
    } finally {
      this.#beating = false;
    }
  }

  /** Within a transaction. Owners are read again: another program may have renewed or removed them meanwhile. */
  #renew(): void {
    const now = machineTime();
    const isAlive =
      this.#owner !== null && this.#tables.renewOwner(this.#owner, now + this.#options.lease_ms);
    for (const owner of this.#tables.deadOwners(this.#boot, now)) this.#tables.removeOwner(owner);
    if (this.#owner === null) return;
    for (const full of this.#leftovers) this.#tables.unregister(full, this.#owner);
    // Others have taken this program for dead, as after a long pause.
    if (!isAlive) for (const registered of this.#registered) registered.held = false;
    for (const registered of this.#registered)
      if (!registered.held) registered.held = this.#placeAgain(registered);
  }

  /** False where a document has come in its place: the next beat tries again. */
  #placeAgain(registered: Registered): boolean {
    try {
      this.#place(registered);
      return true;
    } catch {
      return false;
    }
  }

  /** The file was removed or replaced: what is written must go where other programs look. */
  #reopen(): void {
    try {
      const tables = new Tables(this.#file);
      this.#tables.close();
      this.#tables = tables;
      this.#seenVersion = tables.dataVersion();
      this.#seenChange = tables.lastChange();
    } catch (error) {
      throw this.#failed(error);
    }
    this.#watchers.relist();
  }

  #poll(): void {
    try {
      this.#read(() => {
        const version = this.#tables.dataVersion();
        if (version === this.#seenVersion) return;
        this.#seenVersion = version;
        this.#look();
      });
    } catch (error) {
      if (!(error instanceof Error) || !error.name.startsWith("Store")) reportError(error);
    }
  }

  /** Tells what has changed since the last look. */
  #look(): void {
    const { last, paths } = this.#tables.changesAfter(this.#seenChange);
    this.#seenChange = last;
    if (paths === null) return this.#watchers.relist();
    const root = this.#base.full("/", true);
    for (const path of paths) if (isWithin(path, root)) this.#watchers.note(this.#own(path));
    this.#watchers.flush();
  }

  #read<Result>(read: () => Result): Result {
    if (this.#closed) throw new StoreUnavailable("the store is closed");
    try {
      const result = read();
      this.#state.connected();
      return result;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** One transaction; waits for those of other programs without holding up this one. */
  async #write<Result>(change: () => Result, how: "safely" | "lightly" = "safely"): Promise<Result> {
    const { clock, random } = this.#environment;
    const end = clock.now() + busy_ms;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      if (this.#closed) throw new StoreUnavailable("the store is closed");
      try {
        const result = how === "safely" ? this.#tables.write(change) : this.#tables.writeLightly(change);
        this.#state.connected();
        // After whoever waits for this write has got its revision.
        queueMicrotask(() => this.#lookIfOpen());
        return result;
      } catch (error) {
        if (!isBusy(error) || clock.now() >= end) throw this.#failed(error);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      once(clock, wait * (0.5 + random()), resolve);
      await promise;
    }
  }

  #lookIfOpen(): void {
    if (!this.#closed) this.#read(() => this.#look());
  }

  #failed(error: unknown): unknown {
    const failure = sqliteError(this.#file, error);
    if (failure instanceof StoreUnavailable && !isBusy(error)) this.#state.disconnected(failure.message);
    return failure;
  }
}
