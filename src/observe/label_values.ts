/**
 * The label values that are known before any configuration: methods, status classes, error codes, limits and reasons
 * of retries. A value's position is its index in the counter regions, so what clients send can only choose among these.
 */
import { DEFAULT_LIMITS } from "../core/defaults.ts";
import { type ErrorCode, ERRORS } from "../core/errors.ts";
import type { Limits } from "../core/plan.ts";

/** Methods of RFC 9110 9.3 and 5789, and QUERY; every other one counts as `OTHER`. */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
  "OTHER",
] as const;

const OTHER_METHOD = METHODS.length - 1;
const METHOD_BYTES: readonly Uint8Array[] = METHODS.map((method) => new TextEncoder().encode(method));

/** Indexes of the known methods by length, so that at most three are compared. */
const METHODS_BY_LENGTH: readonly (readonly number[])[] = Array.from({ length: 8 }, (_, length) =>
  METHOD_BYTES.flatMap((bytes, index) => (bytes.length === length && index !== OTHER_METHOD ? [index] : [])),
);

/** Index in METHODS of the method that stands in `bytes[from..to)`; methods are case-sensitive (RFC 9110 9.1). */
export function methodIndex(bytes: Uint8Array, from: number, to: number): number {
  const candidates = METHODS_BY_LENGTH[to - from];
  if (candidates === undefined) return OTHER_METHOD;
  for (let k = 0; k < candidates.length; k++) {
    const index = candidates[k]!;
    const expected = METHOD_BYTES[index]!;
    let at = 0;
    while (at < expected.length && bytes[from + at] === expected[at]) at++;
    if (at === expected.length) return index;
  }
  return OTHER_METHOD;
}

/** Hundreds of the answer's status. `none`: the connection ended without an answer. */
export const STATUS_CLASSES = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Index in STATUS_CLASSES; 0 for everything that is not 100 to 599. */
export function statusClass(status: number): number {
  return status >= 100 && status < 600 ? (status / 100) | 0 : 0;
}

export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

const indexed = <Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> =>
  Object.fromEntries(names.map((name, index) => [name, index])) as Record<Name, number>;

/** Position of each error code in ERROR_CODES. */
export const ERROR_INDEX = indexed(ERROR_CODES);

/** Limits that stand beside a pool, a backend or a middleware and not under `limits:`. */
const OTHER_LIMITS = [
  "queue",
  "backend_in_flight",
  "in_flight_req",
  "idle_connections",
  "request_body_bytes",
  "response_header_bytes",
] as const;

export type LimitName = keyof Limits | (typeof OTHER_LIMITS)[number];
export const LIMIT_NAMES: readonly LimitName[] = [
  ...(Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]),
  ...OTHER_LIMITS,
];

/** Position of each limit in LIMIT_NAMES. */
export const LIMIT_INDEX = indexed(LIMIT_NAMES);

/** Why an attempt was followed by another one: the backend's error, or `status` for an answer listed in `on_status`. */
export type RetryReason = ErrorCode | "status" | "other";
export const RETRY_REASONS: readonly RetryReason[] = [
  ...ERROR_CODES.filter((code) => ERRORS[code].source === "backend"),
  "status",
  "other",
];

const RETRY_INDEX: Readonly<Partial<Record<RetryReason, number>>> = indexed(RETRY_REASONS);

/** Position of a reason in RETRY_REASONS; codes that are no backend's fault count as `other`. */
export function retryReasonIndex(reason: RetryReason): number {
  return RETRY_INDEX[reason] ?? RETRY_REASONS.length - 1;
}
