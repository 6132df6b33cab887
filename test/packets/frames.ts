/** Frames as bytes: made with sums that are right, and read again, with everything that a test compares. */

import { formatIp, parseIp } from "../../src/core/schema/ip.ts";

export type Protocol = "tcp" | "udp" | "icmp" | "icmpv6";

export interface FrameFields {
  /** An IPv4 or IPv6 address; source and target are of one family. */
  readonly source: string;
  readonly target: string;
  readonly protocol: Protocol;
  /** Of ICMP: identifier and sequence number. */
  readonly source_port: number;
  readonly target_port: number;
  /** Of TCP; FIN 1, SYN 2, RST 4, ACK 16. */
  readonly flags: number;
  /** Type of an ICMP message. */
  readonly type: number;
  readonly payload: Uint8Array;
  readonly ttl: number;
  /** Options of IPv4, a multiple of four bytes. */
  readonly options: Uint8Array;
}

const NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 };
const ETHERNET_BYTES = 14;
export const SYN = 2;
export const ACK = 16;
export const FIN = 1;
export const RST = 4;
const ECHO: Readonly<Record<string, number>> = { icmp: 8, icmpv6: 128 };

const DEFAULTS: FrameFields = {
  source: "10.0.0.7",
  target: "10.9.9.9",
  protocol: "tcp",
  source_port: 40_000,
  target_port: 80,
  flags: SYN,
  type: -1,
  payload: new Uint8Array(0),
  ttl: 64,
  options: new Uint8Array(0),
};

/** A frame with these fields and the usual others. */
export function frameOf(fields: Partial<FrameFields> = {}): Uint8Array {
  const all = { ...DEFAULTS, ...fields };
  const { source, options, ttl, protocol } = all;
  const body = bodyOf(all);
  const [from, to] = [addressBytes(source), addressBytes(all.target)];
  const is4 = from.length === 4;
  const header = is4
    ? ipv4(from, to, NUMBERS[protocol], ttl, options, body)
    : ipv6(from, to, NUMBERS[protocol], ttl, body);
  const at = checksumAt(protocol);
  const pseudo =
    protocol === "icmp" ? new Uint8Array(0) : pseudoHeader(from, to, NUMBERS[protocol], body.length);
  const sum = internetChecksum(Buffer.concat([pseudo, body]));
  new DataView(body.buffer).setUint16(at, protocol === "udp" && sum === 0 ? 0xffff : sum);
  const ethernet = Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, is4 ? 8 : 0x86, is4 ? 0 : 0xdd);
  return new Uint8Array(Buffer.concat([ethernet, header, body]));
}

function bodyOf({ protocol, source_port, target_port, flags, type, payload }: FrameFields): Uint8Array {
  const length = { tcp: 20, udp: 8, icmp: 8, icmpv6: 8 }[protocol];
  const bytes = new Uint8Array(length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(payload, length);
  if (protocol === "tcp" || protocol === "udp") {
    view.setUint16(0, source_port);
    view.setUint16(2, target_port);
  } else {
    view.setUint8(0, type < 0 ? ECHO[protocol]! : type);
    view.setUint16(4, source_port);
    view.setUint16(6, target_port);
  }
  if (protocol === "udp") view.setUint16(4, bytes.length);
  if (protocol === "tcp") {
    view.setUint32(4, 0x01020304);
    view.setUint8(12, 5 << 4);
    view.setUint8(13, flags);
    view.setUint16(14, 65_535);
  }
  return bytes;
}

const checksumAt = (protocol: Protocol): number => ({ tcp: 16, udp: 6, icmp: 2, icmpv6: 2 })[protocol];

function ipv4(
  from: Uint8Array,
  to: Uint8Array,
  protocol: number,
  ttl: number,
  options: Uint8Array,
  body: Uint8Array,
) {
  const bytes = new Uint8Array(20 + options.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x40 | (bytes.length / 4));
  view.setUint16(2, bytes.length + body.length);
  view.setUint16(4, 0x1234);
  view.setUint8(8, ttl);
  view.setUint8(9, protocol);
  bytes.set(from, 12);
  bytes.set(to, 16);
  bytes.set(options, 20);
  view.setUint16(10, internetChecksum(bytes));
  return bytes;
}

function ipv6(from: Uint8Array, to: Uint8Array, protocol: number, ttl: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x60);
  view.setUint16(4, body.length);
  view.setUint8(6, protocol);
  view.setUint8(7, ttl);
  bytes.set(from, 8);
  bytes.set(to, 24);
  return bytes;
}

/** RFC 1071. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function pseudoHeader(from: Uint8Array, to: Uint8Array, protocol: number, length: number): Uint8Array {
  return Uint8Array.of(...from, ...to, 0, protocol, length >> 8, length & 255);
}

/** Throws Error for a text that is no address. */
export function addressBytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes === null) throw new Error(`${text}: expected an address`);
  return bytes;
}

export interface ReadFrame {
  readonly source: string;
  readonly target: string;
  readonly source_port: number;
  readonly target_port: number;
  readonly ttl: number;
  /** All sums are those of a full computation. */
  readonly is_sound: boolean;
}

export function readFrame(frame: Uint8Array): ReadFrame {
  const is4 = frame[12] === 8;
  const header = is4 ? (frame[14]! & 15) * 4 : 40;
  const [from, size] = is4 ? [26, 4] : [22, 16];
  const source = frame.subarray(from, from + size);
  const target = frame.subarray(from + size, from + 2 * size);
  const protocol = frame[is4 ? 23 : 20]!;
  const body = frame.subarray(ETHERNET_BYTES + header);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const isIcmp = protocol === 1 || protocol === 58;
  const pseudo = protocol === 1 ? new Uint8Array(0) : pseudoHeader(source, target, protocol, body.length);
  const isIpSound = !is4 || internetChecksum(frame.subarray(ETHERNET_BYTES, ETHERNET_BYTES + header)) === 0;
  const isUnsummed = protocol === 17 && view.getUint16(6) === 0;
  return {
    source: formatIp(source),
    target: formatIp(target),
    source_port: view.getUint16(isIcmp ? 4 : 0),
    target_port: view.getUint16(isIcmp ? 6 : 2),
    ttl: frame[is4 ? 22 : 21]!,
    is_sound: isIpSound && (isUnsummed || internetChecksum(Buffer.concat([pseudo, body])) === 0),
  };
}
