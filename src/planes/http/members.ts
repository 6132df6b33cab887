/** Health and addresses of a plan's backends as they change between two plans. */
import { applyDelta as applied } from "../../core/health/delta.ts";
import { hasHealthy, mayServe } from "../../core/health/veto.ts";
import type { Health } from "../../core/model.ts";
import type { HealthMap, Snapshot, SnapshotDelta } from "../../core/snapshot.ts";
import type { MetricLayout } from "../../observe/metric_layout.ts";
import { rebuildPool, type BuildHost } from "./build.ts";
import type { PlaneRuntime, PoolRuntime } from "./runtime.ts";

/** A plan with the snapshot that it came with; the snapshot is replaced as deltas come. */
export interface BuiltPlan {
  readonly runtime: PlaneRuntime;
  readonly layout: MetricLayout;
  snapshot: Snapshot;
}

/**
 * Takes over what has changed. Connections of addresses that are gone end when they are idle. A plan that is prepared
 * keeps the change to itself until it acts: it shares its backends with the one that acts.
 */
export function applyDelta(host: BuildHost, built: BuiltPlan, delta: SnapshotDelta): void {
  const { runtime } = built;
  built.snapshot = applied(built.snapshot, delta);
  const named = new Set(Object.keys(delta.members).map((key) => key.slice(0, key.indexOf("/"))));
  for (const pool of runtime.pools.values()) {
    if (named.has(pool.plan.name)) rebuildPool(host, built, pool);
  }
  if (runtime.acts) applyHealth(runtime, built.snapshot.health);
}

/** Sets which candidates may be chosen. */
export function applyHealth(runtime: PlaneRuntime, health: HealthMap): void {
  for (const pool of runtime.pools.values()) applyPoolHealth(pool, health);
}

function applyPoolHealth({ plan, upstreams }: PoolRuntime, health: HealthMap): void {
  const checked = plan.health_check !== null;
  const healthOf = (key: string): Health => health[`${plan.name}/${key}`] ?? "unknown";
  const anyHealthy =
    checked && hasHealthy(upstreams.map(({ key, weight }) => ({ health: healthOf(key), weight })));
  for (const upstream of upstreams)
    upstream.available = mayServe(healthOf(upstream.key), checked, anyHealthy);
}
