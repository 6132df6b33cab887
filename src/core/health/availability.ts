/** Which members of a pool may take traffic, by what has been measured of them and what an operator wants of them. */
import type { Health } from "../model.ts";
import type { BackendPlan, PoolPlan } from "../plan.ts";
import type { KnownState } from "./delta.ts";
import { wantedOf, weightOf } from "./overrides.ts";

/**
 * How a pool stands: `serving` as it should, from its `last_resort` members, in `panic` (health is not looked at), or
 * `down` with nobody to take a request.
 */
export type PoolCondition = "serving" | "last_resort" | "panic" | "down";

/** What the decision needs to know of a member. */
export interface MemberState {
  readonly health: Health;
  /** 0 = it takes no traffic, so its health keeps nobody waiting. */
  readonly weight: number;
  /** Neither draining nor disabled. */
  readonly active: boolean;
  readonly last_resort: boolean;
}

/** What the decision needs to know of a pool; `checked` = it has a health check. */
export interface AvailabilityRules {
  readonly checked: boolean;
  readonly on_all_down: PoolPlan["on_all_down"];
  readonly panic_threshold: number;
}

export interface Availability {
  readonly condition: PoolCondition;
  /** For each member whether it may be chosen. */
  readonly available: readonly boolean[];
}

/**
 * Members that are not active never serve. Of the others:
 *
 * Without a check everybody may. With one, healthy members may; unknown ones only where nobody is known to be healthy, so
 * a member that joins a serving pool waits for its first success and a cold start does not wait. Unhealthy ones may not.
 * Where the share of members that are not unhealthy falls below the panic threshold all may: what is left would only
 * break down too. Members of last resort come in by the same rules when no other may serve. When nobody is left the pool
 * is down, or all may serve all the same where `on_all_down` says panic.
 */
export function judge(members: readonly MemberState[], rules: AvailabilityRules): Availability {
  const regular = members.map(({ active, last_resort }) => active && !last_resort);
  const spare = members.map(({ active, last_resort }) => active && last_resort);
  if (isPanic(members, regular, rules)) return { condition: "panic", available: regular };
  const serving = allowed(members, regular, rules.checked);
  if (hasWeight(members, serving)) return { condition: "serving", available: serving };
  const rescuing = allowed(members, spare, rules.checked);
  if (hasWeight(members, rescuing)) return { condition: "last_resort", available: rescuing };
  const anybody = members.map(({ active }) => active);
  if (rules.on_all_down === "panic" && hasWeight(members, anybody))
    return { condition: "panic", available: anybody };
  return { condition: "down", available: serving };
}

type Group = readonly boolean[];

/** Members of `group` that may serve by their health. */
function allowed(members: readonly MemberState[], group: Group, checked: boolean): boolean[] {
  const isHealthy = ({ health, weight }: MemberState, index: number): boolean =>
    group[index]! && weight > 0 && health === "healthy";
  const anyHealthy = members.some(isHealthy);
  return members.map(({ health }, index) => {
    if (!group[index]!) return false;
    return !checked || health === "healthy" || (health === "unknown" && !anyHealthy);
  });
}

function hasWeight(members: readonly MemberState[], group: Group): boolean {
  return members.some(({ weight }, index) => group[index]! && weight > 0);
}

function isPanic(
  members: readonly MemberState[],
  group: Group,
  { checked, panic_threshold }: AvailabilityRules,
): boolean {
  if (!checked || panic_threshold === 0) return false;
  const counted = members.filter(({ weight }, index) => group[index]! && weight > 0);
  const well = counted.filter(({ health }) => health !== "unhealthy").length;
  return counted.length > 0 && well / counted.length < panic_threshold;
}

/** The same for the members of a pool of a plan. */
export function judgePool(
  pool: PoolPlan,
  members: readonly { readonly key: string; readonly backend: BackendPlan }[],
  { health, overrides }: Pick<KnownState, "health" | "overrides">,
): Availability {
  const states = members.map(({ key, backend }) => ({
    health: health[`${pool.name}/${key}`] ?? "unknown",
    weight: weightOf(pool.name, backend, overrides),
    active: wantedOf(pool.name, backend, overrides) === "active",
    last_resort: backend.last_resort,
  }));
  const { on_all_down, panic_threshold } = pool;
  return judge(states, { checked: pool.health_check !== null, on_all_down, panic_threshold });
}
