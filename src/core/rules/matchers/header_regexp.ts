import { fromByteText } from "../byte_text.ts";
import { regexValue, type Condition, type Matcher } from "../matcher.ts";
import { fieldName } from "./field_name.ts";

/** HeaderRegexp(`Accept`, `application/(json|xml)`): a regex on each line of a field. */
export const headerRegexp: Matcher = {
  name: "HeaderRegexp",
  summary: "A line of this header field matches this regex.",
  parameters: ["name", "regex"],

  compile(values, regexes): Condition {
    const field = fieldName(values[0]!);
    const regex = regexValue(values, 1, regexes);
    return {
      test: (request) => {
        for (const value of request.header(field)) if (regex.test(fromByteText(value))) return true;
        return false;
      },
    };
  },
};
