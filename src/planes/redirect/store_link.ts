/**
 * The store of a configuration at work: opened, opened again after a while where that fails, and followed for hosts, models, lists and
 * settings. Outages of a store that has been opened are its own matter.
 */
import type { RedirectPlan } from "../../core/plan.ts";
import type { StackHosts } from "../../core/redirect/hosts.ts";
import { messageOf } from "../../core/text/message_of.ts";
import type { Clock } from "../../platform/clock.ts";
import { storeByName } from "../../store/all.ts";
import type { Store, StoreEnvironment } from "../../store/contract.ts";
import { Discovery, type DiscoveryOptions, type DiscoveryStatus } from "./discovery/discovery.ts";
import { listed } from "../../core/redirect/checks/problem.ts";
import { DEFAULT_WATCH } from "./discovery/service_watch.ts";
import { StackRetention } from "./service/stack_retention.ts";
import { GatewayAcks, type GatewayState } from "./gateway_acks.ts";
import type { Share } from "./models/kept_lists.ts";
import { type ModelListener, ModelSource } from "./models/model_source.ts";

export interface StoreLinkParts {
  readonly plan: RedirectPlan;
  readonly discovery: DiscoveryOptions;
  readonly clock: Clock;
  readonly share: Share;
  environment(): StoreEnvironment;
  /** Hosts that are known before the store is. */
  initialHosts(): ReadonlyMap<string, readonly StackHosts[]>;
  hostsChanged(app: string, stacks: readonly StackHosts[]): void;
  readonly models: ModelListener;
  gatewayState(): GatewayState;
  warn(event: string, text: string): void;
}

/** Between two attempts to open a store: the first time, and at most. */
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export class StoreLink {
  readonly #parts: StoreLinkParts;
  #store: Store | null = null;
  #discovery: Discovery | null = null;
  #source: ModelSource | null = null;
  #acks: GatewayAcks | null = null;
  #retention: StackRetention | null = null;
  #endStateWatch: (() => void) | null = null;
  #endRetry: (() => void) | null = null;
  #retryMs = FIRST_RETRY_MS;
  #toldProblem = "";
  #closed = false;

  constructor(parts: StoreLinkParts) {
    this.#parts = parts;
  }

  /** Resolves when everything has been read once, or when the first attempt to open the store has failed. Never rejects. */
  async start(): Promise<void> {
    try {
      await this.#follow();
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      await this.#closeAll();
      if (!this.#closed) this.#tryAgain(messageOf(error));
    }
  }

  #tryAgain(problem: string): void {
    // The same problem again is told once.
    if (problem !== this.#toldProblem)
      this.#parts.warn("redirect_store_failed", `the store cannot be used, and is tried again: ${problem}`);
    this.#toldProblem = problem;
    this.#endRetry = this.#parts.clock.every(this.#retryMs, () => {
      this.#endRetry?.();
      this.#endRetry = null;
      void this.start();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  async #follow(): Promise<void> {
    const { plan, discovery, clock, share, models, warn } = this.#parts;
    const { type, options } = plan.store;
    const store = storeByName(type)!.open(options, this.#parts.environment());
    this.#store = store;
    this.#discovery = new Discovery(discovery, {
      store,
      clock,
      initial: this.#parts.initialHosts(),
      changed: (app, stacks) => this.#parts.hostsChanged(app, stacks),
    });
    this.#source = new ModelSource(store, plan.max_model_bytes, share, models);
    const acks = new GatewayAcks(
      store,
      clock,
      () => this.#parts.gatewayState(),
      (text) => warn("redirect_not_told", `the store does not know which models act here: ${text}`),
    );
    this.#acks = acks;
    this.#endStateWatch = store.onState(({ kind }) => void (kind === "connected" && acks.changed()));
    acks.changed();
    this.#retention = new StackRetention(
      store,
      clock,
      {
        root: DEFAULT_WATCH.root,
        retention_ms: plan.discovery.stack_retention_ms,
        max_bytes: plan.max_model_bytes,
      },
      (paths) =>
        warn("redirect_stacks_deleted", `stacks that had no host for long are deleted: ${listed(paths)}`),
    );
    this.#discovery.start();
    // A model is judged by the hosts that are there.
    await this.#discovery.whenListed();
    if (!this.#closed) await this.#source.start();
  }

  /** Null while it could not be opened. */
  get store(): Store | null {
    return this.#store;
  }

  get discovery(): DiscoveryStatus | null {
    return this.#discovery?.status ?? null;
  }

  /** Takes the hosts of a static application as they are now. */
  snapshot(app: string): void {
    this.#discovery?.snapshot(app);
  }

  /** What acts here may be something else. */
  actingChanged(): void {
    this.#acks?.changed();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endRetry?.();
    await this.#closeAll();
  }

  async #closeAll(): Promise<void> {
    const [discovery, acks, source, store] = [this.#discovery, this.#acks, this.#source, this.#store];
    const retention = this.#retention;
    this.#discovery = this.#acks = this.#source = this.#store = this.#retention = null;
    discovery?.close();
    this.#endStateWatch?.();
    this.#endStateWatch = null;
    await retention?.close();
    await acks?.close();
    await source?.close();
    await store?.close();
  }
}
