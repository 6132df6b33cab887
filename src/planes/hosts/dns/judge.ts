/**
 * What becomes of a message: the rules of the responder, without sockets and time. Each own name is a zone of its own
 * (RFC 1034 4.2), so what is said of it is authoritative and nothing is said of names below it.
 */
import { formatIp, parseIp } from "../../../core/schema/ip.ts";
import { CLASS_IN, RCODE, readQuery, TYPE, type Query, type Rcode } from "./query.ts";
import { recordOfQuestion, writeHeaderReply, writeReply, type Transport } from "./reply.ts";
import { addressOfReverseName } from "./reverse.ts";

/** Seconds; more would be negative to some clients (RFC 2181 8). */
const MAX_TTL_S = 2 ** 31 - 1;

/** Who has which address, at this moment: each query asks anew. */
export interface DnsNames {
  /**
   * Addresses of a name that is ours, best first; empty = ours but without an address now; null = not ours. `name` is in
   * lower case and has no dot at the end.
   */
  addressesOf(name: string): readonly string[] | null;
  /** Names that lead to this address now. IPv6 addresses are asked for in the form of RFC 5952. */
  namesOf(address: string): readonly string[];
}

export interface Zone {
  readonly names: DnsNames;
  readonly ttl_s: number;
  /** Foreign names are forwarded. */
  readonly recursive: boolean;
}

/** What was done with a message. `dropped` = not answered at all. */
export type DnsResult =
  | "answered"
  | "no_data"
  | "refused"
  | "forwarded"
  | "failed"
  | "malformed"
  | "not_implemented"
  | "bad_version"
  | "dropped";

export type Verdict =
  | { readonly kind: "drop" }
  | { readonly kind: "answer"; readonly result: DnsResult; readonly reply: Buffer }
  | { readonly kind: "forward"; readonly query: Query };

/** Takes any bytes. Throws only what `names` throws. */
export function judge(message: Buffer, transport: Transport, zone: Zone): Verdict {
  const reading = readQuery(message);
  if (reading.kind === "nothing") return { kind: "drop" };
  if (reading.kind === "unreadable") {
    const result = reading.rcode === RCODE.notImplemented ? "not_implemented" : "malformed";
    return { kind: "answer", result, reply: writeHeaderReply(message, reading.rcode) };
  }
  const { query } = reading;
  const without = (rcode: Rcode, result: DnsResult): Verdict => ({
    kind: "answer",
    result,
    reply: replyWithout(query, rcode, transport, zone),
  });
  if (query.edns !== null && query.edns.version !== 0) return without(RCODE.badVersion, "bad_version");
  if (query.class !== CLASS_IN || query.type === TYPE.axfr || query.type === TYPE.ixfr)
    return without(RCODE.refused, "refused");
  const own = ownRecords(query, zone);
  if (own !== null) return ownAnswer(query, own, transport, zone);
  // Not forwarded either: what ANY asks for is what makes amplifiers (RFC 8482 1).
  if (!zone.recursive || query.type === TYPE.any) return without(RCODE.refused, "refused");
  return { kind: "forward", query };
}

/** An answer of a code alone. */
export function replyWithout(query: Query, rcode: Rcode, transport: Transport, zone: Zone): Buffer {
  const reply = { rcode, authoritative: false, recursive: zone.recursive, answers: [], authority: null };
  return writeReply(query, reply, transport);
}

function ownAnswer(query: Query, answers: readonly Buffer[], transport: Transport, zone: Zone): Verdict {
  const isEmpty = answers.length === 0;
  const authority = isEmpty ? startOfAuthority(query.name!, zone.ttl_s) : null;
  const reply = {
    rcode: RCODE.noError,
    authoritative: true,
    recursive: zone.recursive,
    answers,
    authority,
  };
  return {
    kind: "answer",
    result: isEmpty ? "no_data" : "answered",
    reply: writeReply(query, reply, transport),
  };
}

/**
 * The records that answer the question; null = the name is not ours. None at all is NODATA (RFC 2308 2.2): the name is
 * there and has nothing of this type. That is said of AAAA where there is IPv4 alone, or clients would give up the
 * look-up of both; and of a name without an address now: NXDOMAIN would deny the names below it too (RFC 8020 2) and end
 * a client's search, SERVFAIL would send it to another server, which does not know the name.
 */
function ownRecords({ name, type }: Query, zone: Zone): Buffer[] | null {
  if (name === null) return null;
  const addresses = zone.names.addressesOf(name);
  if (addresses !== null)
    return type === TYPE.any ? [anyRecord(zone)] : addressRecords(addresses, type, zone);
  const address = addressOfReverseName(name);
  const names = address === null ? [] : zone.names.namesOf(address).filter(isHostName);
  if (names.length === 0) return null;
  if (type === TYPE.any) return [anyRecord(zone)];
  return type === TYPE.ptr ? names.map((data) => inRecord("PTR", data, zone)) : [];
}

/** The package writes `::2:3:4:5:6:7:8` wrongly, and never the form of RFC 5952. */
function addressRecords(addresses: readonly string[], type: number, zone: Zone): Buffer[] {
  const length = type === TYPE.a ? 4 : type === TYPE.aaaa ? 16 : 0;
  return addresses
    .map(parseIp)
    .filter((bytes) => bytes?.length === length)
    .map((bytes) => inRecord(length === 4 ? "A" : "AAAA", formatIp(bytes!), zone));
}

function inRecord(type: "A" | "AAAA" | "PTR", data: string, zone: Zone): Buffer {
  return recordOfQuestion({ type, class: "IN", ttl: zone.ttl_s, data });
}

/** One small record in the place of all of them (RFC 8482 4.2). */
function anyRecord(zone: Zone): Buffer {
  return recordOfQuestion({ type: "HINFO", class: "IN", ttl: zone.ttl_s, data: { cpu: "RFC8482", os: "" } });
}

/** Tells how long an answer without records holds (RFC 2308 5), in the form of zones that are only here (RFC 6303 3). */
function startOfAuthority(name: string, ttl_s: number): Buffer {
  const data = {
    mname: name,
    rname: "nobody.invalid",
    serial: 1,
    refresh: 3_600,
    retry: 1_200,
    expire: 604_800,
    minimum: ttl_s,
  };
  return recordOfQuestion({ type: "SOA", class: "IN", ttl: ttl_s, data });
}

/** Can be written as a name: the package would write something else without a word. */
function isHostName(name: string): boolean {
  return name.length <= 253 && name.split(".").every((label) => /^[!-~]{1,63}$/.test(label));
}

/** Whole seconds, never longer than asked for. */
export function ttlSeconds(ttlMs: number): number {
  return Math.max(0, Math.min(MAX_TTL_S, Math.floor(ttlMs / 1_000)));
}
