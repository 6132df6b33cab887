/**
 * Whether one condition surely holds where another does. Says yes only to what is certain whatever clients send: same conditions,
 * fewer values, narrower bounds. No says nothing.
 */
import { isWithinRange, parseAddressRange } from "../address_set.ts";
import { parseDouble } from "../java_double.ts";
import type { Condition } from "../model.ts";
import { operatorOf } from "../operators/all.ts";
import type { Comparison } from "../operators/comparison.ts";
import type { Contains } from "../operators/contains.ts";
import type { ParameterCondition } from "../operators/contract.ts";
import type { Membership } from "../operators/membership.ts";
import type { Percent } from "../operators/percent.ts";
import { compareValues } from "../text_order.ts";

/** The conditions that must hold where `condition` does: those of an `and` one by one. */
export function conjunctsOf(condition: Condition): readonly Condition[] {
  return condition.operator === "and" ? childrenOf(condition).flatMap(conjunctsOf) : [condition];
}

export function childrenOf(condition: Condition): readonly Condition[] {
  return operatorOf(condition).children?.(condition) ?? [];
}

/** Names a condition by all that it says. */
export function canonical(condition: Condition): string {
  return JSON.stringify(Object.entries(condition).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Whether two parts of conditions say the same. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [first, second] = [
    one as Readonly<Record<string, unknown>>,
    other as Readonly<Record<string, unknown>>,
  ];
  for (const key in first) if (!isSame(first[key], second[key])) return false;
  return Object.keys(first).length === Object.keys(second).length;
}

/** False where the same condition may hold in one rule and not in another: a draw, or a percentage with the rule's own salt. */
export function isSteady(condition: Condition, compat: boolean): boolean {
  if (condition.operator === "random") return false;
  if (condition.operator === "percent") return compat || (condition as Percent).salt !== null;
  return childrenOf(condition).every((child) => isSteady(child, compat));
}

/** True when `outer` holds whenever `inner` does. */
export function isImplied(inner: Condition, outer: Condition, compat: boolean): boolean {
  if (!isSteady(outer, compat) || !isSteady(inner, compat)) return false;
  if (outer.operator === "or")
    return (
      isSame(inner, outer) ||
      childrenOf(outer).some((child) => isImplied(inner, child, compat)) ||
      (inner.operator === "or" && childrenOf(inner).every((child) => isImplied(child, outer, compat)))
    );
  if (outer.operator === "and")
    return (
      childrenOf(outer).length > 0 && childrenOf(outer).every((child) => isImplied(inner, child, compat))
    );
  if (inner.operator === "and") return childrenOf(inner).some((child) => isImplied(child, outer, compat));
  if (inner.operator === "or")
    return (
      childrenOf(inner).length > 0 && childrenOf(inner).every((child) => isImplied(child, outer, compat))
    );
  return isSame(inner, outer) || isImpliedOnParameter(inner, outer, compat);
}

function isImpliedOnParameter(inner: Condition, outer: Condition, compat: boolean): boolean {
  if (inner.operator === "percent" && outer.operator === "percent")
    return isSmallerShare(inner, outer, compat);
  const [one, other] = [inner as ParameterCondition, outer as ParameterCondition];
  if (one.param === undefined || one.param !== other.param || !demandsParameter(one, compat)) return false;
  if (isWithinMembers(one, other) || isWithinBounds(one, other, compat)) return true;
  const texts = textsOf(one, compat);
  return texts !== null && texts.length > 0 && texts.every((text) => holdsForText(text, other, compat));
}

/** The same salt, and fewer clients. */
function isSmallerShare(inner: Condition, outer: Condition, compat: boolean): boolean {
  const [one, other] = [inner as Percent, outer as Percent];
  return (compat || one.salt === other.salt) && one.percent <= other.percent;
}

/** True when the condition fails without its parameter, and is what it seems to be. */
function demandsParameter({ operator, negated, missing }: ParameterCondition, compat: boolean): boolean {
  if (operator === "isEmpty" || operator === "notEqual" || negated) return false;
  return compat || missing !== true;
}

/** The only texts in lower case that the parameter may have; null where others are possible, as numbers have many spellings. */
export function textsOf(condition: ParameterCondition, compat: boolean): string[] | null {
  if (!demandsParameter(condition, compat)) return null;
  if (condition.operator === "contains") {
    const { values, lists } = condition as Contains;
    return lists.length > 0 || values.length > MOST_VALUES
      ? null
      : values.map((value) => value.toLowerCase());
  }
  if (condition.operator !== "equals") return null;
  const { value, type } = condition as Comparison;
  const isText = type === "string" || (type === "none" && parseDouble(value) === null);
  return isText ? [value.toLowerCase()] : null;
}

const MOST_VALUES = 1_024;

/** Whether `outer` holds for every text that is `folded` in lower case. */
function holdsForText(folded: string, outer: ParameterCondition, compat: boolean): boolean {
  if (outer.operator === "contains") {
    const { values, lists, negated, case_sensitive } = outer as Contains;
    if (case_sensitive) return false;
    const isIn = values.some((value) => value.toLowerCase() === folded);
    return negated ? !isIn && lists.length === 0 : isIn;
  }
  const { value, type, case_sensitive } = outer as Comparison;
  const isText = type === "string" || (type === "none" && parseDouble(value) === null);
  if (!COMPARISONS.has(outer.operator) || !isText || case_sensitive) return false;
  return operatorOf(outer).holds(outer, {
    parameters: () => folded,
    compat,
    list: () => null,
    random: () => 0,
    sticky_parameters: [],
    salt: "",
    holds: () => false,
  });
}

const COMPARISONS: ReadonlySet<string> = new Set([
  "equals",
  "notEqual",
  "lessThan",
  "lessOrEqual",
  "greaterThan",
  "greaterOrEqual",
]);

/** All values and lists of `inner` are in `outer`; for addresses all networks lie within others. */
function isWithinMembers(inner: ParameterCondition, outer: ParameterCondition): boolean {
  if (inner.operator !== outer.operator || outer.negated) return false;
  if (inner.operator !== "contains" && inner.operator !== "inIpRange") return false;
  const [one, other] = [inner as Membership, outer as Membership];
  if (one.values.length + one.lists.length === 0 || one.values.length > MOST_VALUES) return false;
  if (!one.lists.every((list) => other.lists.includes(list))) return false;
  return inner.operator === "contains"
    ? isSubset(one as Contains, other as Contains)
    : areWithinRanges(one.values, other.values);
}

function isSubset(one: Contains, other: Contains): boolean {
  if (other.case_sensitive && !one.case_sensitive) return false;
  const fold = (text: string): string => (other.case_sensitive ? text : text.toLowerCase());
  const values = new Set(other.values.map(fold));
  return one.values.every((value) => values.has(fold(value)));
}

function areWithinRanges(ones: readonly string[], others: readonly string[]): boolean {
  const outer = others.flatMap((text) => parseAddressRange(text) ?? []);
  return ones.every((text) => {
    const range = parseAddressRange(text);
    return range !== null && outer.some((other) => isWithinRange(range, other));
  });
}

/** Which way a bound looks, and whether it takes the value itself. */
const BOUNDS: Readonly<Record<string, { readonly side: -1 | 0 | 1; readonly takes: boolean }>> = {
  lessThan: { side: -1, takes: false },
  lessOrEqual: { side: -1, takes: true },
  greaterThan: { side: 1, takes: false },
  greaterOrEqual: { side: 1, takes: true },
  equals: { side: 0, takes: true },
};

/** Numbers and versions in their order. The original also takes what is neither, as texts. */
function isWithinBounds(inner: ParameterCondition, outer: ParameterCondition, compat: boolean): boolean {
  if (compat || outer.negated) return false;
  if (!Object.hasOwn(BOUNDS, inner.operator) || !Object.hasOwn(BOUNDS, outer.operator)) return false;
  const [one, other] = [inner as Comparison, outer as Comparison];
  if (one.type !== other.type || (one.type !== "numeric" && one.type !== "version")) return false;
  const [from, within] = [BOUNDS[inner.operator]!, BOUNDS[outer.operator]!];
  const order = compareValues(one.value, other.value, { type: one.type, case_sensitive: false, compat });
  if (order === null || (from.side !== 0 && from.side !== within.side)) return false;
  if (within.side === 0) return order === 0;
  if (order === 0) return within.takes || !from.takes;
  return Math.sign(order) === within.side;
}
