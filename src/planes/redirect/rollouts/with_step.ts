/** A rollout at another step, as a model. */
import type { RedirectModel, Rollout } from "../../../core/redirect/model.ts";
import { type RolloutChange, StaleRollout } from "./writer.ts";

/** The model with the rollout at its new step. Throws StaleRollout. */
export function withStep(
  app: string,
  model: RedirectModel,
  id: string,
  { from, step, state, since_ms }: RolloutChange,
): RedirectModel {
  const place = model.rollouts.findIndex((one) => one.id === id);
  const rollout = model.rollouts[place];
  if (rollout === undefined) throw new StaleRollout(app, id, "is gone");
  const isSame = rollout.step === from.step && rollout.since_ms === from.since_ms;
  if (!isSame || rollout.state !== "running")
    throw new StaleRollout(app, id, `is ${rollout.state} at step ${rollout.step}`);
  const next: Rollout = { ...rollout, step, state, since_ms };
  return { ...model, rollouts: model.rollouts.with(place, next) };
}
