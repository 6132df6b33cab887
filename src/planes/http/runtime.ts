/** What a plan becomes in a worker: routes and pools with everything prepared that can be. */
import type { PoolPlan, RoutePlan } from "../../core/plan.ts";
import type { HashKey } from "../../core/schema/hash_key.ts";
import type { Picker } from "../../core/strategies/contract.ts";
import type { BodyUse, Step } from "../../net/exchange.ts";
import type { ClientConnection } from "../../net/h1/client.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";
import type { PoolSlots, RouteSlots } from "../../observe/metric_layout.ts";
import type { Upstream } from "./upstream.ts";

export interface RouteRuntime {
  readonly plan: RoutePlan;
  readonly name: string;
  readonly slots: RouteSlots;
  readonly pool: PoolRuntime | null;
  /** All steps in order; empty for most routes. */
  readonly steps: readonly Step[];
  /** Those with `onResponse`, in the order in which answers meet them. */
  readonly responseSteps: readonly Step[];
  readonly requestStageSteps: readonly Step[];
  readonly responseStageSteps: readonly Step[];
  /** Bytes of the body to take in before the steps run, 0 = none. */
  readonly collectBytes: number;
  readonly upgrades: ReadonlySet<string>;
  /** Lower-case escapes such as `%2f` that paths of this route may not hold. */
  readonly deniedEscapes: readonly string[];
}

export interface PoolRuntime {
  readonly plan: PoolPlan;
  readonly slots: PoolSlots;
  readonly upstreams: readonly Upstream[];
  readonly picker: Picker;
  readonly hashKey: HashKey | null;
  /** Exchanges that wait because every candidate is at its limit, first come first served. */
  readonly queue: HttpExchange[];
  /** Requests at work, and those of them that are tries after the first. */
  active: number;
  retrying: number;
}

export type AttemptPhase = "none" | "queued" | "connecting" | "waiting" | "answering";

/** How the tries of one exchange stand. Kept with the exchange object and used again. */
export class AttemptState {
  phase: AttemptPhase = "none";
  pool: PoolRuntime | null = null;
  upstream: Upstream | null = null;
  connection: ClientConnection | null = null;
  readonly tried: Upstream[] = [];
  hash = 0;
  triesLeft = 0;
  /** A try after the first is at work: it counts against the budget. */
  isRetry = false;
  phaseStart = 0;
  startedAt = 0;
  /** The next connection must be a new one: a kept one was dead. */
  freshConnection = false;
  retriedTimeout = false;

  begin(pool: PoolRuntime, hash: number, now: number): void {
    this.phase = "none";
    this.pool = pool;
    this.upstream = null;
    this.connection = null;
    this.tried.length = 0;
    this.hash = hash;
    this.triesLeft = pool.plan.retries.attempts;
    this.isRetry = this.freshConnection = this.retriedTimeout = false;
    this.startedAt = this.phaseStart = now;
  }
}

/** The largest part of the body that a list of steps needs before it runs. */
export function collectBytesOf(uses: readonly (BodyUse | undefined)[]): number {
  let bytes = 0;
  for (const use of uses) if (use?.kind === "peek" || use?.kind === "buffer") bytes = Math.max(bytes, use.bytes);
  return bytes;
}
