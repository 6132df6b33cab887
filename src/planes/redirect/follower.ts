/**
 * One configuration of the redirector at work: follows models, lists and hosts in the store, keeps what was good last in files, and
 * publishes both to the workers. What is in the files acts until the store knows better.
 */
import type {
  RedirectAppPlan,
  RedirectFeedbackPlan,
  RedirectPlan,
  RedirectServicePlan,
} from "../../core/plan.ts";
import { acceptance, type AcceptanceCode } from "../../core/redirect/checks/acceptance.ts";
import { DEFAULT_SETTINGS, minHostsOf } from "../../core/redirect/checks/settings.ts";
import type { RedirectSettings } from "../../core/redirect/documents/service_documents.ts";
import { contextOf } from "../../core/redirect/context.ts";
import type { Decider } from "../../core/redirect/decider.ts";
import type { StackHosts } from "../../core/redirect/hosts.ts";
import { listUses, type ListUse, missingListTexts } from "../../core/redirect/list_uses.ts";
import type { NamedList, RedirectModel } from "../../core/redirect/model.ts";
import { NamedLists } from "../../core/redirect/named_lists.ts";
import { explain, type Explanation } from "../../core/redirect/trial/explain.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../../core/snapshot.ts";
import type { Random } from "../../core/strategies/contract.ts";
import { strategyByName } from "../../core/strategies/all.ts";
import { messageOf } from "../../core/text/message_of.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { NameSource } from "../../platform/names.ts";
import { storeByName } from "../../store/all.ts";
import type { Store, StoreEnvironment } from "../../store/contract.ts";
import type { AppState } from "./app_state.ts";
import { Discovery, type DiscoveryStatus } from "./discovery/discovery.ts";
import { GatewayAcks, type GatewayState } from "./gateway_acks.ts";
import type { FeedbackSettings } from "./feedback/app_feedback.ts";
import { appDecider, strategyNames } from "./gateway/app_decider.ts";
import {
  appDocument,
  GATEWAY_DOCUMENT,
  hostsDocument,
  LISTS_DOCUMENT,
  type PublishedApp,
  type PublishedGateway,
  type PublishedOptions,
} from "./gateway/published.ts";
import type { KnownGood } from "./last_known_good/content.ts";
import {
  DEFAULT_MAX_FILE_BYTES,
  LastKnownGood,
  type LastKnownGoodStatus,
} from "./last_known_good/last_known_good.ts";
import { ModelSource } from "./models/model_source.ts";
import type { ServiceAuthenticator } from "./service/access/authenticator.ts";
import type { StoredLists, StoredModel } from "./models/stored.ts";
import { OfflineState, type OfflineStatus } from "./offline_state.ts";

export interface RedirectEvent {
  readonly event: string;
  readonly level: "info" | "warning" | "error";
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** What is needed of the supervisor. */
export interface RedirectHost {
  snapshot(): Snapshot;
  publish(delta: SnapshotDelta): void;
  report(event: RedirectEvent): void;
}

export interface RedirectPartOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly names: Pick<NameSource, "lookup">;
  /** What finds out who asks the management service. */
  readonly authenticator: (plan: RedirectServicePlan) => Promise<ServiceAuthenticator>;
}

/** What a follower is to the part that it belongs to. */
export interface FollowerSurroundings {
  /** Told when the model, the hosts or the settings of an application may have changed; see `appState`. */
  readonly appChanged: (app: string) => void;
  /** Signs tokens of applications that name no secret; "" = there are none. */
  readonly feedback_key: string;
}

export interface AppStatus {
  readonly app: string;
  /** Of its model; null = none is known. */
  readonly version: number | null;
  readonly hosts: number;
  /** What is odd about the model, one line each. */
  readonly problems: readonly string[];
}

export interface FollowerStatus {
  readonly apps: readonly AppStatus[];
  readonly discovery: DiscoveryStatus | null;
  readonly last_known_good: LastKnownGoodStatus | null;
  /** Null where nothing that acts was made offline. */
  readonly offline: OfflineStatus | null;
}

/** What became of models and lists that were made offline. */
export interface Resumed {
  /** Versions that act now, by application; 0 = what was made offline, until the store has any. */
  readonly apps: Readonly<Record<string, number>>;
  readonly lists_version: number;
  /** Sentences about what could not be done. */
  readonly problems: readonly string[];
}

const HOST_CODES: ReadonlySet<AcceptanceCode> = new Set([
  "CANT_REDIRECT_TO_DEFAULT",
  "NOT_ENOUGH_HOSTS_FOR_DEFAULT",
]);

/** A start waits so long for the store where no file says anything. */
const FIRST_READ_MS = 2_000;
/** Changes that come within this time are written to files together. */
const WRITE_AFTER_MS = 500;

interface Known extends StoredModel {
  /** Rules that were left out, one line each. */
  readonly problems: readonly string[];
  readonly list_uses: readonly ListUse[];
}

export class Follower {
  readonly plan: RedirectPlan;
  readonly #host: RedirectHost;
  readonly #options: RedirectPartOptions;
  readonly #surroundings: FollowerSurroundings;
  readonly #lastGood: LastKnownGood;
  readonly #apps = new Map<string, Known>();
  readonly #stacks = new Map<string, readonly StackHosts[]>();
  /** Models that were refused because their hosts are not there. */
  readonly #waiting = new Map<string, StoredModel>();
  #lists: StoredLists = { version: 0, lists: [] };
  /** As rules use them; made when a model is judged. */
  #named: NamedLists | null = null;
  /** Null = everything follows the store. */
  #offline: OfflineState | null = null;
  #store: Store | null = null;
  #source: ModelSource | null = null;
  #discovery: Discovery | null = null;
  #acks: GatewayAcks | null = null;
  #endStateWatch: (() => void) | null = null;
  /** Null = nobody has set any. */
  #settings: RedirectSettings | null = null;
  #endWait: (() => void) | null = null;
  #closed = false;

  constructor(
    plan: RedirectPlan,
    host: RedirectHost,
    options: RedirectPartOptions,
    surroundings: FollowerSurroundings,
  ) {
    this.#surroundings = surroundings;
    this.plan = plan;
    this.#host = host;
    this.#options = options;
    const { path, generations } = plan.last_known_good;
    const settings = { path, generations, max_file_bytes: DEFAULT_MAX_FILE_BYTES };
    const ofHosts = { ...plan.discovery, static_applications: staticApplications(plan) };
    this.#lastGood = new LastKnownGood({ ...settings, ...ofHosts }, options.files, options.clock);
  }

  /** `before`: what acted until now goes on, whatever becomes of files and store. */
  async start(before: Follower | null): Promise<void> {
    if (before === null || before.#apps.size === 0) await this.#readLastGood();
    else this.#takeOver(before);
    const reading = this.#followStore();
    if (this.#apps.size === 0) await Promise.race([reading, Bun.sleep(FIRST_READ_MS)]);
  }

  #takeOver(before: Follower): void {
    this.#offline = before.#offline;
    this.#settings = before.#settings;
    this.#setLists(before.#lists);
    for (const [app, stacks] of before.#stacks) this.#stacks.set(app, stacks);
    for (const [app, stored] of before.#apps) this.#accept(app, stored);
  }

  async #readLastGood(): Promise<void> {
    const { content, problems } = await this.#lastGood.read();
    for (const text of problems) this.#warn("redirect_last_good_odd", text);
    if (content === null) return;
    if (content.is_offline) this.#offline = new OfflineState(content.models, content.lists);
    this.#settings = content.settings;
    this.#setLists(content.lists);
    for (const [app, stacks] of content.stacks) this.#stacks.set(app, stacks);
    for (const [app, stored] of content.models) this.#accept(app, stored);
    const apps = [...this.#apps.keys()].join(", ");
    this.#host.report({
      event: "redirect_last_good",
      level: "info",
      text: `models of ${apps} are those of ${this.plan.last_known_good.path}${content.is_offline ? ", made offline" : ""}`,
    });
  }

  async #followStore(): Promise<void> {
    const { type, options } = this.plan.store;
    try {
      const store = storeByName(type)!.open(options, this.#environment());
      this.#store = store;
      const { clock } = this.#options;
      this.#discovery = new Discovery(
        { ...this.plan.discovery, static_applications: staticApplications(this.plan) },
        {
          store,
          clock,
          initial: new Map(this.#stacks),
          changed: (app, stacks) => this.#hostsChanged(app, stacks),
        },
      );
      this.#source = new ModelSource(store, this.plan.max_model_bytes, {
        modelChanged: (app, stored) => this.#modelChanged(app, stored),
        listsChanged: (stored) => this.#listsChanged(stored),
        settingsChanged: (settings) => (this.#settings = settings),
        stacksReload: (app) => this.#discovery?.snapshot(app),
        refused: (what, problem) => this.#warn("redirect_refused", `${what}: ${problem}`),
      });
      const acks = new GatewayAcks(
        store,
        clock,
        () => this.#gatewayState(),
        (text) => this.#warn("redirect_not_told", `the store does not know which models act here: ${text}`),
      );
      this.#acks = acks;
      this.#endStateWatch = store.onState(({ kind }) => void (kind === "connected" && acks.changed()));
      acks.changed();
      this.#discovery.start();
      // A model is judged by the hosts that are there.
      await this.#discovery.whenListed();
      if (!this.#closed) await this.#source.start();
    } catch (error) {
      if (!this.#closed) this.#warn("redirect_store_failed", `the store cannot be used: ${messageOf(error)}`);
    }
  }

  #environment(): StoreEnvironment {
    const { clock, random, names } = this.#options;
    const { plan } = this.#host.snapshot();
    return {
      clock,
      random,
      names,
      state_dir: plan.state_dir,
      readFile: (path) => {
        const text = this.#host.snapshot().files[path];
        if (text === undefined) throw new Error(`${path} was not read`);
        return text;
      },
    };
  }

  #gatewayState(): GatewayState {
    const apps = [...this.#apps].map(([app, { version }]) => [app, version] as const);
    return {
      apps: Object.fromEntries(apps),
      lists_version: this.#lists.version,
      is_offline: this.#offline !== null,
    };
  }

  #warn(event: string, text: string): void {
    this.#host.report({ event, level: "warning", text });
  }

  // What comes from the store.

  #modelChanged(app: string, stored: StoredModel | null): void {
    const known = this.#apps.get(app);
    this.#waiting.delete(app);
    if (stored === null) {
      if (this.#offline?.hasModel(app) === true || !this.#apps.delete(app)) return;
      this.#surroundings.appChanged(app);
      this.#publish({ [appDocument(app)]: null });
      return;
    }
    if (this.#offline?.modelSeen(app, stored) === false) return this.#staysOffline(app, known, stored);
    if (known !== undefined && stored.version <= known.version) return;
    if (!this.#accept(app, stored)) return;
    this.#discovery?.snapshot(app);
    const instead = this.#offline?.endModel(app) === true ? " instead of the one that was made offline" : "";
    this.#host.report({
      event: "redirect_model",
      level: "info",
      text: `${app}: model ${stored.version} acts${instead}`,
      fields: { app, version: stored.version },
    });
    this.#endOffline();
    this.#publish({ [appDocument(app)]: this.#appDocument(app) });
    this.#surroundings.appChanged(app);
  }

  /** A model that cannot decide is refused, and the one before serves on. */
  #accept(app: string, stored: StoredModel): boolean {
    try {
      const stacks = this.stacksOf(app);
      const { code, message } = acceptance(stored.model, stacks, this.#minHosts(app));
      const lacksHosts = HOST_CODES.has(code);
      if (lacksHosts) this.#waiting.set(app, stored);
      // Where nothing serves yet, nothing is lost by a model whose hosts are to come.
      if (code !== "SUCCESS" && (!lacksHosts || this.#apps.has(app))) throw new Error(`${message} (${code})`);
      const decider = this.#decider(app, stored.model);
      const problems = decider.problems.map(({ rule, message }) => `rule ${rule}: ${message}`);
      const list_uses = listUses(stored.model, decider.options.sticky_parameters);
      for (const text of [...problems, ...this.#missingLists(list_uses)])
        this.#warn("redirect_rule_odd", `${app}: ${text}`);
      this.#apps.set(app, { ...stored, problems, list_uses });
      return true;
    } catch (error) {
      const text = `${app}: model ${stored.version} is refused: ${messageOf(error)}`;
      this.#host.report({ event: "redirect_refused", level: "error", text, fields: { app } });
      return false;
    }
  }

  #missingLists(uses: readonly ListUse[]): string[] {
    const names = new Set(this.#lists.lists.map(({ name }) => name));
    return missingListTexts(uses, (list) => names.has(list));
  }

  #minHosts(app: string): number {
    return minHostsOf(this.#settings ?? DEFAULT_SETTINGS, app);
  }

  #decider(app: string, model: RedirectModel): Decider {
    return this.#deciderBy(app, model, this.#namedLists());
  }

  #namedLists(): NamedLists {
    return (this.#named ??= NamedLists.of(this.#lists.lists));
  }

  #setLists(lists: StoredLists): void {
    this.#lists = lists;
    this.#named = null;
  }

  #listsChanged(stored: StoredLists | null): void {
    if (this.#offline?.hasLists === true && (stored === null || !this.#offline.listsSeen(stored)))
      return this.#endOffline();
    if (stored !== null && stored.version <= this.#lists.version) return;
    this.#offline?.endLists();
    this.#setLists(stored ?? { version: 0, lists: [] });
    this.#endOffline();
    this.#publish({ [LISTS_DOCUMENT]: this.#lists.lists });
  }

  // What was made offline.

  #staysOffline(app: string, known: Known | undefined, stored: StoredModel): void {
    this.#warn(
      "redirect_offline",
      `${app}: the offline model of version ${known?.version ?? 0} acts, the store is at ${stored.version}`,
    );
  }

  #endOffline(): void {
    if (this.#offline?.isOver !== true) return;
    this.#offline = null;
    const text = "nothing that was made offline acts any more";
    this.#host.report({ event: "redirect_offline_ended", level: "info", text });
    this.#publish({});
  }

  /** Has the store's models and lists act, whatever their versions are. Null where nothing was made offline. */
  async resume(): Promise<Resumed | null> {
    const offline = this.#offline;
    if (offline === null) return null;
    this.#offline = null;
    const { models, lists, hasLists } = offline;
    // What yields to any version of the store does so also when it comes later, and after another start.
    if (hasLists) this.#lists = { ...this.#lists, version: 0 };
    for (const app of models.keys()) {
      const known = this.#apps.get(app);
      if (known !== undefined) this.#apps.set(app, { ...known, version: 0 });
    }
    if (hasLists && lists !== null) this.#listsChanged(lists);
    for (const [app, stored] of models) if (stored !== null) this.#modelChanged(app, stored);
    const text = "models and lists follow the store again";
    this.#host.report({ event: "redirect_offline_ended", level: "info", text });
    this.#acks?.changed();
    const problem = await this.#writeLastGood();
    const apps = [...models.keys()].map((app) => [app, this.#apps.get(app)?.version ?? 0] as const);
    const late = apps.filter(([, version]) => version === 0);
    return {
      apps: Object.fromEntries(apps),
      lists_version: this.#lists.version,
      problems: [
        ...late.map(
          ([app]) => `${app}: the store has no model that can act, so the one before serves until it has`,
        ),
        ...(problem === null ? [] : [problem]),
      ],
    };
  }

  #hostsChanged(app: string, stacks: readonly StackHosts[]): void {
    this.#stacks.set(app, stacks);
    this.#publish({ [hostsDocument(app)]: stacks });
    this.#surroundings.appChanged(app);
    const waiting = this.#waiting.get(app);
    if (waiting === undefined) return;
    if (acceptance(waiting.model, stacks, this.#minHosts(app)).code !== "SUCCESS") return;
    this.#waiting.delete(app);
    this.#modelChanged(app, waiting);
  }

  /** Names of all applications that are known. */
  get apps(): ReadonlySet<string> {
    return new Set([...this.#apps.keys(), ...Object.keys(this.plan.apps)]);
  }

  appState(app: string): AppState {
    const model = this.#apps.get(app)?.model ?? null;
    return { plan: appPlan(this.plan, app), model, stacks: this.#stacks.get(app) ?? [] };
  }

  // What the workers are told.

  /** Everything that workers need. */
  documents(): Record<string, unknown> {
    const { trusted_from, session_traces } = this.plan;
    const documents: Record<string, unknown> = {
      [GATEWAY_DOCUMENT]: { trusted_from, session_traces } satisfies PublishedGateway,
      [LISTS_DOCUMENT]: this.#lists.lists,
    };
    for (const app of this.apps) documents[appDocument(app)] = this.#appDocument(app);
    for (const [app, stacks] of this.#stacks) documents[hostsDocument(app)] = stacks;
    return documents;
  }

  #appDocument(app: string): PublishedApp {
    const { version = 0, model = null } = this.#apps.get(app) ?? {};
    return { version, model, options: this.#publishedOptions(app) };
  }

  #publishedOptions(app: string): PublishedOptions {
    const {
      discovery: _discovery,
      health_check: _health_check,
      strategy,
      affinity,
      feedback,
      ...rest
    } = appPlan(this.plan, app);
    return {
      ...rest,
      ...strategyNames({ strategy, affinity }),
      feedback: feedback === null ? null : feedbackSettings(feedback, this.#surroundings.feedback_key),
    };
  }

  #publish(documents: Readonly<Record<string, unknown>>): void {
    if (this.#closed) return;
    this.#host.publish({ ...NOTHING_CHANGED, documents });
    this.#acks?.changed();
    this.#endWait ??= this.#options.clock.every(WRITE_AFTER_MS, () => void this.#writeLastGood());
  }

  // Files.

  /** Resolves with what went wrong, or null. */
  async #writeLastGood(): Promise<string | null> {
    this.#endWait?.();
    this.#endWait = null;
    // Nothing that was good is overwritten by nothing.
    if (this.#apps.size === 0) return null;
    const problem = await this.#lastGood.write(this.#content());
    if (problem !== null) this.#warn("redirect_last_good_failed", problem);
    return problem;
  }

  #content(): KnownGood {
    return {
      applications: [...this.#apps.keys()].toSorted(),
      models: new Map([...this.#apps].map(([app, { model, version }]) => [app, { model, version }])),
      lists: this.#lists,
      stacks: this.#stacks,
      settings: this.#settings,
      is_offline: this.#offline !== null,
    };
  }

  status(): FollowerStatus {
    const names = [...this.apps].toSorted();
    return {
      apps: names.map((app) => {
        const { version = null, problems = [], list_uses = [] } = this.#apps.get(app) ?? {};
        const stacks = this.#stacks.get(app) ?? [];
        return {
          app,
          version,
          problems: [...problems, ...this.#missingLists(list_uses)],
          hosts: stacks.reduce((sum, { hosts }) => sum + hosts.length, 0),
        };
      }),
      discovery: this.#discovery?.status ?? null,
      last_known_good: this.#lastGood.status,
      offline: this.#offline?.status ?? null,
    };
  }

  /** What was made offline acts for this application, whatever the store says. */
  isOffline(app: string): boolean {
    return this.#offline?.hasModel(app) === true;
  }

  /** Null where the application has no model. `failing`: keys of hosts whose checks fail. */
  explain(
    app: string,
    parameters: Readonly<Record<string, string>>,
    failing: ReadonlySet<string>,
  ): Explanation | null {
    const known = this.#apps.get(app);
    if (known === undefined) return null;
    const decider = this.#decider(app, known.model);
    decider.setUnhealthy(failing);
    return explain(decider, contextOf(parameters));
  }

  // What the management service asks.

  /** Everything that acts here, wherever it came from. */
  get known(): KnownGood {
    return this.#content();
  }

  /** Null while it could not be opened. */
  get store(): Store | null {
    return this.#store;
  }

  /** Applications that have hosts, a model, or stand in the configuration. */
  get applications(): readonly string[] {
    return [...new Set([...this.#stacks.keys(), ...this.#apps.keys(), ...Object.keys(this.plan.apps)])];
  }

  stacksOf(app: string): readonly StackHosts[] {
    return this.#stacks.get(app) ?? [];
  }

  isCompat(app: string): boolean {
    return appPlan(this.plan, app).compat;
  }

  /** The engine with this model and these lists, and the hosts of now. */
  deciderWith(app: string, model: RedirectModel, lists: readonly NamedList[]): Decider {
    if (lists !== this.#lists.lists) return this.#deciderBy(app, model, NamedLists.of(lists));
    return this.#deciderBy(app, model, this.#namedLists());
  }

  #deciderBy(app: string, model: RedirectModel, lists: NamedLists): Decider {
    const { random } = this.#options;
    const options = this.#publishedOptions(app);
    const decider = appDecider(app, { model, options }, lists, { random, strategy: strategyByName });
    decider.setHosts(this.stacksOf(app));
    return decider;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const isDue = this.#endWait !== null;
    this.#discovery?.close();
    this.#endStateWatch?.();
    await this.#acks?.close();
    await this.#source?.close();
    await this.#store?.close();
    if (isDue) await this.#writeLastGood();
    this.#endWait?.();
  }
}

function appPlan({ apps, defaults }: RedirectPlan, app: string): RedirectAppPlan {
  return Object.hasOwn(apps, app) ? apps[app]! : defaults;
}

function staticApplications({ apps }: RedirectPlan): ReadonlySet<string> {
  return new Set(Object.keys(apps).filter((app) => apps[app]!.discovery === "static"));
}

function feedbackSettings({ secret, ...rest }: RedirectFeedbackPlan, ownKey: string): FeedbackSettings {
  return { key: secret ?? ownKey, ...rest };
}
