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

const OF_CONNECTION = /^\s*(?:ntlm|negotiate)(?:[\s,]|$)/i;

/** True when the answer asks for an authentication of the connection, or its request has brought one unasked. */
export function authenticatesConnection(exchange: HttpExchange, status: number, head: Head): boolean {
  if (exchange.authorizationField >= 0 && OF_CONNECTION.test(exchange.request.get("authorization") ?? ""))
    return true;
  return status === 401 && head.getAll("www-authenticate").some((value) => OF_CONNECTION.test(value));
}

/** From now on `connection` serves the client of `exchange` alone; `binding`: and the client no other one. */
export function pin(
  exchange: HttpExchange,
  upstream: Upstream,
  connection: ClientConnection,
  binding: boolean,
): void {
  unpin(exchange.down, connection);
  upstream.connections.makePrivate(connection);
  exchange.down.pinned = { upstream, connection, client: exchange.client, binding } satisfies Pinned;
}

/** True when only the client's own connection to a backend may take its requests, as long as it stands. */
export function isBound({ pinned }: Downstream): boolean {
  return (pinned as Pinned | null)?.binding === true;
}

/**
 * The candidate of the connection that the client must come back to, or null when it may go anywhere. A backend that
 * drains keeps its clients. The binding ends, and the connection with it, when the backend takes no requests or the request
 * may be somebody else's; the client authenticates anew then.
 */
export function boundTo({ down, client }: HttpExchange, upstreams: readonly Upstream[]): Upstream | null {
  const pinned = standing(down);
  if (pinned === null || !pinned.binding || pinned.connection.exchange !== null) return null;
  if (!isItself(pinned.client, client)) {
    unpin(down);
    return null;
  }
  const upstream = upstreams.find(({ connections }) => connections === pinned.upstream.connections);
  // A backend of another pool: the client may come back to it.
  if (upstream === undefined) return null;
  if (upstream.serves || upstream.connections.wanted === "draining") return upstream;
  unpin(down);
  return null;
}

/** The connection to `upstream` that is kept for the client of `exchange`, or null. */
export function pinnedFor({ down, client }: HttpExchange, upstream: Upstream): ClientConnection | null {
  const pinned = standing(down);
  if (pinned === null || pinned.upstream.connections !== upstream.connections) return null;
  const isTheirs = pinned.binding ? isItself(pinned.client, client) : isSame(pinned.client, client);
  return isTheirs && pinned.connection.exchange === null ? pinned.connection : null;
}

function standing(down: Downstream): Pinned | null {
  const pinned = down.pinned as Pinned | null;
  if (pinned === null || !pinned.connection.closed) return pinned;
  down.pinned = null;
  return null;
}

/** A PROXY header names one client; a trusted proxy may bring requests of many on its connection. */
function isSame(one: Client, other: Client): boolean {
  return one === other || (one.address === other.address && one.port === other.port);
}

/**
 * True when both are whoever holds the client's connection. An address that a trusted proxy wrote has no port, and
 * many people may be behind it.
 */
function isItself(one: Client, other: Client): boolean {
  return one === other || (one.port !== 0 && isSame(one, other));
}

/** The client is gone, or another connection takes the place: what was pinned ends, unless it is `kept`. */
export function unpin(down: Downstream, kept: ClientConnection | null = null): void {
  const pinned = down.pinned as Pinned | null;
  down.pinned = null;
  if (pinned !== null && pinned.connection !== kept && pinned.connection.exchange === null)
    pinned.connection.close();
}
