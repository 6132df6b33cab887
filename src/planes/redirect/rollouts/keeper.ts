/**
 * Moves rollouts on while their hosts are well, and back when they are not: by the probes of the hosts of their flavor, and by what
 * clients report of it. Each program that follows the store decides by what it has seen itself; one of them writes.
 */
import type { RedirectModel, Rollout } from "../../../core/redirect/model.ts";
import {
  decidingSignal,
  type HealthSignal,
  nextRollout,
  type RolloutEvent,
  rolloutPercent,
} from "../../../core/redirect/rollout.ts";
import { messageOf } from "../../../core/text/message_of.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { AppState, HostPlace } from "../app_state.ts";
import type { AcceptedFeedback } from "../feedback/reports.ts";
import type { RedirectEvent } from "../follower.ts";
import { SlidingCounts } from "./sliding_counts.ts";
import { type RolloutWriter, StaleRollout } from "./writer.ts";

export interface RolloutKeeperOptions {
  readonly clock: Clock;
  readonly writer: RolloutWriter;
  readonly report: (event: RedirectEvent) => void;
}

export interface RolloutStatus {
  readonly app: string;
  readonly rollout: string;
  readonly percent: number;
  readonly step: number;
  readonly state: Rollout["state"];
  /** What decides on its next step, as this program has seen it. */
  readonly signal: HealthSignal;
}

/** How often rollouts are looked at. */
export const LOOK_MS = 1_000;
/** Signals are of the last minutes at most, so that what begins to fail late is seen, and of this time at least. */
const LONGEST_WINDOW_MS = 300_000;
const SHORTEST_WINDOW_MS = 10_000;

/** A rollout at one step: what was seen of it before is of no interest any more. */
interface Watched {
  readonly app: string;
  rollout: Rollout;
  whitelist: RedirectModel["whitelist"];
  readonly probes: SlidingCounts;
  readonly clients: SlidingCounts;
  /** A change is on its way, or made and not seen yet. */
  isDecided: boolean;
  /** Why it could not be written, as told last. */
  problem: string | null;
}

export class RolloutKeeper {
  readonly #options: RolloutKeeperOptions;
  readonly #apps = new Map<string, readonly Watched[]>();
  #stopLooking: (() => void) | null = null;

  constructor(options: RolloutKeeperOptions) {
    this.#options = options;
  }

  /** The application is so from now on; null = it is gone. */
  follow(app: string, state: AppState | null): void {
    const before = this.#apps.get(app) ?? [];
    const model = state?.model ?? null;
    const watched = (model?.rollouts ?? []).map((rollout) => watchedRollout(app, rollout, model!, before));
    if (watched.length === 0) this.#apps.delete(app);
    else this.#apps.set(app, watched);
    if (this.#apps.size > 0) this.#stopLooking ??= this.#options.clock.every(LOOK_MS, () => this.#look());
    else this.stop();
  }

  /** Only these applications are there. */
  keep(apps: ReadonlySet<string>): void {
    for (const app of [...this.#apps.keys()]) if (!apps.has(app)) this.follow(app, null);
  }

  /** A probe of a host has ended. */
  probed(app: string, host: HostPlace, success: boolean): void {
    const now = this.#options.clock.now();
    for (const watched of this.#apps.get(app) ?? [])
      if (leadsTo(watched, host)) watched.probes.add(!success, now);
  }

  /** A client has told how it fared. Which stack its host is of, it does not say. */
  reported({ app, flavor, ok }: AcceptedFeedback): void {
    const now = this.#options.clock.now();
    for (const watched of this.#apps.get(app) ?? [])
      if (flavorOf(watched.rollout) === flavor) watched.clients.add(!ok, now);
  }

  status(): RolloutStatus[] {
    return [...this.#apps.values()].flat().map((watched) => {
      const { id: rollout, step, state } = watched.rollout;
      const percent = rolloutPercent(watched.rollout);
      return { app: watched.app, rollout, percent, step, state, signal: this.#signal(watched) };
    });
  }

  /** Nothing is decided any more. */
  stop(): void {
    this.#stopLooking?.();
    this.#stopLooking = null;
  }

  #signal({ rollout, probes, clients }: Watched): HealthSignal {
    const now = this.#options.clock.now();
    return decidingSignal([probes.at(now), clients.at(now)], rollout.gate?.min_samples ?? 1);
  }

  #look(): void {
    const wall = this.#options.clock.wall();
    for (const watched of [...this.#apps.values()].flat()) {
      if (watched.isDecided) continue;
      const { rollout, event } = nextRollout(watched.rollout, this.#signal(watched), wall);
      if (event === null) continue;
      watched.isDecided = true;
      void this.#advance(watched, rollout, event);
    }
  }

  async #advance(watched: Watched, next: Rollout, event: RolloutEvent): Promise<void> {
    const { app, rollout } = watched;
    const { step, since_ms } = rollout;
    const change = { from: { step, since_ms }, step: next.step, state: next.state, since_ms: next.since_ms };
    try {
      await this.#options.writer.setStep(app, rollout.id, change, event.reason);
    } catch (error) {
      // Whoever was faster has made another model, which comes here too.
      if (!(error instanceof StaleRollout)) this.#failed(watched, messageOf(error));
      return;
    }
    this.#options.report({
      event: "redirect_rollout",
      level: event.kind === "rolled_back" ? "warning" : "info",
      text: `${app}: rollout ${rollout.id} ${WORDS[event.kind](event)}: ${event.reason}`,
      fields: { app, rollout: rollout.id, kind: event.kind, from: event.from, to: event.to },
    });
  }

  /** It is tried again at the next look; the operator is told once. */
  #failed(watched: Watched, problem: string): void {
    watched.isDecided = false;
    if (watched.problem === problem) return;
    watched.problem = problem;
    this.#options.report({
      event: "redirect_rollout_failed",
      level: "warning",
      text: `${watched.app}: the next step of rollout ${watched.rollout.id} cannot be written: ${problem}`,
    });
  }
}

const WORDS: Readonly<Record<RolloutEvent["kind"], (event: RolloutEvent) => string>> = {
  advanced: ({ from, to }) => `goes on from ${from} % to ${to} %`,
  rolled_back: ({ from, to }) => `goes back from ${from} % to ${to} %`,
  done: ({ to }) => `is done at ${to} %`,
};

/** What was seen since the step began is kept when something else of the model changes. */
function watchedRollout(
  app: string,
  rollout: Rollout,
  { whitelist }: RedirectModel,
  before: readonly Watched[],
): Watched {
  const known = before.find((one) => one.rollout.id === rollout.id);
  if (known !== undefined && isSameStep(known.rollout, rollout))
    return Object.assign(known, { rollout, whitelist });
  const windowMs = Math.min(LONGEST_WINDOW_MS, Math.max(SHORTEST_WINDOW_MS, rollout.bake_ms));
  const [probes, clients] = [new SlidingCounts(windowMs), new SlidingCounts(windowMs)];
  return { app, rollout, whitelist, probes, clients, isDecided: false, problem: null };
}

function isSameStep(one: Rollout, other: Rollout): boolean {
  return (
    one.step === other.step &&
    one.since_ms === other.since_ms &&
    one.state === other.state &&
    one.bake_ms === other.bake_ms &&
    one.server.path === other.server.path
  );
}

function flavorOf({ server }: Rollout): string {
  const path = server.path ?? "";
  return path.slice(path.lastIndexOf("/") + 1);
}

/** True where clients of the rollout may get a host there. */
function leadsTo({ rollout, whitelist }: Watched, { stack, flavor }: HostPlace): boolean {
  const { path, not_whitelisted } = rollout.server;
  return (path === flavor || path === `${stack}/${flavor}`) && whitelist.includes(stack) !== not_whitelisted;
}
