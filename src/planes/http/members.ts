/** Health and addresses of a plan's backends as they change between two plans. */
import { applyDelta as applied, type KnownState } from "../../core/health/delta.ts";
import { judgePool } from "../../core/health/availability.ts";
import { wantedOf } from "../../core/health/overrides.ts";
import type { Snapshot, SnapshotDelta } from "../../core/snapshot.ts";
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
  const changed = [...Object.keys(delta.members), ...Object.keys(delta.overrides)];
  const named = new Set(changed.map((key) => key.slice(0, key.indexOf("/"))));
  for (const pool of runtime.pools.values()) {
    if (named.has(pool.plan.name)) rebuildPool(host, built, pool);
  }
  if (runtime.acts) applyAvailability(runtime, built.snapshot);
}

/** Sets which candidates may be chosen. */
export function applyAvailability(runtime: PlaneRuntime, known: KnownState): void {
  for (const pool of runtime.pools.values()) applyPoolAvailability(pool, known);
}

function applyPoolAvailability({ plan, upstreams }: PoolRuntime, known: KnownState): void {
  const { available } = judgePool(plan, upstreams, known);
  for (const [index, upstream] of upstreams.entries()) {
    upstream.available = available[index]!;
    upstream.connections.wanted = wantedOf(plan.name, upstream.backend, known.overrides) === "active";
  }
  // Better one that failed a while ago than none.
  if (!upstreams.some((upstream) => upstream.available && upstream.weight > 0))
    for (const { connections } of upstreams) connections.readmit();
}
