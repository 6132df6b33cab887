/** `timeouts:` and `limits:`, with the defaults of the one table in `core/defaults.ts`. */
import { z } from "zod";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../core/defaults.ts";
import type { Limits, Timeouts } from "../../core/plan.ts";
import { duration, formatDuration } from "../../core/schema/duration.ts";
import { formatSize, size } from "../../core/schema/size.ts";

const TIMEOUT_TEXTS: Readonly<Record<keyof Timeouts, string>> = {
  connect: "From the first packet to a backend until it has accepted the connection.",
  first_byte: "From the end of the request until the first byte of the backend's answer.",
  idle_progress: "Without any byte of a message in either direction.",
  total: "From the first try until the answer is complete, tries after the first included.",
  request_header: "From the first byte of a request until its head is complete.",
  tls_handshake: "From the connection until the TLS handshake is complete.",
  client_idle: "Between two requests of a client's connection.",
  client_age: "Life of a client's connection, about; it ends after a request. 0 = no limit.",
  upstream_idle: "A kept-alive connection to a backend without a request.",
  upstream_age: "Life of a connection to a backend, about; it ends after a request. 0 = no limit.",
  tunnel_idle: "Without any byte in an upgraded connection such as a WebSocket.",
  drain_accept:
    "From the start of a drain, for which new connections are still answered, so that balancers in front see `respond: ready` say 503.",
  drain: "From the start of a drain until requests are cut.",
  drain_tunnels: "From the start of a drain until tunnels and event streams are cut.",
};

/** Timeouts that a pool may set for itself: those of the backend's side, the drain of a backend among them. */
const POOL_TIMEOUTS = [
  "connect",
  "first_byte",
  "idle_progress",
  "total",
  "upstream_idle",
  "upstream_age",
  "tunnel_idle",
  "drain",
  "drain_tunnels",
] as const;

function timeout(key: keyof Timeouts): z.ZodType<number, string | number> {
  return duration().meta({ description: TIMEOUT_TEXTS[key] });
}

const timeoutWithDefault = (key: keyof Timeouts): z.ZodPrefault<z.ZodType<number, string | number>> =>
  timeout(key).prefault(formatDuration(DEFAULT_TIMEOUTS[key]));

export const timeouts = z.strictObject({
  connect: timeoutWithDefault("connect"),
  first_byte: timeoutWithDefault("first_byte"),
  idle_progress: timeoutWithDefault("idle_progress"),
  total: timeoutWithDefault("total"),
  request_header: timeoutWithDefault("request_header"),
  tls_handshake: timeoutWithDefault("tls_handshake"),
  client_idle: timeoutWithDefault("client_idle"),
  client_age: timeoutWithDefault("client_age"),
  upstream_idle: timeoutWithDefault("upstream_idle"),
  upstream_age: timeoutWithDefault("upstream_age"),
  tunnel_idle: timeoutWithDefault("tunnel_idle"),
  drain_accept: timeoutWithDefault("drain_accept"),
  drain: timeoutWithDefault("drain"),
  drain_tunnels: timeoutWithDefault("drain_tunnels"),
}) satisfies z.ZodType<Timeouts>;

export type PoolTimeouts = Partial<Pick<Timeouts, (typeof POOL_TIMEOUTS)[number]>>;

export const poolTimeouts: z.ZodType<PoolTimeouts> = z.strictObject(
  Object.fromEntries(POOL_TIMEOUTS.map((key) => [key, timeout(key).optional()])),
);

const count = (key: keyof Limits, minimum: number, maximum: number, text: string): z.ZodPrefault<z.ZodInt> =>
  z.int().min(minimum).max(maximum).meta({ description: text }).prefault(DEFAULT_LIMITS[key]);

const MIN_HEADER_BYTES = 128;
/** What the block has room for in which heads are parsed and rebuilt. */
const MAX_HEADER_BYTES = 2 ** 20;
const MAX_EXTENSION_BYTES = 16 * 2 ** 20;
const MAX_COUNT = 2 ** 31 - 1;

const bytes = (
  key: keyof Limits,
  minimum: number,
  maximum: number,
  text: string,
): z.ZodPrefault<z.ZodType<number, string | number>> =>
  size()
    .refine((value) => value >= minimum && value <= maximum, {
      error: `expected ${formatSize(minimum)} to ${formatSize(maximum)}`,
    })
    .meta({ description: text })
    .prefault(formatSize(DEFAULT_LIMITS[key]));

export const limits = z.strictObject({
  header_fields: count("header_fields", 1, 10_000, "Fields of a head."),
  header_bytes: bytes("header_bytes", MIN_HEADER_BYTES, MAX_HEADER_BYTES, "Size of a head."),
  target_bytes: bytes("target_bytes", 1, MAX_HEADER_BYTES, "Size of a request target."),
  connections: count("connections", 0, MAX_COUNT, "Connections of a listener; 0 = no limit."),
  connections_per_ip: count("connections_per_ip", 0, MAX_COUNT, "Connections of one address; 0 = no limit."),
  minimum_rate: bytes(
    "minimum_rate",
    0,
    MAX_COUNT,
    "Bytes a second that a body makes at least; 0 = no limit.",
  ),
  minimum_rate_grace: duration()
    .meta({ description: "Time before `minimum_rate` counts." })
    .prefault(formatDuration(DEFAULT_LIMITS.minimum_rate_grace)),
  chunk_extension_bytes: bytes(
    "chunk_extension_bytes",
    0,
    MAX_EXTENSION_BYTES,
    "Chunk extensions of one body, together.",
  ),
  requests_per_connection: count(
    "requests_per_connection",
    0,
    MAX_COUNT,
    "Requests of one connection; 0 = no limit.",
  ),
  early_answer_drain_bytes: bytes(
    "early_answer_drain_bytes",
    0,
    MAX_COUNT,
    "Rest of a request body that is read and dropped after an early answer, so that the connection can go on.",
  ),
}) satisfies z.ZodType<Limits>;
