/**
 * Reading the header of the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt, section 2): a proxy in
 * front of us tells whose connection it forwards. Strict: what the document does not allow is refused, because an
 * address that is believed wrongly opens doors.
 */
import { formatIp, parseIpv4, parseIpv6 } from "../core/schema/ip.ts";
import { latin1Bytes } from "./h1/bytes.ts";
import { crc32c } from "./crc32c.ts";

/** Longest version 1 header with its CR LF (section 2.1). */
export const MAX_V1_BYTES = 107;
/** Longest version 2 header that we take: addresses are at most 216 bytes, the rest are additions (TLVs). */
export const MAX_V2_BYTES = 4_096;

export const V2_SIGNATURE = Uint8Array.of(
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
);
export const V2_FIXED_BYTES = 16;
/** Bytes of a path in a version 2 address of a unix socket. */
export const UNIX_PATH_BYTES = 108;
const V1_START = latin1Bytes("PROXY ");

const TYPE_AUTHORITY = 0x02;
const TYPE_CRC32C = 0x03;
const TYPE_UNIQUE_ID = 0x05;
const MAX_AUTHORITY_BYTES = 255;
const MAX_UNIQUE_ID_BYTES = 128;

/** A complete header. */
export interface ProxyHeader {
  /** Bytes of the header; what follows them belongs to the connection. */
  readonly length: number;
  /**
   * Whose connection it is; null = the sender's own (LOCAL) or one whose addresses it does not know (UNKNOWN, UNSPEC):
   * then the addresses of the socket count.
   */
  readonly addresses: ProxyAddresses | null;
  /** Name that the client asked the sender for (SNI), lower case; "" = not told. */
  readonly authority: string;
}

/** Addresses without brackets; for unix sockets the paths ("" = unnamed) with port 0, which may hold any text. */
export interface ProxyAddresses {
  readonly family: "ip" | "unix";
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** A header that breaks the protocol. The message is one sentence for the log. */
export class ProxyHeaderError extends Error {
  constructor(what: string) {
    super(`bad PROXY header: ${what}`);
    this.name = "ProxyHeaderError";
  }
}

/**
 * Reads the header at the start of `bytes`. Returns null when it is not complete yet: call again with more bytes, at
 * most MAX_V2_BYTES are needed. Throws ProxyHeaderError at the first byte that cannot belong to a header.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | null {
  if (bytes.length === 0) return null;
  if (bytes[0] === V2_SIGNATURE[0]) return startsWith(bytes, V2_SIGNATURE) ? readV2(bytes) : null;
  return startsWith(bytes, V1_START) ? readV1(bytes) : null;
}

/** False while `bytes` is a part of `start`. Throws when it is something else. */
function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  const end = Math.min(bytes.length, start.length);
  for (let index = 0; index < end; index++)
    if (bytes[index] !== start[index]) throw new ProxyHeaderError("the connection does not start with one");
  return bytes.length >= start.length;
}

const CR = 13;
const LF = 10;

function readV1(bytes: Uint8Array): ProxyHeader | null {
  const end = Math.min(bytes.length, MAX_V1_BYTES);
  let at = V1_START.length;
  while (at < end && bytes[at] !== CR && bytes[at] !== LF) at++;
  if (at + 1 >= MAX_V1_BYTES) throw new ProxyHeaderError(`no line end within ${MAX_V1_BYTES} bytes`);
  if (bytes[at] === LF) throw new ProxyHeaderError("a line feed without a carriage return");
  if (at + 1 >= bytes.length) return null;
  if (bytes[at + 1] !== LF) throw new ProxyHeaderError("a carriage return without a line feed");
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, at).latin1Slice(V1_START.length);
  return { length: at + 2, addresses: v1Addresses(line), authority: "" };
}

/** `line` is what follows `PROXY `. */
function v1Addresses(line: string): ProxyAddresses | null {
  const [protocol, source = "", destination = "", sourcePort = "", destinationPort = "", ...rest] =
    line.split(" ");
  // What follows UNKNOWN must be ignored (section 2.1).
  if (protocol === "UNKNOWN") return null;
  if (protocol !== "TCP4" && protocol !== "TCP6")
    throw new ProxyHeaderError("the protocol is none of TCP4, TCP6 and UNKNOWN");
  if (destinationPort === "" || rest.length > 0)
    throw new ProxyHeaderError(`${protocol} takes two addresses and two ports`);
  return {
    family: "ip",
    source: v1Address(protocol, source),
    sourcePort: v1Port(sourcePort),
    destination: v1Address(protocol, destination),
    destinationPort: v1Port(destinationPort),
  };
}

function v1Address(protocol: "TCP4" | "TCP6", text: string): string {
  const bytes = protocol === "TCP4" ? parseIpv4(text) : parseIpv6(text);
  if (bytes === null)
    throw new ProxyHeaderError(
      `${protocol} with an address that is not ${protocol === "TCP4" ? "IPv4" : "IPv6"}`,
    );
  return addressText(bytes);
}

function v1Port(text: string): number {
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : Infinity;
  if (port > 65_535) throw new ProxyHeaderError("a port is not 0 to 65535");
  return port;
}

/** IPv4-mapped addresses as IPv4. */
function addressText(bytes: Uint8Array): string {
  const mapped =
    bytes.length === 16 &&
    bytes[10] === 255 &&
    bytes[11] === 255 &&
    bytes.subarray(0, 10).every((b) => b === 0);
  return formatIp(mapped ? bytes.subarray(12) : bytes);
}

function readV2(bytes: Uint8Array): ProxyHeader | null {
  const version = bytes[12];
  if (version === undefined) return null;
  if (version >> 4 !== 2) throw new ProxyHeaderError(`version ${version >> 4} is not known`);
  const command = version & 15;
  if (command > 1) throw new ProxyHeaderError(`command ${command} is not known`);
  if (bytes.length < V2_FIXED_BYTES) return null;
  const length = V2_FIXED_BYTES + ((bytes[14]! << 8) | bytes[15]!);
  if (length > MAX_V2_BYTES)
    throw new ProxyHeaderError(`${length} bytes are over the limit of ${MAX_V2_BYTES}`);
  // The rest of a LOCAL header must be skipped whatever it holds (section 2.2).
  if (command === 0) return bytes.length < length ? null : { length, addresses: null, authority: "" };
  const addressBytes = v2AddressBytes(bytes[13]!);
  if (V2_FIXED_BYTES + addressBytes > length)
    throw new ProxyHeaderError(`${length - V2_FIXED_BYTES} bytes are too few for its addresses`);
  if (bytes.length < length) return null;
  // Where the family is unspecified, nothing tells addresses from additions.
  const authority = addressBytes === 0 ? "" : readAdditions(bytes, V2_FIXED_BYTES + addressBytes, length);
  return { length, addresses: v2Addresses(bytes, addressBytes), authority };
}

/** Bytes of the address block for a family and transport; 0 = unspecified. */
function v2AddressBytes(family: number): number {
  if ((family & 15) > 2) throw new ProxyHeaderError(`transport ${family & 15} is not known`);
  switch (family >> 4) {
    case 0:
      return 0;
    case 1:
      return 12;
    case 2:
      return 36;
    case 3:
      return 2 * UNIX_PATH_BYTES;
    default:
      throw new ProxyHeaderError(`address family ${family >> 4} is not known`);
  }
}

function v2Addresses(bytes: Uint8Array, addressBytes: number): ProxyAddresses | null {
  if (addressBytes === 0) return null;
  const at = V2_FIXED_BYTES;
  if (addressBytes === 2 * UNIX_PATH_BYTES) {
    const source = unixPath(bytes.subarray(at, at + UNIX_PATH_BYTES));
    const destination = unixPath(bytes.subarray(at + UNIX_PATH_BYTES, at + addressBytes));
    return { family: "unix", source, sourcePort: 0, destination, destinationPort: 0 };
  }
  const size = addressBytes === 12 ? 4 : 16;
  const ports = at + 2 * size;
  return {
    family: "ip",
    source: addressText(bytes.subarray(at, at + size)),
    sourcePort: (bytes[ports]! << 8) | bytes[ports + 1]!,
    destination: addressText(bytes.subarray(at + size, ports)),
    destinationPort: (bytes[ports + 2]! << 8) | bytes[ports + 3]!,
  };
}

/** A path up to its NUL; an abstract one (which starts with NUL) is written with `@`. */
function unixPath(bytes: Uint8Array): string {
  const abstract = bytes[0] === 0 && bytes[1] !== 0;
  const from = abstract ? 1 : 0;
  const end = bytes.indexOf(0, from);
  const text = new TextDecoder().decode(bytes.subarray(from, end < 0 ? bytes.length : end));
  return abstract ? `@${text}` : text;
}

/** Checks the additions (TLVs, section 2.2.7) of `bytes[from..end)`; returns the authority or "". */
function readAdditions(bytes: Uint8Array, from: number, end: number): string {
  let authority = "";
  let at = from;
  while (at < end) {
    if (at + 3 > end) throw new ProxyHeaderError("an addition is cut short");
    const type = bytes[at]!;
    const length = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    at += 3;
    if (at + length > end) throw new ProxyHeaderError("an addition is longer than the header");
    if (type === TYPE_CRC32C) checkSum(bytes, end, at, length);
    else if (type === TYPE_AUTHORITY) authority = readAuthority(bytes.subarray(at, at + length));
    else if (type === TYPE_UNIQUE_ID && length > MAX_UNIQUE_ID_BYTES)
      throw new ProxyHeaderError(`a unique id of more than ${MAX_UNIQUE_ID_BYTES} bytes`);
    at += length;
  }
  return authority;
}

/** The sum covers the whole header with its own four bytes as zeros (section 2.2.3). */
function checkSum(bytes: Uint8Array, headerEnd: number, at: number, length: number): void {
  if (length !== 4) throw new ProxyHeaderError(`a checksum of ${length} bytes instead of 4`);
  const told = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  if (told !== crc32c(bytes, headerEnd, at)) throw new ProxyHeaderError("the checksum is wrong");
}

function readAuthority(bytes: Uint8Array): string {
  if (bytes.length > MAX_AUTHORITY_BYTES)
    throw new ProxyHeaderError(`a host name of more than ${MAX_AUTHORITY_BYTES} bytes`);
  for (const byte of bytes)
    if (byte <= 32 || byte >= 127) throw new ProxyHeaderError("a host name with bytes that no name has");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice().toLowerCase();
}
