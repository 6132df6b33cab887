/** The control side of the redirector, as a part of the supervisor. */
import type { Plan } from "../../core/plan.ts";
import { NOTHING_CHANGED } from "../../core/snapshot.ts";
import type { MountedService } from "../../core/mounted_service.ts";
import { RunningService } from "./service/running.ts";
import { FeedbackLedger, type HostFeedback } from "./feedback/ledger.ts";
import { needsOwnKey, ownKey, type OwnKey } from "./feedback/own_key.ts";
import type { AcceptedFeedback, FeedbackResult } from "./feedback/reports.ts";
import type { GatewayMessage } from "./gateway/published.ts";
import { type HostCounts, HostHealth, type HostProbes, type ProbeListener } from "./health/host_health.ts";
import type { AppStatus, Follower, FollowerStatus, RedirectHost, RedirectPartOptions } from "./follower.ts";
import { RolloutKeeper, type RolloutAudit, type RolloutStatus } from "./rollouts/keeper.ts";
import type { RolloutWriter } from "./rollouts/writer.ts";
import { StoreUnavailable } from "../../store/errors.ts";

/** By which the other half in the workers tells something. */
const PART_NAME = "redirect";

export interface RedirectStatus extends Omit<FollowerStatus, "apps"> {
  readonly apps: readonly (AppStatus & HostCounts)[];
  readonly rollouts: readonly RolloutStatus[];
  /** What clients have said of hosts within the last minutes. */
  readonly feedback: readonly HostFeedback[];
}

export interface RedirectParts extends RedirectPartOptions {
  /** Makes what probes registered hosts. */
  readonly makeProbes: (result: ProbeListener) => HostProbes;
  /** Counts what became of reports of clients. */
  readonly countFeedback: (result: FeedbackResult, amount: number) => void;
  /** Changes the steps of rollouts; default: in the store's models. */
  readonly rolloutWriter?: RolloutWriter;
  /** Hears what has been done to rollouts, beside the log. */
  readonly audit?: (entry: RolloutAudit) => void;
}

export class RedirectPart {
  readonly #host: RedirectHost;
  readonly #options: RedirectParts;
  readonly #health: HostHealth;
  readonly #feedback: FeedbackLedger;
  readonly #rollouts: RolloutKeeper;
  #follower: Follower | null = null;
  readonly #service: RunningService;
  #knownKey: OwnKey | null = null;
  readonly commands = {
    redirect: () => Promise.resolve(this.#answer(this.status())),
    redirect_explain: (request: unknown) => Promise.resolve(this.#explain(request)),
  };

  constructor(host: RedirectHost, options: RedirectParts) {
    this.#host = host;
    this.#options = options;
    this.#service = new RunningService(host, options, () => this.#follower);
    this.#health = new HostHealth({
      clock: options.clock,
      makeProbes: options.makeProbes,
      publish: (documents) => host.publish({ ...NOTHING_CHANGED, documents }),
      report: (event) => host.report(event),
      probed: (app, place, success) => this.#rollouts.probed(app, place, success),
    });
    const { clock, countFeedback: count } = options;
    const accepted = (feedback: AcceptedFeedback): void => this.#rollouts.reported(feedback);
    this.#feedback = new FeedbackLedger({ clock, count, accepted });
    this.#rollouts = new RolloutKeeper({
      clock,
      writer: options.rolloutWriter ?? { setStep: (...change) => this.#setStep(...change) },
      report: (event) => host.report(event),
      audit: options.audit ?? (() => {}),
    });
  }

  /** What answers at the addresses for operators. */
  mounts(): readonly MountedService[] {
    return this.#follower === null ? [] : [this.#service.mounted];
  }

  async planChanged({ redirect, state_dir }: Plan): Promise<void> {
    const before = this.#follower;
    if (JSON.stringify(redirect) === JSON.stringify(before?.plan ?? null)) return;
    this.#follower = null;
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
  }

  async #ownKey(state_dir: string): Promise<string> {
    const { key, problem } = (this.#knownKey ??= await ownKey(this.#options.files, state_dir));
    if (problem !== null)
      this.#host.report({ event: "redirect_feedback_key", level: "warning", text: `feedback: ${problem}` });
    return key;
  }

  told(part: string, { feedback }: GatewayMessage): void {
    if (part === PART_NAME && feedback !== undefined) this.#feedback.take(feedback);
  }

  async #setStep(...[app, rollout, change, reason]: Parameters<RolloutWriter["setStep"]>): Promise<void> {
    if (this.#follower === null) throw new StoreUnavailable("there is no store");
    await this.#follower.rollouts.setStep(app, rollout, change, reason);
  }

  #appChanged(app: string): void {
    const follower = this.#follower;
    const state = follower?.apps.has(app) === true ? follower.appState(app) : null;
    this.#health.follow(app, state);
    // Where the model is not the store's, a step in the store would be that of another one.
    this.#rollouts.follow(app, follower?.isOffline === true ? null : state);
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

  async stop(): Promise<void> {
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
