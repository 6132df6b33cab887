/** Parameters in the body of a request: a flat JSON object. */

export type BodyParameters =
  | { readonly values: ReadonlyMap<string, string> }
  /** What is wrong, in one sentence. */
  | { readonly problem: string };

const NO_JSON = { problem: "the body is not JSON in UTF-8" };
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Numbers and truth values become texts, null is as absent. */
export function readBodyParameters(bytes: Uint8Array): BodyParameters {
  try {
    return readParameters(decoder.decode(bytes));
  } catch {
    return NO_JSON;
  }
}

/** The same for a text. */
export function readParameters(text: string): BodyParameters {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return NO_JSON;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: 'the body is not an object; expected one such as {"mac":"00:00:00:00:00:01"}' };
  const values = new Map<string, string>();
  for (const [name, given] of Object.entries(value)) {
    if (given === null) continue;
    if (typeof given === "object")
      return {
        problem: `${JSON.stringify(name)} is not flat: ${placeInside(given)}; expected a text, number or truth value`,
      };
    values.set(name, String(given));
  }
  return { values };
}

function placeInside(value: object): string {
  return Array.isArray(value) ? "it holds a list" : "it holds an object";
}

/** True for `application/json` with any parameters, and where no type is named. */
export function isJsonType(contentType: string | null): boolean {
  return contentType === null || /^\s*application\/json\s*(?:;|$)/i.test(contentType);
}
