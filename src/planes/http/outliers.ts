/** Leaves out backends whose tries fail in a row, within the limits of their pool. */
import { mostEjected } from "../../core/health/outliers.ts";
import type { OutlierPlan } from "../../core/plan.ts";
import type { PoolRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

export interface OutlierHost {
  warn(text: string): void;
  /** Who may be chosen is not the same any more. */
  changed(pool: PoolRuntime): void;
}

/** A try at `upstream` has ended at `now`, in monotonic milliseconds; `pool` acts and looks at that. */
export function tryEnded(
  host: OutlierHost,
  pool: PoolRuntime,
  upstream: Upstream,
  plan: OutlierPlan,
  failed: boolean,
  now: number,
): void {
  const { connections, key } = upstream;
  const ms = connections.outlier.ended(failed, now, plan);
  if (ms === 0 || connections.ejected || !mayLeave(pool, upstream, plan)) return;
  connections.outlier.ejected(ms, now, plan);
  connections.eject(ms, () => host.changed(pool.state.acting ?? pool));
  host.changed(pool);
  const why = `${plan.failures} tries in a row have failed`;
  host.warn(`pool ${pool.plan.name}: backend ${key} is left out for ${ms / 1_000} s: ${why}`);
}

/** True when the pool can do without: few are left out, and another one may be chosen. */
function mayLeave({ upstreams }: PoolRuntime, upstream: Upstream, plan: OutlierPlan): boolean {
  const out = upstreams.filter(({ connections }) => connections.ejected).length;
  if (out >= mostEjected(upstreams.length, plan)) return false;
  return upstreams.some((other) => other !== upstream && other.serves);
}
