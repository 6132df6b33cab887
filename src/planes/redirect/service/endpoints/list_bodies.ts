/** Bodies of requests about named lists: the original's document, a JSON list of texts, or a text with a value in each line. */
import type { ListType, ListValue, NamedList } from "../../../../core/redirect/model.ts";
import { namedListDocument, withEncodedValues } from "../../../../core/redirect/documents/named_lists.ts";
import type { Call } from "../http/call.ts";
import { ServiceError } from "../service_error.ts";
import { expectWritable } from "./writable.ts";

const TYPES: readonly ListType[] = ["TEXT", "IP", "ENCODED"];
const TEXT_TYPE = /^text\/(?:plain|csv)\b/i;

/** The list in the body; in a text its lines are the values, and `?type=` says of which type it is. */
export function listIn(call: Call, name: string): NamedList {
  if (!isText(call)) return encodedList(call.document(namedListDocument(name)));
  const type = call.query.get("type") ?? "TEXT";
  if (!TYPES.includes(type as ListType))
    throw new ServiceError(400, `type: ${JSON.stringify(type)}; expected one of ${TYPES.join(", ")}`);
  return encodedList({
    name,
    description: expectWritable("the description", call.query.get("description") ?? "") || null,
    type: type as ListType,
    version: 0,
    values: linesOf(call.text()).map(plainValue),
  });
}

/** Texts in the body: lines, a JSON list, or the values of a list. */
export function valuesIn(call: Call, name: string): readonly string[] {
  if (isText(call)) return linesOf(call.text());
  const { content_type: type } = call.head;
  if (type === null || /json/i.test(type)) {
    const body = call.json();
    if (Array.isArray(body)) return body.map(textOf);
    const { values, entities } = (body ?? {}) as { values?: unknown; entities?: unknown };
    for (const given of [values, entities]) if (Array.isArray(given)) return given.map(textOf);
  }
  return call.document(namedListDocument(name)).values.map(({ value }) => value);
}

function isText({ head }: Call): boolean {
  return head.content_type !== null && TEXT_TYPE.test(head.content_type);
}

/** A line end behind the last line is no line of its own. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => expectWritable("the value", line.trim()));
}

const plainValue = (value: string): ListValue => ({ value, encoded: null });

function textOf(value: unknown): string {
  if (typeof value === "string") return expectWritable("the value", value.trim());
  if (typeof value === "number") return String(value);
  throw new ServiceError(400, `a value is ${JSON.stringify(value)}; expected a text`);
}

export function encodedList(list: NamedList): NamedList {
  return withEncodedValues(list, (text) => new Bun.CryptoHasher("md5").update(text).digest("hex"));
}
