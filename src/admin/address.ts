/** Where the admin server may listen, and which Host fields it answers to. */
import type { ListenAddress } from "../core/plan.ts";
import { parseIp } from "../core/schema/ip.ts";
import { parseListenAddress } from "../core/schema/listen_address.ts";

/** Owner and group may ask; others of the machine may not. */
const SOCKET_MODE = 0o660;

/** True for an IP address that only this machine reaches: 127.0.0.0/8 and ::1. */
function isLoopback(host: string): boolean {
  const bytes = parseIp(host);
  if (bytes === null) return false;
  return bytes.length === 4
    ? bytes[0] === 127
    : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/**
 * The address of `admin.address`: a loopback IP address with a port, `localhost:port` (127.0.0.1, whatever the name
 * would resolve to), or `unix:/path`. Throws Error with one sentence for everything else.
 */
export function adminAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address?.kind === "unix") return { ...address, mode: SOCKET_MODE, user: null, group: null };
  if (address?.host === "localhost") return { ...address, host: "127.0.0.1" };
  if (address !== null && isLoopback(address.host)) return address;
  throw new Error(
    `admin address ${text}: only this machine may reach it, because it asks for no credentials; ` +
      "expected 127.0.0.1:port, [::1]:port or unix:/path",
  );
}

/**
 * True when a request for `host` (without port, lower case) may be answered. A page from elsewhere whose name was made
 * to resolve to this machine (DNS rebinding) sends its own name. The port is not compared, so that a forwarded port
 * works. "" (no Host, HTTP/1.0) comes from no browser.
 */
export function isAdminHost(host: string): boolean {
  if (host === "" || host === "localhost") return true;
  return isLoopback(host.startsWith("[") ? host.slice(1, -1) : host);
}
