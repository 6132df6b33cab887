import { parseIp, parseIpv6 } from "./ip.ts";

const LABEL = /^[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/;

/** True for a DNS name: labels of letters, digits, `-` and `_`, at most 253 characters, not all numeric (RFC 1123 2.1). */
export function isHostName(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name.length === 0 || name.length > 253) return false;
  const labels = name.split(".");
  return labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}

/**
 * Splits `host:port`: the host is a name, an IPv4 address or an IPv6 address in brackets (returned without them, a zone
 * such as `%eth0` is kept), or "" where `emptyHost` allows it. Returns null for the rest, also for ports above 65535.
 */
export function parseHostPort(text: string, emptyHost: boolean): { host: string; port: number } | null {
  const match = /^(?:\[([^\][]*)\]|([^:\][/]*)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, bracketed, plain, portText] = match;
  const port = Number(portText);
  if (port > 65_535) return null;
  if (bracketed !== undefined) {
    const [address, zone] = bracketed.split("%", 2);
    if (parseIpv6(address!) === null || zone === "") return null;
    return { host: bracketed, port };
  }
  if (plain === "") return emptyHost ? { host: "", port } : null;
  return isHostName(plain!) || parseIp(plain!) !== null ? { host: plain!, port } : null;
}
