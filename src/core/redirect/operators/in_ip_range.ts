import { AddressSet, isWithinRange, parseAddressRange } from "../address_set.ts";
import type { Compiler, CompiledCondition, ConditionProblem, Operator } from "./contract.ts";
import {
  type Membership,
  MEMBERSHIP_FIELDS,
  membershipExamples,
  membershipProblems,
  membershipWithout,
} from "./membership.ts";

/** An address or a whole network lies within one of the entries. */
export const inIpRange: Operator<Membership> = {
  name: "inIpRange",
  summary:
    "The parameter is an address or a network within one of the values, or within an entry of one of the named lists.",
  fields: MEMBERSHIP_FIELDS,
  cost: 1_000,
  problems: (condition) => [...membershipProblems(condition), ...rangeProblems(condition)],
  lists: ({ lists }) => lists,
  holds(condition, { parameters, compat, list }) {
    const { param, values, lists, negated } = condition;
    const given = parameters(param);
    if (given === undefined) return membershipWithout(condition, compat);
    const range = parseAddressRange(given);
    // In the original what is no address is in no range, and not outside of it either.
    if (range === null) return compat ? false : negated;
    const entries = [...values, ...lists.flatMap((name) => list(name) ?? [])];
    const holds = entries.some((entry) => {
      const outer = parseAddressRange(entry);
      return outer !== null && isWithinRange(range, outer);
    });
    return holds !== negated;
  },
  compile: compileInIpRange,
  // Of the networks for documentation (RFC 5737, 3849), in which few rules are interested.
  examples: (condition, needs) => membershipExamples(condition, needs, ["198.51.100.7", "2001:db8:ffff::7"]),
};

function rangeProblems({ values }: Membership): ConditionProblem[] {
  return values
    .filter((value) => parseAddressRange(value) === null)
    .map((value) => ({
      code: "ValueIPV6_4TypeError",
      message: `has the value ${JSON.stringify(value)}; expected an address or a network such as 10.0.0.0/8`,
    }));
}

function compileInIpRange(condition: Membership, compiler: Compiler): CompiledCondition {
  const { param, values, negated } = condition;
  const slot = compiler.slot(param);
  const without = membershipWithout(condition, compiler.compat);
  const unparsable = compiler.compat ? false : negated;
  const own = new AddressSet(values.flatMap((value) => parseAddressRange(value) ?? []));
  const lists = condition.lists
    .flatMap((name) => compiler.listNumbers(name))
    .map((number) => compiler.listAddresses(number));
  const sets = [own, ...lists];
  return {
    test(parameters) {
      if (parameters.value(slot) === undefined) return without;
      const range = parameters.range(slot);
      if (range === null) return unparsable;
      for (const set of sets) if (set.holds(range)) return !negated;
      return negated;
    },
    keys: null,
  };
}
