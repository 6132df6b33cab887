/** Looking into zod schemas: what stands at a path, which keys exist, which values carry a marker. */
import type { z } from "zod";
import type { SettingMeta } from "../core/schema/text.ts";
import { isMap, type PlainMap } from "./plain_value.ts";
import type { Path } from "./problem.ts";

type Schema = z.core.$ZodType;

/** One schema without its wrappers (optional, default, pipe …), and the metadata of all that was taken off. */
export interface Bare {
  readonly schema: z.core.$ZodTypes;
  readonly meta: SettingMeta;
}

function metaOf(schema: Schema): SettingMeta {
  return ((schema as z.ZodType).meta?.() ?? {}) as SettingMeta;
}

const bareSchemasOf = new WeakMap<Schema, readonly Bare[]>();

/** The alternatives that an input may take. Of a pipe the side that sees the input counts. */
export function bareSchemas(schema: Schema): readonly Bare[] {
  const known = bareSchemasOf.get(schema);
  if (known !== undefined) return known;
  const found = findBareSchemas(schema);
  bareSchemasOf.set(schema, found);
  return found;
}

function findBareSchemas(schema: Schema): readonly Bare[] {
  const found: Bare[] = [];
  const visit = (wrapped: Schema, outer: SettingMeta): void => {
    const current = wrapped as z.core.$ZodTypes;
    const meta = { ...metaOf(current), ...outer };
    const def = current._zod.def;
    switch (def.type) {
      case "optional":
      case "nullable":
      case "default":
      case "prefault":
      case "nonoptional":
      case "readonly":
      case "catch":
        visit(def.innerType, meta);
        break;
      case "pipe":
        visit(def.in._zod.def.type === "transform" ? def.out : def.in, meta);
        break;
      case "lazy":
        visit(def.getter(), meta);
        break;
      case "union":
        for (const option of def.options) visit(option, meta);
        break;
      case "intersection":
        visit(def.left, meta);
        visit(def.right, meta);
        break;
      default:
        found.push({ schema: current, meta });
    }
  };
  visit(schema, {});
  return found;
}

/** Those alternatives that could take `value`: the right type, and literals (such as `type: http`) that agree. */
function matching(schema: Schema, value: unknown): readonly Bare[] {
  const bare = bareSchemas(schema);
  if (bare.length === 1) return bare;
  return bare.filter(({ schema: { _zod } }) => {
    const { def } = _zod;
    if (def.type === "object") return isMap(value) && literalsAgree(def.shape, value);
    if (def.type === "record") return isMap(value);
    if (def.type === "array" || def.type === "tuple") return Array.isArray(value);
    return !isMap(value) && !Array.isArray(value);
  });
}

/**
 * Those alternatives that take the kind of `value`. Where the literals agree with none of them, all of that kind: what is
 * wrong with a word beside it must not hide what is known of a value.
 */
function ofKind(schema: Schema, value: unknown): readonly Bare[] {
  const fitting = matching(schema, value).filter((bare) => takesKind(bare, value));
  return fitting.length > 0 ? fitting : bareSchemas(schema).filter((bare) => takesKind(bare, value));
}

function takesKind({ schema: { _zod } }: Bare, value: unknown): boolean {
  const { type } = _zod.def;
  if (type === "object" || type === "record") return isMap(value);
  return type === "array" ? Array.isArray(value) : !isMap(value) && !Array.isArray(value);
}

function literalsAgree(shape: Readonly<Record<string, Schema>>, value: PlainMap): boolean {
  return Object.entries(shape).every(([key, inner]) => {
    const { def } = (inner as z.core.$ZodTypes)._zod;
    return def.type !== "literal" || def.values.includes(value[key] as never);
  });
}

function childrenOf({ schema }: Bare, step: string | number): Schema[] {
  const { def } = schema._zod;
  switch (def.type) {
    case "object": {
      const child = Object.hasOwn(def.shape, step) ? def.shape[step] : undefined;
      return child === undefined ? [] : [child];
    }
    case "record":
      return [def.valueType];
    case "array":
      return [def.element];
    default:
      return [];
  }
}

/** The alternatives at `path`; `value` (what stands at the root) chooses among unions. */
export function schemasAt(root: Schema, path: Path, value: unknown): Bare[] {
  let schemas: Schema[] = [root];
  let current = value;
  for (const step of path) {
    schemas = schemas.flatMap((schema) =>
      (current === undefined ? bareSchemas(schema) : matching(schema, current)).flatMap((bare) =>
        childrenOf(bare, step),
      ),
    );
    current = stepInto(current, step);
  }
  return schemas.flatMap((schema) =>
    current === undefined ? bareSchemas(schema) : matching(schema, current),
  );
}

function stepInto(value: unknown, step: string | number): unknown {
  if (Array.isArray(value)) return value[Number(step)] as unknown;
  return isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

/** True when a value of the kind of `value` (map, list or plain) may stand at `path`. */
export function acceptsKind(root: Schema, path: Path, value: unknown): boolean {
  return schemasAt(root, path, undefined).some((bare) => takesKind(bare, value));
}

/** The keys that a map at `path` may have. */
export function keysAt(root: Schema, path: Path, value: unknown): string[] {
  const keys = schemasAt(root, path, value).flatMap(({ schema: { _zod } }) =>
    _zod.def.type === "object" ? Object.keys(_zod.def.shape) : [],
  );
  return [...new Set(keys)];
}

/** A question about a schema that is true where `isMarked` is true of something in it. */
function whetherAny(isMarked: (meta: SettingMeta) => boolean): (schema: Schema) => boolean {
  const answers = new WeakMap<Schema, boolean>();
  const ask = (schema: Schema): boolean => {
    const known = answers.get(schema);
    if (known !== undefined) return known;
    answers.set(schema, false);
    const found = bareSchemas(schema).some(({ schema: inner, meta }) => {
      if (isMarked(meta)) return true;
      const { def } = inner._zod;
      if (def.type === "object") return Object.values(def.shape).some(ask);
      if (def.type === "record") return ask(def.valueType);
      return def.type === "array" && ask(def.element);
    });
    answers.set(schema, found);
    return found;
  };
  return ask;
}

/** True when something in the schema carries a marker that needs work on the value. */
const hasMarker = whetherAny((meta) => meta.secret === true || meta.file !== undefined);

const hasSecret = whetherAny((meta) => meta.secret === true);

/**
 * True when a secret may stand at `path` or below it, so that a value of the wrong kind that stands there may be one.
 * `value` is what stands at the root.
 */
export function mayHoldSecret(root: Schema, path: Path, value: unknown): boolean {
  let schemas: Schema[] = [root];
  let current = value;
  for (const step of path) {
    schemas = schemas.flatMap((schema) => ofKind(schema, current).flatMap((bare) => childrenOf(bare, step)));
    current = stepInto(current, step);
  }
  return schemas.some(hasSecret);
}

/**
 * `value` with `hidden` in the place of all that is or may be a secret: what is marked as one, what stands under a key that
 * the schema does not know, and what is of another kind than the schema takes.
 */
export function withoutSecrets(schema: Schema, value: unknown, hidden: unknown): unknown {
  return shown([schema], value, hidden);
}

function shown(schemas: readonly Schema[], value: unknown, hidden: unknown): unknown {
  if (value === null || value === undefined) return value;
  const fitting = schemas.flatMap((schema) => ofKind(schema, value));
  if (fitting.length === 0 || fitting.some(({ meta }) => meta.secret === true)) return hidden;
  const below = (step: string | number, inner: unknown): unknown =>
    shown(
      fitting.flatMap((bare) => childrenOf(bare, step)),
      inner,
      hidden,
    );
  if (Array.isArray(value)) return value.map((item: unknown, index) => below(index, item));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, below(key, inner)]));
}

/**
 * Returns `value` with everything that stands under a marker (`secret`, `file`) replaced by what `replace` gives.
 * What does not change is the same object.
 */
export function mapMarked(
  schema: Schema,
  value: unknown,
  replace: (value: unknown, meta: SettingMeta, path: Path) => unknown,
  path: Path = [],
): unknown {
  if (value === undefined || value === null || !hasMarker(schema)) return value;
  for (const { schema: inner, meta } of matching(schema, value)) {
    if (meta.secret === true || meta.file !== undefined) return replace(value, meta, path);
    const { def } = inner._zod;
    if (def.type === "object" && isMap(value)) {
      return mapKeys(value, markedKeys(inner, def.shape), (key, item) =>
        mapMarked(def.shape[key]!, item, replace, [...path, key]),
      );
    }
    if (def.type === "record" && isMap(value)) {
      return mapKeys(value, Object.keys(value), (key, item) =>
        mapMarked(def.valueType, item, replace, [...path, key]),
      );
    }
    if (def.type === "array" && Array.isArray(value)) {
      const list = value as readonly unknown[];
      const mapped = list.map((item, index) => mapItem(def.element, item, replace, path, index));
      return mapped.some((item, index) => item !== list[index]) ? mapped : list;
    }
  }
  return value;
}

/** Items of lists in which nothing is marked, by the schema of the list: values of layers never change. */
const unmarkedItems = new WeakMap<Schema, WeakSet<object>>();

/** `mapMarked` of an item of a list; of an item that is known to have nothing that is marked, itself. */
function mapItem(
  schema: Schema,
  item: unknown,
  replace: (value: unknown, meta: SettingMeta, path: Path) => unknown,
  path: Path,
  index: number,
): unknown {
  if (!isMap(item)) return mapMarked(schema, item, replace, [...path, index]);
  let unmarked = unmarkedItems.get(schema);
  if (unmarked === undefined) unmarkedItems.set(schema, (unmarked = new WeakSet()));
  if (unmarked.has(item)) return item;
  let found = false;
  const noting: typeof replace = (value, meta, at) => {
    found = true;
    return replace(value, meta, at);
  };
  const mapped = mapMarked(schema, item, noting, [...path, index]);
  if (!found) unmarked.add(item);
  return mapped;
}

const markedKeysOf = new WeakMap<Schema, readonly string[]>();

/** The keys of a map under which there are markers: the others need no look. */
function markedKeys(schema: Schema, shape: Readonly<Record<string, Schema>>): readonly string[] {
  const known = markedKeysOf.get(schema);
  if (known !== undefined) return known;
  const keys = Object.keys(shape).filter((key) => hasMarker(shape[key]!));
  markedKeysOf.set(schema, keys);
  return keys;
}

/** The map with the values of `keys` mapped; the same map when none changes. */
function mapKeys(
  map: PlainMap,
  keys: readonly string[],
  change: (key: string, item: unknown) => unknown,
): PlainMap {
  let mapped: Record<string, unknown> | null = null;
  for (const key of keys) {
    if (!Object.hasOwn(map, key)) continue;
    const item = change(key, map[key]);
    if (item === map[key]) continue;
    mapped ??= { ...map };
    mapped[key] = item;
  }
  return mapped ?? map;
}
