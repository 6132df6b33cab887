/** The gateway of a worker: follows what the control side publishes. */
import { NamedLists } from "../../../core/redirect/named_lists.ts";
import type { Clock } from "../../../platform/clock.ts";
import { AppFeedback, type FeedbackSettings } from "../feedback/app_feedback.ts";
import { FeedbackGatherer } from "../feedback/reports.ts";
import { appDecider, type DeciderParts } from "./app_decider.ts";
import { trustedSources, type TrustedSources } from "./client_parameters.ts";
import { Gateway, type GatewayApp, type GatewayHost } from "./gateway.ts";
import {
  appDocument,
  appOf,
  GATEWAY_DOCUMENT,
  type GatewayMessage,
  hostsDocument,
  LISTS_DOCUMENT,
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
  readonly #apps = new Map<string, GatewayApp>();
  /** By name; those that act. What is in them, their names say. */
  readonly #documents = new Map<string, unknown>();
  #lists = NamedLists.none;
  #trusted: TrustedSources = new Map();

  constructor(parts: GatewayParts, host: GatewayHost) {
    this.#parts = parts;
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
    if (hasLists)
      this.#lists = NamedLists.of((this.#documents.get(LISTS_DOCUMENT) as PublishedLists | undefined) ?? []);
    for (const app of this.#appsOf(hasLists ? this.#documents.keys() : names))
      this.#follow(app, hasLists || names.has(appDocument(app)), names);
    const traced_sessions = this.#gatewayDocument().session_traces?.sessions ?? 0;
    this.gateway.setState({ apps: new Map(this.#apps), trusted: this.#trusted, traced_sessions });
  }

  #appsOf(names: Iterable<string>): ReadonlySet<string> {
    return new Set([...names].flatMap((name) => appOf(name) ?? []));
  }

  /** In one process with the supervisor it is the same object, else a copy. */
  #isKnown(name: string, value: unknown): boolean {
    const known = this.#documents.get(name);
    return known === value || JSON.stringify(known) === JSON.stringify(value);
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
      this.#apps.delete(app);
      this.#feedback.delete(app);
      return;
    }
    const { version, model, options } = published;
    const before = this.#apps.get(app)?.decider ?? null;
    const feedback = this.#feedbackOf(app, options.feedback);
    if (model === null) {
      this.#apps.set(app, { name: app, decider: null, version, options, feedback });
      return;
    }
    const decider =
      isAnew || before === null ? appDecider(app, { model, options }, this.#lists, this.#parts) : before;
    if (decider !== before || changed.has(hostsDocument(app)))
      decider.setHosts((this.#documents.get(hostsDocument(app)) as PublishedHosts | undefined) ?? [], before);
    const unhealthy = this.#documents.get(unhealthyDocument(app)) as PublishedUnhealthy | undefined;
    decider.setUnhealthy(new Set(unhealthy));
    this.#apps.set(app, { name: app, decider, version, options, feedback });
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
