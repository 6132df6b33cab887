/** Fuzz entry of JSON that is read in steps: the same document as JSON.parse reads, or a refusal where that refuses. */
import { allSteps } from "../../src/core/steps.ts";
import { parseJsonParts } from "../../src/core/text/json_parts.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const encoder = new TextEncoder();

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** The document, its long array filled in again; null = refused. */
function inParts(bytes: Uint8Array): { readonly value: unknown } | null {
  const elements: unknown[] = [];
  const array = { path: ["rules"], take: (some: readonly unknown[]): void => void elements.push(...some) };
  let value: unknown;
  try {
    value = allSteps(parseJsonParts(bytes, [array]));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { value };
  const { rules } = value as { rules?: unknown };
  return { value: Array.isArray(rules) ? { ...value, rules: elements } : value };
}

function atOnce(bytes: Uint8Array): { readonly value: unknown } | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

function run(bytes: Uint8Array): Outcome {
  const [parts, whole] = [inParts(bytes), atOnce(bytes)];
  // The same long array twice is refused, of which JSON.parse takes the second one.
  if (parts === null) return whole === null ? "refused by both" : "refused in parts";
  check(whole !== null, "read in parts what JSON.parse refuses");
  check(Bun.deepEquals(parts.value, whole!.value), "read differently in parts");
  return `read ${typeof parts.value}`;
}

export const jsonParts: FuzzEntry = {
  name: "json_parts",
  run,
  seeds: () =>
    [
      '{"format":1,"rules":[{"id":"a","when":[]},{"id":"b"}],"version":3}',
      '{"rules":[],"x":{"rules":[1,2]}}',
      ' { "a" : [ 1 , { "rules" : "\\u005b\\"" } ] , "rules" : [ null , -1.5e3 , "\\\\" ] } ',
      '[{"rules":[1]}]',
      '"rules"',
    ].map((text) => encoder.encode(text)),
  tokens: ['"rules":[', "],", "{}", "[]", "null", "\\u0022", '\\"', "\\\\", "1e5", "\ufeff", '"__proto__":'],
};
