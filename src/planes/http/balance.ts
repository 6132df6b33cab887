/**
 * What follows when anything has changed about who of a pool may serve: nobody stays out who is needed, who comes back
 * starts slowly, and zones get their shares.
 */
import type { SlowStartPlan } from "../../core/plan.ts";
import { strategyByName } from "../../core/strategies/all.ts";
import { holdsBack, type SlowStarter } from "../../core/strategies/slow_start.ts";
import { zoneShares } from "../../core/strategies/zone_shares.ts";
import { Deadline, type TimerWheel } from "../../platform/timer_wheel.ts";
import type { PoolRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/** A slow start grows in so many steps. */
const STEPS = 50;

export interface BalanceHost {
  readonly wheel: TimerWheel;
  /** Monotonic milliseconds. */
  now(): number;
}

/** To be called after each such change of a pool that acts. */
export function settle(host: BalanceHost, pool: PoolRuntime): void {
  const { plan, upstreams } = pool;
  // Better one that failed a while ago than none.
  if (!upstreams.some(({ serves }) => serves)) for (const { connections } of upstreams) connections.readmit();
  const { slow_start, zones } = plan;
  if (slow_start !== null) startSlowly(host, pool, slow_start);
  if (zones !== null) pool.balancer.setShares(zoneShares(servingByZone(host, pool), zones.spill_below));
  pool.picker = pool.balancer.picker;
}

function startSlowly(host: BalanceHost, pool: PoolRuntime, plan: SlowStartPlan): void {
  const now = host.now();
  const starting = warmUp(pool, plan, now);
  const holds = holdsBack(strategyByName(pool.plan.strategy.name)!);
  for (const { connections } of pool.upstreams) connections.hold(holds && connections.warmth === "starting");
  const starters = Array.from({ length: pool.balancer.zoneCount }, (): SlowStarter[] => []);
  for (const upstream of starting)
    starters[upstream.zone]!.push({ candidate: upstream, share: shareOf(upstream, plan, now) });
  pool.balancer.slowStart(starters);
  const { state } = pool;
  if (starting.length === 0) {
    if (state.slowStart !== null) host.wheel.remove(state.slowStart);
    return;
  }
  state.slowStart ??= new Deadline(() => state.acting !== null && settle(host, state.acting));
  host.wheel.after(state.slowStart, plan.duration_ms / STEPS);
}

/** Decides for each backend how far it has come. Returns those whose share grows. */
function warmUp(pool: PoolRuntime, plan: SlowStartPlan, now: number): Upstream[] {
  const { upstreams, standing } = pool;
  for (const [place, { connections }] of upstreams.entries()) {
    const isAway =
      connections.wanted !== "active" || connections.ejected || standing!.healthOf(place) === "unhealthy";
    if (isAway) connections.warmth = "cold";
    else if (connections.warmth === "starting" && now - connections.startedAt >= plan.duration_ms)
      connections.warmth = "warm";
  }
  // Nobody is spared where all have just come: there are no others to take more.
  const othersServe =
    standing!.condition !== "panic" &&
    upstreams.some(({ serves, connections }) => serves && connections.warmth === "warm");
  const starting: Upstream[] = [];
  for (const [place, upstream] of upstreams.entries()) {
    const { connections, serves } = upstream;
    if (connections.warmth === "new") connections.warmth = othersServe ? "cold" : "warm";
    if (!othersServe) {
      // In a panic the unhealthy serve too: they still have their start before them.
      if (serves && standing!.healthOf(place) !== "unhealthy") connections.warmth = "warm";
    } else if (!serves) {
      if (connections.warmth === "starting") connections.warmth = "cold";
    } else if (connections.warmth === "cold") {
      connections.warmth = "starting";
      connections.startedAt = now;
    }
    if (connections.warmth === "starting") starting.push(upstream);
  }
  return starting;
}

/** The part of its weight that a backend has now, 0 to 1. */
function shareOf({ connections }: Upstream, plan: SlowStartPlan, now: number): number {
  if (connections.warmth !== "starting") return 1;
  const { initial_share: initial, duration_ms: duration } = plan;
  return Math.min(1, initial + ((1 - initial) * (now - connections.startedAt)) / duration);
}

/** The share of each zone's weight that serves now. Those of last resort count only while they are what serves. */
function servingByZone(host: BalanceHost, { plan, upstreams, balancer, standing }: PoolRuntime): number[] {
  const now = host.now();
  const { slow_start } = plan;
  const inLastResort = standing!.condition === "last_resort";
  const total = new Float64Array(balancer.zoneCount);
  const serving = new Float64Array(balancer.zoneCount);
  for (const upstream of upstreams) {
    const { zone, weight, backend, serves } = upstream;
    if (backend.last_resort !== inLastResort) continue;
    total[zone]! += weight;
    if (serves) serving[zone]! += weight * (slow_start === null ? 1 : shareOf(upstream, slow_start, now));
  }
  return Array.from(total, (weight, zone) => (weight === 0 ? 0 : serving[zone]! / weight));
}
