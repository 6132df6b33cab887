/** How answers are written: the header and the question by hand, records by the package. */
import { answer as recordCodec, type ResourceRecord } from "dns-packet";
import { HEADER_BYTES, type Query, type Rcode } from "./query.ts";

/** The largest answer over UDP that we send, and say that we take: the smallest packet of IPv6 holds it (RFC 8200 5). */
export const UDP_SIZE_BYTES = 1232;
/** What a client without EDNS takes (RFC 1035 4.2.1). */
const PLAIN_UDP_SIZE_BYTES = 512;
const MAX_MESSAGE_BYTES = 65_535;
const OPT_BYTES = 11;
/** RFC 1035 4.1.4: the name that starts at byte 12 of the message, which is that of the question. */
const NAME_OF_QUESTION = Buffer.from([0xc0, HEADER_BYTES]);

const QR = 0x8000;
const OPCODE = 0x7800;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
/** Answers repeat it where the server looks names up for others (RFC 4035 3.2.2). */
const CD = 0x0010;
const DNSSEC_OK = 0x8000;

export type Transport = "udp" | "tcp";

export interface Reply {
  readonly rcode: Rcode;
  /** The name is ours. */
  readonly authoritative: boolean;
  /** Foreign names are looked up for clients. */
  readonly recursive: boolean;
  /** Made by `recordOfQuestion`. Those that do not fit are left out, from the end, and TC tells so. */
  readonly answers: readonly Buffer[];
  /** Of the section on authority: left out without a word when there is no room. */
  readonly authority: Buffer | null;
}

/** A record without the name. */
type Unnamed = ResourceRecord extends infer One ? (One extends unknown ? Omit<One, "name"> : never) : never;

/** Encodes a record that belongs to the name of the question, in the case in which that was asked for. */
export function recordOfQuestion(record: Unnamed): Buffer {
  const encoded = recordCodec.encode({ ...record, name: "." } as ResourceRecord);
  return Buffer.concat([NAME_OF_QUESTION, encoded.subarray(1)]);
}

/** The answer to a query, no longer than its client takes. */
export function writeReply(query: Query, reply: Reply, transport: Transport): Buffer {
  const opt = query.edns === null ? null : optRecord(reply.rcode, query.edns.dnssecOk);
  const room =
    sizeLimitBytes(query, transport) - HEADER_BYTES - query.question.length - (opt === null ? 0 : OPT_BYTES);
  let used = 0;
  const fits = (record: Buffer) => used + record.length <= room && (used += record.length) > 0;
  const answers: Buffer[] = [];
  for (const record of reply.answers) {
    if (!fits(record)) break;
    answers.push(record);
  }
  const isCut = answers.length < reply.answers.length;
  const authorities = reply.authority !== null && fits(reply.authority) ? [reply.authority] : [];
  const flags =
    QR |
    (query.flags & (RD | CD)) |
    (reply.authoritative ? AA : 0) |
    (reply.recursive ? RA : 0) |
    (isCut ? TC : 0) |
    (reply.rcode & 15);
  const additionals = opt === null ? [] : [opt];
  const head = header(query.id, flags, [1, answers.length, authorities.length, additionals.length]);
  return Buffer.concat([head, query.question, ...answers, ...authorities, ...additionals]);
}

/** The answer to a message of which no more than the header could be read. `message` has at least that. */
export function writeHeaderReply(message: Buffer, rcode: Rcode): Buffer {
  const asked = message.readUInt16BE(2);
  return header(message.readUInt16BE(0), QR | (asked & (OPCODE | RD)) | rcode, [0, 0, 0, 0]);
}

function header(id: number, flags: number, counts: readonly number[]): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  for (const [index, word] of [id, flags, ...counts].entries()) head.writeUInt16BE(word, index * 2);
  return head;
}

function sizeLimitBytes({ edns }: Query, transport: Transport): number {
  if (transport === "tcp") return MAX_MESSAGE_BYTES;
  // Values below 512 mean 512 (RFC 6891 6.2.3).
  return Math.min(UDP_SIZE_BYTES, Math.max(PLAIN_UDP_SIZE_BYTES, edns?.sizeBytes ?? 0));
}

/** Codes above 15 have their upper bits here (RFC 6891 6.1.3). */
function optRecord(rcode: Rcode, dnssecOk: boolean): Buffer {
  return recordCodec.encode({
    name: ".",
    type: "OPT",
    udpPayloadSize: UDP_SIZE_BYTES,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: dnssecOk ? DNSSEC_OK : 0,
    options: [],
  });
}
