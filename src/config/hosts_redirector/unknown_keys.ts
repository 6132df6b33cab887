/** In the original's own files an unknown key is a warning: it never looked at them, and its users have such files. */
import type { z } from "zod";
import type { Finding } from "../finding.ts";
import { listed } from "../issues.ts";
import { isMap } from "../plain_value.ts";
import type { Path } from "../problem.ts";
import { keysAt, schemasAt } from "../schema_walk.ts";
import { suggest } from "../suggest.ts";

/** `value` without the keys that `schema` does not know, and a warning for each of them. */
export function withoutUnknownKeys(
  schema: z.ZodType,
  value: unknown,
): { readonly value: unknown; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const known = (part: unknown, path: Path): unknown => {
    if (Array.isArray(part)) return part.map((item: unknown, index) => known(item, [...path, index]));
    if (!isMap(part)) return part;
    const isClosed = schemasAt(schema, path, value).some((bare) => bare.schema._zod.def.type === "object");
    const keys = keysAt(schema, path, value);
    const entries = Object.entries(part).filter(([key]) => {
      const isKnown = !isClosed || keys.includes(key);
      if (!isKnown) findings.push(unknownKey(schema, path, key, keys));
      return isKnown;
    });
    return Object.fromEntries(entries.map(([key, inner]) => [key, known(inner, [...path, key])]));
  };
  return { value: known(value, []), findings };
}

function unknownKey(schema: z.ZodType, parent: Path, key: string, keys: readonly string[]): Finding {
  const isMisplaced = parent.length > 0 && keysAt(schema, [], {}).includes(key);
  const expected = isMisplaced ? "it at the top of the file" : listed(keys);
  return {
    path: [...parent, key],
    what: "key",
    message: `unknown key, which is ignored; expected ${expected}`,
    suggestion: isMisplaced ? null : suggest(key, keys),
    severity: "warning",
  };
}
