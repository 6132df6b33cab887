/** Ephemeral nodes of a program: made again for each new session, removed when they are closed. */
import type { Clock } from "../../platform/clock.ts";
import type { Registration } from "../contract.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { StoreConflict, StoreRefused, StoreUnavailable } from "../errors.ts";
import { once } from "../once.ts";
import type { Client } from "./client.ts";
import { ServerError } from "./session.ts";
import type { PlannedOperation } from "./transaction.ts";

export interface RegistrationHost {
  readonly client: Client;
  readonly clock: Clock;
  /** Of the present session. */
  readonly sessionId: () => bigint;
  transact(operations: readonly PlannedOperation[]): Promise<unknown>;
}

class EphemeralNode implements Registration {
  readonly path: string;
  readonly full: string;
  readonly value: Uint8Array;
  held = false;
  closed = false;
  /** One thing after the other. */
  work: Promise<void> = Promise.resolve();
  readonly #remove: (node: EphemeralNode) => Promise<void>;

  constructor(path: string, full: string, value: Uint8Array, remove: (node: EphemeralNode) => Promise<void>) {
    this.path = path;
    this.full = full;
    this.value = value;
    this.#remove = remove;
  }

  close(): Promise<void> {
    return this.#remove(this);
  }
}

export class Registrations {
  readonly #host: RegistrationHost;
  readonly #nodes = new Set<EphemeralNode>();
  /** Nodes of the present session that could not be removed yet. */
  readonly #leftovers = new Set<string>();

  constructor(host: RegistrationHost) {
    this.#host = host;
  }

  async add(path: string, full: string, value: Uint8Array): Promise<Registration> {
    const node = new EphemeralNode(path, full, value.slice(), (one) => this.#remove(one));
    // Before it stands, so that a session that begins meanwhile makes it too.
    this.#nodes.add(node);
    const made = this.#make(node);
    node.work = made.catch(() => {});
    try {
      await made;
    } catch (error) {
      node.closed = true;
      this.#nodes.delete(node);
      throw error;
    }
    return node;
  }

  connected(isNew: boolean): void {
    if (isNew) {
      this.#leftovers.clear();
      for (const node of this.#nodes) node.held = false;
    }
    for (const full of this.#leftovers) this.#deleteOwn(full).catch(() => {});
    for (const node of this.#nodes) if (!node.held) this.#again(node);
  }

  /** None is made any more. */
  close(): void {
    for (const node of this.#nodes) {
      node.closed = true;
      node.held = false;
    }
    this.#nodes.clear();
  }

  #again(node: EphemeralNode): void {
    node.work = node.work
      .then(() => (node.closed || node.held ? undefined : this.#make(node)))
      .catch((error: unknown) => this.#notMade(node, error));
  }

  /** It stays visible as not held until it is made by the next connection, or sooner where this one goes on. */
  #notMade(node: EphemeralNode, error: unknown): void {
    if (error instanceof StoreUnavailable && error.perhaps_done) return;
    const isOfStore =
      error instanceof StoreUnavailable ||
      error instanceof StoreConflict ||
      error instanceof StoreRefused ||
      error instanceof ServerError;
    if (!isOfStore) reportError(error);
    once(this.#host.clock, DEFAULT_STORE.zookeeper.register_retry_ms, () => {
      if (!node.held && !node.closed) this.#again(node);
    });
  }

  /** Takes the place of a registration of another session: mostly it is of an earlier run of this program. */
  async #make(node: EphemeralNode): Promise<void> {
    const { path, full, value } = node;
    this.#leftovers.delete(full);
    const create = { kind: "put", path: full, value, expect: "absent", ephemeral: true } as const;
    for (let attempt = 0; attempt < DEFAULT_STORE.zookeeper.max_plans; attempt++) {
      const stat = await this.#host.client.exists(full);
      if (stat?.ephemeral_owner === 0n) throw new StoreConflict(path, "absent");
      const before = stat === null ? [] : [{ kind: "delete", path: full, expect: stat.version } as const];
      try {
        await this.#host.transact([...before, create]);
        node.held = true;
        return;
      } catch (error) {
        if (!(error instanceof StoreConflict)) throw error;
      }
    }
    throw new StoreUnavailable(`${path} comes and goes too fast`);
  }

  async #remove(node: EphemeralNode): Promise<void> {
    if (node.closed) return;
    node.closed = true;
    this.#nodes.delete(node);
    await node.work;
    node.held = false;
    this.#leftovers.add(node.full);
    await this.#deleteOwn(node.full).catch(() => {});
  }

  async #deleteOwn(full: string): Promise<void> {
    const stat = await this.#host.client.exists(full);
    if (stat !== null && stat.ephemeral_owner === this.#host.sessionId())
      await this.#host.client.change([{ kind: "delete", path: full, version: stat.version }]);
    this.#leftovers.delete(full);
  }
}
