/** An application as those see it who watch its hosts and rollouts. */
import type { RedirectAppPlan } from "../../core/plan.ts";
import type { StackHosts } from "../../core/redirect/hosts.ts";
import type { RedirectModel } from "../../core/redirect/model.ts";

export interface AppState {
  readonly plan: RedirectAppPlan;
  /** Null while none is known. */
  readonly model: RedirectModel | null;
  readonly stacks: readonly StackHosts[];
}

/** Where a host stands. */
export interface HostPlace {
  readonly stack: string;
  readonly flavor: string;
}
