/** What one supervisor gets of another: at its start, and when it is relieved. */
import type { CounterLayout } from "../core/worker_program.ts";
import type { InheritedLimits } from "./counter_regions.ts";
import type { InheritedSocket, Predecessors } from "./predecessors.ts";

/** What a supervisor before us has left. */
export interface Claim {
  /** First generation: above that of the supervisor before. */
  readonly generation: number;
  /** Those who serve on our addresses still; null = nobody does. */
  readonly predecessors: Predecessors | null;
  /** Sockets that they have handed over. */
  readonly sockets: readonly InheritedSocket[];
  /** Where their workers count against limits: ours count there too, as long as the layout is the same. */
  readonly limits: InheritedLimits | null;
}

/** What a supervisor has that another one takes over: its descriptors stay its own. */
export interface Possessions {
  readonly generation: number;
  readonly sockets: readonly { readonly key: string; readonly fd: number }[];
  readonly regions: readonly { readonly pid: number; readonly layout: CounterLayout; readonly fd: number }[];
  readonly limits: InheritedLimits;
}
