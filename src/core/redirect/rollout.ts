/**
 * Progressive rollouts: a server gets the clients of a rising percentage, always those that it had and some more, as long as a health
 * signal allows. Pure: told of the time and of the signal, it says what the rollout is then.
 */
import type { Rollout } from "./model.ts";

/** What was seen of the server's hosts or clients since the step began. */
export interface HealthSignal {
  readonly failing: number;
  readonly samples: number;
}

/**
 * The signal that counts where several sources have one: of those with samples enough the one with the largest share of failures, so
 * that many probes which are well do not hide what clients say. Where none has enough, the one with most samples.
 */
export function decidingSignal(signals: readonly HealthSignal[], min_samples: number): HealthSignal {
  const known = signals.filter(({ samples }) => samples >= min_samples && samples > 0);
  const share = ({ failing, samples }: HealthSignal): number => failing / samples;
  const [worst] = known.toSorted((one, other) => share(other) - share(one));
  if (worst !== undefined) return worst;
  const [most] = signals.toSorted((one, other) => other.samples - one.samples);
  return most ?? NO_SIGNAL;
}

const NO_SIGNAL: HealthSignal = { failing: 0, samples: 0 };

/** What has happened, for the audit log. */
export interface RolloutEvent {
  readonly kind: "advanced" | "rolled_back" | "done";
  /** Percentages. */
  readonly from: number;
  readonly to: number;
  /** A sentence. */
  readonly reason: string;
}

export function rolloutPercent({ steps, step }: Pick<Rollout, "steps" | "step">): number {
  return step < 0 ? 0 : (steps[step] ?? 0);
}

/** The rollout at `now_ms`; the event is null where nothing has changed. */
export function nextRollout(
  rollout: Rollout,
  signal: HealthSignal,
  now_ms: number,
): { readonly rollout: Rollout; readonly event: RolloutEvent | null } {
  const { gate, step, steps, since_ms, bake_ms, state } = rollout;
  if (state !== "running") return { rollout, event: null };
  const isKnown = gate === null || signal.samples >= gate.min_samples;
  const failing = signal.samples === 0 ? 0 : signal.failing / signal.samples;
  if (gate !== null && isKnown && failing > gate.max_failing && step >= 0) {
    const reason = `${percentText(failing)} of ${signal.samples} samples fail; at most ${percentText(gate.max_failing)} may`;
    return moved(rollout, step - 1, { kind: "rolled_back", state: "rolled_back", reason }, now_ms);
  }
  // The first step needs no sample: nobody has been there.
  if (now_ms - since_ms < bake_ms || (step >= 0 && !isKnown)) return { rollout, event: null };
  if (step >= steps.length - 1)
    return moved(rollout, step, { kind: "done", state: "done", reason: "the last step has lasted" }, now_ms);
  return moved(
    rollout,
    step + 1,
    { kind: "advanced", state: "running", reason: "the step has lasted" },
    now_ms,
  );
}

function moved(
  rollout: Rollout,
  step: number,
  { kind, state, reason }: Pick<RolloutEvent, "kind" | "reason"> & Pick<Rollout, "state">,
  now_ms: number,
): { readonly rollout: Rollout; readonly event: RolloutEvent } {
  const next: Rollout = { ...rollout, step, state, since_ms: now_ms };
  return { rollout: next, event: { kind, reason, from: rolloutPercent(rollout), to: rolloutPercent(next) } };
}

function percentText(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
