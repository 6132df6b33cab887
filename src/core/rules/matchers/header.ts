import { toByteText } from "../byte_text.ts";
import type { Condition, Matcher } from "../matcher.ts";
import { fieldName } from "./field_name.ts";

/** Header(`X-Version`, `2`): one of the lines of a field has exactly this value. */
export const header: Matcher = {
  name: "Header",
  summary: "A line of this header field has this value, whole and in this case.",
  parameters: ["name", "value"],

  compile([name, value]): Condition {
    const field = fieldName(name!);
    const wanted = toByteText(value!);
    return { test: (request) => request.header(field).includes(wanted) };
  },
};
