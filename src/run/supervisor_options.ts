/** What a supervisor is made of. */
import type { Plan } from "../core/plan.ts";
import type { Claim } from "./claim.ts";
import type { Report } from "./events.ts";
import type { RunParts } from "./parts.ts";
import type { LaunchWorker } from "./worker_handle.ts";

/** Time beyond the drain deadlines after which workers are killed. */
export const KILL_GRACE_MS = 2_000;

export interface SupervisorOptions {
  readonly parts: RunParts;
  /** Makes a worker with a process of its own. */
  readonly launch: LaunchWorker;
  /** Makes the worker of `workers: 0`. */
  readonly launchInProcess: LaunchWorker;
  readonly report: Report;
  /** Takes possession of the runtime directory of the plan before anything is opened; throws when it is taken. */
  readonly claim: (plan: Plan) => Promise<Claim>;
  /** Called when a snapshot has taken the place of the one before; must not throw. */
  readonly acts?: (generation: number) => void;
}
