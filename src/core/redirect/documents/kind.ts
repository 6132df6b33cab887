/** What a kind of document is, and how it is read and written as JSON; XML is added where there is a parser for it. */
import { type DocumentLimits, gathered } from "./chunks.ts";
import { JsonNode, type DocumentNode } from "./node.ts";
import { Reading, unreadable, type Read } from "./reading.ts";
import { toJson, type DocumentFormat, type Written } from "./written.ts";

/** One description for both formats. */
export interface DocumentKind<Value> {
  /** In messages: "flavor rules". */
  readonly name: string;
  /** Names of an XML document's outermost element: the first one is written, all are read. Empty = the kind is JSON only. */
  readonly roots: readonly string[];
  /** Null where it is no such document; then a problem says why. */
  read(node: DocumentNode, reading: Reading): Value | null;
  write(value: Value, format: DocumentFormat): Written[];
}

/** A kind that is only ever written. */
export type WrittenKind<Value> = Omit<DocumentKind<Value>, "read">;

/** Reads what JSON.parse gave. */
export function readJson<Value>(kind: DocumentKind<Value>, value: unknown): Read<Value> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return unreadable(`is not an object; expected ${kind.name}`);
  const reading = new Reading();
  return reading.result(kind.read(new JsonNode(value), reading));
}

/** The value that JSON.stringify writes as the document. */
export function writeJson<Value>(kind: WrittenKind<Value>, value: Value): unknown {
  return toJson(kind.write(value, "json"));
}

/** Reads a document of JSON text. Takes no chunk after the one that makes it longer than the limit. */
export function readJsonText<Value>(
  kind: DocumentKind<Value>,
  chunks: Iterable<Uint8Array>,
  limits: DocumentLimits,
): Read<Value> {
  const all = gathered(chunks, limits);
  if ("refusal" in all) return unreadable(all.refusal);
  const text = decoded(all.chunks);
  if (text === null) return unreadable("is not UTF-8; expected text in UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The message quotes the document.
    return unreadable(`is no JSON: ${(error as Error).message.slice(0, 200).replace(/[\0-\x1f]/g, " ")}`);
  }
  return readJson(kind, value);
}

function decoded(chunks: readonly Uint8Array[]): string | null {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  } catch {
    return null;
  }
}
