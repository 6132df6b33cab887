import { regexExample } from "../../rules/regex_example.ts";
import { LinearRegex, REGEX_INPUT_LIMIT, SyntaxProblem } from "../../rules/linear_regex.ts";
import {
  type ConditionProblem,
  type Examples,
  MISSING,
  NEGATED,
  type Operator,
  PARAM,
  type ParameterCondition,
  parameterProblems,
  UNLIKELY,
} from "./contract.ts";

export interface Matches extends ParameterCondition {
  readonly pattern: string;
}

/** Time is linear in the value, whatever the pattern is: look-around and back-references are refused. */
export const matches: Operator<Matches> = {
  name: "matches",
  summary: "The whole parameter matches the regular expression (RE2 syntax), with regard to case.",
  fields: [PARAM, { name: "pattern", key: "pattern", form: "element", type: "text" }, NEGATED, MISSING],
  cost: 25_000,
  problems(condition) {
    const problem = patternProblem(condition.pattern);
    return problem === null ? parameterProblems(condition) : [...parameterProblems(condition), problem];
  },
  holds(condition, { parameters, compat }) {
    const given = parameters(condition.param);
    if (given === undefined) return verdictWithout(condition, compat);
    return isMatch(wholeRegex(condition.pattern), given) !== condition.negated;
  },
  compile(condition, compiler) {
    const { param, pattern, negated } = condition;
    const slot = compiler.slot(param);
    const without = verdictWithout(condition, compiler.compat);
    const regex = wholeRegex(pattern);
    return {
      test(parameters) {
        const given = parameters.value(slot);
        return given === undefined ? without : isMatch(regex, given) !== negated;
      },
      keys: null,
    };
  },
  examples: examplesOf,
};

function examplesOf({ param, pattern }: Matches): Examples {
  const example = regexExample(pattern);
  return { [param]: example === null ? [UNLIKELY] : [example, UNLIKELY] };
}

function verdictWithout({ missing, negated }: Matches, compat: boolean): boolean {
  return compat ? false : (missing ?? negated);
}

/** A value that is too long to look at matches nothing. */
function isMatch(regex: LinearRegex, text: string): boolean {
  return text.length <= REGEX_INPUT_LIMIT && regex.test(text);
}

/** Throws SyntaxProblem. */
function wholeRegex(pattern: string): LinearRegex {
  return new LinearRegex(`^(?:${pattern})$`);
}

function patternProblem(pattern: string): ConditionProblem | null {
  if (pattern === "") return { code: "MissedParamValue", message: "has no pattern" };
  try {
    // By itself first: a bracket too many must not close ours.
    wholeRegex(new LinearRegex(pattern).pattern);
    return null;
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return {
      code: "PatternInvalid",
      message: `has the pattern ${JSON.stringify(pattern)}: ${error.message}`,
    };
  }
}
