/** Writing the header of the PROXY protocol, versions 1 and 2, for backends that expect one (section 2 there). */
import { parseIp } from "../core/schema/ip.ts";
import { plainAddress } from "./addresses.ts";
import { latin1Bytes } from "./h1/bytes.ts";
import { UNIX_PATH_BYTES, V2_FIXED_BYTES, V2_SIGNATURE } from "./proxy_protocol.ts";

const LOCAL = 0x20;
const PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const UNIX_STREAM = 0x31;

/**
 * The header that goes before the first byte of a connection, before TLS too. Addresses are text without brackets.
 * When one is IPv4 and the other IPv6, both are written as IPv6. When the client came by a unix socket (`source` is ""
 * or a path) version 2 says so, and version 1, which cannot, says UNKNOWN.
 */
export function writeProxyHeader(
  version: "v1" | "v2",
  source: string,
  sourcePort: number,
  destination: string,
  destinationPort: number,
): Uint8Array {
  const from = parseIp(plainAddress(source));
  const to = parseIp(plainAddress(destination));
  if (from === null || to === null)
    return version === "v1" ? withoutAddresses("v1") : unixHeader(source, destination);
  const size = Math.max(from.length, to.length);
  if (version === "v1") {
    const text =
      size === 4 ? [source, destination].map(plainAddress) : [ipv6Text(source), ipv6Text(destination)];
    return latin1Bytes(
      `PROXY TCP${size === 4 ? 4 : 6} ${text.join(" ")} ${sourcePort} ${destinationPort}\r\n`,
    );
  }
  const header = v2Header(PROXY, size === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, 2 * size + 4);
  header.set(widened(from, size), V2_FIXED_BYTES);
  header.set(widened(to, size), V2_FIXED_BYTES + size);
  const ports = V2_FIXED_BYTES + 2 * size;
  header[ports] = sourcePort >> 8;
  header[ports + 1] = sourcePort & 255;
  header[ports + 2] = destinationPort >> 8;
  header[ports + 3] = destinationPort & 255;
  return header;
}

/** The header of a connection that is ours and no client's, such as a probe: UNKNOWN or LOCAL. */
export function withoutAddresses(version: "v1" | "v2"): Uint8Array {
  return version === "v1" ? latin1Bytes("PROXY UNKNOWN\r\n") : v2Header(LOCAL, 0, 0);
}

function v2Header(command: number, family: number, addressBytes: number): Uint8Array {
  const header = new Uint8Array(V2_FIXED_BYTES + addressBytes);
  header.set(V2_SIGNATURE);
  header[12] = command;
  header[13] = family;
  header[14] = addressBytes >> 8;
  header[15] = addressBytes & 255;
  return header;
}

function unixHeader(source: string, destination: string): Uint8Array {
  const header = v2Header(PROXY, UNIX_STREAM, 2 * UNIX_PATH_BYTES);
  writePath(header.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + UNIX_PATH_BYTES), source);
  writePath(header.subarray(V2_FIXED_BYTES + UNIX_PATH_BYTES), destination);
  return header;
}

/** Text that is no path, such as the IP address of the other side, is left out. */
function writePath(into: Uint8Array, path: string): void {
  if (!/^[/@]/.test(path)) return;
  new TextEncoder().encodeInto(path, into);
  if (path.startsWith("@")) into[0] = 0;
}

function ipv6Text(address: string): string {
  const plain = plainAddress(address);
  return plain.includes(":") ? plain : `::ffff:${plain}`;
}

/** IPv4 in IPv6 as RFC 4291 2.5.5.2 says, when 16 bytes are wanted. */
function widened(address: Uint8Array, size: number): Uint8Array {
  if (address.length === size) return address;
  const wide = new Uint8Array(16).fill(255, 10, 12);
  wide.set(address, 12);
  return wide;
}
