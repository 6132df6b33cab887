/** What is in force of a backend: what an operator has set while the program runs, or else what the configuration says. */
import type { Wanted } from "../model.ts";
import type { BackendPlan } from "../plan.ts";
import type { Override, OverrideMap } from "../snapshot.ts";

const NOTHING: Override = {};

/** What has been set of a backend of `pool`. */
export function overrideOf(pool: string, backend: BackendPlan, overrides: OverrideMap): Override {
  return overrides[`${pool}/${backend.id}`] ?? NOTHING;
}

/** Whether the backend is to take traffic. */
export function wantedOf(pool: string, backend: BackendPlan, overrides: OverrideMap): Wanted {
  return overrideOf(pool, backend, overrides).enabled ?? "active";
}

/** Its weight, 0 to 65535. */
export function weightOf(pool: string, backend: BackendPlan, overrides: OverrideMap): number {
  return overrideOf(pool, backend, overrides).weight ?? backend.weight;
}
