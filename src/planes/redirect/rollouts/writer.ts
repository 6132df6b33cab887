/** Who changes the step of a rollout in the model that all gateways follow. */
import type { RolloutState } from "../../../core/redirect/model.ts";

export interface RolloutChange {
  /** What was decided on: where the rollout is elsewhere by now, nothing is changed. */
  readonly from: { readonly step: number; readonly since_ms: number };
  readonly step: number;
  readonly state: RolloutState;
  /** Milliseconds since 1970 at which the step begins. */
  readonly since_ms: number;
}

export interface RolloutWriter {
  /**
   * Writes a new version of the model with the rollout at its new step. Of several programs that decide the same, one succeeds.
   * Rejects with StaleRollout where somebody else was faster, and as the store does.
   */
  setStep(app: string, rollout: string, change: RolloutChange, reason: string): Promise<void>;
}

/** The rollout is not any more what was decided on: another program, or somebody, has changed it. */
export class StaleRollout extends Error {
  constructor(app: string, rollout: string, now: string) {
    super(`${app}: rollout ${rollout} ${now}: somebody else has changed it`);
    this.name = "StaleRollout";
  }
}
