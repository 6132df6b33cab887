/**
 * A strict reader of HTTP/1.1 requests that is written for clarity: whole text, patterns, no state, nothing shared with
 * the codec. It says what a request is and which answer a malformed one gets (RFC 9112, with these choices: white space
 * is one space in the request line, no line folding, no bare CR or LF, equal Content-Length fields are refused too).
 */
import type { Ending, FieldLine, Reading, ReadRequest } from "./message.ts";
import {
  DEFAULT_NAIVE_LIMITS,
  listOf,
  readChunks,
  readFieldLines,
  TOKEN,
  valuesOf,
  type NaiveLimits,
} from "./naive_fields.ts";

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

const NEEDS_MORE = Symbol("needs more");

export interface NaiveReading extends Reading {
  /** Where the request line of each request begins. */
  readonly starts: readonly number[];
}

/**
 * Reads requests from the start of `bytes` up to the first that is not whole or not sound, or that ends its connection.
 */
export function readRequestsNaively(
  bytes: Uint8Array,
  limits: NaiveLimits = DEFAULT_NAIVE_LIMITS,
): NaiveReading {
  const text = Buffer.from(bytes).toString("latin1");
  const requests: ReadRequest[] = [];
  const starts: number[] = [];
  let at = 0;
  try {
    while (at < text.length) {
      const next = readRequest(text, at, limits);
      if (next === NEEDS_MORE) return { requests, starts, ending: { kind: "more" } };
      requests.push(next.request);
      starts.push(next.start);
      at = next.end;
      if (next.last) break;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const ending: Ending = { kind: "refused", status: error.status, why: error.message };
    return { requests, starts, ending };
  }
  return { requests, starts, ending: { kind: "complete" } };
}

interface Found {
  readonly request: ReadRequest;
  readonly start: number;
  readonly end: number;
  readonly last: boolean;
}

function readRequest(text: string, from: number, limits: NaiveLimits): Found | typeof NEEDS_MORE {
  let start = from;
  for (let lines = 0; text.startsWith("\r\n", start); lines++) {
    if (lines === limits.leadingEmptyLines) throw new Refusal(400, "too many empty lines");
    start += 2;
  }
  const headEnd = text.indexOf("\r\n\r\n", start);
  if (headEnd < 0) {
    checkUnfinished(text.slice(start));
    return NEEDS_MORE;
  }
  const lines = text.slice(start, headEnd).split("\r\n");
  const line = readRequestLine(lines[0]!);
  const fields = readFieldLines(lines.slice(1));
  // A reader that counts while it reads meets whichever comes first.
  if (fields === null) throw new Refusal(400, "malformed field line");
  if (fields.length > limits.fields) throw new Refusal(431, "too many fields");
  if (line.target.length > limits.targetBytes) throw new Refusal(414, "target too long");
  if (headEnd + 4 - start - lines[0]!.length - 2 > limits.headerBytes)
    throw new Refusal(431, "header block too long");
  const framing = readFraming(line.version, fields);
  checkExpectation(line.version, fields);
  const host = valuesOf(fields, "host")[0];
  if (host !== undefined && !isAuthority(host)) throw new Refusal(400, "malformed Host");
  checkTarget(line.method, line.target);
  const connection = listOf(fields, "connection");
  const last = connection.includes("close") || (line.version === "1.0" && !connection.includes("keep-alive"));
  const bodyAt = headEnd + 4;
  const request = { ...line, fields, body: "", trailers: [] };
  if (framing === "chunked") {
    const chunks = readChunks(text, bodyAt, limits);
    if (chunks === "malformed") throw new Refusal(400, "malformed chunked body");
    if (chunks === "more") return NEEDS_MORE;
    const { body, trailers, end } = chunks;
    return { request: { ...request, body, trailers }, start, end, last };
  }
  const end = bodyAt + framing;
  if (text.length < end) return NEEDS_MORE;
  return { request: { ...request, body: text.slice(bodyAt, end) }, start, end, last };
}

/** Refuses a head that no further byte can make sound: its whole lines, and a CR or LF that ends none. */
function checkUnfinished(text: string): void {
  const lines = text.split("\r\n");
  const last = lines.pop()!;
  if (lines.length > 0) readRequestLine(lines[0]!);
  if (readFieldLines(lines.slice(1)) === null || /\n|\r./s.test(last))
    throw new Refusal(400, "malformed field line");
}

const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([^ ]+) HTTP/([0-9])\\.([0-9])$`);
const OTHER_START = new RegExp(`^(${TOKEN}) ([^ ]+) `);

function readRequestLine(line: string): { method: string; target: string; version: string } {
  const match = REQUEST_LINE.exec(line);
  const target = match?.[2] ?? OTHER_START.exec(line)?.[2] ?? "";
  if (!/^[\x21-\x7e]*$/.test(target) || target.includes("#"))
    throw new Refusal(400, "illegal byte in the target");
  if (target.split("?")[0]!.includes("\\")) throw new Refusal(400, "backslash in the path");
  if (match === null) throw new Refusal(400, "malformed request line");
  if (match[3] !== "1") throw new Refusal(505, "another major version");
  return { method: match[1]!, target, version: match[4] === "0" ? "1.0" : "1.1" };
}

/** Length of the body, or "chunked" (RFC 9112 6.3). */
function readFraming(version: string, fields: readonly FieldLine[]): number | "chunked" {
  const hosts = valuesOf(fields, "host");
  if (hosts.length > 1) throw new Refusal(400, "several Host fields");
  if (hosts.length === 0 && version === "1.1") throw new Refusal(400, "no Host field");
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  if (codings.length > 0) {
    if (lengths.length > 0) throw new Refusal(400, "Transfer-Encoding and Content-Length");
    if (version === "1.0") throw new Refusal(400, "Transfer-Encoding in HTTP/1.0");
    if (codings.length > 1) throw new Refusal(400, "several Transfer-Encoding fields");
    if (codings[0]!.toLowerCase() === "chunked") return "chunked";
    const list = listOf(fields, "transfer-encoding");
    const sound = list.every((coding) => new RegExp(`^${TOKEN}$`).test(coding));
    if (!sound || list.indexOf("chunked") !== list.length - 1)
      throw new Refusal(400, "Transfer-Encoding without one final chunked");
    throw new Refusal(501, "unknown transfer coding");
  }
  if (lengths.length === 0) return 0;
  if (lengths.length > 1) throw new Refusal(400, "several Content-Length fields");
  if (!/^[0-9]{1,15}$/.test(lengths[0]!)) throw new Refusal(400, "malformed Content-Length");
  return Number(lengths[0]);
}

function checkExpectation(version: string, fields: readonly FieldLine[]): void {
  const expectations = valuesOf(fields, "expect");
  if (version === "1.0" || expectations.length === 0) return;
  if (expectations.length > 1 || expectations[0]!.toLowerCase() !== "100-continue")
    throw new Refusal(417, "unknown expectation");
}

/** The forms that a target may have (RFC 9112 3.2). */
function checkTarget(method: string, target: string): void {
  if (method === "CONNECT") throw new Refusal(501, "CONNECT");
  if (target === "*") {
    if (method !== "OPTIONS") throw new Refusal(400, "asterisk-form without OPTIONS");
    return;
  }
  let path = target;
  if (!target.startsWith("/")) {
    const absolute = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
    if (absolute === null || !isAuthority(absolute[1]!)) throw new Refusal(400, "malformed absolute-form");
    path = absolute[2]!;
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(path.split("?")[0]!)) throw new Refusal(400, "malformed percent-encoding");
}

/** Whether servers may read two paths in a sound target; such a request is answered with 400, and its connection stays. */
export function isReadInTwoWays(target: string): boolean {
  const path = /^(?:https?:\/\/[^/?]+)?(\/[^?]*)/i.exec(target)?.[1] ?? "/";
  return mergeSlashes(resolveDots(path)) !== resolveDots(mergeSlashes(path));
}

/** By the parser of WHATWG URL. */
function resolveDots(path: string): string {
  return new URL(`http://a${path}`).pathname;
}

function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/");
}

const PLAIN_HOST = /^(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*$/;

/** `host`, `host:port` or "" (RFC 9110 7.2); host names without sub-delims. */
function isAuthority(authority: string): boolean {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{0,5}))?$/.exec(authority);
  if (match === null || Number(match[2] ?? 0) > 65_535) return false;
  const host = match[1]!;
  if (host === "") return authority === "";
  return host.startsWith("[") ? isIpv6(host.slice(1, -1)) : PLAIN_HOST.test(host);
}

/** IPv6address of RFC 3986 3.2.2: eight groups, one run of zeros left out, the last two as IPv4. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  let count = 0;
  for (const [half, list] of groups.entries()) {
    for (const [index, group] of list.entries()) {
      const isLast = half === groups.length - 1 && index === list.length - 1;
      if (isLast && isIpv4(group)) count += 2;
      else if (/^[0-9A-Fa-f]{1,4}$/.test(group)) count++;
      else return false;
    }
  }
  return halves.length === 2 ? count <= 7 : count === 8;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return (
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
  );
}
