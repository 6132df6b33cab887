/** The gateway of a worker: follows what the control side publishes. */
import { ListTable } from "../../../core/redirect/list_table.ts";
import { NamedLists } from "../../../core/redirect/named_lists.ts";
import { allSteps } from "../../../core/steps.ts";
import type { Decider } from "../../../core/redirect/decider.ts";
import { appDeciderSlices, type DeciderParts } from "./app_decider.ts";
import { EngineBuilds } from "./engine_builds.ts";
import { isLarge, joinedModel } from "./model_parts.ts";
import { trustedSources, type TrustedSources } from "./client_parameters.ts";
import { Gateway, type GatewayApp } from "./gateway.ts";
import {
  appDocument,
  appOf,
  GATEWAY_DOCUMENT,
  hostsDocument,
  LISTS_DOCUMENT,
  PART_PREFIX,
  type PublishedApp,
  type PublishedGateway,
  type PublishedHosts,
  type PublishedLists,
  type PublishedUnhealthy,
  unhealthyDocument,
} from "./published.ts";

type Documents = Readonly<Record<string, unknown>>;

export class GatewayWorker {
  readonly gateway = new Gateway();
  readonly #parts: DeciderParts;
  readonly #shared: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly #apps = new Map<string, GatewayApp>();
  /** By name; those that act. What is in them, their names say. */
  readonly #documents = new Map<string, unknown>();
  #lists = NamedLists.none;
  #trusted: TrustedSources = new Map();
  readonly #builds = new EngineBuilds();
  /** False before the first documents: nobody is kept waiting by them. */
  #serves = false;

  /** `shared`: memory that documents name, by its name. */
  constructor(parts: DeciderParts, shared: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map()) {
    this.#parts = parts;
    this.#shared = shared;
  }

  /** All documents of a snapshot. Those that are as before change nothing. */
  documents(all: Documents): void {
    const gone = [...this.#documents.keys()].filter((name) => !Object.hasOwn(all, name));
    const others = Object.entries(all).filter(([name, value]) => !this.#isKnown(name, value));
    this.changed({ ...Object.fromEntries(gone.map((name) => [name, null])), ...Object.fromEntries(others) });
  }

  /** Documents that have changed, as whoever publishes them has seen to; null = gone. */
  changed(documents: Documents): void {
    const names = new Set(Object.keys(documents).filter((name) => name.startsWith("redirect/")));
    if (names.size === 0) return;
    for (const name of names) this.#take(name, documents[name]);
    if (names.has(GATEWAY_DOCUMENT)) this.#trusted = trustedSources(this.#gatewayDocument().trusted_from);
    const hasLists = names.has(LISTS_DOCUMENT);
    if (hasLists) this.#lists = this.#publishedLists();
    for (const app of this.#appsOf(hasLists ? this.#documents.keys() : names))
      this.#follow(app, hasLists || names.has(appDocument(app)), names);
    this.#publishState();
    this.#serves = true;
  }

  /** Resolves when no engine is being built. */
  settled(): Promise<void> {
    return this.#builds.settled();
  }

  /** Lists that are gone already have others in their place, which are to come: until then those before act. */
  #publishedLists(): NamedLists {
    const lists = (this.#documents.get(LISTS_DOCUMENT) as PublishedLists | undefined) ?? [];
    if (!("memory" in lists)) return NamedLists.of(lists);
    const memory = this.#shared.get(lists.memory);
    return memory === undefined ? this.#lists : new NamedLists(lists.names, new ListTable(memory.buffer));
  }

  #appsOf(names: Iterable<string>): ReadonlySet<string> {
    return new Set([...names].flatMap((name) => appOf(name) ?? []));
  }

  /** In one process with the supervisor it is the same object, else a copy. A part is what it was under this name. */
  #isKnown(name: string, value: unknown): boolean {
    const known = this.#documents.get(name);
    if (known === value || (known !== undefined && name.startsWith(PART_PREFIX))) return true;
    return JSON.stringify(known) === JSON.stringify(value);
  }

  #take(name: string, value: unknown): void {
    if (value === null) this.#documents.delete(name);
    else this.#documents.set(name, value);
  }

  #gatewayDocument(): PublishedGateway {
    return (this.#documents.get(GATEWAY_DOCUMENT) as PublishedGateway | undefined) ?? { trusted_from: {} };
  }

  #follow(app: string, isAnew: boolean, changed: ReadonlySet<string>): void {
    const published = this.#documents.get(appDocument(app)) as PublishedApp | undefined;
    if (published === undefined) {
      this.#builds.cancel(app);
      this.#apps.delete(app);
      return;
    }
    const { version, model, options } = published;
    const before = this.#apps.get(app);
    if (model === null) {
      this.#builds.cancel(app);
      this.#apps.set(app, { decider: null, version, options });
      return;
    }
    const decider = before?.decider ?? null;
    if (isAnew || (decider === null && !this.#builds.has(app))) this.#build(app, published);
    else if (decider !== null) this.#setHosts(app, decider, decider, changed.has(hostsDocument(app)));
  }

  /** At once where few rules or nobody waits, else in steps; what acted before goes on until then. */
  #build(app: string, { version, model, parts, options }: PublishedApp): void {
    const documents = this.#documents;
    const whole = parts == null ? model! : joinedModel(model!, parts, (name) => documents.get(name));
    const work = appDeciderSlices(app, { model: whole, options }, this.#lists, this.#parts);
    const done = (decider: Decider): void => {
      this.#setHosts(app, decider, this.#apps.get(app)?.decider ?? null, true);
      this.#apps.set(app, { decider, version, options });
    };
    if (!this.#serves || !isLarge(whole)) {
      this.#builds.cancel(app);
      done(allSteps(work));
      return;
    }
    if (!this.#apps.has(app)) this.#apps.set(app, { decider: null, version, options });
    this.#builds.start(app, work, (decider) => {
      done(decider);
      this.#publishState();
    });
  }

  #setHosts(app: string, decider: Decider, before: Decider | null, haveChanged: boolean): void {
    if (haveChanged)
      decider.setHosts((this.#documents.get(hostsDocument(app)) as PublishedHosts | undefined) ?? [], before);
    const unhealthy = this.#documents.get(unhealthyDocument(app)) as PublishedUnhealthy | undefined;
    decider.setUnhealthy(new Set(unhealthy));
  }

  #publishState(): void {
    this.gateway.setState({ apps: new Map(this.#apps), trusted: this.#trusted });
  }
}
