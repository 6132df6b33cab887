import type { ProblemCode } from "../checks/catalogue.ts";
import type { Hash64 } from "../sip_hash.ts";
import { type Bound, boundOf, isWithin, positionOf, stickyKey } from "../sticky.ts";
import type { Condition } from "../model.ts";
import type { ConditionProblem, Examples, Field, Operator } from "./contract.ts";

export interface Percent extends Condition {
  /** Above 0, at most 100. */
  readonly percent: number;
  /** Sets the clients of this share apart from those of others; null = the rule's own salt. The original has none. */
  readonly salt: string | null;
}

export const PERCENT_FIELD: Field = { name: "percent", key: "value", form: "element", type: "number" };

/** 0 or below, and above 100. */
export function percentProblems(percent: number, code: ProblemCode): ConditionProblem[] {
  if (percent > 0 && percent <= 100) return [];
  return [{ code, message: `has the value ${percent}; expected a number above 0, at most 100` }];
}

/** Sticky: whoever is in stays in when the share grows. */
export const percent: Operator<Percent> = {
  name: "percent",
  summary:
    "The client is among the first so many percent, by the hash of its account or address; always the same ones.",
  fields: [PERCENT_FIELD, { name: "salt", key: "salt", form: "attribute", type: "text", absent: null }],
  cost: 50_000,
  problems: (condition) => percentProblems(condition.percent, "PercentRangeError"),
  holds(condition, { parameters, compat, salt, sticky_parameters }) {
    const key = stickyKey(parameters, sticky_parameters);
    if (key === null) return withoutKey(condition, compat);
    const position: Hash64 = { high: 0, low: 0 };
    positionOf(key, compat ? "" : (condition.salt ?? salt), position);
    return isWithin(position, boundOf(condition.percent));
  },
  compile(condition, compiler) {
    const bound: Bound = boundOf(condition.percent);
    const slots = compiler.sticky_parameters.map((name) => compiler.slot(name));
    const salt = compiler.compat ? "" : (condition.salt ?? compiler.salt);
    const without = withoutKey(condition, compiler.compat);
    const position: Hash64 = { high: 0, low: 0 };
    return {
      test(parameters) {
        const key = parameters.firstWithText(slots);
        if (key === null) return without;
        positionOf(key, salt, position);
        return isWithin(position, bound);
      },
      keys: null,
    };
  },
  examples(condition, { compat, salt, sticky_parameters }) {
    return stickyExamples(
      boundOf(condition.percent),
      compat ? "" : (condition.salt ?? salt),
      sticky_parameters,
    );
  },
};

/** More keys than this are not tried: a hundredth of a percent holds one of ten thousand. */
const MOST_TRIED = 200_000;

/** A key within the share, and one outside of it. */
export function stickyExamples(bound: Bound, salt: string, names: readonly string[]): Examples {
  const [name] = names;
  if (name === undefined) return {};
  const position: Hash64 = { high: 0, low: 0 };
  const find = (wanted: boolean): string[] => {
    for (let number = 1; number <= MOST_TRIED; number++) {
      positionOf(`example-${number}`, salt, position);
      if (isWithin(position, bound) === wanted) return [`example-${number}`];
    }
    return [];
  };
  return { [name]: [...find(true), ...find(false)] };
}

/** Who has no key is in no share but that of everybody. */
function withoutKey({ percent: share }: Percent, compat: boolean): boolean {
  return !compat && share >= 100;
}
