/**
 * One configuration of the redirector at work: follows models, lists and hosts in the store, keeps what was good last in files, and
 * publishes both to the workers. What is in the files acts until the store knows better.
 */
import type { RedirectPlan, RedirectServicePlan } from "../../core/plan.ts";
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
import type { SharedMemory } from "../../core/shared_memory.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import { loopTurn, runInSlices } from "../../platform/slices.ts";
import type { NameSource } from "../../platform/names.ts";
import type { Store, StoreEnvironment } from "../../store/contract.ts";
import { appPlan, publishedOptions, staticApplications } from "./app_settings.ts";
import type { AppState } from "./app_state.ts";
import type { GatewayState } from "./gateway_acks.ts";
import { appDecider, appDeciderSlices, type DeciderParts } from "./gateway/app_decider.ts";
import { PartNames, splitModel, type SplitModel } from "./gateway/model_parts.ts";
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
import { DEFAULT_MAX_FILE_BYTES, LastKnownGood } from "./last_known_good/last_known_good.ts";
import type { KnownLists } from "./last_known_good/list_pieces.ts";
import { keepLists, type KeptLists, NO_LISTS, publishedLists, type Share } from "./models/kept_lists.ts";
import type { StoredModel } from "./models/stored.ts";
import type { ServiceAuthenticator } from "./service/access/authenticator.ts";
import { OfflineState } from "./offline_state.ts";
import { StoreLink } from "./store_link.ts";
import type { FollowerStatus, Resumed } from "./follower_status.ts";

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
  /** Memory that all workers map. */
  share(bytes: number): SharedMemory;
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
  /** As workers get it. */
  readonly published: SplitModel;
  /** Its parts, by the names of their documents. */
  readonly parts: Readonly<Record<string, unknown>>;
  readonly list_uses: readonly ListUse[];
}

export class Follower {
  readonly plan: RedirectPlan;
  readonly #host: RedirectHost;
  readonly #options: RedirectPartOptions;
  readonly #surroundings: FollowerSurroundings;
  readonly #lastGood: LastKnownGood;
  readonly #share: Share = (bytes) => this.#host.share(bytes);
  readonly #apps = new Map<string, Known>();
  readonly #stacks = new Map<string, readonly StackHosts[]>();
  /** Models that were refused because their hosts are not there. */
  readonly #waiting = new Map<string, StoredModel>();
  #lists = NO_LISTS;
  /** As rules use them, of lists that the management service has asked by. */
  readonly #namedOf = new WeakMap<readonly NamedList[], NamedLists>();
  /** Null = everything follows the store. */
  #offline: OfflineState | null = null;
  readonly #link: StoreLink;
  /** Null = nobody has set any. */
  #settings: RedirectSettings | null = null;
  #endWait: (() => void) | null = null;
  #names = new PartNames();
  /** Models are judged and published one after the other. */
  #changing: Promise<void> = Promise.resolve();
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
    this.#link = this.#openLink();
    const { path, generations } = plan.last_known_good;
    const settings = { path, generations, max_file_bytes: DEFAULT_MAX_FILE_BYTES };
    const ofHosts = { ...plan.discovery, static_applications: staticApplications(plan) };
    this.#lastGood = new LastKnownGood({ ...settings, ...ofHosts }, options.files, options.clock);
  }

  /** `before`: what acted until now goes on, whatever becomes of files and store. */
  async start(before: Follower | null): Promise<void> {
    if (before === null || before.#apps.size === 0) {
      before?.forgetLists();
      await this.#readLastGood();
    } else await this.#takeOver(before);
    const reading = this.#link.start();
    if (this.#apps.size === 0) await Promise.race([reading, Bun.sleep(FIRST_READ_MS)]);
  }

  async #takeOver(before: Follower): Promise<void> {
    this.#names = before.#names;
    this.#offline = before.#offline;
    this.#lists = before.#lists;
    this.#settings = before.#settings;
    for (const [app, stacks] of before.#stacks) this.#stacks.set(app, stacks);
    for (const [app, stored] of before.#apps) await this.#accept(app, stored, stored);
  }

  async #readLastGood(): Promise<void> {
    const { content, problems } = await this.#lastGood.read();
    for (const text of problems) this.#warn("redirect_last_good_odd", text);
    if (content === null) return;
    this.#lists = await keepLists(content.lists, this.#share);
    if (content.is_offline) this.#offline = new OfflineState(content.models, this.#lists);
    this.#settings = content.settings;
    for (const [app, stacks] of content.stacks) this.#stacks.set(app, stacks);
    for (const [app, stored] of content.models) await this.#accept(app, stored);
    const apps = [...this.#apps.keys()].join(", ");
    this.#host.report({
      event: "redirect_last_good",
      level: "info",
      text: `models of ${apps} are those of ${this.plan.last_known_good.path}${content.is_offline ? ", made offline" : ""}`,
    });
  }

  #openLink(): StoreLink {
    const { plan } = this;
    return new StoreLink({
      plan,
      discovery: { ...plan.discovery, static_applications: staticApplications(plan) },
      clock: this.#options.clock,
      share: this.#share,
      environment: () => this.#environment(),
      initialHosts: () => new Map(this.#stacks),
      hostsChanged: (app, stacks) => this.#hostsChanged(app, stacks),
      models: {
        modelChanged: (app, stored) => this.#modelChanged(app, stored),
        listsChanged: (stored) => this.#listsChanged(stored),
        settingsChanged: (settings) => (this.#settings = settings),
        stacksReload: (app) => this.#link.snapshot(app),
        refused: (what, problem) => this.#warn("redirect_refused", `${what}: ${problem}`),
      },
      gatewayState: () => this.#gatewayState(),
      warn: (event, text) => this.#warn(event, text),
    });
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

  #modelChanged(app: string, stored: StoredModel | null): Promise<void> {
    this.#changing = this.#changing.then(() => this.#takeModel(app, stored));
    return this.#changing;
  }

  async #takeModel(app: string, stored: StoredModel | null): Promise<void> {
    if (this.#closed) return;
    const known = this.#apps.get(app);
    this.#waiting.delete(app);
    if (stored === null) {
      if (this.#offline?.hasModel(app) === true || known === undefined) return;
      this.#apps.delete(app);
      this.#surroundings.appChanged(app);
      this.#publish({ [appDocument(app)]: null, ...gone(known) });
      return;
    }
    if (this.#offline?.modelSeen(app, stored) === false) return this.#staysOffline(app, known, stored);
    if (known !== undefined && stored.version <= known.version) return;
    if (!(await this.#accept(app, stored))) return;
    this.#link.snapshot(app);
    const instead = this.#offline?.endModel(app) === true ? " instead of the one that was made offline" : "";
    this.#host.report({
      event: "redirect_model",
      level: "info",
      text: `${app}: model ${stored.version} acts${instead}`,
      fields: { app, version: stored.version },
    });
    this.#endOffline();
    this.#publish({ [appDocument(app)]: this.#appDocument(app) });
    if (known !== undefined) this.#send(gone(known));
    this.#surroundings.appChanged(app);
  }

  /** A model that cannot decide is refused, and the one before serves on. `before`: the same has been published already. */
  async #accept(app: string, stored: StoredModel, before: Known | null = null): Promise<boolean> {
    let sent: Pick<Known, "parts"> | null = null;
    try {
      const stacks = this.stacksOf(app);
      const { code, message } = acceptance(stored.model, stacks, this.#minHosts(app));
      const lacksHosts = HOST_CODES.has(code);
      if (lacksHosts) this.#waiting.set(app, stored);
      // Where nothing serves yet, nothing is lost by a model whose hosts are to come.
      if (code !== "SUCCESS" && (!lacksHosts || this.#apps.has(app))) throw new Error(`${message} (${code})`);
      const { published, parts } = before ?? (await this.#publishParts(stored.model));
      sent = { parts };
      const settings = { model: stored.model, options: this.#publishedOptions(app) };
      const work = appDeciderSlices(app, settings, this.#lists.named, this.#deciderParts);
      const decider = await runInSlices(work);
      const problems = decider.problems.map(({ rule, message }) => `rule ${rule}: ${message}`);
      const list_uses = await runInSlices(listUses(stored.model, decider.options.sticky_parameters));
      for (const text of [...problems, ...this.#missingLists(list_uses)])
        this.#warn("redirect_rule_odd", `${app}: ${text}`);
      const { version, model } = stored;
      this.#apps.set(app, { version, model, problems, list_uses, published, parts });
      return true;
    } catch (error) {
      if (sent !== null) this.#send(gone(sent));
      const text = `${app}: model ${stored.version} is refused: ${messageOf(error)}`;
      this.#host.report({ event: "redirect_refused", level: "error", text, fields: { app } });
      return false;
    }
  }

  /** Rules cross to the workers some at a time, before the model that names them. */
  async #publishParts(model: RedirectModel): Promise<Pick<Known, "published" | "parts">> {
    const work = splitModel(model, this.#names);
    const parts: Record<string, unknown> = {};
    for (;;) {
      const { done, value } = work.next();
      if (done === true) return { published: value, parts };
      const [name, rules] = value;
      parts[name] = rules;
      this.#send({ [name]: rules });
      await loopTurn();
    }
  }

  #missingLists(uses: readonly ListUse[]): string[] {
    return missingListTexts(uses, (list) => this.#lists.named.has(list));
  }

  #minHosts(app: string): number {
    return minHostsOf(this.#settings ?? DEFAULT_SETTINGS, app);
  }

  get #deciderParts(): DeciderParts {
    return { random: this.#options.random, strategy: strategyByName };
  }

  #decider(app: string, model: RedirectModel): Decider {
    return this.#deciderBy(app, model, this.#lists.named);
  }

  #listsChanged(lists: KeptLists | null): void {
    // What is held beside offline lists is kept for the day on which they end.
    if (this.#offline?.hasLists === true && (lists === null || !this.#offline.listsSeen(lists)))
      return this.#endOffline();
    if (lists !== null && lists.version <= this.#lists.version) {
      lists.memory?.drop();
      return;
    }
    this.#offline?.endLists();
    const { memory } = this.#lists;
    this.#lists = lists ?? NO_LISTS;
    this.#endOffline();
    this.#publish({ [LISTS_DOCUMENT]: publishedLists(this.#lists) });
    memory?.drop();
  }

  /** No follower goes on from this one, and nothing that it has published is published any more. */
  forgetLists(): void {
    this.#offline?.forgetLists();
    this.#lists.memory?.drop();
    this.#lists = NO_LISTS;
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
    this.#offline.forgetLists();
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
    for (const [app, stored] of models) if (stored !== null) await this.#modelChanged(app, stored);
    const text = "models and lists follow the store again";
    this.#host.report({ event: "redirect_offline_ended", level: "info", text });
    this.#link.actingChanged();
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
    void this.#modelChanged(app, waiting);
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
      [LISTS_DOCUMENT]: publishedLists(this.#lists),
    };
    for (const app of this.apps) documents[appDocument(app)] = this.#appDocument(app);
    for (const [app, stacks] of this.#stacks) documents[hostsDocument(app)] = stacks;
    for (const { parts } of this.#apps.values()) Object.assign(documents, parts);
    return documents;
  }

  #appDocument(app: string): PublishedApp {
    const { version = 0, published = { model: null, parts: null } } = this.#apps.get(app) ?? {};
    return { version, ...published, options: this.#publishedOptions(app) };
  }

  #publishedOptions(app: string): PublishedOptions {
    return publishedOptions(this.plan, app, this.#surroundings.feedback_key);
  }

  /** What changes nothing of what is kept in files. */
  #send(documents: Readonly<Record<string, unknown>>): void {
    if (!this.#closed) this.#host.publish({ ...NOTHING_CHANGED, documents });
  }

  #publish(documents: Readonly<Record<string, unknown>>): void {
    if (this.#closed) return;
    this.#send(documents);
    this.#link.actingChanged();
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

  #content(): KnownGood<KnownLists> {
    const { version, named } = this.#lists;
    return {
      applications: [...this.#apps.keys()].toSorted(),
      models: new Map([...this.#apps].map(([app, { model, version }]) => [app, { model, version }])),
      lists: { version, lists: { [Symbol.iterator]: () => named.lists() } },
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
      discovery: this.#link.discovery,
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
    const { version, named } = this.#lists;
    return { ...this.#content(), lists: { version, lists: named.whole() } };
  }

  /** Null while it could not be opened. */
  get store(): Store | null {
    return this.#link.store;
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

  /** The engine with this model and these lists, and the hosts of now; made in slices, because whoever asks has time. */
  async deciderWith(app: string, model: RedirectModel, lists: readonly NamedList[]): Promise<Decider> {
    let named = this.#namedOf.get(lists);
    if (named === undefined) {
      named = NamedLists.of(lists);
      this.#namedOf.set(lists, named);
    }
    const options = this.#publishedOptions(app);
    const decider = await runInSlices(appDeciderSlices(app, { model, options }, named, this.#deciderParts));
    decider.setHosts(this.stacksOf(app));
    return decider;
  }

  #deciderBy(app: string, model: RedirectModel, lists: NamedLists): Decider {
    const options = this.#publishedOptions(app);
    const decider = appDecider(app, { model, options }, lists, this.#deciderParts);
    decider.setHosts(this.stacksOf(app));
    return decider;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const isDue = this.#endWait !== null;
    await this.#link.close();
    await this.#changing;
    if (isDue) await this.#writeLastGood();
    this.#endWait?.();
  }
}

/** Documents of parts that no model names any more. */
function gone({ parts }: Pick<Known, "parts">): Record<string, null> {
  return Object.fromEntries(Object.keys(parts).map((name) => [name, null]));
}
