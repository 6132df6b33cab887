import { ValueError } from "../matcher.ts";

/** RFC 9110 5.1. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The lower-case form of a field name that a rule gives. Throws ValueError. */
export function fieldName(value: string): string {
  if (!FIELD_NAME.test(value))
    throw new ValueError(0, `malformed field name \`${value}\``, "a name such as X-Version");
  return value.toLowerCase();
}
