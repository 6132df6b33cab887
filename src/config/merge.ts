/**
 * Joins layers into one value and remembers, for every part of it, the layer and the place it came from. Maps are joined
 * key by key, lists of files are joined end to end, everything else is replaced by the later layer. A key without a value
 * (null) never replaces anything. Values of layers are never changed: they are kept over reloads.
 */
import type { Layer } from "./layer.ts";
import { isMap, kindOf, type PlainMap } from "./plain_value.ts";
import type { Path } from "./problem.ts";

/** Where a value stands: a layer and the path inside it. */
export interface Origin {
  readonly layer: Layer;
  readonly at: Path;
}

/** The origin of a joined value: one origin for the whole, or one for each part. */
interface OriginTree extends Origin {
  readonly keys?: ReadonlyMap<string, OriginTree>;
  readonly items?: readonly OriginTree[];
  /** Of a list that was joined of others: where each begins. Kept instead of an origin for every item of long lists. */
  readonly runs?: readonly { readonly start: number; readonly list: OriginTree }[];
}

/** A value of a kind that cannot stand at its place, which another file fills as it should be. */
export interface WrongKind {
  readonly path: Path;
  readonly origin: Origin;
  readonly value: unknown;
}

/** How lists of files are joined, and which kinds of value may stand where. */
interface FileRules {
  /** True when a value of the kind of `value` may stand at `path`. */
  accepts(path: Path, value: unknown): boolean;
  readonly wrong: WrongKind[];
  /** Maps and lists that were made in this course of joins: they may grow, where those of layers are copied. */
  readonly owned: WeakSet<object>;
}

export class Merged {
  readonly value: unknown;
  private readonly origins: OriginTree | null;

  constructor(value: unknown, origins: OriginTree | null) {
    this.value = value;
    this.origins = origins;
  }

  /** Where the value at `path` comes from; for what does not exist, where it would stand in the part that lacks it. */
  originOf(path: Path): Origin | null {
    if (this.origins === null) return null;
    let tree: OriginTree = this.origins;
    for (const [depth, step] of path.entries()) {
      const next: OriginTree | undefined =
        typeof step === "number" ? itemOrigin(tree, step) : tree.keys?.get(step);
      if (next === undefined) return { layer: tree.layer, at: [...tree.at, ...path.slice(depth)] };
      tree = next;
    }
    return tree;
  }

  /** Joins file layers. Of two kinds of value at one place the one that `accepts` refuses goes to `wrong`. */
  withFiles(layers: readonly Layer[], accepts: FileRules["accepts"], wrong: WrongKind[]): Merged {
    const rules = { accepts, wrong, owned: new WeakSet() };
    let joined: Part = { value: this.value, origins: this.origins };
    for (const layer of layers) {
      if (layer.value === null || layer.value === undefined) continue;
      joined = joinParts(joined, { value: layer.value, origins: { layer, at: [] } }, [], rules);
    }
    return new Merged(joined.value, joined.origins);
  }

  /** Sets what an environment variable or a flag says; `layer.value` stands at `path`. Lists are replaced. */
  withAssignment(path: Path, layer: Layer): Merged {
    const [value, origins] = assign(
      { value: this.value, origins: this.origins },
      path,
      { value: layer.value, origins: { layer, at: [] } },
      path,
    );
    return new Merged(value, origins);
  }

  /** The same origins with a value from which parts were taken out. */
  withValue(value: unknown): Merged {
    return new Merged(value, this.origins);
  }
}

export const NOTHING_MERGED = new Merged(undefined, null);

interface Part {
  readonly value: unknown;
  readonly origins: OriginTree | null;
}

/** `rules` null: values of another kind and lists are replaced (environment and flags). */
function joinParts(first: Part, second: Part, path: Path, rules: FileRules | null): Part {
  if (first.origins === null || first.value === null || first.value === undefined) return second;
  if (second.origins === null || second.value === null || second.value === undefined) return first;
  if (isMap(first.value) && isMap(second.value)) return joinMaps(first, second, path, rules);
  if (rules === null) return second;
  if (Array.isArray(first.value) && Array.isArray(second.value)) return joinLists(first, second, rules);
  if (kindOf(first.value) === kindOf(second.value)) return second;
  const [firstFits, secondFits] = [rules.accepts(path, first.value), rules.accepts(path, second.value)];
  if (firstFits === secondFits) return second;
  const [good, bad] = firstFits ? [first, second] : [second, first];
  rules.wrong.push({ path, origin: bad.origins!, value: bad.value });
  return good;
}

function joinMaps(first: Part, second: Part, path: Path, rules: FileRules | null): Part {
  const mayGrow = rules?.owned.has(first.value as object) === true;
  const value = (mayGrow ? first.value : { ...(first.value as PlainMap) }) as Record<string, unknown>;
  const keys = mayGrow
    ? (first.origins!.keys as Map<string, OriginTree>)
    : new Map(Object.keys(value).map((key) => [key, childOrigin(first.origins!, key)]));
  rules?.owned.add(value);
  for (const [key, added] of Object.entries(second.value as PlainMap)) {
    const origins = childOrigin(second.origins!, key);
    const part = Object.hasOwn(value, key)
      ? joinParts(
          { value: value[key], origins: keys.get(key)! },
          { value: added, origins },
          [...path, key],
          rules,
        )
      : { value: added, origins };
    value[key] = part.value;
    keys.set(key, part.origins!);
  }
  return { value, origins: { layer: first.origins!.layer, at: first.origins!.at, keys } };
}

function joinLists(first: Part, second: Part, { owned }: FileRules): Part {
  const { layer, at } = first.origins!;
  const mayGrow = owned.has(first.value as object);
  const value = (mayGrow ? first.value : [...(first.value as unknown[])]) as unknown[];
  const start = value.length;
  for (const item of second.value as unknown[]) value.push(item);
  owned.add(value);
  const before = first.origins!.runs ?? [{ start: 0, list: first.origins! }];
  return {
    value,
    origins: { layer, at, runs: [...before, { start, list: second.origins! }] },
  };
}

function childOrigin(tree: OriginTree, step: string | number): OriginTree {
  const known = typeof step === "number" ? itemOrigin(tree, step) : tree.keys?.get(step);
  return known ?? { layer: tree.layer, at: [...tree.at, step] };
}

/** The origin of an item of a list whose items come from several places. */
function itemOrigin({ items, runs }: OriginTree, index: number): OriginTree | undefined {
  const run = runs?.findLast(({ start }) => start <= index);
  return run === undefined ? items?.[index] : childOrigin(run.list, index - run.start);
}

/** Copies the way down to `path` and joins `part` there. Returns the new value and its origins. */
function assign(into: Part, path: Path, part: Part, whole: Path): readonly [unknown, OriginTree] {
  const [step, ...rest] = path;
  if (step === undefined) {
    const joined = joinParts(into, part, whole, null);
    return [joined.value, joined.origins!];
  }
  const own = part.origins!;
  if (Array.isArray(into.value) && typeof step === "number" && into.origins !== null) {
    const list = [...(into.value as unknown[])];
    const items = list.map((_, index) => childOrigin(into.origins!, index));
    const child = { value: list[step], origins: items[step] ?? null };
    const [value, origins] = assign(child, rest, part, whole);
    list[step] = value;
    items[step] = origins;
    return [list, { layer: into.origins.layer, at: into.origins.at, items }];
  }
  const key = String(step);
  const before = isMap(into.value) && into.origins !== null ? into : null;
  const map: Record<string, unknown> = { ...(before?.value as PlainMap | undefined) };
  const keys = new Map(Object.keys(map).map((name) => [name, childOrigin(before!.origins!, name)]));
  const child = Object.hasOwn(map, key)
    ? { value: map[key], origins: keys.get(key)! }
    : { value: undefined, origins: null };
  const [value, origins] = assign(child, rest, part, whole);
  map[key] = value;
  keys.set(key, origins);
  return [map, { layer: before?.origins?.layer ?? own.layer, at: before?.origins?.at ?? [], keys }];
}
