import { ValueError, type Condition, type Matcher } from "../matcher.ts";

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Method(`GET`): the method of the request, which is case-sensitive; the rule's value is taken in upper case. */
export const method: Matcher = {
  name: "Method",
  summary: "The method is this one; the value may be written in lower case.",
  parameters: ["method"],

  compile([value]): Condition {
    if (!TOKEN.test(value!)) throw new ValueError(0, `malformed method \`${value}\``, "a method such as GET");
    const wanted = value!.toUpperCase();
    return { test: (request) => request.method === wanted };
  },
};
