/** Names and values of HTTP fields, methods and status codes as settings. */
import { z } from "zod";
import { parsedText } from "./text.ts";

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** True for a token of RFC 9110 5.6.2: field names, methods, upgrade protocols without version. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The name of a field; the value is as written (for names to compare use `lowerFieldName`). */
export function fieldName(): z.ZodType<string, string> {
  return parsedText({
    name: "field name",
    expected: "a field name such as X-Request-ID",
    pattern: TOKEN,
    parse: (text) => (isToken(text) ? text : null),
  });
}

/** The name of a field in lower case. */
export function lowerFieldName(): z.ZodType<string, string> {
  return parsedText({
    name: "field name",
    expected: "a field name such as X-Request-ID",
    pattern: TOKEN,
    parse: (text) => (isToken(text) ? text.toLowerCase() : null),
  });
}

/** A value that may stand in a field: latin1 without control characters (RFC 9110 5.5). */
export function fieldValue(): z.ZodType<string, string> {
  return z
    .string({ error: "expected text" })
    .refine((text) => /^[\t\x20-\x7e\x80-\xff]*$/.test(text), {
      error: "a field value holds no line break, no control character and nothing beyond latin1",
    })
    .meta({ type_name: "field value" });
}

/** A request method, in upper or lower case as written (methods are case-sensitive, RFC 9110 9.1). */
export function method(): z.ZodType<string, string> {
  return parsedText({
    name: "method",
    expected: "a method such as GET",
    pattern: TOKEN,
    parse: (text) => (isToken(text) ? text : null),
  });
}

/** A status code of a final answer: 200 to 599. */
export function statusCode(): z.ZodType<number, number> {
  return z
    .int({ error: "expected a status from 200 to 599" })
    .min(200, { error: "expected a status from 200 to 599" })
    .max(599, { error: "expected a status from 200 to 599" })
    .meta({ type_name: "status" });
}
