/** Which members of a pool may take traffic, by what has been measured of them. */
import type { Health } from "../model.ts";

/** What the decision needs to know of a member. */
export interface Measured {
  readonly health: Health;
  /** 0 = it takes no traffic, so its health keeps nobody waiting. */
  readonly weight: number;
}

/** True when some member that takes traffic is known to be healthy. */
export function hasHealthy(members: Iterable<Measured>): boolean {
  for (const { health, weight } of members) if (weight > 0 && health === "healthy") return true;
  return false;
}

/**
 * True when a member may take traffic in a pool that is `checked` (has a health check) and has a healthy member or not.
 * Without a check everybody may. With one, healthy members may; unknown ones only where nobody is known to be healthy,
 * so a member that joins a serving pool waits for its first success and a cold start does not wait. Unhealthy ones may
 * not, even when nobody is left: then the pool has no backend.
 */
export function mayServe(health: Health, checked: boolean, poolHasHealthy: boolean): boolean {
  if (!checked || health === "healthy") return true;
  return health === "unknown" && !poolHasHealthy;
}
