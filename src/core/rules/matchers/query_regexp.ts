import { fromByteText, toByteText } from "../byte_text.ts";
import { regexValue, type Condition, type Matcher } from "../matcher.ts";
import { query } from "./query.ts";

/** QueryRegexp(`page`, `^[0-9]+$`): a regex on the values of a parameter; without regex it is Query. */
export const queryRegexp: Matcher = {
  name: "QueryRegexp",
  summary:
    "A value of this query parameter matches this regex; without a regex, the parameter must have no value.",
  parameters: ["key", "regex"],
  optional: 1,

  compile(values, regexes): Condition {
    if (values.length === 1) return query.compile(values, regexes);
    const wantedKey = toByteText(values[0]!);
    const regex = regexValue(values, 1, regexes);
    return {
      test: (request) => {
        const pairs = request.query();
        for (let at = 0; at < pairs.length; at += 2)
          if (pairs[at] === wantedKey && regex.test(fromByteText(pairs[at + 1]!))) return true;
        return false;
      },
    };
  },
};
