/**
 * Which members of a pool may take traffic, by what has been measured of them and what an operator wants of them.
 *
 * Members that are not active never serve. Of the others:
 *
 * Without a check everybody may. With one, healthy members may; unknown ones only where nobody is known to be healthy, so
 * a member that joins a serving pool waits for its first success and a cold start does not wait. Unhealthy ones may not.
 * Where the share of members that are not unhealthy falls below the panic threshold all may: what is left would only
 * break down too. Members of last resort come in by the same rules when no other may serve. When nobody is left the pool
 * is down, or all may serve all the same where `on_all_down` says panic.
 */
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

/** Members that are active and have weight: how many there are of each health. */
class Tally {
  all = 0;
  healthy = 0;
  unhealthy = 0;

  add({ health }: MemberState, change: 1 | -1): void {
    this.all += change;
    if (health === "healthy") this.healthy += change;
    else if (health === "unhealthy") this.unhealthy += change;
  }

  /** Somebody may serve by its health; unknown ones may where nobody is healthy. */
  serves(checked: boolean): boolean {
    return checked ? this.all > this.unhealthy : this.all > 0;
  }
}

/** Who may serve while a pool stands so. */
type Group = "regular" | "last_resort" | "all";

/**
 * How a pool stands, kept up to date change by change: a change of one member costs the same however many there are,
 * unless it changes what holds for all of them.
 */
export class PoolStanding implements Availability {
  condition: PoolCondition = "down";
  readonly #members: MemberState[];
  readonly #rules: AvailabilityRules;
  readonly #regular = new Tally();
  readonly #spare = new Tally();
  #group: Group = "regular";
  #looksAtHealth = false;
  /** With health looked at: unknown members wait for their first success. */
  #anyHealthy = false;

  constructor(members: readonly MemberState[], rules: AvailabilityRules) {
    this.#members = [...members];
    this.#rules = rules;
    for (const member of members) this.#count(member, 1);
    this.#decide();
  }

  get available(): boolean[] {
    return this.#members.map((member) => this.#mayServe(member));
  }

  /** Whether the member at `index` may be chosen. */
  isAvailable(index: number): boolean {
    return this.#mayServe(this.#members[index]!);
  }

  /** Health of the member at `index`, as far as it counts: without a check none does, also none of a plan before. */
  healthOf(index: number): Health {
    return this.#rules.checked ? this.#members[index]!.health : "unknown";
  }

  /** The member at `index` has this health from now on. Returns true when that may matter to others as well. */
  setHealth(index: number, health: Health): boolean {
    const before = this.#members[index]!;
    if (before.health === health) return false;
    const member = { ...before, health };
    this.#members[index] = member;
    this.#count(before, -1);
    this.#count(member, 1);
    return this.#decide();
  }

  #count(member: MemberState, change: 1 | -1): void {
    if (member.active && member.weight > 0)
      (member.last_resort ? this.#spare : this.#regular).add(member, change);
  }

  #mayServe({ active, last_resort, health }: MemberState): boolean {
    if (!active || (this.#group !== "all" && last_resort !== (this.#group === "last_resort"))) return false;
    if (!this.#looksAtHealth || health === "healthy") return true;
    return health === "unknown" && !this.#anyHealthy;
  }

  /** Returns true when the decision is another one than before. */
  #decide(): boolean {
    const { condition } = this;
    const group = this.#group;
    const looksAtHealth = this.#looksAtHealth;
    const anyHealthy = this.#anyHealthy;
    this.#stand();
    return (
      condition !== this.condition ||
      group !== this.#group ||
      looksAtHealth !== this.#looksAtHealth ||
      anyHealthy !== this.#anyHealthy
    );
  }

  #stand(): void {
    const { checked, on_all_down } = this.#rules;
    const regular = this.#regular;
    const spare = this.#spare;
    if (this.#isPanic()) this.#set("panic", "regular", false, regular);
    else if (regular.serves(checked)) this.#set("serving", "regular", checked, regular);
    else if (spare.serves(checked)) this.#set("last_resort", "last_resort", checked, spare);
    else if (on_all_down === "panic" && regular.all + spare.all > 0)
      this.#set("panic", "all", false, regular);
    else this.#set("down", "regular", checked, regular);
  }

  #set(condition: PoolCondition, group: Group, looksAtHealth: boolean, tally: Tally): void {
    this.condition = condition;
    this.#group = group;
    this.#looksAtHealth = looksAtHealth;
    this.#anyHealthy = looksAtHealth && tally.healthy > 0;
  }

  #isPanic(): boolean {
    const { checked, panic_threshold } = this.#rules;
    const { all, unhealthy } = this.#regular;
    return checked && panic_threshold > 0 && all > 0 && (all - unhealthy) / all < panic_threshold;
  }
}

/** Who may serve of the members of a pool of a plan. */
export function standingOf(
  pool: PoolPlan,
  members: readonly { readonly key: string; readonly backend: BackendPlan }[],
  { health, overrides }: Pick<KnownState, "health" | "overrides">,
): PoolStanding {
  const states = members.map(({ key, backend }) => ({
    health: health[`${pool.name}/${key}`] ?? "unknown",
    weight: weightOf(pool.name, backend, overrides),
    active: wantedOf(pool.name, backend, overrides) === "active",
    last_resort: backend.last_resort,
  }));
  const { on_all_down, panic_threshold } = pool;
  return new PoolStanding(states, { checked: pool.health_check !== null, on_all_down, panic_threshold });
}
