/** A map of a configuration value. */
export type PlainMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a map, or an empty one: for looking into what may be malformed. */
export function mapOr(value: unknown): PlainMap {
  return isMap(value) ? value : {};
}

/** The value as a list, or an empty one. */
export function listOr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text and numbers as text, "" for all else: a map may even hold a `toString` of its own. */
export function textOr(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** What kind of value this is, as users call it. */
export function kindOf(
  value: unknown,
): "a map" | "a list" | "text" | "a number" | "true or false" | "nothing" {
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "object":
      return value === null ? "nothing" : "a map";
    case "string":
      return "text";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    default:
      return "nothing";
  }
}
