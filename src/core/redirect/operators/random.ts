import type { Condition } from "../model.ts";
import type { Operator } from "./contract.ts";
import { PERCENT_FIELD, percentProblems } from "./percent.ts";

export interface RandomShare extends Condition {
  readonly percent: number;
}

/** Not sticky: each decision draws anew. */
export const random: Operator<RandomShare> = {
  name: "random",
  summary: "So many percent of the decisions, drawn anew each time.",
  fields: [PERCENT_FIELD],
  cost: 50_000,
  problems: (condition) => percentProblems(condition.percent, "RandomRangeError"),
  holds: (condition, facts) => facts.random() * 100 < condition.percent,
  compile: ({ percent }, compiler) => ({ test: () => compiler.random() * 100 < percent, keys: null }),
  examples: () => ({}),
};
