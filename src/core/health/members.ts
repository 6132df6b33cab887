/** The members of a pool: each address of each backend, under a key that stays the same over reloads. */
import type { Endpoint } from "../model.ts";
import type { BackendPlan, Plan, PoolPlan } from "../plan.ts";
import { parseIp } from "../schema/ip.ts";
import type { MemberMap } from "../snapshot.ts";

/** One address of a backend. */
export interface Member {
  /** Candidate key: the backend's id, or `id@address` where the backend is given by name. */
  readonly key: string;
  /** A unix socket or a literal address. */
  readonly endpoint: Endpoint;
}

/** A member with its place in the plan. */
export interface PoolMember extends Member {
  readonly pool: PoolPlan;
  readonly backend: BackendPlan;
  /** Its key in a map of health: `pool/key`. */
  readonly id: string;
}

/** The name that must be resolved to reach `backend`, or null for a literal address and a unix socket. */
export function backendName(backend: BackendPlan): string | null {
  const { endpoint } = backend;
  if (endpoint.kind === "unix") return null;
  const [withoutZone = ""] = endpoint.host.split("%");
  return parseIp(withoutZone) === null ? endpoint.host : null;
}

/** The addresses of `backend`: its own, or those that `addresses` found for its name (none: no member). */
export function membersOf(backend: BackendPlan, addresses: readonly string[]): Member[] {
  const { endpoint, id } = backend;
  if (backendName(backend) === null || endpoint.kind === "unix") return [{ key: id, endpoint }];
  return addresses.map((host) => ({ key: `${id}@${host}`, endpoint: { ...endpoint, host } }));
}

/** Every member of every pool of `plan`, in the order of the plan. */
export function membersOfPlan(plan: Pick<Plan, "pools">, members: MemberMap): PoolMember[] {
  return plan.pools.flatMap((pool) =>
    pool.backends.flatMap((backend) =>
      membersOf(backend, members[`${pool.name}/${backend.id}`] ?? []).map(({ key, endpoint }) => ({
        key,
        endpoint,
        pool,
        backend,
        id: `${pool.name}/${key}`,
      })),
    ),
  );
}

/** The pool in `pool/key` or `pool/backend id`. */
export function poolOfId(id: string): string {
  return id.slice(0, id.indexOf("/"));
}
