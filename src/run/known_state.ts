/** What is known of the backends that a plan has. */
import type { KnownState, LiveState } from "../core/health/delta.ts";
import type { Plan } from "../core/plan.ts";

/** Health, members and overrides of backends of `plan`, and all documents, as objects of their own. */
export function knownOf(plan: Plan, { health, members, overrides, documents }: KnownState): LiveState {
  const ids = new Set(plan.pools.flatMap((pool) => pool.backends.map(({ id }) => `${pool.name}/${id}`)));
  const kept = ([key]: [string, unknown]) => ids.has(key) || ids.has(key.slice(0, key.lastIndexOf("@")));
  return {
    health: Object.fromEntries(Object.entries(health).filter(kept)),
    members: Object.fromEntries(Object.entries(members).filter(kept)),
    overrides: Object.fromEntries(Object.entries(overrides).filter(kept)),
    documents: { ...documents },
  };
}
