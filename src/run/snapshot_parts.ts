/**
 * A snapshot in parts: each is small enough to be parsed by the receiver without a stall that a request would notice
 * (JSON.parse of a plan with 10,000 routes takes 14 ms in one piece). To a receiver that has an earlier snapshot only
 * what differs is sent; the rest is named by its place there.
 */
import type { Health } from "../core/model.ts";
import { workerPlan } from "../core/worker_plan.ts";
import type { BackendPlan, ListenerPlan, Plan, PoolPlan, RoutePlan } from "../core/plan.ts";
import type { Override, Snapshot } from "../core/snapshot.ts";

/** Characters of JSON that one part holds at most, unless a single item is larger. */
export const PART_CHARACTERS = 64 * 1024;

type PlanHead = Omit<Plan, "listeners" | "pools" | "routes">;
type FileEntry = readonly [string, string];

export type SnapshotPart =
  /** `based`: `kept` parts follow, of the snapshot that was finished last. */
  | {
      readonly kind: "head";
      readonly generation: number;
      readonly based: boolean;
      readonly plan: PlanHead;
    }
  | { readonly kind: "listeners"; readonly items: readonly ListenerPlan[] }
  /** Without backends: these follow in parts of their own. */
  | { readonly kind: "pools"; readonly items: readonly PoolPlan[] }
  /** More backends of the last pool. */
  | { readonly kind: "backends"; readonly items: readonly BackendPlan[] }
  | { readonly kind: "routes"; readonly items: readonly RoutePlan[] }
  | { readonly kind: "files"; readonly items: readonly FileEntry[] }
  | { readonly kind: "health"; readonly items: readonly (readonly [string, Health])[] }
  | { readonly kind: "members"; readonly items: readonly (readonly [string, readonly string[]])[] }
  | { readonly kind: "overrides"; readonly items: readonly (readonly [string, Override])[] }
  | { readonly kind: "documents"; readonly items: readonly (readonly [string, unknown])[] }
  /** So many items of the same list of the earlier snapshot; pools with all of their backends. */
  | {
      readonly kind: "kept";
      readonly list: "listeners" | "pools" | "routes" | "files";
      readonly from: number;
      readonly count: number;
    };

/** JSON of groups of items within the size of a part. */
function* grouped(kind: SnapshotPart["kind"], items: Iterable<unknown>): Generator<string> {
  let group: string[] = [];
  let characters = 0;
  const part = (): string => `{"kind":"${kind}","items":[${group.join(",")}]}`;
  for (const item of items) {
    const text = JSON.stringify(item);
    if (group.length > 0 && characters + text.length + 1 > PART_CHARACTERS) {
      yield part();
      group = [];
      characters = 0;
    }
    group.push(text);
    characters += text.length + 1;
  }
  if (group.length > 0) yield part();
}

/** Items that stand one after the other: in the earlier list from `from` on, or (-1) not there. */
interface Run<Item> {
  readonly from: number;
  readonly items: Item[];
}

/** The list in runs. Items are looked for by identity, or where that says nothing by `same`. */
function runsOf<Item>(
  items: readonly Item[],
  earlier: readonly Item[],
  keyOf: (item: Item) => unknown,
  same: (one: Item, other: Item) => boolean,
): Run<Item>[] {
  const places = new Map(earlier.map((item, index) => [keyOf(item), index]));
  const runs: Run<Item>[] = [];
  for (const item of items) {
    const found = places.get(keyOf(item)) ?? -1;
    const place = found >= 0 && same(earlier[found]!, item) ? found : -1;
    const last = runs.at(-1);
    const goesOn =
      last !== undefined &&
      (place < 0 ? last.from < 0 : last.from >= 0 && last.from + last.items.length === place);
    if (goesOn) last.items.push(item);
    else runs.push({ from: place, items: [item] });
  }
  return runs;
}

function* listed<Item>(
  list: (SnapshotPart & { kind: "kept" })["list"],
  runs: readonly Run<Item>[],
  sent: (items: readonly Item[]) => Iterable<string> = (items) => grouped(list, items),
): Generator<string> {
  for (const { from, items } of runs) {
    if (from < 0) yield* sent(items);
    else yield JSON.stringify({ kind: "kept", list, from, count: items.length } satisfies SnapshotPart);
  }
}

function* poolParts(pools: readonly PoolPlan[]): Generator<string> {
  for (const pool of pools) {
    yield* grouped("pools", [{ ...pool, backends: [] }]);
    yield* grouped("backends", pool.backends);
  }
}

const itself = <Item>(item: Item): Item => item;
const always = (): boolean => true;

/**
 * The parts of a snapshot as JSON, in the order in which an assembler takes them. `base` is the snapshot that the
 * receiver has finished last, or null. What both share is found by identity: `sharedPlan` sees to that.
 */
export function* snapshotParts(snapshot: Snapshot, base: Snapshot | null = null): Generator<string> {
  yield* planParts(snapshot, base);
  yield* stateParts(snapshot);
}

/** Plan and files: they stay as they are for as long as the snapshot lives. */
function* planParts(snapshot: Snapshot, base: Snapshot | null): Generator<string> {
  const { listeners, pools, routes, ...rest } = snapshot.plan;
  const { generation } = snapshot;
  const plan = workerPlan(rest);
  yield JSON.stringify({ kind: "head", generation, based: base !== null, plan } satisfies SnapshotPart);
  yield* listed("listeners", runsOf(listeners, base?.plan.listeners ?? [], itself, always));
  yield* listed("pools", runsOf(pools, base?.plan.pools ?? [], itself, always), poolParts);
  yield* listed("routes", runsOf(routes, base?.plan.routes ?? [], itself, always));
  const files = Object.entries(snapshot.files);
  const earlier = Object.entries(base?.files ?? {});
  yield* listed(
    "files",
    runsOf(
      files,
      earlier,
      ([name]) => name,
      ([, one], [, other]) => one === other,
    ),
  );
}

/** What deltas change in place. */
function* stateParts(snapshot: Snapshot): Generator<string> {
  yield* grouped("health", Object.entries(snapshot.health));
  yield* grouped("members", Object.entries(snapshot.members));
  yield* grouped("overrides", Object.entries(snapshot.overrides));
  yield* grouped("documents", Object.entries(snapshot.documents));
}

const lastParts = new WeakMap<
  Snapshot,
  { readonly base: Snapshot | null; readonly parts: readonly string[] }
>();

/** `snapshotParts` with those of the plan made once for all workers that have the same base. */
export function* sharedParts(snapshot: Snapshot, base: Snapshot | null): Generator<string> {
  let known = lastParts.get(snapshot);
  if (known === undefined || known.base !== base) {
    known = { base, parts: [...planParts(snapshot, base)] };
    lastParts.set(snapshot, known);
  }
  yield* known.parts;
  yield* stateParts(snapshot);
}

/** Forgets what `sharedParts` has made of `snapshot`. */
export function forgetParts(snapshot: Snapshot): void {
  lastParts.delete(snapshot);
}

/** The lists of a snapshot that is put together. */
class Lists {
  readonly listeners: ListenerPlan[] = [];
  readonly pools: (Omit<PoolPlan, "backends"> & { backends: BackendPlan[] })[] = [];
  readonly routes: RoutePlan[] = [];
  readonly files: FileEntry[] = [];
}

/** Puts a snapshot together again. A `head` begins a new one. */
export class SnapshotAssembler {
  #head: (SnapshotPart & { kind: "head" }) | null = null;
  #lists = new Lists();
  /** Those of the snapshot that was finished last. */
  #base: Lists | null = null;
  #health: (readonly [string, Health])[] = [];
  #members: (readonly [string, readonly string[]])[] = [];
  #overrides: (readonly [string, Override])[] = [];
  #documents: (readonly [string, unknown])[] = [];

  /** Throws Error for a part of an earlier snapshot that there is not. */
  add(part: SnapshotPart): void {
    const lists = this.#lists;
    switch (part.kind) {
      case "head":
        if (part.based && this.#base === null) throw new Error("snapshot without the one before it");
        this.#head = part;
        this.#lists = new Lists();
        this.#health = [];
        this.#members = [];
        this.#overrides = [];
        this.#documents = [];
        return;
      case "kept":
        this.#keep(part.list, part.from, part.count);
        return;
      case "listeners":
        lists.listeners.push(...part.items);
        return;
      case "pools":
        for (const pool of part.items) lists.pools.push({ ...pool, backends: [] });
        return;
      case "backends":
        lists.pools.at(-1)?.backends.push(...part.items);
        return;
      case "routes":
        lists.routes.push(...part.items);
        return;
      case "files":
        lists.files.push(...part.items);
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
      case "documents":
        this.#documents.push(...part.items);
        return;
      default:
        part satisfies never;
    }
  }

  #keep(list: (SnapshotPart & { kind: "kept" })["list"], from: number, count: number): void {
    const earlier = (this.#base?.[list] ?? []) as unknown[];
    if (from + count > earlier.length)
      throw new Error(`the snapshot before has no ${list} ${from} to ${from + count}`);
    const into = this.#lists[list] as unknown[];
    for (let index = from; index < from + count; index++) into.push(earlier[index]);
  }

  /** The snapshot of all parts since the last head. Throws when there was none. */
  finish(): Snapshot {
    if (this.#head === null) throw new Error("snapshot without a head");
    const { generation, plan } = this.#head;
    const { listeners, pools, routes, files } = this.#lists;
    this.#head = null;
    this.#base = this.#lists;
    return {
      generation,
      plan: { ...plan, listeners, pools, routes },
      files: Object.fromEntries(files),
      health: Object.fromEntries(this.#health),
      members: Object.fromEntries(this.#members),
      overrides: Object.fromEntries(this.#overrides),
      documents: Object.fromEntries(this.#documents),
    };
  }
}
