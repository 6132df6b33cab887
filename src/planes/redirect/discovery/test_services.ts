/** Hosts in a store for tests: they register as the original's hosts do. */
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import { eventually } from "../../../../test/support/store_tools.ts";
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import { realClock } from "../../../platform/clock.ts";
import type { Registration, Store } from "../../../store/contract.ts";
import { Discovery, type DiscoveryOptions } from "./discovery.ts";
import { writeRegistration } from "./registration.ts";

const encoder = new TextEncoder();

export function payloadOf(ipv4: string, application = "a1", weight: number | null = 10): Uint8Array {
  return writeRegistration({
    application,
    address: ipv4,
    port: 8_080,
    ipv4,
    ipv6: null,
    weight,
    worker_id: "73ffc9a8-c392-4252-bfb6-62b1f6c8515b",
    registered_at_ms: 1_496_432_312_046,
  });
}

/** `/services/EU/z1/1.0/a1/10.0.0.1:8080` for `/EU/z1/1.0/a1` and `10.0.0.1`. */
export function nodeOf(stack: string, ipv4: string): string {
  return `/services${stack}/${ipv4}:8080`;
}

export async function registerHost(store: Store, stack: string, ipv4: string): Promise<Registration> {
  return await store.register(nodeOf(stack, ipv4), payloadOf(ipv4, stack.slice(stack.lastIndexOf("/") + 1)));
}

export async function putText(store: Store, path: string, text: string): Promise<void> {
  await store.put(path, encoder.encode(text));
}

/** A discovery that writes down what it is told. */
export class Observed {
  readonly discovery: Discovery;
  /** What was told, as `a1: 10.0.0.1 10.0.0.2`. */
  readonly told: string[] = [];
  readonly #last = new Map<string, readonly StackHosts[]>();

  constructor(
    store: Store,
    options: Partial<DiscoveryOptions> = {},
    initial: ReadonlyMap<string, readonly StackHosts[]> = new Map(),
  ) {
    this.discovery = new Discovery(
      { ...DEFAULT_REDIRECT.discovery, static_applications: new Set(), ...options },
      {
        store,
        clock: realClock,
        initial,
        changed: (application, stacks) => {
          this.told.push(`${application}: ${addressesOf(stacks).join(" ")}`);
          this.#last.set(application, stacks);
        },
      },
    );
    this.discovery.start();
  }

  /** Addresses of an application in the order of stacks and nodes. */
  addresses(application = "a1"): string {
    return addressesOf(this.discovery.hosts(application)).join(" ");
  }

  /** Waits for the addresses, at most a second: that long a change may take. */
  async has(addresses: string, application = "a1", limitMs = 1_000): Promise<void> {
    try {
      await eventually("the hosts", () => this.addresses(application) === addresses, limitMs);
    } catch {
      throw new Error(
        `hosts of ${application} are ${this.addresses(application)}, not ${addresses}, after ${limitMs} ms`,
      );
    }
    // What is told last is what is used.
    const last = this.#last.get(application);
    if (last !== undefined && last !== this.discovery.hosts(application) && last.length > 0)
      throw new Error(`the change of ${application} was not told`);
  }
}

export function addressesOf(stacks: readonly StackHosts[]): string[] {
  return stacks.flatMap(({ hosts }) => hosts.map(({ ipv4, ipv6 }) => ipv4 ?? ipv6 ?? "none"));
}
