/**
 * What a parsed head means for its connection: where the body ends, whether the connection stays, what is nominated as
 * hop-by-hop (RFC 9112 6, 7, 9; RFC 9110 7.6.1). Anything that two parsers could read differently is refused.
 */
import { parseIpv6 } from "../../core/schema/ip.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { UNKNOWN_LENGTH } from "../exchange.ts";
import { FIELD_STRIDE, type Head } from "../head.ts";
import { equalsName, latin1Bytes } from "./bytes.ts";
import { parsed } from "./parse.ts";

/** Longest Content-Length: 15 digits stay exact in a double. */
const MAX_LENGTH_DIGITS = 15;

/** What the rules found; valid until the next head is judged. */
class Framing {
  /** Body length in bytes, or UNKNOWN_LENGTH for chunked. */
  length = 0;
  /** The peer (or the version) says that this connection ends after the message. */
  close = false;
  /** `Connection: upgrade` stands beside an Upgrade field. */
  upgrade = false;
  /** The client waits for 100 (Continue). */
  expectsContinue = false;
  /** `TE: trailers` was there. */
  takesTrailers = false;
}

export const framing = new Framing();

const CLOSE = latin1Bytes("close");
const KEEP_ALIVE = latin1Bytes("keep-alive");
const CHUNKED = latin1Bytes("chunked");

/** Fields that `Connection` cannot take away: a client could remove what a backend relies on. */
const PROTECTED = new Set([
  "host",
  "authorization",
  "content-length",
  "content-type",
  "content-encoding",
  "cookie",
  "set-cookie",
  "forwarded",
  "via",
  "cdn-loop",
  "date",
  "expect",
  "location",
  "cache-control",
  "x-real-ip",
  "x-request-id",
]);

/** Judges a request head; returns null when it is sound. */
export function judgeRequest(head: Head): ErrorCode | null {
  if (parsed.repeatedHost || (parsed.host < 0 && parsed.minor === 1)) return "FL_BAD_HOST";
  const code = judgeLength(head, true);
  if (code !== null) return code;
  judgeConnection(head);
  framing.takesTrailers = parsed.te >= 0 && hasTrailersToken(head);
  framing.expectsContinue = false;
  if (parsed.expect >= 0 && parsed.minor === 1) {
    if (parsed.repeatedExpect || head.valueAt(parsed.expect).toLowerCase() !== "100-continue") {
      return "FL_EXPECTATION_FAILED";
    }
    framing.expectsContinue = true;
  } else if (parsed.expect >= 0) head.drop(parsed.expect);
  return null;
}

/** Judges a response head, but for the rules that depend on its request and status. */
export function judgeResponse(head: Head): ErrorCode | null {
  const code = judgeLength(head, false);
  if (code !== null) return "FL_BAD_RESPONSE";
  judgeConnection(head);
  return null;
}

function judgeLength(head: Head, isRequest: boolean): ErrorCode | null {
  framing.length = 0;
  if (parsed.transferEncoding >= 0) {
    if (parsed.contentLength >= 0 || parsed.minor === 0 || parsed.repeatedTransferEncoding)
      return "FL_BAD_FRAMING";
    if (!isExactly(head, parsed.transferEncoding, CHUNKED))
      return judgeCodings(head.valueAt(parsed.transferEncoding));
    framing.length = UNKNOWN_LENGTH;
    return null;
  }
  if (parsed.contentLength < 0) {
    if (!isRequest) framing.length = UNKNOWN_LENGTH;
    return null;
  }
  if (parsed.repeatedContentLength) return "FL_BAD_FRAMING";
  const length = decimalValue(head, parsed.contentLength);
  if (length < 0) return "FL_BAD_FRAMING";
  framing.length = length;
  if (!isPlainLine(head, parsed.contentLength)) {
    head.drop(parsed.contentLength);
    head.add("Content-Length", String(length));
  }
  return null;
}

/**
 * False where a field of digits stands with zeros in front or with other white space than one space: some parsers refuse
 * that or read octal, so such a line does not go on as it came.
 */
function isPlainLine(head: Head, field: number): boolean {
  const { bytes, positions } = head;
  const at = field * FIELD_STRIDE;
  const valueStart = positions[at + 2]!;
  const valueEnd = positions[at + 3]!;
  const next = field + 1 < head.count ? positions[at + FIELD_STRIDE]! : head.fieldsEnd;
  const before = valueStart - positions[at + 1]!;
  if (next - valueEnd !== 2 || before > 2 || (before === 2 && bytes[valueStart - 1] !== 32)) return false;
  return bytes[valueStart] !== 48 || valueEnd - valueStart === 1;
}

/**
 * `gzip, chunked` names a coding that we do not have. A request whose last coding is not chunked has no certain end and
 * is malformed (RFC 9112 6.3), like one that is chunked twice or has an empty member.
 */
function judgeCodings(value: string): ErrorCode {
  const codings = listMembers(value);
  const wellFormed = codings.every((coding) => /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(coding));
  const chunkedAt = codings.indexOf("chunked");
  if (!wellFormed || chunkedAt !== codings.length - 1) return "FL_BAD_FRAMING";
  return "FL_UNKNOWN_CODING";
}

/** Value of a field of digits, or -1. */
function decimalValue(head: Head, field: number): number {
  const at = field * FIELD_STRIDE;
  const from = head.positions[at + 2]!;
  const to = head.positions[at + 3]!;
  if (to === from || to - from > MAX_LENGTH_DIGITS) return -1;
  let value = 0;
  for (let p = from; p < to; p++) {
    const digit = head.bytes[p]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isExactly(head: Head, field: number, word: Uint8Array): boolean {
  const at = field * FIELD_STRIDE;
  const from = head.positions[at + 2]!;
  return head.positions[at + 3]! - from === word.length && equalsName(head.bytes, from, word);
}

function judgeConnection(head: Head): void {
  framing.upgrade = false;
  framing.close = parsed.minor === 0;
  if (parsed.connection < 0) return;
  if (!parsed.repeatedConnection) {
    if (isExactly(head, parsed.connection, KEEP_ALIVE)) {
      framing.close = false;
      return;
    }
    if (isExactly(head, parsed.connection, CLOSE)) {
      framing.close = true;
      return;
    }
  }
  readConnectionTokens(head);
}

/** `Connection` with other tokens than one: drops the fields that it names, but for the protected ones. */
function readConnectionTokens(head: Head): void {
  let close = parsed.minor === 0;
  let asksClose = false;
  const nominated = new Set<string>();
  for (const token of connectionTokens(head)) {
    if (token === "close") asksClose = true;
    else if (token === "keep-alive") close = false;
    // HTTP/1.0 has no Upgrade (RFC 9110 7.8).
    else if (token === "upgrade") framing.upgrade = parsed.upgrade >= 0 && parsed.minor === 1;
    else if (!PROTECTED.has(token) && !token.startsWith("x-forwarded-")) nominated.add(token);
  }
  framing.close = close || asksClose;
  dropFields(head, nominated);
}

/** Drops the fields of these names, which are lower case: one pass, because a field can name thousands. */
export function dropFields(head: Head, names: ReadonlySet<string>): void {
  if (names.size === 0) return;
  for (let field = 0; field < head.count; field++) {
    if (head.dropped[field] === 0 && names.has(head.nameAt(field).toLowerCase())) head.drop(field);
  }
}

/** Tokens of all Connection fields, in lower case; also of those that are dropped already. */
export function connectionTokens(head: Head): string[] {
  const tokens: string[] = [];
  for (let field = 0; field < head.count; field++) {
    if (head.positions[field * FIELD_STRIDE + 1]! - head.positions[field * FIELD_STRIDE]! !== 10) continue;
    if (head.nameAt(field).toLowerCase() !== "connection") continue;
    tokens.push(...listMembers(head.valueAt(field)));
  }
  return tokens;
}

function hasTrailersToken(head: Head): boolean {
  return listMembers(head.valueAt(parsed.te)).includes("trailers");
}

/** Members of a list, lower case. `trim` would take 0xa0 for white space; only SP and HTAB are (RFC 9110 5.6.3). */
function listMembers(value: string): string[] {
  return value.split(",").map((member) => {
    let from = 0;
    let to = member.length;
    while (from < to && (member[from] === " " || member[from] === "\t")) from++;
    while (to > from && (member[to - 1] === " " || member[to - 1] === "\t")) to--;
    return member.slice(from, to).toLowerCase();
  });
}

const HOST = /^(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*$/;
const PORT = /^[0-9]{0,5}$/;

/**
 * True for `name`, `name:port`, `1.2.3.4`, `[::1]:80` and "" (RFC 9110 7.2, RFC 3986 3.2.2). A zone in an IPv6 address
 * means something to the client's machine alone and is refused.
 */
export function isAuthority(text: string): boolean {
  let host = text;
  let port = "";
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0 || text.includes("%") || parseIpv6(text.slice(1, end)) === null) return false;
    host = "";
    const rest = text.slice(end + 1);
    if (rest !== "" && !rest.startsWith(":")) return false;
    port = rest.slice(1);
  } else {
    const colon = text.indexOf(":");
    if (colon === 0) return false;
    if (colon > 0) {
      host = text.slice(0, colon);
      port = text.slice(colon + 1);
    }
  }
  return HOST.test(host) && PORT.test(port) && Number(port) <= 65535;
}

/** Host for routing: lower case, without port and trailing dot. */
export function routingHost(authority: string): string {
  let host = authority;
  if (host.startsWith("[")) host = host.slice(0, host.indexOf("]") + 1);
  else {
    const colon = host.indexOf(":");
    if (colon >= 0) host = host.slice(0, colon);
  }
  if (host.endsWith(".")) host = host.slice(0, -1);
  return host.toLowerCase();
}
