/**
 * Connections to backends that belong to one client: NTLM and Negotiate authenticate the connection and not the request
 * (RFC 4559 6), so after such a challenge nobody else may use it, and the client must come back to it.
 */
import type { Client, Downstream } from "../../net/exchange.ts";
import type { ClientConnection } from "../../net/h1/client.ts";
import type { Head } from "../../net/head.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";
import type { Upstream } from "./upstream.ts";

interface Pinned {
  readonly upstream: Upstream;
  readonly connection: ClientConnection;
  /** Who sent the request for which it was pinned. */
  readonly client: Client;
  /** The client must come back to it, whatever the strategy says. */
  readonly binding: boolean;
}

/** True for an answer that asks for an authentication of the connection. */
export function authenticatesConnection(status: number, head: Head): boolean {
  if (status !== 401) return false;
  return head.getAll("www-authenticate").some((value) => /^(?:ntlm|negotiate)(?:\s|,|$)/i.test(value.trim()));
}

/** From now on `connection` serves the client of `exchange` alone; `binding`: and the client no other one. */
export function pin(
  exchange: HttpExchange,
  upstream: Upstream,
  connection: ClientConnection,
  binding: boolean,
): void {
  unpin(exchange.down, connection);
  connection.isPrivate = true;
  exchange.down.pinned = { upstream, connection, client: exchange.client, binding } satisfies Pinned;
}

/** The connection that a new request of this client must use, when it stands and the pool still has its backend. */
export function pinnedFor(exchange: HttpExchange, upstreams: readonly Upstream[]): Pinned | null {
  const pinned = exchange.down.pinned as Pinned | null;
  if (pinned === null) return null;
  const { connection, upstream } = pinned;
  if (connection.closed) {
    exchange.down.pinned = null;
    return null;
  }
  if (connection.exchange !== null) return null;
  const now = upstreams.find(({ connections }) => connections === upstream.connections);
  if (now === undefined || (now.pool.proxy_protocol !== "none" && !isSame(pinned.client, exchange.client)))
    return null;
  return { ...pinned, upstream: now };
}

/** A PROXY header names one client; a trusted proxy may bring requests of many on its connection. */
function isSame(one: Client, other: Client): boolean {
  return one === other || (one.address === other.address && one.port === other.port);
}

/** The client is gone, or another connection takes the place: what was pinned ends, unless it is `kept`. */
export function unpin(down: Downstream, kept: ClientConnection | null = null): void {
  const pinned = down.pinned as Pinned | null;
  down.pinned = null;
  if (pinned !== null && pinned.connection !== kept && pinned.connection.exchange === null)
    pinned.connection.close();
}
