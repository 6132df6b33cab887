/** What a reload has changed, in words: names alone, no values, so that no secret can be among them. */
import type { PoolPlan } from "../core/plan.ts";
import type { Snapshot } from "../core/snapshot.ts";

/** Of more names the number is told. */
const MOST_NAMES = 5;
/** Pools whose backends are told one by one. */
const MOST_POOLS = 10;

type Configured = Pick<Snapshot, "plan" | "files">;

interface Named {
  readonly name: string;
}

/** One phrase for each kind of change, such as `listener api added`; empty when nothing differs. */
export function planChanges(before: Configured, after: Configured): string[] {
  const { listeners, pools, routes, ...rest } = after.plan;
  const known: Readonly<Record<string, unknown>> = { ...before.plan };
  const settings = Object.entries(rest).filter(([key, value]) => !isSame(value, known[key]));
  return [
    ...listChanges("listener", before.plan.listeners, listeners),
    ...poolChanges(before.plan.pools, pools),
    ...listChanges("route", before.plan.routes, routes),
    ...phrase(
      "setting",
      settings.map(([key]) => key),
      "changed",
    ),
    ...phrase("file", changedFiles(before.files, after.files), "changed"),
  ];
}

function poolChanges(before: readonly PoolPlan[], after: readonly PoolPlan[]): string[] {
  const known = new Map(before.map((pool) => [pool.name, pool]));
  const details = after.flatMap((pool) => {
    const old = known.get(pool.name);
    if (old === undefined || isSame(old.backends, pool.backends)) return [];
    const backends = ({ backends: list }: PoolPlan) =>
      list.map((backend) => ({ ...backend, name: backend.id }));
    const changes = listChanges("backend", backends(old), backends(pool));
    return [`of pool ${pool.name}: ${changes.join(", ")}`];
  });
  const shown = details.slice(0, MOST_POOLS);
  const more = details.length - shown.length;
  return [
    ...listChanges("pool", before, after),
    ...shown,
    ...(more > 0 ? [`backends of ${more} more pools`] : []),
  ];
}

function listChanges(kind: string, before: readonly Named[], after: readonly Named[]): string[] {
  const old = new Map(before.map((each) => [each.name, each]));
  const names = new Set(after.map(({ name }) => name));
  const added = after.filter(({ name }) => !old.has(name));
  const removed = before.filter(({ name }) => !names.has(name));
  const changed = after.filter((each) => old.has(each.name) && !isSame(old.get(each.name), each));
  const found = [
    ...phrase(kind, namesOf(added), "added"),
    ...phrase(kind, namesOf(removed), "removed"),
    ...phrase(kind, namesOf(changed), "changed"),
  ];
  if (found.length > 0 || isSame(namesOf(before), namesOf(after))) return found;
  return [`order of ${kind}s changed`];
}

/** `pools a, b and 3 more added`; nothing without names. */
function phrase(kind: string, names: readonly string[], what: string): string[] {
  if (names.length === 0) return [];
  const more = names.length - MOST_NAMES;
  const shown = `${names.slice(0, MOST_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return [`${kind}${names.length === 1 ? "" : "s"} ${shown} ${what}`];
}

const namesOf = (list: readonly Named[]): string[] => list.map(({ name }) => name);

/** Equal parts of two plans are mostly the same objects. */
const isSame = (one: unknown, other: unknown): boolean =>
  one === other || JSON.stringify(one) === JSON.stringify(other);

function changedFiles(before: Snapshot["files"], after: Snapshot["files"]): string[] {
  return Object.keys(after).filter((path) => path in before && before[path] !== after[path]);
}
