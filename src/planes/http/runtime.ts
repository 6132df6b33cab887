/** What a plan becomes in a worker: routes and pools with everything prepared that can be. */
import type { ForwardingPlan, ListenerPlan, Plan, PoolPlan, RoutePlan } from "../../core/plan.ts";
import type { PoolStanding } from "../../core/health/availability.ts";
import type { HashKey } from "../../core/schema/hash_key.ts";
import type { StateTable } from "../../core/state_table.ts";
import type { Balancer } from "../../core/strategies/balancer.ts";
import type { Picker } from "../../core/strategies/contract.ts";
import type { CidrSet } from "../../net/addresses.ts";
import type { BodyUse, Step } from "../../net/exchange.ts";
import type { ClientConnection } from "../../net/h1/client.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";
import type { ListenerSlots, PoolSlots, RouteSlots } from "../../observe/metric_layout.ts";
import type { BackendConnections } from "./backend_connections.ts";
import type { Deadline } from "../../platform/timer_wheel.ts";
import type { TlsContexts } from "../../platform/tls_contexts.ts";
import type { PlanCounters } from "./plan_counters.ts";
import type { Router } from "./router/router.ts";
import type { Upstream } from "./upstream.ts";

export interface RouteRuntime {
  /** Null for requests that no route takes. */
  readonly plan: RoutePlan | null;
  readonly name: string;
  readonly slots: RouteSlots;
  readonly counters: PlanCounters;
  readonly pool: PoolRuntime | null;
  /** All steps in order; empty for most routes. */
  readonly steps: readonly Step[];
  /** Those with `onResponse`, in the order in which answers meet them. */
  readonly responseSteps: readonly Step[];
  /** By the number of steps that were entered: those that an answer of our own meets then. Empty: none ever does. */
  readonly answerSteps: readonly (readonly Step[])[];
  readonly requestStageSteps: readonly Step[];
  readonly responseStageSteps: readonly Step[];
  /** Index of the first step that wants the body before it runs, -1 = none does. */
  readonly collectAt: number;
  /** Bytes of the body to take in before that step runs. */
  readonly collectBytes: number;
  /** A body over `collectBytes` is refused: a step needs all of it. */
  readonly collectAll: boolean;
  readonly upgrades: ReadonlySet<string>;
  readonly forwarding: ForwardingPlan;
  /** What raw paths of this route may not hold. */
  readonly deniedPaths: readonly RegExp[];
}

/** What a pool keeps over reloads. */
export interface PoolState {
  /** The pool in the plan that acts, or in the last one that had it; null before the first. */
  acting: PoolRuntime | null;
  /** Exchanges that wait because every candidate is at its limit, first come first served. */
  readonly queue: HttpExchange[];
  /** Requests at work, and those of them that are tries after the first. */
  active: number;
  retrying: number;
  /** Those who wait are being served right now. */
  isServed: boolean;
  /** The next step of slow starts, null where there never was one. */
  slowStart: Deadline | null;
}

export interface PoolRuntime {
  readonly plan: PoolPlan;
  /** Place in the plan. */
  readonly index: number;
  readonly slots: PoolSlots;
  readonly counters: PlanCounters;
  readonly state: PoolState;
  readonly hashKey: HashKey | null;
  /** How fast times of backends fade, in milliseconds; 0 = the strategy reads none. */
  readonly latencyDecayMs: number;
  /** These change when names get other addresses or operators set something. */
  upstreams: readonly Upstream[];
  balancer: Balancer;
  /** What requests ask: `balancer.picker`. */
  picker: Picker;
  /** Who may serve by health and operator; null before the plan acts. */
  standing: PoolStanding | null;
  /** Where `upstreams` has the candidate with a key; null = nobody has asked yet. */
  places: ReadonlyMap<string, number> | null;
}

export interface ListenerRuntime {
  readonly plan: ListenerPlan;
  readonly index: number;
  readonly slots: ListenerSlots;
  readonly counters: PlanCounters;
  readonly trusted: CidrSet;
  /** Null = no TLS. */
  readonly tls: TlsContexts | null;
}

/** Everything that a worker needs of one plan. */
export interface PlaneRuntime {
  /** False while it is prepared beside the one that acts: what both share is then not its to change. */
  acts: boolean;
  readonly plan: Plan;
  readonly counters: PlanCounters;
  readonly router: Router;
  /** In the order of the plan. */
  readonly routes: readonly RouteRuntime[];
  /** Stands for the route of requests that no route takes. */
  readonly noRoute: RouteRuntime;
  readonly pools: ReadonlyMap<string, PoolRuntime>;
  readonly listeners: ReadonlyMap<string, ListenerRuntime>;
  /** The listener whose clients say of themselves in queries who they are, or null. */
  readonly privateListener: string | null;
  /** Identities that outlive the plan. */
  readonly states: StateTable;
  /** All backends by `pool/key`. */
  readonly backends: Map<string, BackendConnections>;
}

export type AttemptPhase = "none" | "queued" | "connecting" | "waiting" | "answering";

/** How the tries of one exchange stand. Kept with the exchange object and used again. */
export class AttemptState {
  phase: AttemptPhase = "none";
  /** It counts among the requests in flight of `upstream`. */
  holdsPlace = false;
  pool: PoolRuntime | null = null;
  upstream: Upstream | null = null;
  connection: ClientConnection | null = null;
  readonly tried: Upstream[] = [];
  hash = 0;
  triesLeft = 0;
  /** A try elsewhere is at work: it counts against the budget. */
  isRetry = false;
  phaseStart = 0;
  startedAt = 0;
  /** When `upstream` was chosen. */
  chosenAt = 0;
  /** Monotonic time at which the answer must be complete. */
  endsAt = Infinity;
  /** An answer has begun whose end decides whether the try was a success: see `outliers`. */
  isOnTrial = false;
  /** The one further try is used up of a failure after which the backend may have seen the request. */
  retriedOnce = false;

  /** Goes on with the pool of the plan that acts: another one may have come since the last choice. */
  useActingPool(): PoolRuntime {
    const pool = this.pool!;
    return (this.pool = pool.state.acting ?? pool);
  }

  begin(pool: PoolRuntime, hash: number, now: number): void {
    this.phase = "none";
    this.holdsPlace = false;
    this.pool = pool;
    this.upstream = null;
    this.connection = null;
    if (this.tried.length > 0) this.tried.length = 0;
    this.hash = hash;
    this.triesLeft = pool.plan.retries.attempts;
    this.isRetry = this.retriedOnce = this.isOnTrial = false;
    this.startedAt = this.phaseStart = now;
    const { total } = pool.plan.timeouts;
    this.endsAt = total > 0 ? now + total : Infinity;
  }
}

/** The largest part of the body that a list of steps needs before it runs. */
export function collectBytesOf(uses: readonly (BodyUse | undefined)[]): number {
  let bytes = 0;
  for (const use of uses)
    if (use?.kind === "peek" || use?.kind === "buffer") bytes = Math.max(bytes, use.bytes);
  return bytes;
}
