import type { z } from "zod";
import { parseHostPort } from "./host.ts";
import { parseIp } from "./ip.ts";
import { parsedText } from "./text.ts";

/** Where a listener listens. Rights of a unix socket stand beside the address. */
export type ParsedListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly dual_stack: boolean }
  | { readonly kind: "unix"; readonly path: string };

/** Longest path of a unix socket that Linux takes (sun_path is 108 bytes with the final NUL). */
export const MAX_SOCKET_PATH = 107;

/**
 * Accepts `:8080` (all addresses, IPv6 and IPv4: host `::`, dual stack), `127.0.0.1:8080`, `[::1]:8080`, `name:8080`
 * and `unix:/absolute/path`. Port 0 = any free port. Returns null for the rest.
 */
export function parseListenAddress(text: string): ParsedListenAddress | null {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return isSocketPath(path) ? { kind: "unix", path } : null;
  }
  const parsed = parseHostPort(text, true);
  if (parsed === null) return null;
  if (parsed.host === "") return { kind: "tcp", host: "::", port: parsed.port, dual_stack: true };
  return { kind: "tcp", host: parsed.host, port: parsed.port, dual_stack: false };
}

/** True for an absolute path that fits into a socket address. */
export function isSocketPath(path: string): boolean {
  return path.startsWith("/") && path.length > 1 && path.length <= MAX_SOCKET_PATH && !path.includes("\0");
}

/** True for an IP address that only this machine reaches: 127.0.0.0/8 and ::1. */
export function isLoopbackIp(host: string): boolean {
  const bytes = parseIp(host);
  if (bytes === null) return false;
  return bytes.length === 4
    ? bytes[0] === 127
    : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/** True for a unix socket, a loopback IP address and `localhost`: only this machine can reach them. */
export function isLocalAddress(address: ParsedListenAddress): boolean {
  return address.kind === "unix" || address.host === "localhost" || isLoopbackIp(address.host);
}

/** A listening address in the configuration. */
export function listenAddress(): z.ZodType<ParsedListenAddress, string> {
  return parsedText({
    name: "listening address",
    expected: "an address such as :8080, 127.0.0.1:8080, [::1]:8080 or unix:/run/fairlead.sock",
    parse: parseListenAddress,
  });
}
