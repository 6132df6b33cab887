/** Steps of rollouts that the program takes by itself: a revision with its entry in the audit, as whatever else changes a model. */
import type { RolloutChange, RolloutWriter } from "../rollouts/writer.ts";
import { withStep } from "../rollouts/with_step.ts";
import { principal } from "./access/principal.ts";
import type { ServiceFacts } from "./facts.ts";
import { Records } from "./records/records.ts";
import { putModel } from "./revisions.ts";

/** No person can have this name. */
const NOBODY = principal("(rollout)", []);

export class ServiceRolloutWriter implements RolloutWriter {
  readonly #facts: ServiceFacts;

  constructor(facts: ServiceFacts) {
    this.#facts = facts;
  }

  /** Rejects also with ServiceError: 503 while the store is away. */
  async setStep(app: string, rollout: string, change: RolloutChange, reason: string): Promise<void> {
    const facts = this.#facts;
    // Nothing that was read before: the step must be that of now.
    const records = new Records(
      () => facts.store(),
      () => facts.max_model_bytes,
    );
    const { from, step, state } = change;
    await putModel(
      records,
      facts,
      app,
      { who: NOBODY, reason },
      {
        action: state === "rolled_back" ? "rollback" : "rollout step",
        subject: `rollout ${rollout} from step ${from.step} to ${step}, ${state}`,
        make: (current) => withStep(app, current, rollout, change),
      },
    );
  }
}
