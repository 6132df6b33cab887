/** A strict reader of one HTTP/1.1 answer, written for clarity like the one of requests. */
import type { FieldLine } from "./message.ts";
import {
  DEFAULT_NAIVE_LIMITS,
  readChunks,
  readFieldLines,
  valuesOf,
  type NaiveLimits,
} from "./naive_fields.ts";

export interface ReadResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly FieldLine[];
  readonly body: string;
  readonly trailers: readonly FieldLine[];
  readonly delimited: "length" | "chunked" | "close" | "none";
  /** Position after it. */
  readonly end: number;
}

/**
 * Reads the answer that starts at `from`, to a request that is HEAD or not. `ended`: the connection ends after `text`.
 * "more" where it is not complete, "malformed" where it never can be.
 */
export function readResponse(
  text: string,
  from: number,
  isHead: boolean,
  ended: boolean,
  limits: NaiveLimits = DEFAULT_NAIVE_LIMITS,
): ReadResponse | "more" | "malformed" {
  const headEnd = text.indexOf("\r\n\r\n", from);
  if (headEnd < 0) return "more";
  const lines = text.slice(from, headEnd).split("\r\n");
  const line = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(lines[0]!);
  const fields = readFieldLines(lines.slice(1));
  if (line === null || fields === null || fields.length > limits.fields) return "malformed";
  const status = Number(line[2]);
  const framing = readFraming(line[1] === "0", fields);
  if (framing === "malformed") return framing;
  const bodyAt = headEnd + 4;
  const head = { status, reason: line[3] ?? "", fields, trailers: [] };
  if (isHead || status < 200 || status === 204 || status === 304)
    return { ...head, body: "", delimited: "none", end: bodyAt };
  if (framing === "chunked") {
    const chunks = readChunks(text, bodyAt, limits);
    return typeof chunks === "string" ? chunks : { ...head, ...chunks, delimited: "chunked" };
  }
  if (framing === "close") {
    if (!ended) return "more";
    return { ...head, body: text.slice(bodyAt), delimited: "close", end: text.length };
  }
  const end = bodyAt + framing;
  if (text.length < end) return "more";
  return { ...head, body: text.slice(bodyAt, end), delimited: "length", end };
}

function readFraming(
  isOld: boolean,
  fields: readonly FieldLine[],
): number | "chunked" | "close" | "malformed" {
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  if (codings.length > 0) {
    const sound = codings.length === 1 && codings[0]!.toLowerCase() === "chunked";
    return sound && lengths.length === 0 && !isOld ? "chunked" : "malformed";
  }
  if (lengths.length === 0) return "close";
  return lengths.length === 1 && /^[0-9]{1,15}$/.test(lengths[0]!) ? Number(lengths[0]) : "malformed";
}

/** Interim answers and the final one from the start of `text`, as far as they are complete. */
export function readResponses(text: string, isHead: boolean, ended: boolean): ReadResponse[] {
  const responses: ReadResponse[] = [];
  let at = 0;
  while (at < text.length) {
    const next = readResponse(text, at, isHead, ended);
    if (typeof next === "string") break;
    responses.push(next);
    at = next.end;
    if (next.status >= 200 || next.status === 101) break;
  }
  return responses;
}
