/**
 * The words that every plane shares: where a backend listens, what an operator wants of it and what a probe has
 * measured of it.
 */

/** Where to connect: a TCP address (literal or name) or a unix socket. */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** The highest weight of a backend, and the highest that strategies count with exactly. */
export const MAX_WEIGHT = 65_535;

/** What an operator wants of a backend. `draining` keeps what it has and takes no new work. */
export type Wanted = "active" | "draining" | "disabled";

/** What probes have measured. `unknown` stands before the first result. */
export type Health = "healthy" | "unhealthy" | "unknown";

/** Methods that RFC 9110 9.2.1 calls safe, and QUERY (draft-ietf-httpbis-safe-method-w-body). */
export const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"]);

/** Methods that RFC 9110 9.2.2 calls idempotent: the safe ones, PUT and DELETE. */
export const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set([...SAFE_METHODS, "PUT", "DELETE"]);

/**
 * What a Host field says for an endpoint: without the port where it is the usual one of its scheme (RFC 9110 4.2),
 * `localhost` for a unix socket.
 */
export function hostField(endpoint: Endpoint, secure: boolean): string {
  if (endpoint.kind === "unix") return "localhost";
  const text = endpointText(endpoint);
  return endpoint.port === (secure ? 443 : 80) ? text.slice(0, text.lastIndexOf(":")) : text;
}

/** An endpoint as users write it: `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
export function endpointText(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  return endpoint.host.includes(":")
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}
