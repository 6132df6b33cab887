/** One address for operators over the reloads that change it: the next one is served beside the one before. */
import { listenAddressText } from "../platform/sockets.ts";
import { type AccessRules, asksForCredentials } from "./access.ts";
import { adminAddress } from "./address.ts";
import type { AdminServer } from "./server.ts";

/** What a plan wants; null = no such address. */
export type WantedDoor = { readonly address: string; readonly rules: AccessRules } | null;

interface Serving {
  /** The address that was asked for, resolved: `localhost` is 127.0.0.1, port 0 is still 0. */
  readonly wanted: string;
  readonly server: AdminServer;
}

export class Door {
  readonly #start: (address: string, rules: AccessRules) => AdminServer;
  #serving: Serving | null = null;
  /** Where a plan wants it that may still be refused. */
  #coming: Serving | null = null;

  constructor(start: (address: string, rules: AccessRules) => AdminServer) {
    this.#start = start;
  }

  /** Where it serves, "" = nowhere. */
  get address(): string {
    return this.#serving?.server.address ?? "";
  }

  /** 0 where it serves on no port. */
  get port(): number {
    return this.#serving?.server.port ?? 0;
  }

  /** Serves on the address of a plan that comes as well. Throws Error with one sentence when that cannot be. */
  prepare(wanted: WantedDoor): void {
    if (wanted === null) {
      this.abandon();
      return;
    }
    const { address, rules } = wanted;
    const resolved = listenAddressText(adminAddress(address, asksForCredentials(rules)));
    if (resolved === this.#coming?.wanted) {
      this.#coming.server.setRules(rules);
      return;
    }
    this.abandon();
    if (resolved !== this.#serving?.wanted && resolved !== this.address)
      this.#coming = { wanted: resolved, server: this.#start(address, rules) };
  }

  /** Moves to the address that was prepared, or keeps its own and takes the rules. */
  apply(wanted: WantedDoor): void {
    if (this.#coming === null && wanted !== null) {
      this.#serving?.server.setRules(wanted.rules);
      return;
    }
    this.#serving?.server.stop();
    this.#serving = this.#coming;
    this.#coming = null;
  }

  abandon(): void {
    this.#coming?.server.stop();
    this.#coming = null;
  }

  /** Nobody else serves on its address any more. */
  keep(): void {
    this.#serving?.server.keep();
  }

  stop(): void {
    this.abandon();
    this.#serving?.server.stop();
    this.#serving = null;
  }
}
