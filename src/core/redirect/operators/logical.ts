/** Operators that join other conditions. */
import type { Condition } from "../model.ts";
import type { CompiledCondition, ConditionProblem, Examples, Field, Key, Operator } from "./contract.ts";

export interface Logical extends Condition {
  readonly items: readonly Condition[];
}

const FIELDS: readonly Field[] = [{ name: "items", key: "items", form: "children", type: "conditions" }];

/** More keys than this cost more memory than they save time. */
const MOST_KEYS = 1_024;

interface Kind {
  readonly name: string;
  readonly words: string;
  readonly joins: (verdicts: readonly boolean[]) => boolean;
  readonly keys: (items: readonly CompiledCondition[]) => readonly Key[] | null;
}

function logical({ name, words, joins, keys }: Kind): Operator<Logical> {
  return {
    name,
    summary: words,
    fields: FIELDS,
    cost: 100,
    problems: ({ items }, compat) => arityProblems(items.length, compat),
    children: ({ items }) => items,
    holds: ({ items }, { holds }) => joins(items.map((item) => holds(item))),
    compile(condition, compiler) {
      const items = condition.items.map((item) => compiler.compile(item));
      return { test: testOf(name, items), keys: keys(items) };
    },
    examples: ({ items }, { examples }) => joinedExamples(items.map((item) => examples(item))),
  };
}

function testOf(name: string, items: readonly CompiledCondition[]): CompiledCondition["test"] {
  const tests = items.map(({ test }) => test);
  switch (name) {
    case "and":
      return (parameters) => {
        for (const test of tests) if (!test(parameters)) return false;
        return true;
      };
    case "or":
      return (parameters) => {
        for (const test of tests) if (test(parameters)) return true;
        return false;
      };
    default:
      return (parameters) => {
        let odd = false;
        for (const test of tests) if (test(parameters)) odd = !odd;
        return odd;
      };
  }
}

/** All values of all of them, each once. */
export function joinedExamples(all: readonly Examples[]): Examples {
  const joined: Record<string, string[]> = {};
  for (const examples of all)
    for (const [name, values] of Object.entries(examples))
      joined[name] = [...new Set([...(joined[name] ?? []), ...values])];
  return joined;
}

function arityProblems(count: number, compat: boolean): ConditionProblem[] {
  if (compat ? count === 2 : count > 0) return [];
  const expected = compat ? "exactly 2, as the original has it" : "at least one";
  return [{ code: "EmptyExpressions", message: `joins ${count} conditions; expected ${expected}` }];
}

/** The one with the fewest keys, as all must hold; null where none has keys. */
export function narrowest(items: readonly CompiledCondition[]): CompiledCondition | null {
  let best: CompiledCondition | null = null;
  for (const item of items)
    if (item.keys !== null && (best?.keys == null || item.keys.length < best.keys.length)) best = item;
  return best;
}

/** All of their keys: one of them must hold. */
function together(items: readonly CompiledCondition[]): readonly Key[] | null {
  const all: Key[] = [];
  for (const { keys } of items) {
    if (keys === null || all.length + keys.length > MOST_KEYS) return null;
    all.push(...keys);
  }
  return all;
}

export const logicals: readonly Operator<Logical>[] = [
  logical({
    name: "and",
    words: "All of the conditions hold.",
    joins: (verdicts) => verdicts.every(Boolean),
    keys: (items) => narrowest(items)?.keys ?? null,
  }),
  logical({
    name: "or",
    words: "At least one of the conditions holds.",
    joins: (verdicts) => verdicts.some(Boolean),
    keys: together,
  }),
  logical({
    name: "xor",
    words: "An odd number of the conditions holds: of two exactly one.",
    joins: (verdicts) => verdicts.filter(Boolean).length % 2 === 1,
    keys: together,
  }),
];
