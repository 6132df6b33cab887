/**
 * What the results of a member's probes mean: rise and fall.
 *
 * Before its first result a member is unknown. The first result decides at once, whichever it is; a member that has
 * never been healthy becomes healthy by its first success, so that nothing waits longer than needed to come in. From
 * then on a change takes as many results in a row as the pool says.
 */
import type { Health } from "../model.ts";
import type { ProbePlan } from "../plan.ts";

export type Thresholds = Pick<ProbePlan, "healthy_after" | "unhealthy_after">;

/** The state of one member; plain and never changed. */
export interface HealthRecord {
  readonly health: Health;
  /** Results in a row, up to the last one, that contradict `health`. */
  readonly against: number;
  /** It has been healthy before. */
  readonly proven: boolean;
}

/** A member of which nothing is known. */
export const UNCHECKED: HealthRecord = { health: "unknown", against: 0, proven: false };

/** A member that another process left in this state. */
export function recordOf(health: Health): HealthRecord {
  return { health, against: 0, proven: health !== "unknown" };
}

/** The same member after its check has changed: what was found holds until the first result, which decides at once. */
export function reopened(record: HealthRecord): HealthRecord {
  return { ...record, against: Number.MAX_SAFE_INTEGER };
}

/** The record after one more result. */
export function afterResult(record: HealthRecord, success: boolean, thresholds: Thresholds): HealthRecord {
  const { health, proven } = record;
  const measured: Health = success ? "healthy" : "unhealthy";
  const changed: HealthRecord = { health: measured, against: 0, proven: proven || success };
  if (health === "unknown") return changed;
  if (measured === health) return record.against === 0 ? record : { ...record, against: 0 };
  const against = record.against + 1;
  const needed = success ? (proven ? thresholds.healthy_after : 1) : thresholds.unhealthy_after;
  return against >= needed ? changed : { ...record, against };
}
