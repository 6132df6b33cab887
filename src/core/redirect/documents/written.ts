/** What writers of documents give, whether it becomes JSON or XML. */

export type Scalar = string | number | boolean;

/** A member of a document: `form` says how JSON and XML differ in it. */
export type Written =
  /** JSON: a property. XML: an attribute. */
  | { readonly form: "attribute"; readonly key: string; readonly value: Scalar }
  /** JSON: a property, or an entry of an array. XML: an element with text. */
  | { readonly form: "text"; readonly key: string; readonly value: Scalar; readonly isListed: boolean }
  /** JSON: an entry of an array, an object with the text as `value`. XML: an element with attributes and text. */
  | {
      readonly form: "content";
      readonly key: string;
      readonly value: string;
      readonly attributes: readonly Written[];
    }
  /** JSON: an array of `{"value": …}`. XML: an element with one `value` element for each. */
  | { readonly form: "values"; readonly key: string; readonly values: readonly string[] }
  /** JSON: an object, or an entry of an array. XML: an element. */
  | {
      readonly form: "group";
      readonly key: string;
      readonly members: readonly Written[];
      readonly isListed: boolean;
    }
  /** JSON: an array. XML: an element with one element `entry` for each. */
  | {
      readonly form: "wrapped";
      readonly key: string;
      readonly entry: string;
      readonly entries: readonly (readonly Written[])[];
    }
  /** JSON: an empty array. XML: nothing. */
  | { readonly form: "empty"; readonly key: string }
  /** JSON: null. XML: nothing. */
  | { readonly form: "nothing"; readonly key: string };

export type DocumentFormat = "json" | "xml";

export function attribute(key: string, value: Scalar): Written {
  return { form: "attribute", key, value };
}

export function text(key: string, value: Scalar): Written {
  return { form: "text", key, value, isListed: false };
}

/** Nothing for null. */
export function optionalText(key: string, value: Scalar | null): Written[] {
  return value === null ? [] : [text(key, value)];
}

/** As `text`; for null, null in JSON and nothing in XML. */
export function textOrNull(key: string, value: Scalar | null): Written {
  return value === null ? { form: "nothing", key } : text(key, value);
}

/** One entry of a list for each text. */
export function listedTexts(key: string, values: readonly string[]): Written[] {
  if (values.length === 0) return [{ form: "empty", key }];
  return values.map((value): Written => ({ form: "text", key, value, isListed: true }));
}

export function group(key: string, members: readonly Written[]): Written {
  return { form: "group", key, members, isListed: false };
}

export function listed(key: string, members: readonly Written[]): Written {
  return { form: "group", key, members, isListed: true };
}

/** One entry of a list for each; an empty list is written too. */
export function listOf(key: string, entries: readonly (readonly Written[])[]): Written[] {
  return entries.length === 0 ? [{ form: "empty", key }] : entries.map((members) => listed(key, members));
}

/** The value that JSON.stringify writes as the document. */
export function toJson(members: readonly Written[]): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  for (const member of members) {
    const value = jsonValue(member);
    const before = entries.get(member.key);
    if (!isListed(member)) entries.set(member.key, value);
    else if (Array.isArray(before)) before.push(value);
    else entries.set(member.key, [value]);
  }
  return Object.fromEntries(entries);
}

function isListed(member: Written): boolean {
  return member.form === "content" || ("isListed" in member && member.isListed);
}

function jsonValue(member: Written): unknown {
  switch (member.form) {
    case "attribute":
    case "text":
      return member.value;
    case "content":
      return { value: member.value, ...toJson(member.attributes) };
    case "values":
      return member.values.map((value) => ({ value }));
    case "group":
      return toJson(member.members);
    case "wrapped":
      return member.entries.map((entry) => toJson(entry));
    case "empty":
      return [];
    case "nothing":
      return null;
  }
}
