/** The order in which a name tries the members of its pool: nearest zone first, within a zone as the strategy says. */
import { membersOf } from "../../core/health/members.ts";
import { wantedOf, weightOf } from "../../core/health/overrides.ts";
import type { Endpoint } from "../../core/model.ts";
import type { BackendPlan, PoolPlan, ZonesPlan } from "../../core/plan.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { Candidate, Random, Strategy } from "../../core/strategies/contract.ts";

/** A member that a hosts file can name. */
export interface RankedMember {
  /** Key of its health: `pool/key`. */
  readonly id: string;
  readonly key: string;
  readonly backend: BackendPlan;
  readonly endpoint: Endpoint;
  readonly address: string;
}

export type Family = "ipv4" | "ipv6";

/** The members of `pool` with addresses of `family` that an operator lets take new work. */
export function membersOfFamily(
  pool: PoolPlan,
  family: Family,
  { members, overrides }: Pick<Snapshot, "members" | "overrides">,
): RankedMember[] {
  return pool.backends.flatMap((backend) => {
    const isWanted = wantedOf(pool.name, backend, overrides) === "active";
    if (!isWanted || weightOf(pool.name, backend, overrides) === 0) return [];
    return membersOf(backend, members[`${pool.name}/${backend.id}`] ?? []).flatMap(({ key, endpoint }) =>
      endpoint.kind === "tcp" && familyOf(endpoint.host) === family
        ? [{ id: `${pool.name}/${key}`, key, backend, endpoint, address: endpoint.host }]
        : [],
    );
  });
}

/** Null for an address with a zone, which a hosts file cannot say. */
function familyOf(address: string): Family | null {
  if (address.includes("%")) return null;
  return address.includes(":") ? "ipv6" : "ipv4";
}

export interface RankingOptions {
  readonly strategy: Strategy;
  readonly random: Random;
  /** What keyed strategies hash here, where there is no request: it tells machines apart. */
  readonly machine_hash: number;
}

/** Ranks `members` anew. Strategies that go by turns or by chance give another order with each call. */
export class Ranker {
  readonly #pool: PoolPlan;
  readonly #options: RankingOptions;

  constructor(pool: PoolPlan, options: RankingOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  rank(members: readonly RankedMember[], weights: (backend: BackendPlan) => number): RankedMember[] {
    const { strategy, random, machine_hash } = this.#options;
    const candidates = members.map(({ key, backend }): Candidate => ({
      key,
      weight: weights(backend),
      available: true,
      in_flight: 0,
      latency_ms: 0,
      limit: 0,
    }));
    const picker = strategy.create(candidates, this.#pool.strategy.options, random, null);
    const byKey = new Map(members.map((member) => [member.key, member]));
    const ordered = (picker.order?.(machine_hash) ?? candidates).map(({ key }) => byKey.get(key)!);
    const { zones } = this.#pool;
    return ordered.toSorted((one, other) => distance(one.backend, zones) - distance(other.backend, zones));
  }
}

/** Smaller = sooner; members of last resort come behind all others. */
function distance({ zone, last_resort }: BackendPlan, zones: ZonesPlan | null): number {
  const place = zones === null ? 0 : zonePlace(zone, zones);
  return last_resort ? Number.MAX_SAFE_INTEGER : place;
}

function zonePlace(zone: string | null, { local, order }: ZonesPlan): number {
  if (zone === local) return 0;
  const place = zone === null ? -1 : order.indexOf(zone);
  return place < 0 ? order.length + 1 : place + 1;
}
