/**
 * What a gateway tells of itself in the store, so that the management service sees which models act where: a registration below
 * `/fairlead/gateways`, which goes when the gateway does. Each state is a node of its own that stands before the one before it goes.
 */
import { hostname } from "node:os";
import { messageOf } from "../../core/text/message_of.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Registration, Store } from "../../store/contract.ts";

export const GATEWAYS = "/fairlead/gateways";

export interface GatewayState {
  /** Version of the model that acts, by application. */
  readonly apps: Readonly<Record<string, number>>;
  readonly lists_version: number;
  /** Made while the store was away, and acting until somebody ends that. */
  readonly is_offline: boolean;
}

export interface GatewayReport extends GatewayState {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Changes within this time are told together. */
const TELL_AFTER_MS = 50;
/** What could not be told is told again after this, and then after twice as long each time. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export class GatewayAcks {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #state: () => GatewayState;
  readonly #failed: (text: string) => void;
  readonly #id = `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  readonly #started: number;
  #count = 0;
  #told: Registration | null = null;
  #endWait: (() => void) | null = null;
  #waitMs = 0;
  #telling: Promise<void> = Promise.resolve();
  #retryMs = FIRST_RETRY_MS;
  #closed = false;

  constructor(store: Store, clock: Clock, state: () => GatewayState, failed: (text: string) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#state = state;
    this.#failed = failed;
    this.#started = clock.wall();
  }

  /** The state may be another one. */
  changed(): void {
    this.#tellAfter(TELL_AFTER_MS);
  }

  /** A wait that is longer gives way. */
  #tellAfter(delayMs: number): void {
    if (this.#closed) return;
    if (this.#endWait !== null && this.#waitMs <= delayMs) return;
    this.#endWait?.();
    this.#waitMs = delayMs;
    this.#endWait = this.#clock.every(delayMs, () => {
      this.#endWait?.();
      this.#endWait = null;
      this.#telling = this.#telling.then(() => this.#tell());
    });
  }

  async #tell(): Promise<void> {
    if (this.#closed) return;
    const report: GatewayReport = {
      id: this.#id,
      started: this.#started,
      at: this.#clock.wall(),
      ...this.#state(),
    };
    const before = this.#told;
    try {
      const bytes = new TextEncoder().encode(JSON.stringify(report));
      this.#told = await this.#store.register(`${GATEWAYS}/${this.#id}.${this.#count++}`, bytes);
      await before?.close();
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      this.#failed(messageOf(error));
      this.#tellAfter(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endWait?.();
    await this.#telling;
    await this.#told?.close();
  }
}
