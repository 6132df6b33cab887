import {
  CASE_SENSITIVE,
  type Compiler,
  type CompiledCondition,
  type Key,
  type Operator,
  UNLIKELY,
} from "./contract.ts";
import {
  type Membership,
  MEMBERSHIP_FIELDS,
  membershipExamples,
  membershipProblems,
  membershipWithout,
} from "./membership.ts";

export interface Contains extends Membership {
  readonly case_sensitive: boolean;
}

/** A rule with more values is not worth an entry in the index for each. */
const MOST_KEYS = 1_024;

/** Membership of a parameter in values and named lists; not a search for a part of a text. */
export const contains: Operator<Contains> = {
  name: "contains",
  summary: "The parameter is one of the values, or stands in one of the named lists.",
  fields: [...MEMBERSHIP_FIELDS, CASE_SENSITIVE],
  cost: 5_000,
  problems: membershipProblems,
  lists: ({ lists }) => lists,
  holds(condition, { parameters, compat, list }) {
    const { param, values, lists, negated, case_sensitive } = condition;
    const given = parameters(param);
    if (given === undefined) return membershipWithout(condition, compat);
    const fold = (text: string): string => (case_sensitive ? text : text.toLowerCase());
    const wanted = fold(given);
    const isIn = (texts: readonly string[]): boolean => texts.some((text) => fold(text) === wanted);
    return (isIn(values) || lists.some((name) => isIn(list(name) ?? []))) !== negated;
  },
  compile: compileContains,
  examples: (condition, needs) => membershipExamples(condition, needs, [UNLIKELY]),
};

function compileContains(condition: Contains, compiler: Compiler): CompiledCondition {
  const { param, values, negated, case_sensitive } = condition;
  const slot = compiler.slot(param);
  const without = membershipWithout(condition, compiler.compat);
  const texts = new Set(case_sensitive ? values : values.map((value) => value.toLowerCase()));
  const lists = Int32Array.from(condition.lists.flatMap((name) => compiler.listNumbers(name)));
  return {
    test(parameters) {
      const given = parameters.value(slot);
      if (given === undefined) return without;
      if (texts.size > 0 && texts.has(case_sensitive ? given : parameters.folded(slot))) return !negated;
      if (lists.length === 0) return negated;
      for (const list of parameters.lists(slot))
        if (lists.includes(list) && (!case_sensitive || parameters.isExactlyIn(slot, list))) return !negated;
      return negated;
    },
    keys: negated || without ? null : keysOf(slot, values, lists),
    keys_suffice: !case_sensitive,
  };
}

function keysOf(slot: number, values: readonly string[], lists: Int32Array): Key[] | null {
  if (values.length > MOST_KEYS) return null;
  const folded = new Set(values.map((value) => value.toLowerCase()));
  return [
    ...[...folded].map((text): Key => ({ slot, kind: "text", folded: text })),
    ...[...new Set(lists)].map((list): Key => ({ slot, kind: "list", list })),
  ];
}
