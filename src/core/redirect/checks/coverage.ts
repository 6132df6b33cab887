/** Finds for a rule an earlier one that takes all its clients, without a look at every pair. */
import type { Condition, Rule } from "../model.ts";
import type { Contains } from "../operators/contains.ts";
import type { ParameterCondition } from "../operators/contract.ts";
import type { Percent } from "../operators/percent.ts";
import { canonical, childrenOf, conjunctsOf, isImplied, isSteady, textsOf } from "./implication.ts";

/** Pairs of rules that are compared at most: a few tenths of a second. */
export const MOST_PAIRS = 200_000;

interface Earlier {
  readonly id: string;
  readonly when: readonly Condition[];
}

/**
 * Rules by one of their conditions. A rule that takes all clients of another has each of its conditions implied there, so it is
 * found by any one of them: by its very words, or by what it demands of its parameter.
 */
export class Coverage {
  readonly #compat: boolean;
  readonly #byKey = new Map<string, Earlier[]>();
  #pairs = 0;

  constructor(compat: boolean) {
    this.#compat = compat;
  }

  /** False when there were too many pairs: then only some of them were compared. */
  get isComplete(): boolean {
    return this.#pairs <= MOST_PAIRS;
  }

  /** Only rules that have a result wherever their outer conditions hold are of use, and those that are the same for all. */
  add(rule: Rule<unknown>): void {
    const when = rule.when.flatMap(conjunctsOf);
    if (rule.result === null || when.length === 0) return;
    if (!when.every((condition) => isSteady(condition, this.#compat))) return;
    const keys = when
      .map((condition) => outerKeys(condition, this.#compat))
      .toSorted((one, other) => breadth(one) - breadth(other))[0]!;
    for (const key of new Set(keys)) {
      const rules = this.#byKey.get(key);
      if (rules === undefined) this.#byKey.set(key, [{ id: rule.id, when }]);
      else rules.push({ id: rule.id, when });
    }
  }

  /** A rule that holds whenever all of `conditions` do, or null. */
  covering(conditions: readonly Condition[]): string | null {
    const inner = conditions.flatMap(conjunctsOf);
    for (const key of new Set(inner.flatMap((condition) => innerKeys(condition, this.#compat))))
      for (const { id, when } of this.#byKey.get(key) ?? []) {
        if (++this.#pairs > MOST_PAIRS) return null;
        const isTaken = when.every((outer) => inner.some((each) => isImplied(each, outer, this.#compat)));
        if (isTaken) return id;
      }
    return null;
  }
}

/** Under these a rule is found by whatever implies its condition. */
function outerKeys(condition: Condition, compat: boolean): string[] {
  const own = canonical(condition);
  switch (condition.operator) {
    case "or":
      return [
        own,
        ...childrenOf(condition).flatMap((child) => outerKeys(conjunctsOf(child)[0] ?? child, compat)),
      ];
    case "percent":
      return [shareKey(condition)];
    case "xor":
    case "matches":
    case "isEmpty":
      return [own];
    default:
      return parameterKeys(condition as ParameterCondition, own, compat);
  }
}

function parameterKeys(condition: ParameterCondition, own: string, compat: boolean): string[] {
  const { param, operator, negated, missing } = condition;
  if (operator === "contains" && !negated) {
    const { values, lists } = condition as Contains;
    return [
      own,
      ...values.map((value) => textKey(param, value.toLowerCase())),
      ...lists.map((list) => listKey(param, list)),
    ];
  }
  const texts = textsOf(condition, compat);
  if (texts !== null) return [own, ...texts.map((text) => textKey(param, text))];
  // Numbers that are written in two ways are taken for two. One that holds without its parameter has no texts, and is implied by some.
  const isNumber = operator === "equals" && !negated && missing !== true;
  return isNumber ? [own] : [own, otherKey(param)];
}

/** Under these is whatever the condition implies. What all its texts or alternatives imply is implied by the first one. */
function innerKeys(condition: Condition, compat: boolean): string[] {
  const own = canonical(condition);
  if (condition.operator === "percent") return [shareKey(condition)];
  if (condition.operator === "or") {
    const [first] = childrenOf(condition);
    const deeper = first === undefined ? [] : conjunctsOf(first).flatMap((each) => innerKeys(each, compat));
    return [own, ...deeper];
  }
  const { param } = condition as Partial<ParameterCondition>;
  if (typeof param !== "string") return [own];
  const [text] = textsOf(condition as ParameterCondition, compat) ?? [];
  const [list] = (condition as Partial<Contains>).lists ?? [];
  return [
    own,
    otherKey(param),
    ...(text === undefined ? [] : [textKey(param, text)]),
    ...(list === undefined ? [] : [listKey(param, list)]),
  ];
}

const textKey = (param: string, folded: string): string => `${param} =${folded}`;
const listKey = (param: string, list: string): string => `${param} @${list}`;
const otherKey = (param: string): string => `${param} ?`;
const shareKey = (condition: Condition): string => `% ${(condition as Percent).salt ?? ""}`;

/** Keys that many rules share come last. */
function breadth(keys: readonly string[]): number {
  const isShared = keys.some((key) => key.endsWith(" ?") || key.startsWith("% "));
  return isShared ? Number.MAX_SAFE_INTEGER : keys.length;
}
