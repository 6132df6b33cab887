/**
 * Strict parsing of HTTP/1.x heads (RFC 9112 2 to 5) on bytes. A head is parsed in the scratch block, where values are
 * checked four bytes at a time; positions hold in the block that the head keeps too. Every byte of a head is looked at
 * once and belongs to its class or the head is refused.
 */
import { FIELD_STRIDE, type Head } from "../head.ts";
import {
  BACKSLASH,
  CLASS,
  equalsName,
  HEX,
  latin1Bytes,
  PERCENT,
  TARGET,
  TOKEN,
  UNDERSCORE,
  VALUE,
} from "./bytes.ts";
import { flushAnyStaged } from "./output.ts";
import { scratch, scratchOwner, scratchWords } from "./scratch.ts";

export const INCOMPLETE = 0;
export const BAD_LINE = -1;
export const BAD_TARGET = -2;
export const BAD_VERSION = -3;
export const BAD_FIELD = -4;
export const TOO_MANY_FIELDS = -5;

/** At most this many empty lines before a request line are passed over (RFC 9112 2.2). */
const MAX_LEADING_EMPTY_LINES = 4;
const CR = 13;
const LF = 10;

/** What a parse found, besides the field positions in the head. Valid until the next parse. */
export class ParsedHead {
  /** Where the start line begins (after leading empty lines). */
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** True when the target holds a percent sign. */
  targetPercent = false;
  /** Minor version, 0 or 1: a higher one is treated as 1 (RFC 9110 2.5). */
  minor = 1;
  status = 0;
  /** Position after the empty line. */
  end = 0;
  /** Indexes of fields, -1 = absent; of a repeated field the last one. */
  host = -1;
  contentLength = -1;
  transferEncoding = -1;
  connection = -1;
  expect = -1;
  upgrade = -1;
  te = -1;
  via = -1;
  cdnLoop = -1;
  date = -1;
  maxForwards = -1;
  requestId = -1;
  userAgent = -1;
  authorization = -1;
  /** A field that must stand alone (Host, Content-Length, Transfer-Encoding) came twice. */
  repeatedHost = false;
  repeatedContentLength = false;
  repeatedTransferEncoding = false;
  repeatedConnection = false;
  repeatedExpect = false;
  /** A forwarding field (Forwarded, X-Forwarded-*, X-Real-IP, X-Request-ID) is present. */
  identity = false;
  /** A field name holds an underscore. */
  underscore = false;
}

export const parsed = new ParsedHead();

const name = latin1Bytes;
const TE = name("te");
const VIA = name("via");
const HOST = name("host");
const DATE = name("date");
const PROXY = name("proxy");
const EXPECT = name("expect");
const UPGRADE = name("upgrade");
const TRAILER = name("trailer");
const CDN_LOOP = name("cdn-loop");
const FORWARDED = name("forwarded");
const X_REAL_IP = name("x-real-ip");
const CONNECTION = name("connection");
const KEEP_ALIVE = name("keep-alive");
const USER_AGENT = name("user-agent");
const AUTHORIZATION = name("authorization");
const MAX_FORWARDS = name("max-forwards");
const X_REQUEST_ID = name("x-request-id");
const X_FORWARDED = name("x-forwarded-");
const CONTENT_LENGTH = name("content-length");
const HTTP2_SETTINGS = name("http2-settings");
const PROXY_CONNECTION = name("proxy-connection");
const TRANSFER_ENCODING = name("transfer-encoding");
const PROXY_AUTHORIZATION = name("proxy-authorization");

/**
 * Parses a request head that stands in `bytes[0..length)` into `head` and `parsed`.
 * Returns the position after the head, INCOMPLETE when more bytes are needed, or a negative reason.
 * `head.bytes` becomes `bytes`: the caller must not change that block while the head is in use.
 */
export function parseRequest(head: Head, bytes: Uint8Array, length: number): number {
  load(head, bytes, length);
  let p = 0;
  for (let lines = 0; scratch[p] === CR || scratch[p] === LF; lines++) {
    if (lines === MAX_LEADING_EMPTY_LINES) return BAD_LINE;
    if (scratch[p] === CR && p + 1 >= length) return INCOMPLETE;
    if (scratch[p] !== CR || scratch[p + 1] !== LF) return BAD_LINE;
    p += 2;
  }
  parsed.start = p;
  const method = p;
  while ((CLASS[scratch[p]!]! & TOKEN) !== 0) p++;
  if (scratch[p] !== 32 || p === method) return p >= length ? INCOMPLETE : BAD_LINE;
  parsed.methodEnd = p++;
  const target = p;
  let seen = 0;
  for (let klass = CLASS[scratch[p]!]!; (klass & TARGET) !== 0; klass = CLASS[scratch[++p]!]!) seen |= klass;
  if (scratch[p] !== 32) return p >= length ? INCOMPLETE : p === target ? BAD_LINE : BAD_TARGET;
  if (p === target) return BAD_LINE;
  if ((seen & BACKSLASH) !== 0 && backslashInPath(target)) return BAD_TARGET;
  parsed.targetStart = target;
  parsed.targetEnd = p++;
  parsed.targetPercent = (seen & PERCENT) !== 0;
  const after = parseVersion(p, length);
  if (after <= 0) return after;
  return parseFields(head, after, length, true);
}

/** The target at `p` holds a backslash: does it come before the query? */
function backslashInPath(p: number): boolean {
  while (scratch[p] !== 92 && scratch[p] !== 63) p++;
  return scratch[p] === 92;
}

/** `HTTP/x.y CR LF` at `p`. Returns the position after it or why not. */
function parseVersion(p: number, length: number): number {
  if (p + VERSION_LINE.length > length) return mayBecomeVersion(p, length) ? INCOMPLETE : BAD_LINE;
  const wellFormed =
    scratch[p] === 72 &&
    scratch[p + 1] === 84 &&
    scratch[p + 2] === 84 &&
    scratch[p + 3] === 80 &&
    scratch[p + 4] === 47 &&
    isDigit(scratch[p + 5]!) &&
    scratch[p + 6] === 46 &&
    isDigit(scratch[p + 7]!) &&
    scratch[p + 8] === CR &&
    scratch[p + 9] === LF;
  if (!wellFormed) return BAD_LINE;
  if (scratch[p + 5] !== 49) return BAD_VERSION;
  parsed.minor = scratch[p + 7] === 48 ? 0 : 1;
  return p + 10;
}

/** Zeros stand for any digit. */
const VERSION_LINE = latin1Bytes("HTTP/0.0\r\n");

function mayBecomeVersion(p: number, length: number): boolean {
  for (let k = 0; p + k < length; k++) {
    const expected = VERSION_LINE[k]!;
    if (expected === 48 ? !isDigit(scratch[p + k]!) : scratch[p + k] !== expected) return false;
  }
  return true;
}

/** Parses a response head; see `parseRequest`. */
export function parseResponse(head: Head, bytes: Uint8Array, length: number): number {
  load(head, bytes, length);
  if (length < 15) return INCOMPLETE;
  const wellFormed =
    scratch[0] === 72 &&
    scratch[1] === 84 &&
    scratch[2] === 84 &&
    scratch[3] === 80 &&
    scratch[4] === 47 &&
    scratch[5] === 49 &&
    scratch[6] === 46 &&
    isDigit(scratch[7]!) &&
    scratch[8] === 32 &&
    isDigit(scratch[9]!) &&
    isDigit(scratch[10]!) &&
    isDigit(scratch[11]!);
  if (!wellFormed) return BAD_LINE;
  parsed.start = 0;
  parsed.minor = scratch[7] === 48 ? 0 : 1;
  parsed.status = (scratch[9]! - 48) * 100 + (scratch[10]! - 48) * 10 + scratch[11]! - 48;
  if (parsed.status < 100) return BAD_LINE;
  let p = 12;
  if (scratch[p] !== 32 && scratch[p] !== CR) return p >= length ? INCOMPLETE : BAD_LINE;
  while ((CLASS[scratch[p]!]! & VALUE) !== 0) p++;
  if (p + 1 >= length) return p >= length || scratch[p] === CR ? INCOMPLETE : BAD_LINE;
  if (scratch[p] !== CR || scratch[p + 1] !== LF) return BAD_LINE;
  return parseFields(head, p + 2, length, false);
}

/** Parses a trailer section (fields and the empty line) that stands alone in `bytes`. */
export function parseTrailers(head: Head, bytes: Uint8Array, length: number): number {
  load(head, bytes, length);
  return parseFields(head, 0, length, false);
}

function load(head: Head, bytes: Uint8Array, length: number): void {
  // A trailer section may come with its head, which then still stands in the block and has not left.
  flushAnyStaged();
  if (bytes.length === length) scratch.set(bytes);
  else scratch.set(bytes.subarray(0, length));
  // A zero belongs to no class, so every loop below ends at `length`.
  scratch[length] = scratch[length + 1] = scratch[length + 2] = scratch[length + 3] = 0;
  head.reset();
  head.bytes = bytes;
  scratchOwner.bytes = bytes;
}

/**
 * The field lines from `p` on. Hop-by-hop fields are marked as dropped here, because their names are known by then
 * (RFC 9110 7.6.1); what `Connection` names is left to the framing rules.
 * Protocol parser, longer than a screen on purpose: one pass over the bytes.
 */
function parseFields(head: Head, p: number, length: number, isRequest: boolean): number {
  const { positions } = head;
  const maxFields = head.dropped.length;
  clearFields();
  head.fieldsStart = p;
  let underscore = 0;
  for (;;) {
    if (scratch[p] === CR) {
      if (p + 1 >= length) return INCOMPLETE;
      if (scratch[p + 1] !== LF) return BAD_FIELD;
      head.fieldsEnd = p;
      parsed.end = p + 2;
      parsed.underscore = (underscore & UNDERSCORE) !== 0;
      return p + 2;
    }
    const start = p;
    for (let klass = CLASS[scratch[p]!]!; (klass & TOKEN) !== 0; klass = CLASS[scratch[++p]!]!)
      underscore |= klass;
    if (scratch[p] !== 58 || p === start) return p >= length ? INCOMPLETE : BAD_FIELD;
    const nameEnd = p++;
    while (scratch[p] === 32 || scratch[p] === 9) p++;
    const valueStart = p;
    p = skipValue(p);
    if (p + 1 >= length) return p >= length || scratch[p] === CR ? INCOMPLETE : BAD_FIELD;
    if (scratch[p] !== CR || scratch[p + 1] !== LF) return BAD_FIELD;
    let valueEnd = p;
    while (valueEnd > valueStart && (scratch[valueEnd - 1] === 32 || scratch[valueEnd - 1] === 9)) valueEnd--;
    p += 2;
    const field = head.count;
    if (field === maxFields) return TOO_MANY_FIELDS;
    head.count = field + 1;
    const at = field * FIELD_STRIDE;
    positions[at] = start;
    positions[at + 1] = nameEnd;
    positions[at + 2] = valueStart;
    positions[at + 3] = valueEnd;
    note(head, field, start, nameEnd - start, isRequest);
  }
}

/** Passes over value bytes, four at a time where aligned: all of 0x20..0x7e and 0x80..0xff and HTAB. */
function skipValue(p: number): number {
  for (;;) {
    if ((p & 3) === 0) {
      for (;;) {
        const word = scratchWords[p >> 2]!;
        const inverted = word ^ 0x7f7f7f7f;
        // The high bit of a byte is set where it is below 0x20, or 0x7f; such a byte is looked at alone.
        if ((((word - 0x20202020) & ~word) | ((inverted - 0x01010101) & ~inverted)) & 0x80808080) break;
        p += 4;
      }
    }
    if ((CLASS[scratch[p]!]! & VALUE) === 0) return p;
    p++;
  }
}

function clearFields(): void {
  parsed.host = parsed.contentLength = parsed.transferEncoding = parsed.connection = parsed.expect = -1;
  parsed.upgrade = parsed.te = parsed.via = parsed.cdnLoop = parsed.date = parsed.maxForwards = -1;
  parsed.requestId = parsed.userAgent = parsed.authorization = -1;
  parsed.repeatedHost = parsed.repeatedContentLength = parsed.repeatedTransferEncoding = false;
  parsed.repeatedConnection = parsed.repeatedExpect = parsed.identity = false;
}

/** Notes a field that the proxy must know, by the length of its name first. */
function note(head: Head, field: number, start: number, length: number, isRequest: boolean): void {
  switch (length) {
    case 2:
      if (equalsName(scratch, start, TE)) {
        parsed.te = field;
        head.drop(field);
      }
      break;
    case 3:
      if (equalsName(scratch, start, VIA)) parsed.via = field;
      break;
    case 4:
      if (equalsName(scratch, start, HOST)) {
        if (parsed.host >= 0) parsed.repeatedHost = true;
        parsed.host = field;
      } else if (equalsName(scratch, start, DATE)) parsed.date = field;
      break;
    case 5:
      if (isRequest && equalsName(scratch, start, PROXY)) head.drop(field);
      break;
    case 6:
      if (equalsName(scratch, start, EXPECT)) {
        if (parsed.expect >= 0) parsed.repeatedExpect = true;
        parsed.expect = field;
      }
      break;
    case 7:
      if (equalsName(scratch, start, UPGRADE)) {
        parsed.upgrade = field;
        head.drop(field);
      } else if (equalsName(scratch, start, TRAILER)) head.drop(field);
      break;
    case 8:
      if (equalsName(scratch, start, CDN_LOOP)) parsed.cdnLoop = field;
      break;
    case 9:
      if (isRequest && (equalsName(scratch, start, FORWARDED) || equalsName(scratch, start, X_REAL_IP))) {
        parsed.identity = true;
      }
      break;
    case 10:
      if (equalsName(scratch, start, CONNECTION)) {
        if (parsed.connection >= 0) parsed.repeatedConnection = true;
        parsed.connection = field;
        head.drop(field);
      } else if (equalsName(scratch, start, KEEP_ALIVE)) head.drop(field);
      else if (equalsName(scratch, start, USER_AGENT)) parsed.userAgent = field;
      break;
    case 12:
      if (equalsName(scratch, start, X_REQUEST_ID)) {
        parsed.requestId = field;
        if (isRequest) parsed.identity = true;
      } else if (equalsName(scratch, start, MAX_FORWARDS)) parsed.maxForwards = field;
      break;
    case 13:
      if (isRequest && equalsName(scratch, start, AUTHORIZATION)) parsed.authorization = field;
      break;
    case 14:
      if (equalsName(scratch, start, CONTENT_LENGTH)) {
        if (parsed.contentLength >= 0) parsed.repeatedContentLength = true;
        parsed.contentLength = field;
      } else if (equalsName(scratch, start, HTTP2_SETTINGS)) head.drop(field);
      break;
    case 16:
      if (equalsName(scratch, start, PROXY_CONNECTION)) head.drop(field);
      else if (isRequest && equalsName(scratch, start, X_FORWARDED)) parsed.identity = true;
      break;
    case 17:
      if (equalsName(scratch, start, TRANSFER_ENCODING)) {
        if (parsed.transferEncoding >= 0) parsed.repeatedTransferEncoding = true;
        parsed.transferEncoding = field;
        head.drop(field);
      } else if (isRequest && equalsName(scratch, start, X_FORWARDED)) parsed.identity = true;
      break;
    case 19:
      if (isRequest && equalsName(scratch, start, PROXY_AUTHORIZATION)) head.drop(field);
      break;
    default:
      break;
  }
  // X-Forwarded-For, -By, -Prefix, -Server and longer ones.
  if (isRequest && length > 12 && scratch[start + 1] === 45 && equalsName(scratch, start, X_FORWARDED)) {
    parsed.identity = true;
  }
}

/** True when every `%` of a path is followed by two hexadecimal digits (RFC 3986 2.1). */
export function validPercents(bytes: Uint8Array, from: number, to: number): boolean {
  for (let p = from; p < to; p++) {
    if (bytes[p] !== 37) continue;
    if (p + 2 >= to || (CLASS[bytes[p + 1]!]! & HEX) === 0 || (CLASS[bytes[p + 2]!]! & HEX) === 0)
      return false;
    p += 2;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
