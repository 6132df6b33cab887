/** ZooKeeper as a store. A node's revision is its data version, and a path is one below the base. */
import type { ClientTlsOptions } from "../../platform/connect.ts";
import { prepareUpstreamTls } from "../../platform/tls_upstream.ts";
import type { UpstreamTlsPlan } from "../../core/plan.ts";
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
import { checkOperations } from "../operations.ts";
import { Base } from "../paths.ts";
import { StateKeeper } from "../state.ts";
import { Client } from "./client.ts";
import { dialServer, type Dial } from "./connection.ts";
import { translated } from "./failures.ts";
import { CREATOR_ACL, OPEN_ACL, type AccessEntry } from "./protocol.ts";
import { Registrations } from "./registrations.ts";
import type { ServerName } from "./servers.ts";
import { Session } from "./session.ts";
import { Transaction, type PlannedOperation } from "./transaction.ts";
import { Watches } from "./watches.ts";

/** How long `close` waits for the server to end the session; else the session ends by its timeout. */
const CLOSE_MS = 2_000;

/** TLS of the connections, with texts of PEM files. */
export interface ZookeeperTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** Null = the server's host as `servers` has it. */
  readonly server_name: string | null;
  readonly verify: boolean;
}

export interface ZookeeperStoreOptions {
  readonly servers: readonly ServerName[];
  readonly base: string;
  readonly session_timeout_ms: number;
  readonly connect_timeout_ms: number;
  readonly request_timeout_ms: number;
  readonly max_frame_bytes: number;
  /** Logs in by the scheme `digest`. */
  readonly login: { readonly user: string; readonly password: string } | null;
  /** Who may use nodes that are made: everybody, or only who has logged in like this store. */
  readonly acl: "open" | "creator";
  readonly tls: ZookeeperTls | null;
}

export class ZookeeperStore implements Store {
  readonly max_value_bytes: number;
  readonly #base: Base;
  readonly #acl: readonly AccessEntry[];
  readonly #state: StateKeeper;
  readonly #session: Session;
  readonly #client: Client;
  readonly #watches: Watches;
  readonly #registrations: Registrations;
  readonly #limits: { readonly max_value_bytes: number; readonly max_transaction_bytes: number };

  /** Begins to connect. Throws TlsSettingsError for files that are of no use, RangeError for a base that is none. */
  constructor(options: ZookeeperStoreOptions, environment: StoreEnvironment, dial: Dial = dialServer) {
    this.max_value_bytes = options.max_frame_bytes - DEFAULT_STORE.zookeeper.frame_overhead_bytes;
    this.#limits = {
      max_value_bytes: this.max_value_bytes,
      max_transaction_bytes: options.max_frame_bytes,
    };
    this.#base = new Base(options.base);
    this.#acl = options.acl === "creator" ? CREATOR_ACL : OPEN_ACL;
    this.#state = new StateKeeper(environment.clock, "not connected yet");
    const { login } = options;
    this.#session = new Session(
      {
        ...options,
        login: login === null ? null : `${login.user}:${login.password}`,
        tls: options.tls === null ? null : tlsFor(options.servers, options.tls),
      },
      environment,
      {
        connected: (isNew) => this.#connected(isNew),
        disconnected: (reason) => {
          this.#watches.disconnected();
          this.#state.disconnected(reason);
        },
        changed: (events) => this.#watches.changed(events),
      },
      dial,
    );
    this.#client = new Client(this.#session);
    this.#watches = new Watches(this.#client, this.#base, (reason) => this.#session.abandon(reason));
    this.#registrations = new Registrations({
      client: this.#client,
      clock: environment.clock,
      sessionId: () => this.#session.id,
      transact: (operations) => this.#run(operations),
    });
    this.#session.start();
  }

  get state(): StoreState {
    return this.#state.state;
  }

  /** Number of the present session, for tests and operators; 0n before the first. */
  get sessionId(): bigint {
    return this.#session.id;
  }

  onState(listener: (state: StoreState) => void): () => void {
    return this.#state.onState(listener);
  }

  whenConnected(limitMs: number): Promise<void> {
    return this.#state.whenConnected(limitMs);
  }

  async get(path: string): Promise<StoredValue | null> {
    const found = await translated(path, this.#client.getData(this.#base.full(path)));
    return found === null ? null : { value: found.value, revision: found.stat.version };
  }

  async children(path: string): Promise<readonly string[] | null> {
    const names = await translated(path, this.#client.getChildren(this.#base.full(path, true)));
    return names?.toSorted() ?? null;
  }

  async sync(): Promise<void> {
    await translated("/", this.#client.sync(this.#base.full("/", true)));
  }

  async transact(operations: readonly StoreOperation[]): Promise<readonly (Revision | null)[]> {
    checkOperations(operations, this.#limits);
    const planned = operations.map((operation) => ({
      ...operation,
      path: this.#base.full(operation.path),
    }));
    return await this.#run(planned);
  }

  async put(path: string, value: Uint8Array, expect?: Expect): Promise<Revision> {
    const [revision] = await this.transact([
      { kind: "put", path, value, ...(expect === undefined ? {} : { expect }) },
    ]);
    return revision!;
  }

  async delete(path: string, expect?: Revision): Promise<void> {
    await this.transact([{ kind: "delete", path, expect }]);
  }

  async register(path: string, value: Uint8Array): Promise<Registration> {
    checkOperations([{ kind: "put", path, value }], this.#limits);
    return await translated(path, this.#registrations.add(path, this.#base.full(path), value));
  }

  async watch(prefix: string, listener: WatchListener): Promise<Watch> {
    return await this.#watches.add(prefix, listener);
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.#registrations.close();
    await this.#session.close(CLOSE_MS);
    this.#state.closed();
  }

  #connected(isNew: boolean): void {
    this.#registrations.connected(isNew);
    this.#watches.connected();
    this.#state.connected();
  }

  #run(operations: readonly PlannedOperation[]): Promise<readonly (Revision | null)[]> {
    const transaction = new Transaction(this.#client, operations, this.#acl, (full) => this.#base.own(full));
    return translated(this.#base.own(operations[0]?.path ?? this.#base.base), transaction.run());
  }
}

/** Options of each server, prepared once. Names in errors are those of the settings, never contents. */
function tlsFor(servers: readonly ServerName[], tls: ZookeeperTls): (server: ServerName) => ClientTlsOptions {
  const files: Record<string, string> = {};
  const named = (name: "ca" | "cert" | "key") => {
    const text = tls[name];
    if (text === null) return null;
    files[`tls.${name}`] = text;
    return `tls.${name}`;
  };
  const plan: UpstreamTlsPlan = {
    ca: named("ca"),
    cert: named("cert"),
    key: named("key"),
    server_name: tls.server_name,
    verify: tls.verify,
  };
  const prepared = new Map(servers.map(({ host }) => [host, prepareUpstreamTls(plan, host, files)]));
  return ({ host }) => prepared.get(host)!;
}
