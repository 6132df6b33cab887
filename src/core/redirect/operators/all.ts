/** All operators of rules. */
import type { Condition } from "../model.ts";
import { comparisons } from "./comparison.ts";
import { contains } from "./contains.ts";
import type { Operator } from "./contract.ts";
import { inIpRange } from "./in_ip_range.ts";
import { isEmpty } from "./is_empty.ts";
import { logicals } from "./logical.ts";
import { matches } from "./matches.ts";
import { percent } from "./percent.ts";
import { random } from "./random.ts";

/** Typed by their own conditions inside; whoever walks over them all gives each its own. */
export const operators: readonly Operator<never>[] = [
  ...comparisons,
  contains,
  inIpRange,
  matches,
  isEmpty,
  percent,
  random,
  ...logicals,
];

const byName = new Map(operators.map((operator) => [operator.name, operator]));

/** The operator of a condition. Throws TypeError for one that does not exist, which no reader lets through. */
export function operatorOf<Kind extends Condition>({ operator }: Kind): Operator<Kind> {
  const found = operatorByName(operator);
  if (found === undefined) throw new TypeError(`no operator ${operator}`);
  return found as Operator<Kind>;
}

export function operatorByName(name: string): Operator | undefined {
  return byName.get(name) as Operator | undefined;
}
