/** The control side of the redirector, as a part of the supervisor. */
import type { Plan } from "../../core/plan.ts";
import { NOTHING_CHANGED } from "../../core/snapshot.ts";
import type { MountedService } from "../../core/mounted_service.ts";
import type { SupervisorMetrics } from "../../observe/supervisor_metrics.ts";
import { FeedbackLedger, type HostFeedback } from "./feedback/ledger.ts";
import { needsOwnKey, ownKey, type OwnKey } from "./feedback/own_key.ts";
import type { AcceptedFeedback, FeedbackResult } from "./feedback/reports.ts";
import type { Follower, RedirectEvent, RedirectHost, RedirectPartOptions } from "./follower.ts";
import type { AppStatus, FollowerStatus } from "./follower_status.ts";
import type { GatewayAnswer, GatewayMessage, GatewayQuestion } from "./gateway/published.ts";
import { joinTraces, type SessionTrace, type TraceQuestion } from "./gateway/session_traces.ts";
import { type HostCounts, HostHealth, type HostProbes, type ProbeListener } from "./health/host_health.ts";
import { RedirectMetrics } from "./redirect_metrics.ts";
import { RolloutKeeper, type RolloutStatus } from "./rollouts/keeper.ts";
import { RunningService } from "./service/running.ts";

/** How often the gauges are brought to how things stand. */
const MEASURE_EVERY_MS = 1_000;
/** By which the other half in the workers tells something. */
const PART_NAME = "redirect";
/** So many traces are told at once. */
const MOST_TRACES = 100;

export interface RedirectStatus extends Omit<FollowerStatus, "apps"> {
  readonly apps: readonly (AppStatus & HostCounts)[];
  readonly rollouts: readonly RolloutStatus[];
  /** What clients have said of hosts within the last minutes. */
  readonly feedback: readonly HostFeedback[];
}

/** What is needed of the supervisor beside what a follower needs. */
export interface RedirectPartHost extends RedirectHost {
  askWorkers(part: string, question: unknown): Promise<readonly unknown[]>;
}

export interface RedirectParts extends RedirectPartOptions {
  readonly metrics: SupervisorMetrics;
  /** Makes what probes registered hosts. */
  readonly makeProbes: (result: ProbeListener) => HostProbes;
  /** Counts what became of reports of clients. */
  readonly countFeedback: (result: FeedbackResult, amount: number) => void;
}

export class RedirectPart {
  readonly #host: RedirectPartHost;
  readonly #options: RedirectParts;
  readonly #metrics: RedirectMetrics;
  readonly #health: HostHealth;
  readonly #feedback: FeedbackLedger;
  readonly #rollouts: RolloutKeeper;
  readonly #service: RunningService;
  #follower: Follower | null = null;
  /** Also while one follower takes the place of another one: the service then answers that it is not ready. */
  #isMounted = false;
  #knownKey: OwnKey | null = null;
  #endMeasuring: (() => void) | null = null;
  readonly commands = {
    redirect: () => Promise.resolve(this.#answer(this.status())),
    redirect_explain: (request: unknown) => Promise.resolve(this.#explain(request)),
    redirect_traces: (request: unknown) => this.#answerTraces(request),
    redirect_resume: () => this.#resume(),
  };

  constructor(host: RedirectPartHost, options: RedirectParts) {
    this.#metrics = new RedirectMetrics(options.metrics);
    const report = (event: RedirectEvent): void => {
      this.#metrics.reported(event);
      host.report(event);
    };
    this.#host = {
      snapshot: () => host.snapshot(),
      publish: (delta) => host.publish(delta),
      share: (bytes) => host.share(bytes),
      askWorkers: (part, question) => host.askWorkers(part, question),
      report,
    };
    this.#options = options;
    this.#service = new RunningService(
      this.#host,
      options,
      () => this.#follower,
      (question) => this.traces(question),
    );
    this.#health = new HostHealth({
      clock: options.clock,
      makeProbes: options.makeProbes,
      publish: (documents) => host.publish({ ...NOTHING_CHANGED, documents }),
      report,
      probed: (app, place, success) => this.#rollouts.probed(app, place, success),
    });
    const { clock, countFeedback: count } = options;
    const accepted = (feedback: AcceptedFeedback): void => this.#rollouts.reported(feedback);
    this.#feedback = new FeedbackLedger({ clock, count, accepted });
    this.#rollouts = new RolloutKeeper({
      clock,
      writer: this.#service.rollouts,
      report,
    });
  }

  /** What answers at the addresses for operators. */
  mounts(): readonly MountedService[] {
    return this.#isMounted ? [this.#service.mounted] : [];
  }

  told(part: string, message: unknown): void {
    if (part !== PART_NAME) return;
    const { counted, feedback } = message as GatewayMessage;
    if (counted !== undefined) this.#metrics.counted(counted);
    if (feedback !== undefined) this.#feedback.take(feedback);
  }

  async planChanged({ redirect, state_dir }: Plan): Promise<void> {
    const before = this.#follower;
    if (JSON.stringify(redirect) === JSON.stringify(before?.plan ?? null)) return;
    this.#follower = null;
    this.#isMounted = redirect !== null;
    await before?.close();
    if (redirect !== null) {
      // Loaded by those who want it: it brings stores along.
      const { Follower } = await import("./follower.ts");
      const follower = new Follower(redirect, this.#host, this.#options, {
        appChanged: (app) => this.#appChanged(app),
        feedback_key: needsOwnKey(redirect) ? await this.#ownKey(state_dir) : "",
      });
      this.#follower = follower;
      await this.#service.planChanged(redirect.service);
      await follower.start(before);
    }
    this.#followApps();
    this.#publishAll();
    if (redirect === null) before?.forgetLists();
    this.#measure();
  }

  #measure(): void {
    this.#metrics.measure(this.status());
    if (this.#follower === null) {
      this.#endMeasuring?.();
      this.#endMeasuring = null;
    } else {
      this.#endMeasuring ??= this.#options.clock.every(MEASURE_EVERY_MS, () => this.#measure());
    }
  }

  async #ownKey(state_dir: string): Promise<string> {
    const { key, problem } = (this.#knownKey ??= await ownKey(this.#options.files, state_dir));
    if (problem !== null)
      this.#host.report({ event: "redirect_feedback_key", level: "warning", text: `feedback: ${problem}` });
    return key;
  }

  #appChanged(app: string): void {
    const follower = this.#follower;
    const state = follower?.apps.has(app) === true ? follower.appState(app) : null;
    this.#health.follow(app, state);
    // Where the model is not the store's, a step in the store would be that of another one.
    this.#rollouts.follow(app, follower?.isOffline(app) === true ? null : state);
  }

  /** What is known of hosts outlives a reload. */
  #followApps(): void {
    const apps = this.#follower?.apps ?? new Set();
    this.#health.keep(apps);
    this.#rollouts.keep(apps);
    for (const app of apps) this.#appChanged(app);
  }

  /** Also what is gone. */
  #publishAll(): void {
    const wanted = { ...this.#follower?.documents(), ...this.#health.documents() };
    const names = Object.keys(this.#host.snapshot().documents).filter((name) => name.startsWith("redirect/"));
    const gone = Object.fromEntries(names.map((name) => [name, null]));
    this.#host.publish({ ...NOTHING_CHANGED, documents: { ...gone, ...wanted } });
  }

  /** Null without the section. */
  status(): RedirectStatus | null {
    if (this.#follower === null) return null;
    const { apps, ...status } = this.#follower.status();
    return {
      ...status,
      apps: apps.map((one) => ({ ...one, ...this.#health.counts(one.app) })),
      rollouts: this.#rollouts.status(),
      feedback: this.#feedback.hosts(),
    };
  }

  #answer(found: object | null): object {
    return found === null
      ? { ok: false, error: "the configuration has no section redirect" }
      : { ok: true, ...found };
  }

  #explain(request: unknown): object {
    const follower = this.#follower;
    const { app, parameters } = request as { app?: unknown; parameters?: unknown };
    if (follower === null || typeof app !== "string") return this.#answer(null);
    const found = follower.explain(app, textsOf(parameters), this.#health.failing(app));
    return found === null ? { ok: false, error: `${app}: no model is known` } : this.#answer(found);
  }

  async #resume(): Promise<object> {
    if (this.#follower === null) return this.#answer(null);
    const resumed = await this.#follower.resume();
    return resumed === null
      ? { ok: false, error: "nothing that acts was made offline" }
      : { ok: true, ...resumed };
  }

  /** What became of requests that asked to be traced, newest first; null where nothing is traced. */
  async traces(question: Omit<TraceQuestion, "newest">): Promise<SessionTrace[] | null> {
    const kept = this.#follower?.plan.session_traces ?? null;
    if (kept === null) return null;
    const asked: GatewayQuestion = { traces: { ...question, newest: MOST_TRACES } };
    return joinTraces((await this.#host.askWorkers(PART_NAME, asked)) as GatewayAnswer[], MOST_TRACES);
  }

  async #answerTraces(request: unknown): Promise<object> {
    if (this.#follower === null) return this.#answer(null);
    const { app, id, clear } = request as Readonly<Record<string, unknown>>;
    const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);
    const sessions = await this.traces({ app: textOf(app), id: textOf(id), clear: clear === true });
    return sessions === null
      ? { ok: false, error: "requests are not traced; the setting redirect.session_traces does that" }
      : { ok: true, sessions };
  }

  async stop(): Promise<void> {
    this.#endMeasuring?.();
    const before = this.#follower;
    this.#follower = null;
    this.#service.close();
    this.#rollouts.stop();
    this.#health.stop();
    await before?.close();
  }
}

/** What of a request can be parameters. */
function textsOf(given: unknown): Record<string, string> {
  const entries = typeof given === "object" && given !== null ? Object.entries(given) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
