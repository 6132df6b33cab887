import type { FixedSlots } from "../../observe/metric_layout.ts";

/** Where a plan counts. An exchange counts under the plan it began with, also after another one acts. */
export interface PlanCounters {
  readonly region: Float64Array;
  readonly boundsMs: Float64Array;
  readonly fixed: FixedSlots;
}
