import type { z } from "zod";
import { isToken } from "./field.ts";
import { parsedText } from "./text.ts";

/** What a keyed strategy hashes of a request. */
export type HashKey =
  | { readonly kind: "address" | "path" }
  /** `name` is lower case for fields and as written for cookies and parameters. */
  | { readonly kind: "header" | "cookie" | "query"; readonly name: string };

/** Accepts `address`, `path`, `header:NAME`, `cookie:NAME` and `query:NAME`. */
export function parseHashKey(text: string): HashKey | null {
  if (text === "address" || text === "path") return { kind: text };
  const match = /^(header|cookie|query):(.+)$/s.exec(text);
  if (match === null) return null;
  const kind = match[1] as "header" | "cookie" | "query";
  const name = match[2]!;
  if (kind !== "query" && !isToken(name)) return null;
  return { kind, name: kind === "header" ? name.toLowerCase() : name };
}

/** What a pool with a keyed strategy hashes. */
export function hashKey(): z.ZodType<HashKey, string> {
  return parsedText({
    name: "hash key",
    expected: "address, path, header:NAME, cookie:NAME or query:NAME",
    parse: parseHashKey,
  });
}
