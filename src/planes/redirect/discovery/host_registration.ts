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
    this.#work ??= this.#settle().finally(() => (this.#work = null));
  }

  /** One step after the other, until what is there is what is wanted. */
  async #settle(): Promise<void> {
    while (this.#wanted !== (this.#registration !== null)) {
      if (!this.#wanted) await this.#unregister();
      else if (!(await this.#register())) return;
    }
  }

  async #unregister(): Promise<void> {
    const { path, told } = this.#options;
    const why = this.#why;
    await this.#registration!.close();
    this.#registration = null;
    told({ event: "unregistered", text: `${path} is removed, as ${why}` });
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
      // A store that refuses at once would be asked without pause.
      if (store.state.kind !== "disconnected") await Bun.sleep(LOOK_MS);
    }
    return true;
  }

  #storeChanged(state: StoreState): void {
    const { path, told } = this.#options;
    if (this.#closed) return;
    if (state.kind === "disconnected")
      told({ event: "store_lost", text: `the store is away: ${state.reason}` });
    else if (state.kind === "connected")
      told({
        event: "store_reached",
        text: `the store is reached${this.#registration === null ? "" : `; ${path} is made again where its session has ended`}`,
      });
  }
}
