import { toByteText } from "../byte_text.ts";
import type { Condition, Matcher } from "../matcher.ts";

/** Query(`mobile`, `true`), or Query(`webhook`) for a parameter without value. */
export const query: Matcher = {
  name: "Query",
  summary: "The query has this parameter with this value; without a value, the parameter must have none.",
  parameters: ["key", "value"],
  optional: 1,

  compile([key, value]): Condition {
    const wantedKey = toByteText(key!);
    const wanted = toByteText(value ?? "");
    return {
      test: (request) => {
        const pairs = request.query();
        for (let at = 0; at < pairs.length; at += 2)
          if (pairs[at] === wantedKey && pairs[at + 1] === wanted) return true;
        return false;
      },
    };
  },
};
