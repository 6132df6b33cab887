/** Socket addresses in the kernel's form (struct sockaddr_in, sockaddr_in6, sockaddr_un of Linux). */
import type { Endpoint } from "../core/model.ts";
import { parseIpv4, parseIpv6 } from "../core/schema/ip.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Longest path of a unix socket: sun_path is 108 bytes with its NUL. */
export const UNIX_PATH_BYTES = 107;

/** An address ready for bind(2) or connect(2), encoded once when a plan is prepared. */
export interface SocketAddress {
  readonly family: typeof AF_UNIX | typeof AF_INET | typeof AF_INET6;
  readonly bytes: Uint8Array;
  /** The endpoint as users write it. */
  readonly text: string;
}

/**
 * Encodes an endpoint whose host is a literal address; a name is not resolved here. `fe80::1%eth0` needs its scope as
 * a number (`%2`). A unix path that starts with `@` is an abstract one (unix(7)).
 * Throws RangeError for a host that is not a literal, a port outside 0 to 65535 and a path that is too long.
 */
export function socketAddress(endpoint: Endpoint): SocketAddress {
  return endpoint.kind === "unix" ? unixAddress(endpoint.path) : ipAddress(endpoint.host, endpoint.port);
}

function ipAddress(host: string, port: number): SocketAddress {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`port ${port} is not 0 to 65535`);
  const ipv4 = parseIpv4(host);
  if (ipv4 !== null) {
    const bytes = new Uint8Array(16);
    bytes[0] = AF_INET;
    bytes[2] = port >> 8;
    bytes[3] = port & 255;
    bytes.set(ipv4, 4);
    return { family: AF_INET, bytes, text: `${host}:${port}` };
  }
  const [literal = "", scope = "0"] = host.split("%");
  const ipv6 = parseIpv6(literal);
  if (ipv6 === null || !/^\d+$/.test(scope)) throw new RangeError(`${host} is not a literal IP address`);
  const bytes = new Uint8Array(28);
  bytes[0] = AF_INET6;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(ipv6, 8);
  new DataView(bytes.buffer).setUint32(24, Number(scope), true);
  return { family: AF_INET6, bytes, text: `[${host}]:${port}` };
}

function unixAddress(path: string): SocketAddress {
  const name = new TextEncoder().encode(path);
  if (name.length === 0 || name.length > UNIX_PATH_BYTES)
    throw new RangeError(
      `unix socket path must be 1 to ${UNIX_PATH_BYTES} bytes, this one has ${name.length}`,
    );
  const abstract = path.startsWith("@");
  const bytes = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  bytes[0] = AF_UNIX;
  bytes.set(name, 2);
  if (abstract) bytes[2] = 0;
  return { family: AF_UNIX, bytes, text: `unix:${path}` };
}

/** Port of a sockaddr_in or sockaddr_in6 that the kernel has filled in. */
export function portOf(bytes: Uint8Array): number {
  return ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/** Address text of a sockaddr_in or sockaddr_in6 that the kernel has filled in. */
export function hostOf(bytes: Uint8Array): string {
  if (bytes[0] === AF_INET) return bytes.subarray(4, 8).join(".");
  const words: string[] = [];
  for (let at = 8; at < 24; at += 2)
    words.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return new URL(`http://[${words.join(":")}]/`).hostname.slice(1, -1);
}
