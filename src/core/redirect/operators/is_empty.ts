import { isBlank } from "../context.ts";
import {
  MISSING,
  NEGATED,
  type Operator,
  PARAM,
  type ParameterCondition,
  parameterProblems,
  UNLIKELY,
} from "./contract.ts";

/** A parameter that was not sent is empty. */
export const isEmpty: Operator<ParameterCondition> = {
  name: "isEmpty",
  summary: "The parameter is blank, or was not sent.",
  fields: [PARAM, NEGATED, MISSING],
  cost: 10,
  problems: parameterProblems,
  holds({ param, negated, missing }, { parameters, compat }) {
    const given = parameters(param);
    if (given === undefined && missing !== null && !compat) return missing;
    return isBlank(given ?? "") !== negated;
  },
  compile({ param, negated, missing }, compiler) {
    const slot = compiler.slot(param);
    const without = compiler.compat ? !negated : (missing ?? !negated);
    return {
      test(parameters) {
        const given = parameters.value(slot);
        return given === undefined ? without : isBlank(given) !== negated;
      },
      keys: null,
    };
  },
  examples: ({ param }) => ({ [param]: [UNLIKELY] }),
};
