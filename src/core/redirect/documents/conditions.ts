/** Conditions of rules, by what each operator says of its fields: a new operator needs no change here. */
import type { Condition } from "../model.ts";
import { operatorByName, operatorOf } from "../operators/all.ts";
import type { Field, Operator } from "../operators/contract.ts";
import { Fields, textOf, trimmed, valueOf } from "./fields.ts";
import type { DocumentNode } from "./node.ts";
import type { Reading } from "./reading.ts";
import { attribute, text, type Written } from "./written.ts";

/** Deeper ones are refused: who writes a rule by hand needs four or five. */
export const DEEPEST_CONDITION = 32;

/** The original reads words such as `NUMERIC` in any case. */
const WORDS_IN_ANY_CASE = "type";
const LISTS = "namespacedList";
/** What the original's editor needs in `type` of a condition that names lists. */
const TYPE_OF_LISTS = "namespacedList";
/** So the original spells it. */
const DELIMITER = "delimeter";

/** Null for a key that is no operator. */
export function readCondition(node: DocumentNode, reading: Reading, depth: number): Condition | null {
  const operator = operatorByName(node.key);
  if (operator === undefined) return null;
  const condition: Record<string, unknown> & Condition = { operator: operator.name };
  if (depth > DEEPEST_CONDITION) {
    reading.problem(node, `is nested more than ${DEEPEST_CONDITION} deep`);
    return condition;
  }
  const fields = new Fields(node, reading);
  for (const field of operator.fields) condition[field.name] = readField(fields, field, reading, depth);
  if (namesLists(operator)) readTypeOfLists(fields, operator, reading);
  fields.done();
  return condition;
}

function readField(fields: Fields, field: Field, reading: Reading, depth: number): unknown {
  switch (field.form) {
    case "attribute":
    case "element":
      return readScalar(fields, field, reading);
    case "values":
      return readTexts(fields, field, reading);
    case "children":
      return readChildren(fields, reading, depth);
  }
}

function readScalar(fields: Fields, field: Field, reading: Reading): unknown {
  const { key, type, absent, form } = field;
  const value =
    type === "boolean" ? fields.boolean(key, null) : type === "number" ? fields.number(key, null) : null;
  if (value !== null) return value;
  if (type !== "text") return absentOr(fields, field, reading);
  const raw = form === "element" ? fields.text(key) : fields.rawText(key);
  if (raw === null || (raw === "" && typeof absent === "string")) return absentOr(fields, field, reading);
  return key === WORDS_IN_ANY_CASE ? trimmed(raw).toLowerCase() : raw;
}

/** What the field is where it was not written. */
function absentOr(fields: Fields, { key, type, absent }: Field, reading: Reading): unknown {
  if (absent !== undefined) return absent;
  const code = key === "param" ? "MissedParamName" : "MissedParamValue";
  reading.problem(fields.node, `has no ${key}; expected a ${type}`, code);
  return type === "number" ? 0 : type === "boolean" ? false : "";
}

function readTexts(fields: Fields, { key }: Field, reading: Reading): string[] {
  const delimiter = fields.rawText(DELIMITER);
  return fields.all(key).flatMap((node) => textsOf(node, delimiter, reading));
}

/** Entries of an array, `value` elements, or one text with delimiters: each character of the delimiter is one. */
function textsOf(node: DocumentNode, outer: string | null, reading: Reading): string[] {
  if (node.isListed) return [valueOf(node, reading)];
  const fields = new Fields(node, reading);
  const values = fields.all("value").map((value) => valueOf(value, reading));
  const delimiter = fields.rawText(DELIMITER) || outer || ",";
  fields.done();
  if (values.length > 0 || node.text === null) return values;
  return splitText(textOf(node, reading), delimiter);
}

function splitText(joined: string, delimiter: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const character of joined) {
    if (delimiter.includes(character)) {
      parts.push(part);
      part = "";
    } else part += character;
  }
  parts.push(part);
  return parts.map(trimmed).filter((text) => text !== "");
}

function readChildren(fields: Fields, reading: Reading, depth: number): Condition[] {
  const children = fields.takeIf((key) => operatorByName(key) !== undefined);
  for (const node of fields.takeIf((key) => key === "if" || key === "return"))
    reading.problem(node, "cannot stand here; expected conditions only");
  refuseUnknownConditions(fields, reading);
  return children.map((node) => readCondition(node, reading, depth + 1)!);
}

/** A member that may be a condition must not be passed over: without it the rule would hold for others too. */
export function refuseUnknownConditions(fields: Fields, reading: Reading): void {
  for (const node of fields.rest())
    if (node.text === null || node.text === "") {
      fields.ignore(node.key);
      reading.problem(node, "is no operator that is known here");
    }
}

function namesLists({ fields }: Operator): boolean {
  return fields.some(({ key }) => key === LISTS);
}

/** The original refuses to save another type for addresses, and passes it over elsewhere. */
function readTypeOfLists(fields: Fields, { name }: Operator, reading: Reading): void {
  const type = fields.filled(WORDS_IN_ANY_CASE);
  if (type !== null && type !== TYPE_OF_LISTS) {
    const [node] = fields.all(WORDS_IN_ANY_CASE);
    const message = `${JSON.stringify(type)} has no effect; expected ${TYPE_OF_LISTS} or nothing`;
    reading.warning(node!, message, name === "inIpRange" ? "IpRangeTypeError" : null);
  }
}

export function writeCondition(condition: Condition): Written {
  const operator = operatorOf(condition);
  const values = condition as unknown as Readonly<Record<string, unknown>>;
  const members = operator.fields.flatMap((field) => writeField(field, values[field.name]));
  const lists = operator.fields.find(({ key }) => key === LISTS);
  if (lists !== undefined && (values[lists.name] as readonly string[]).length > 0)
    members.unshift(attribute(WORDS_IN_ANY_CASE, TYPE_OF_LISTS));
  return { form: "group", key: operator.name, members, isListed: true };
}

function writeField(field: Field, value: unknown): Written[] {
  const { key, form, absent } = field;
  if (value === absent) return [];
  switch (form) {
    case "attribute":
      return [attribute(key, value as string | number | boolean)];
    case "element":
      return [text(key, value as string | number | boolean)];
    case "values": {
      const values = value as readonly string[];
      return values.length === 0 ? [] : [{ form: "values", key, values }];
    }
    case "children":
      return (value as readonly Condition[]).map((child) => writeCondition(child));
  }
}
