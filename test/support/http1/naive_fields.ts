/** Field lines and chunked bodies for the naive readers, from the grammar of RFC 9110 5 and RFC 9112 5 and 7. */
import type { FieldLine } from "./message.ts";

export interface NaiveLimits {
  readonly fields: number;
  readonly headerBytes: number;
  readonly targetBytes: number;
  readonly extensionBytes: number;
  readonly leadingEmptyLines: number;
}

/** Limits of a worker by default, written down once more on purpose. */
export const DEFAULT_NAIVE_LIMITS: NaiveLimits = {
  fields: 100,
  headerBytes: 32_768,
  targetBytes: 8_192,
  extensionBytes: 4_096,
  leadingEmptyLines: 4,
};

export const NO_LIMITS: NaiveLimits = {
  fields: Infinity,
  headerBytes: Infinity,
  targetBytes: Infinity,
  extensionBytes: Infinity,
  leadingEmptyLines: Infinity,
};

export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD_LINE = new RegExp(`^(${TOKEN}):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const CHUNK_LINE = /^([0-9A-Fa-f]{1,16})(;[\t\x20-\x7e\x80-\xff]*)?$/;

/** The name and the value of a field line without its line end, or null where it is malformed. */
export function readFieldLine(line: string): FieldLine | null {
  const match = FIELD_LINE.exec(line);
  if (match === null) return null;
  return [match[1]!, match[2]!.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "")];
}

/** All field lines, or null where one is malformed. */
export function readFieldLines(lines: readonly string[]): FieldLine[] | null {
  const fields: FieldLine[] = [];
  for (const line of lines) {
    const field = readFieldLine(line);
    if (field === null) return null;
    fields.push(field);
  }
  return fields;
}

/** Values of a field, name in any case. */
export function valuesOf(fields: readonly FieldLine[], name: string): string[] {
  return fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** Members of a list field (RFC 9110 5.6.1), lower case, with empty members. */
export function listOf(fields: readonly FieldLine[], name: string): string[] {
  return valuesOf(fields, name)
    .join(",")
    .split(",")
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, "").toLowerCase());
}

export interface NaiveChunks {
  readonly body: string;
  readonly trailers: readonly FieldLine[];
  /** Position after the body. */
  readonly end: number;
}

/** A chunked body from `from` on: "more" where it is not complete, "malformed" where it never can be. */
export function readChunks(
  text: string,
  from: number,
  limits: NaiveLimits,
): NaiveChunks | "more" | "malformed" {
  let at = from;
  let body = "";
  let extensionBytes = 0;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return unfinished(text.slice(at));
    const match = CHUNK_LINE.exec(text.slice(at, lineEnd));
    if (match === null) return "malformed";
    extensionBytes += Math.max(0, (match[2] ?? "").length - 1);
    const size = BigInt(`0x${match[1]!}`);
    if (size > BigInt(Number.MAX_SAFE_INTEGER) || extensionBytes > limits.extensionBytes) return "malformed";
    at = lineEnd + 2;
    if (size === 0n) break;
    const dataEnd = at + Number(size);
    body += text.slice(at, dataEnd);
    const lineEndAfterData = text.slice(dataEnd, dataEnd + 2);
    if (!"\r\n".startsWith(lineEndAfterData)) return "malformed";
    if (lineEndAfterData !== "\r\n") return "more";
    at = dataEnd + 2;
  }
  return readTrailers(text, at, body, limits);
}

/** A line without its end: a CR or LF inside cannot become right. */
function unfinished(line: string): "more" | "malformed" {
  return /\n|\r./s.test(line) ? "malformed" : "more";
}

function readTrailers(
  text: string,
  from: number,
  body: string,
  limits: NaiveLimits,
): NaiveChunks | "more" | "malformed" {
  const lines: string[] = [];
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return unfinished(text.slice(at));
    if (lineEnd === at) break;
    lines.push(text.slice(at, lineEnd));
    at = lineEnd + 2;
  }
  const trailers = readFieldLines(lines);
  if (trailers === null || trailers.length > limits.fields) return "malformed";
  if (at - from > limits.headerBytes) return "malformed";
  return { body, trailers, end: at + 2 };
}
