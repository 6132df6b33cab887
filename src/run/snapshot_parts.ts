/**
 * A snapshot in parts: each is small enough to be parsed by the receiver without a stall that a request would notice
 * (JSON.parse of a plan with 10,000 routes takes 14 ms in one piece).
 */
import type { Health } from "../core/model.ts";
import type { BackendPlan, ListenerPlan, Plan, PoolPlan, RoutePlan } from "../core/plan.ts";
import type { Override, Snapshot } from "../core/snapshot.ts";

/** Characters of JSON that one part holds at most, unless a single item is larger. */
export const PART_CHARACTERS = 64 * 1024;

type PlanHead = Omit<Plan, "listeners" | "pools" | "routes">;

export type SnapshotPart =
  | { readonly kind: "head"; readonly generation: number; readonly plan: PlanHead }
  | { readonly kind: "listeners"; readonly items: readonly ListenerPlan[] }
  /** Without backends: these follow in parts of their own. */
  | { readonly kind: "pools"; readonly items: readonly PoolPlan[] }
  /** More backends of the last pool. */
  | { readonly kind: "backends"; readonly items: readonly BackendPlan[] }
  | { readonly kind: "routes"; readonly items: readonly RoutePlan[] }
  | { readonly kind: "files"; readonly items: readonly (readonly [string, string])[] }
  | { readonly kind: "health"; readonly items: readonly (readonly [string, Health])[] }
  | { readonly kind: "members"; readonly items: readonly (readonly [string, readonly string[]])[] }
  | { readonly kind: "overrides"; readonly items: readonly (readonly [string, Override])[] };

/** Groups of items whose JSON stays within the size of a part. */
function* grouped<Item>(items: Iterable<Item>): Generator<Item[]> {
  let group: Item[] = [];
  let characters = 0;
  for (const item of items) {
    const size = JSON.stringify(item).length + 1;
    if (group.length > 0 && characters + size > PART_CHARACTERS) {
      yield group;
      group = [];
      characters = 0;
    }
    group.push(item);
    characters += size;
  }
  if (group.length > 0) yield group;
}

/** The parts of a snapshot in the order in which an assembler takes them. */
export function* snapshotParts(snapshot: Snapshot): Generator<SnapshotPart> {
  const { listeners, pools, routes, ...plan } = snapshot.plan;
  yield { kind: "head", generation: snapshot.generation, plan };
  for (const items of grouped(listeners)) yield { kind: "listeners", items };
  for (const pool of pools) {
    yield { kind: "pools", items: [{ ...pool, backends: [] }] };
    for (const items of grouped(pool.backends)) yield { kind: "backends", items };
  }
  for (const items of grouped(routes)) yield { kind: "routes", items };
  for (const items of grouped(Object.entries(snapshot.files))) yield { kind: "files", items };
  for (const items of grouped(Object.entries(snapshot.health))) yield { kind: "health", items };
  for (const items of grouped(Object.entries(snapshot.members))) yield { kind: "members", items };
  for (const items of grouped(Object.entries(snapshot.overrides))) yield { kind: "overrides", items };
}

/** Puts a snapshot together again. A `head` begins a new one. */
export class SnapshotAssembler {
  #head: (SnapshotPart & { kind: "head" }) | null = null;
  #listeners: ListenerPlan[] = [];
  #pools: (Omit<PoolPlan, "backends"> & { backends: BackendPlan[] })[] = [];
  #routes: RoutePlan[] = [];
  #files: (readonly [string, string])[] = [];
  #health: (readonly [string, Health])[] = [];
  #members: (readonly [string, readonly string[]])[] = [];
  #overrides: (readonly [string, Override])[] = [];

  add(part: SnapshotPart): void {
    switch (part.kind) {
      case "head":
        this.#head = part;
        this.#listeners = [];
        this.#pools = [];
        this.#routes = [];
        this.#files = [];
        this.#health = [];
        this.#members = [];
        this.#overrides = [];
        return;
      case "listeners":
        this.#listeners.push(...part.items);
        return;
      case "pools":
        for (const pool of part.items) this.#pools.push({ ...pool, backends: [] });
        return;
      case "backends":
        this.#pools.at(-1)?.backends.push(...part.items);
        return;
      case "routes":
        this.#routes.push(...part.items);
        return;
      case "files":
        this.#files.push(...part.items);
        return;
      case "health":
        this.#health.push(...part.items);
        return;
      case "members":
        this.#members.push(...part.items);
        return;
      case "overrides":
        this.#overrides.push(...part.items);
        return;
      default:
        part satisfies never;
    }
  }

  /** The snapshot of all parts since the last head. Throws when there was none. */
  finish(): Snapshot {
    if (this.#head === null) throw new Error("snapshot without a head");
    const { generation, plan } = this.#head;
    this.#head = null;
    return {
      generation,
      plan: { ...plan, listeners: this.#listeners, pools: this.#pools, routes: this.#routes },
      files: Object.fromEntries(this.#files),
      health: Object.fromEntries(this.#health),
      members: Object.fromEntries(this.#members),
      overrides: Object.fromEntries(this.#overrides),
    };
  }
}
