/** Changes rollouts in the models of a store, where no service does that. */
import type { RedirectModel, Rollout } from "../../../core/redirect/model.ts";
import type { Store } from "../../../store/contract.ts";
import { StoreConflict } from "../../../store/errors.ts";
import { LargeDocuments } from "../../../store/large_documents.ts";
import { modelBytes, modelPath, readModel } from "../models/stored.ts";
import { type RolloutChange, type RolloutWriter, StaleRollout } from "./writer.ts";

/** So often a change is tried again when something else of the model was changed meanwhile. */
const MOST_TRIES = 5;

export class StoredRolloutWriter implements RolloutWriter {
  readonly #store: Store;
  readonly #documents: LargeDocuments;

  /** Models are at most `maxBytes` long. */
  constructor(store: Store, maxBytes: number) {
    this.#store = store;
    this.#documents = new LargeDocuments(store, maxBytes);
  }

  /** Rejects with StoreConflict where the model is changed all the time. */
  async setStep(app: string, id: string, change: RolloutChange): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#tryStep(app, id, change);
      } catch (error) {
        if (!(error instanceof StoreConflict) || tries >= MOST_TRIES) throw error;
      }
    }
  }

  async #tryStep(app: string, id: string, change: RolloutChange): Promise<void> {
    await this.#store.sync();
    const document = await this.#documents.read(modelPath(app));
    if (document === null) throw new StaleRollout(app, id, "is gone with its model");
    const { version, model } = readModel(document.value);
    const next = { version: version + 1, model: withStep(app, model, id, change) };
    await this.#documents.write(modelPath(app), modelBytes(next), document.revision);
  }
}

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
