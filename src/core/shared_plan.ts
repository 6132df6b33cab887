/**
 * Makes what two plans have in common the same objects, so that whatever compares them afterwards looks at identity: is
 * anything different at all, what must a worker be sent, what can it go on with?
 */
import type { Plan } from "./plan.ts";

/**
 * `after` with every part that is equal in `before` replaced by that part; `before` itself when all of it is equal. Equal
 * is what gives the same JSON: the order of keys counts, as it does in lists of fields.
 */
export function sharedPlan(before: Plan, after: Plan): Plan {
  const shared = {
    ...after,
    listeners: sharedList(before.listeners, after.listeners, ({ name }) => name, sharedValue),
    pools: sharedList(before.pools, after.pools, ({ name }) => name, sharedPool),
    routes: sharedList(before.routes, after.routes, ({ name }) => name, sharedValue),
  };
  return sharedValue(before, shared);
}

function sharedPool(before: Plan["pools"][number], after: Plan["pools"][number]): Plan["pools"][number] {
  const backends = sharedList(before.backends, after.backends, ({ id }) => id, sharedValue);
  return sharedValue(before, { ...after, backends });
}

function sharedList<Item>(
  before: readonly Item[],
  after: readonly Item[],
  nameOf: (item: Item) => string,
  share: (before: Item, after: Item) => Item,
): readonly Item[] {
  const known = new Map(before.map((item) => [nameOf(item), item]));
  const list = after.map((item) => {
    const other = known.get(nameOf(item));
    return other === undefined ? item : share(other, item);
  });
  return list.length === before.length && list.every((item, index) => item === before[index]) ? before : list;
}

/** `before` where both are equal, else `after`. */
export function sharedValue<Value>(before: Value, after: Value): Value {
  return isEqual(before, after) ? before : after;
}

function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    for (let index = 0; index < one.length; index++) if (!isEqual(one[index], other[index])) return false;
    return true;
  }
  const keys = keysOf(one);
  const others = keysOf(other);
  if (keys.length !== others.length) return false;
  for (const [index, key] of keys.entries()) {
    if (key !== others[index]) return false;
    if (!isEqual((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]))
      return false;
  }
  return true;
}

/** Keys that stand in JSON. */
function keysOf(value: object): string[] {
  return Object.keys(value).filter((key) => (value as Record<string, unknown>)[key] !== undefined);
}
