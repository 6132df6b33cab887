/** The gateway of a worker: follows what the control side publishes. */
import { Decider } from "../../../core/redirect/decider.ts";
import { NamedLists } from "../../../core/redirect/named_lists.ts";
import type { Random, Strategy } from "../../../core/strategies/contract.ts";
import { trustedSources, type TrustedSources } from "./client_parameters.ts";
import { Gateway, type GatewayApp } from "./gateway.ts";
import {
  appDocument,
  appOf,
  GATEWAY_DOCUMENT,
  hostsDocument,
  LISTS_DOCUMENT,
  type PublishedApp,
  type PublishedGateway,
  type PublishedHosts,
  type PublishedLists,
  type PublishedUnhealthy,
  unhealthyDocument,
} from "./published.ts";

export interface GatewayWorkerOptions {
  readonly random: Random;
  /** The strategy with this name; undefined = unknown, which nobody publishes. */
  readonly strategy: (name: string) => Strategy | undefined;
}

type Documents = Readonly<Record<string, unknown>>;

export class GatewayWorker {
  readonly gateway = new Gateway();
  readonly #options: GatewayWorkerOptions;
  readonly #apps = new Map<string, GatewayApp>();
  /** By name; those that act. What is in them, their names say. */
  readonly #documents = new Map<string, unknown>();
  #lists = NamedLists.none;
  #trusted: TrustedSources = new Map();

  constructor(options: GatewayWorkerOptions) {
    this.#options = options;
  }

  /** All documents of a snapshot. Those that are as before change nothing. */
  documents(all: Documents): void {
    const gone = [...this.#documents.keys()].filter((name) => !Object.hasOwn(all, name));
    this.changed({ ...Object.fromEntries(gone.map((name) => [name, null])), ...all });
  }

  /** Documents that may have changed; null = gone. */
  changed(documents: Documents): void {
    const changed = Object.entries(documents).filter(([name, value]) => this.#take(name, value));
    if (changed.length === 0) return;
    const names = new Set(changed.map(([name]) => name));
    if (names.has(GATEWAY_DOCUMENT)) this.#trusted = trustedSources(this.#gatewayDocument().trusted_from);
    const hasLists = names.has(LISTS_DOCUMENT);
    if (hasLists)
      this.#lists = NamedLists.of((this.#documents.get(LISTS_DOCUMENT) as PublishedLists | undefined) ?? []);
    for (const app of this.#appsOf(hasLists ? this.#documents.keys() : names))
      this.#follow(app, hasLists || names.has(appDocument(app)), names);
    this.gateway.setState({ apps: new Map(this.#apps), trusted: this.#trusted });
  }

  #appsOf(names: Iterable<string>): ReadonlySet<string> {
    return new Set([...names].flatMap((name) => appOf(name) ?? []));
  }

  /** Returns false for what is here already. */
  #take(name: string, value: unknown): boolean {
    if (!name.startsWith("redirect/")) return false;
    const known = this.#documents.get(name) ?? null;
    // In one process with the supervisor it is the same object, else a copy.
    if (known === value || JSON.stringify(known) === JSON.stringify(value)) return false;
    if (value === null) this.#documents.delete(name);
    else this.#documents.set(name, value);
    return true;
  }

  #gatewayDocument(): PublishedGateway {
    return (this.#documents.get(GATEWAY_DOCUMENT) as PublishedGateway | undefined) ?? { trusted_from: {} };
  }

  #follow(app: string, isAnew: boolean, changed: ReadonlySet<string>): void {
    const published = this.#documents.get(appDocument(app)) as PublishedApp | undefined;
    if (published === undefined) {
      this.#apps.delete(app);
      return;
    }
    const { version, model, options } = published;
    const before = this.#apps.get(app)?.decider ?? null;
    if (model === null) {
      this.#apps.set(app, { decider: null, version, options });
      return;
    }
    const decider = isAnew || before === null ? this.#deciderOf(app, published) : before;
    if (decider !== before || changed.has(hostsDocument(app)))
      decider.setHosts((this.#documents.get(hostsDocument(app)) as PublishedHosts | undefined) ?? [], before);
    const unhealthy = this.#documents.get(unhealthyDocument(app)) as PublishedUnhealthy | undefined;
    decider.setUnhealthy(new Set(unhealthy));
    this.#apps.set(app, { decider, version, options });
  }

  #deciderOf(app: string, { model, options }: PublishedApp): Decider {
    const { strategy, random } = this.#options;
    const { compat, sticky_parameters, spill_over, affinity } = options;
    const found = (name: string): Strategy => {
      const one = strategy(name);
      if (one === undefined) throw new Error(`no strategy ${name}`);
      return one;
    };
    return new Decider(model!, this.#lists, {
      app,
      compat,
      sticky_parameters,
      strategy: found(options.strategy),
      affinity: affinity === null ? null : found(affinity),
      spill_over,
      random,
    });
  }
}
