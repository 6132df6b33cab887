/** Where the admin server may listen. */
import type { ListenAddress } from "../core/plan.ts";
import { isLocalAddress, parseListenAddress } from "../core/schema/listen_address.ts";

/** Owner and group may ask; others of the machine may not. */
const SOCKET_MODE = 0o660;

/**
 * The address of `admin.address` and `observability.metrics.address`; `localhost:port` is 127.0.0.1, whatever the name
 * would resolve to. Throws Error with one sentence for what is no address, and, where no token is asked for, for one that
 * other machines reach.
 */
export function adminAddress(text: string, hasToken: boolean): ListenAddress {
  const address = parseListenAddress(text);
  if (address?.kind === "unix") return { ...address, mode: SOCKET_MODE, user: null, group: null };
  if (address?.host === "localhost") return { ...address, host: "127.0.0.1" };
  if (address !== null && (hasToken || isLocalAddress(address))) return address;
  throw new Error(
    `admin address ${text}: only this machine may reach it, because it asks for no credentials; ` +
      "expected 127.0.0.1:port, [::1]:port or unix:/path",
  );
}
