/** Fuzz entry of the PROXY protocol: any bytes as the start of a connection. */
import { parseIp } from "../../src/core/schema/ip.ts";
import { writeProxyHeader } from "../../src/net/proxy_header_writer.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";
import {
  MAX_V2_BYTES,
  ProxyHeaderError,
  readProxyHeader,
  type ProxyHeader,
} from "../../src/net/proxy_protocol.ts";

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** The header, null = incomplete, or the message of the refusal. */
function outcome(bytes: Uint8Array): ProxyHeader | null | string {
  try {
    return readProxyHeader(bytes);
  } catch (error) {
    if (error instanceof ProxyHeaderError) return error.message;
    throw error;
  }
}

/** Throws when an invariant is broken; a refusal is a good outcome. */
function run(bytes: Uint8Array): Outcome {
  const whole = outcome(bytes);
  const end = whole !== null && typeof whole === "object" ? whole.length : bytes.length;
  check(end <= bytes.length, "a header is longer than what came");
  check(whole !== null || bytes.length < MAX_V2_BYTES, "a header is still incomplete at its largest size");
  const step = Math.max(1, end >> 6);
  for (let size = 0; size < end; size += step) {
    const part = outcome(bytes.subarray(0, size));
    if (typeof part === "string") check(typeof whole === "string", "a start is refused and the whole is not");
    else check(part === null, "a header is complete before its end");
  }
  if (whole === null || typeof whole === "string") return whole?.replace(/\d+/g, "0");
  const { addresses } = whole;
  // What names no addresses, or paths of unix sockets, is not written back.
  if (addresses === null || parseIp(addresses.source) === null || parseIp(addresses.destination) === null)
    return;
  for (const version of ["v1", "v2"] as const) {
    const { source, sourcePort, destination, destinationPort } = addresses;
    const again = outcome(writeProxyHeader(version, source, sourcePort, destination, destinationPort));
    const same = again !== null && typeof again === "object" && Bun.deepEquals(again.addresses, addresses);
    check(same, "a header that is written again reads differently");
  }
  return addresses.source.includes(":");
}

function seeds(): Uint8Array[] {
  const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
  const named = writeProxyHeader("v2", "192.0.2.1", 1, "192.0.2.2", 2);
  const withName = new Uint8Array([...named, 2, 0, 3, 97, 46, 98, 4, 0, 1, 0]);
  withName[15] = withName.length - 16;
  return [
    latin1("PROXY TCP4 192.0.2.1 198.51.100.2 56092 443\r\nGET"),
    latin1("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 65535\r\n"),
    latin1("PROXY UNKNOWN and the rest\r\n"),
    writeProxyHeader("v2", "2001:db8::1", 1, "fd00::2", 2),
    writeProxyHeader("v2", "", 0, "/run/web.sock", 0),
    withName,
  ];
}

export const proxyHeader: FuzzEntry = { name: "proxy_header", seeds, run, maxLength: 2 * MAX_V2_BYTES };
