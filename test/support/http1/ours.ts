/** The codec's own parser as a reader of whole texts, for comparison with others. Knows no limits but the largest. */
import { ChunkReader, spans } from "../../../src/net/h1/chunks.ts";
import { framing, judgeRequest } from "../../../src/net/h1/framing.ts";
import { INCOMPLETE, parsed, parseRequest } from "../../../src/net/h1/parse.ts";
import { keptTrailers } from "../../../src/net/h1/trailers.ts";
import { UNKNOWN_LENGTH } from "../../../src/net/exchange.ts";
import { Head } from "../../../src/net/head.ts";
import type { FieldLine, Reading, ReadRequest } from "./message.ts";

const MAX_FIELDS = 1_000;
const MAX_HEAD_BYTES = 256 * 1024;

/** Reads requests from the start of `bytes`; `status` of a refusal is 0. */
export function readRequestsByCodec(bytes: Uint8Array): Reading {
  const requests: ReadRequest[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = new Head(MAX_FIELDS);
    const rest = bytes.subarray(at);
    const end = parseRequest(head, rest, Math.min(rest.length, MAX_HEAD_BYTES));
    if (end === INCOMPLETE) return { requests, ending: { kind: "more" } };
    if (end < 0) return { requests, ending: { kind: "refused", status: 0, why: `head ${end}` } };
    const request = requestOf(head);
    const code = judgeRequest(head);
    if (code !== null) return { requests, ending: { kind: "refused", status: 0, why: code } };
    const body = readBody(rest, end, framing.length);
    if (typeof body === "string") {
      const ending = body === "more" ? { kind: body } : { kind: body, status: 0, why: "body" };
      return { requests, ending };
    }
    requests.push({ ...request, body: body.text, trailers: body.trailers });
    at += body.end;
  }
  return { requests, ending: { kind: "complete" } };
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.subarray(from, to)).toString("latin1");
}

/** All fields as they came, those too that the codec leaves out on the way. */
export function allFields(head: Head): FieldLine[] {
  return Array.from({ length: head.count }, (_, index) => [head.nameAt(index), head.valueAt(index)] as const);
}

function requestOf(head: Head): Omit<ReadRequest, "body" | "trailers"> {
  return {
    method: latin1(head.bytes, parsed.start, parsed.methodEnd),
    target: latin1(head.bytes, parsed.targetStart, parsed.targetEnd),
    version: parsed.minor === 0 ? "1.0" : "1.1",
    fields: allFields(head),
  };
}

interface Body {
  readonly text: string;
  readonly trailers: readonly FieldLine[];
  readonly end: number;
}

function readBody(bytes: Uint8Array, from: number, length: number): Body | "more" | "refused" {
  if (length !== UNKNOWN_LENGTH) {
    const end = from + length;
    if (end > bytes.length) return "more";
    return { text: latin1(bytes, from, end), trailers: [], end };
  }
  const reader = new ChunkReader(Infinity, Infinity);
  const end = reader.read(bytes, from, bytes.length);
  if (end < 0) return "refused";
  if (!reader.done) return "more";
  let text = "";
  for (let index = 0; index < reader.spanCount; index++)
    text += latin1(bytes, spans[index * 2]!, spans[index * 2 + 1]!);
  const trailers = reader.trailer === null ? [] : keptTrailers(reader.trailer, MAX_FIELDS);
  if (trailers === null) return "refused";
  return { text, trailers: Array.isArray(trailers) ? [] : allFields(trailers), end };
}
