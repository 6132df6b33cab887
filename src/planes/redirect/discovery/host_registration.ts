/** Keeps a host in the store while it is wanted there: through outages, ends of sessions, and times in which it does not serve. */
import { messageOf } from "../../../core/text/message_of.ts";
import type { Registration, Store, StoreState } from "../../../store/contract.ts";
import { StoreUnavailable } from "../../../store/errors.ts";

export interface HostRegistrationEvent {
  readonly event: "registered" | "unregistered" | "store_lost" | "store_reached";
  /** One sentence. */
  readonly text: string;
}

export interface HostRegistrationOptions {
  readonly store: Store;
  readonly path: string;
  readonly value: Uint8Array;
  readonly told: (event: HostRegistrationEvent) => void;
  /** The store will never take it; the reason is a sentence. Nothing is tried any more. */
  readonly refused: (reason: string) => void;
}

/** So long at most a store that is away is waited for before it is looked whether the host is still wanted. */
const LOOK_MS = 500;

export class HostRegistration {
  readonly #options: HostRegistrationOptions;
  readonly #endStateWatch: () => void;
  #wanted = false;
  #why = "";
  #closed = false;
  /** The outage that goes on has been told. */
  #isLost = false;
  #registration: Registration | null = null;
  #work: Promise<void> | null = null;

  constructor(options: HostRegistrationOptions) {
    this.#options = options;
    this.#endStateWatch = options.store.onState((state) => this.#storeChanged(state));
  }

  /** The host serves. */
  add(): void {
    this.#want(true, "");
  }

  /** The host does not serve; `why` completes "…, as ". */
  remove(why: string): void {
    this.#want(false, why);
  }

  /** Removes the node. While the store is away it stays until its session ends. Never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#want(false, "this program ends");
    await this.#work;
    this.#endStateWatch();
  }

  #want(wanted: boolean, why: string): void {
    this.#wanted = wanted;
    this.#why = why;
    this.#work ??= this.#settle();
  }

  /** One step after the other, until what is there is what is wanted. */
  async #settle(): Promise<void> {
    // So that it has been kept as the work that goes on.
    await Promise.resolve();
    while (this.#wanted !== (this.#registration !== null)) {
      if (!this.#wanted) await this.#unregister();
      else if (!(await this.#register())) break;
    }
    // In the same turn as the last look: what is wanted from now on is a work of its own.
    this.#work = null;
  }

  async #unregister(): Promise<void> {
    const { path, told } = this.#options;
    const why = this.#why;
    await this.#registration!.close();
    this.#registration = null;
    const isReached = this.#options.store.state.kind === "connected";
    const what = isReached ? "is removed" : "goes when the store is reached or its session ends";
    told({ event: "unregistered", text: `${path} ${what}, as ${why}` });
  }

  /** False where it will never be taken. */
  async #register(): Promise<boolean> {
    const { store, path, value, told, refused } = this.#options;
    try {
      await store.whenConnected(LOOK_MS);
      this.#registration = await store.register(path, value);
      told({ event: "registered", text: `${path} stands in the store` });
    } catch (error) {
      if (!(error instanceof StoreUnavailable) && !this.#closed) {
        this.#wanted = false;
        refused(messageOf(error));
        return false;
      }
      this.#lost(messageOf(error));
      // A store that refuses at once would be asked without pause.
      if (store.state.kind !== "disconnected") await Bun.sleep(LOOK_MS);
    }
    return true;
  }

  #storeChanged(state: StoreState): void {
    if (this.#closed) return;
    if (state.kind === "disconnected") this.#lost(state.reason);
    if (state.kind !== "connected") return;
    this.#isLost = false;
    const { path, told } = this.#options;
    const again = this.#registration === null ? "" : `; ${path} is made again where its session has ended`;
    told({ event: "store_reached", text: `the store is reached${again}` });
  }

  /** Told once for each outage, also for one that was there from the start. */
  #lost(reason: string): void {
    if (this.#isLost || this.#closed) return;
    this.#isLost = true;
    this.#options.told({ event: "store_lost", text: `the store is away: ${reason}` });
  }
}
