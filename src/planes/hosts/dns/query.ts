/**
 * What is read of a query (RFC 1035 4.1). Anybody may send anything here, so nothing is read that is not needed: the
 * question, and of the records behind it the sizes and the OPT record. Each byte is looked at once; no name but the
 * question's is put together, and no pointer is followed.
 */

/** RFC 1035 4.1.1. */
export const HEADER_BYTES = 12;
/** Names have at most so many bytes, with lengths and the root (RFC 1035 2.3.4). */
const MAX_NAME_BYTES = 255;
/** Records in all sections of a query. An OPT and a TSIG record are all that any client sends; IXFR has one more. */
const MAX_RECORDS = 8;

export const RCODE = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

export const TYPE = { a: 1, ptr: 12, aaaa: 28, opt: 41, ixfr: 251, axfr: 252, any: 255 } as const;
export const CLASS_IN = 1;

const QR = 0x8000;
const OPCODE = 0x7800;

/** What the OPT record of a query says (RFC 6891 6.1.3). */
export interface Edns {
  /** The largest answer over UDP that the client takes, as it says. */
  readonly sizeBytes: number;
  readonly version: number;
  /** The flag DO, which answers repeat (RFC 3225 3). */
  readonly dnssecOk: boolean;
}

export interface Query {
  /** The whole message as it came. */
  readonly message: Buffer;
  readonly id: number;
  /** The second 16 bits of the header. */
  readonly flags: number;
  /** Name, type and class as they came: answers repeat them byte for byte, so that the case of letters is kept. */
  readonly question: Buffer;
  /** In lower case without a dot at the end. Null for a name that no host has: other bytes than `!` to `~`, dots in labels. */
  readonly name: string | null;
  readonly type: number;
  readonly class: number;
  /** Null without an OPT record. */
  readonly edns: Edns | null;
}

export type Reading =
  | { readonly kind: "query"; readonly query: Query }
  /** To be answered with a header alone, which needs no more than the header of the query. */
  | { readonly kind: "unreadable"; readonly rcode: Rcode }
  /** Not to be answered: no header, or itself an answer (two servers would go on for ever). */
  | { readonly kind: "nothing" };

const MALFORMED: Reading = { kind: "unreadable", rcode: RCODE.formatError };

/** Takes any bytes. Keeps views of `message`. */
export function readQuery(message: Buffer): Reading {
  if (message.length < HEADER_BYTES) return { kind: "nothing" };
  const flags = message.readUInt16BE(2);
  if ((flags & QR) !== 0) return { kind: "nothing" };
  // Other operations give the counts below another meaning (RFC 2136, 8490).
  if ((flags & OPCODE) !== 0) return { kind: "unreadable", rcode: RCODE.notImplemented };
  if (message.readUInt16BE(4) !== 1) return MALFORMED;
  const nameEnd = endOfQuestionName(message);
  const end = nameEnd + 4;
  if (nameEnd < 0 || end > message.length) return MALFORMED;
  const edns = readRecords(message, end);
  if (edns === "malformed") return MALFORMED;
  const query = {
    message,
    id: message.readUInt16BE(0),
    flags,
    question: message.subarray(HEADER_BYTES, end),
    name: nameText(message, nameEnd),
    type: message.readUInt16BE(nameEnd),
    class: message.readUInt16BE(nameEnd + 2),
    edns,
  };
  return { kind: "query", query };
}

/** Where the name of the question ends; -1 when it does not. There is nothing before it that a pointer could mean. */
function endOfQuestionName(message: Buffer): number {
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return -1;
    at += 1 + length;
    if (at - HEADER_BYTES > MAX_NAME_BYTES) return -1;
    if (length === 0) return at;
  }
}

function nameText(message: Buffer, end: number): string | null {
  const labels: string[] = [];
  for (let at = HEADER_BYTES; at < end - 1; at += 1 + message[at]!) {
    const label = message.latin1Slice(at + 1, at + 1 + message[at]!);
    if (/[^!-~]|\./.test(label)) return null;
    labels.push(label);
  }
  return labels.join(".").toLowerCase();
}

/** Steps over the records from `at` on, which must fill the message; null = none of them is an OPT record. */
function readRecords(message: Buffer, start: number): Edns | null | "malformed" {
  const others = message.readUInt16BE(6) + message.readUInt16BE(8);
  const all = others + message.readUInt16BE(10);
  if (all > MAX_RECORDS) return "malformed";
  let edns: Edns | null = null;
  let at = start;
  for (let index = 0; index < all; index++) {
    const fields = endOfName(message, at);
    if (fields < 0 || fields + 10 > message.length) return "malformed";
    if (message.readUInt16BE(fields) === TYPE.opt) {
      // One OPT record, of the root, among the additional ones (RFC 6891 6.1.1).
      if (index < others || edns !== null || message[at] !== 0) return "malformed";
      edns = ednsOf(message, fields);
    }
    at = fields + 10 + message.readUInt16BE(fields + 8);
  }
  return at === message.length ? edns : "malformed";
}

/** Where the fields behind the name of a record start; -1 when the name has no end. */
function endOfName(message: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined) return -1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return -1;
    at += 1 + length;
    if (at - start > MAX_NAME_BYTES) return -1;
    if (length === 0) return at;
  }
}

/** `fields` is where the type of the OPT record stands; class and time to live have other meanings in it. */
function ednsOf(message: Buffer, fields: number): Edns {
  return {
    sizeBytes: message.readUInt16BE(fields + 2),
    version: message[fields + 5]!,
    dnssecOk: (message[fields + 6]! & 0x80) !== 0,
  };
}
