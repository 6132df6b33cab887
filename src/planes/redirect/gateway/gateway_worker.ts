/** The gateway of a worker: follows what the control side publishes. */
import { ListTable } from "../../../core/redirect/list_table.ts";
import { NamedLists } from "../../../core/redirect/named_lists.ts";
import { allSteps } from "../../../core/steps.ts";
import type { Decider } from "../../../core/redirect/decider.ts";
import type { Clock } from "../../../platform/clock.ts";
import { AppFeedback, type FeedbackSettings } from "../feedback/app_feedback.ts";
import { FeedbackGatherer } from "../feedback/reports.ts";
import { appDeciderSlices, type DeciderParts } from "./app_decider.ts";
import { EngineBuilds } from "./engine_builds.ts";
import { isLarge, joinedModel } from "./model_parts.ts";
import { trustedSources, type TrustedSources } from "./client_parameters.ts";
import { Gateway, type GatewayHost } from "./gateway.ts";
import type { GatewayApp } from "./gateway_app.ts";
import {
  appDocument,
  appOf,
  GATEWAY_DOCUMENT,
  type GatewayMessage,
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

export interface GatewayParts extends DeciderParts {
  readonly clock: Clock;
  /** Tells the control side. */
  readonly tell: (message: GatewayMessage) => void;
}

type Documents = Readonly<Record<string, unknown>>;

const NOTHING_SAID: PublishedGateway = { trusted_from: {}, session_traces: null };

export class GatewayWorker {
  readonly gateway: Gateway;
  readonly #parts: GatewayParts;
  readonly #gatherer: FeedbackGatherer;
  /** What was reported, and how often, goes on over models and reloads. */
  readonly #feedback = new Map<string, AppFeedback>();
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
  constructor(
    parts: GatewayParts,
    host: GatewayHost,
    shared: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map(),
  ) {
    this.#parts = parts;
    this.#shared = shared;
    this.gateway = new Gateway(host);
    this.#gatherer = new FeedbackGatherer(parts.clock, (feedback) => parts.tell({ feedback }));
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
    return (this.#documents.get(GATEWAY_DOCUMENT) as PublishedGateway | undefined) ?? NOTHING_SAID;
  }

  #follow(app: string, isAnew: boolean, changed: ReadonlySet<string>): void {
    const published = this.#documents.get(appDocument(app)) as PublishedApp | undefined;
    if (published === undefined) {
      this.#builds.cancel(app);
      this.#apps.delete(app);
      this.#feedback.delete(app);
      return;
    }
    const { version, model, options } = published;
    const before = this.#apps.get(app);
    const feedback = this.#feedbackOf(app, options.feedback);
    if (model === null) {
      this.#builds.cancel(app);
      this.#apps.set(app, { name: app, decider: null, version, options, feedback });
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
    const feedback = this.#feedbackOf(app, options.feedback);
    const work = appDeciderSlices(app, { model: whole, options }, this.#lists, this.#parts);
    const done = (decider: Decider): void => {
      this.#setHosts(app, decider, this.#apps.get(app)?.decider ?? null, true);
      this.#apps.set(app, { name: app, decider, version, options, feedback });
    };
    if (!this.#serves || !isLarge(whole)) {
      this.#builds.cancel(app);
      done(allSteps(work));
      return;
    }
    if (!this.#apps.has(app)) this.#apps.set(app, { name: app, decider: null, version, options, feedback });
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
    const traced_sessions = this.#gatewayDocument().session_traces?.sessions ?? 0;
    this.gateway.setState({ apps: new Map(this.#apps), trusted: this.#trusted, traced_sessions });
  }

  #feedbackOf(app: string, settings: FeedbackSettings | null): AppFeedback | null {
    const known = this.#feedback.get(app) ?? null;
    if (settings === null) {
      this.#feedback.delete(app);
      return null;
    }
    if (known !== null && JSON.stringify(known.settings) === JSON.stringify(settings)) return known;
    const feedback = new AppFeedback(app, settings, this.#parts.clock, this.#gatherer);
    this.#feedback.set(app, feedback);
    return feedback;
  }
}
