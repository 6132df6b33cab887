/** Leaves out backends whose tries fail in a row, within the limits of their pool. Pools without `outliers` pay a look. */
import type { ErrorCode } from "../../core/errors.ts";
import { mostEjected } from "../../core/health/outliers.ts";
import type { OutlierPlan } from "../../core/plan.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";
import type { AttemptState, PoolRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/** How an answer ends that its backend has broken off. Not the total timeout: the client may be slow. */
const BROKEN_OFF: ReadonlySet<string> = new Set<ErrorCode>([
  "FL_UPSTREAM_TRUNCATED",
  "FL_UPSTREAM_RESET",
  "FL_UPSTREAM_CLOSED",
  "FL_UPSTREAM_IDLE",
  "FL_BAD_RESPONSE",
]);

export interface OutlierHost {
  /** Monotonic milliseconds. */
  now(): number;
  warn(text: string): void;
  /** Who may be chosen is not the same any more. */
  changed(pool: PoolRuntime): void;
}

export class OutlierWatch {
  readonly #host: OutlierHost;

  constructor(host: OutlierHost) {
    this.#host = host;
  }

  /** The try at work has had no answer. */
  failed(state: AttemptState): void {
    const plan = state.upstream!.pool.outliers;
    if (plan !== null) this.#ended(state, plan, true);
  }

  /** The head of an answer has come. One that is no failure by its status is a success when it is complete. */
  answered(state: AttemptState, status: number): void {
    const plan = state.upstream!.pool.outliers;
    if (plan === null) return;
    const failed = plan.statuses.includes(status);
    if (failed || status === 101) this.#ended(state, plan, failed);
    else state.isOnTrial = true;
  }

  /** The answer is not waited for: its status is one to be tried elsewhere. */
  retried(state: AttemptState): void {
    if (state.isOnTrial) this.#ended(state, state.upstream!.pool.outliers!, false);
  }

  /** An answer is over: broken off by the backend, complete, or left by the client, when nobody knows. */
  answerEnded({ reason, responseEnded }: HttpExchange, state: AttemptState): void {
    if (!state.isOnTrial) return;
    const plan = state.upstream!.pool.outliers!;
    if (BROKEN_OFF.has(reason)) this.#ended(state, plan, true);
    else if (responseEnded) this.#ended(state, plan, false);
    else state.isOnTrial = false;
  }

  #ended(state: AttemptState, plan: OutlierPlan, failed: boolean): void {
    state.isOnTrial = false;
    const pool = state.pool!.state.acting ?? state.pool!;
    const upstream = state.upstream!;
    const { connections, key } = upstream;
    const now = this.#host.now();
    const ms = connections.outlier.ended(failed, now, plan);
    if (ms === 0 || connections.ejected || !mayLeave(pool, upstream, plan)) return;
    connections.outlier.ejected(ms, now, plan);
    connections.eject(ms, () => this.#host.changed(pool.state.acting ?? pool));
    this.#host.changed(pool);
    const why = `${plan.failures} tries in a row have failed`;
    this.#host.warn(`pool ${pool.plan.name}: backend ${key} is left out for ${ms / 1_000} s: ${why}`);
  }
}

/** True when the pool can do without: few are left out, and another one may be chosen. */
function mayLeave({ upstreams }: PoolRuntime, upstream: Upstream, plan: OutlierPlan): boolean {
  const out = upstreams.filter(({ connections }) => connections.ejected).length;
  if (out >= mostEjected(upstreams.length, plan)) return false;
  return upstreams.some((other) => other.key !== upstream.key && other.serves);
}
