/** Health and addresses of a plan's backends as they change between two plans. */
import type { PoolPlan } from "../../core/plan.ts";
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

/** Takes over what has changed. Connections of addresses that are gone end when they are idle. */
export function applyDelta(host: BuildHost, built: BuiltPlan, delta: SnapshotDelta): void {
  const { snapshot, runtime } = built;
  built.snapshot = {
    ...snapshot,
    health: { ...snapshot.health, ...delta.health },
    members: { ...snapshot.members, ...delta.members },
  };
  const named = new Set(Object.keys(delta.members).map((key) => key.slice(0, key.indexOf("/"))));
  for (const pool of runtime.pools.values()) {
    if (named.has(pool.plan.name)) rebuildPool(host, built, pool);
  }
  applyHealth(runtime, built.snapshot.health);
}

/** Sets which candidates may be chosen. */
export function applyHealth(runtime: PlaneRuntime, health: HealthMap): void {
  for (const pool of runtime.pools.values()) applyPoolHealth(pool, pool.plan, health);
}

/**
 * A pool without a health check trusts all its backends. With one, a backend serves while it is healthy; those that
 * have not been checked yet serve only while none is known to be healthy.
 */
function applyPoolHealth(pool: PoolRuntime, plan: PoolPlan, health: HealthMap): void {
  if (plan.health_check === null) {
    for (const upstream of pool.upstreams) upstream.available = true;
    return;
  }
  const healthOf = (key: string) => health[`${plan.name}/${key}`] ?? "unknown";
  const anyHealthy = pool.upstreams.some(({ key, weight }) => weight > 0 && healthOf(key) === "healthy");
  for (const upstream of pool.upstreams) {
    const known = healthOf(upstream.key);
    upstream.available = known === "healthy" || (known === "unknown" && !anyHealthy);
  }
}
