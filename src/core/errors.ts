/**
 * The error table. One code stands for one way in which a request or an action ends; status, retry, metrics and the
 * log's `reason` field derive from it. `docs/reference/errors.md` is generated from this table.
 */

/** Who caused it. */
export type ErrorSource = "client" | "backend" | "us";

/**
 * May the request be sent again? `reused` = where the method is idempotent: at once if the connection had served before,
 * else once elsewhere; `safe` = once, for safe methods.
 */
export type RetryClass = "yes" | "no" | "reused" | "safe";

export interface ErrorKind {
  readonly source: ErrorSource;
  readonly retry: RetryClass;
  /** Answer status; 0 = no answer is possible (the connection is cut). */
  readonly status: number;
  /** Words for the log and the reference page; never holds addresses. */
  readonly text: string;
}

const kind = (source: ErrorSource, retry: RetryClass, status: number, text: string): ErrorKind => ({
  source,
  retry,
  status,
  text,
});

export const ERRORS = {
  FL_BAD_REQUEST_LINE: kind("client", "no", 400, "malformed request line"),
  FL_BAD_TARGET: kind("client", "no", 400, "malformed request target"),
  FL_BAD_VERSION: kind("client", "no", 505, "HTTP version not supported"),
  FL_BAD_HEADER: kind("client", "no", 400, "malformed header field"),
  FL_BAD_HOST: kind("client", "no", 400, "missing, repeated or malformed Host"),
  FL_BAD_FRAMING: kind("client", "no", 400, "ambiguous or malformed message framing"),
  FL_BAD_CHUNK: kind("client", "no", 400, "malformed chunked body"),
  FL_UNKNOWN_CODING: kind("client", "no", 501, "transfer coding not implemented"),
  FL_METHOD_NOT_ALLOWED: kind("client", "no", 405, "method not allowed"),
  FL_CONNECT_REFUSED_BY_POLICY: kind("client", "no", 501, "CONNECT is not enabled"),
  FL_EXPECTATION_FAILED: kind("client", "no", 417, "unknown expectation"),
  FL_HEADER_TOO_LARGE: kind("client", "no", 431, "header block over the limit"),
  FL_TARGET_TOO_LONG: kind("client", "no", 414, "request target over the limit"),
  FL_BODY_TOO_LARGE: kind("client", "no", 413, "request body over the limit"),
  FL_HEADER_TIMEOUT: kind("client", "no", 408, "request head not complete in time"),
  FL_BODY_TOO_SLOW: kind("client", "no", 408, "request body below the minimum rate"),
  FL_CLIENT_ABORT: kind("client", "no", 499, "client closed the connection"),
  FL_CLIENT_TOO_SLOW: kind("client", "no", 499, "client read below the minimum rate"),
  FL_CLIENT_IDLE: kind("client", "no", 499, "client made no progress"),
  FL_LOOP: kind("client", "no", 508, "request loop found"),
  FL_MISDIRECTED: kind("client", "no", 421, "host does not belong to this connection"),
  FL_UNAUTHORIZED: kind("client", "no", 401, "credentials missing or wrong"),
  FL_FORBIDDEN: kind("client", "no", 403, "refused by policy"),
  FL_TOO_MANY_IN_FLIGHT: kind("client", "no", 429, "too many requests in flight"),
  FL_BAD_PROXY_HEADER: kind("client", "no", 0, "PROXY protocol header missing or malformed"),
  FL_TLS_HANDSHAKE: kind("client", "no", 0, "TLS handshake failed"),
  FL_TLS_TIMEOUT: kind("client", "no", 0, "TLS handshake not complete in time"),
  FL_NO_ROUTE: kind("us", "no", 404, "no route matches"),
  FL_NO_BACKEND: kind("backend", "no", 503, "no backend is available"),
  FL_QUEUE_FULL: kind("us", "no", 503, "queue of the pool is full"),
  FL_QUEUE_TIMEOUT: kind("us", "no", 503, "waited too long in the queue"),
  FL_CONNECT_REFUSED: kind("backend", "yes", 502, "backend refused the connection"),
  FL_CONNECT_FAILED: kind("backend", "yes", 502, "backend could not be reached"),
  FL_CONNECT_TIMEOUT: kind("backend", "yes", 504, "backend did not accept in time"),
  FL_UPSTREAM_TLS: kind("backend", "yes", 502, "TLS to the backend failed"),
  FL_UPSTREAM_CLOSED: kind("backend", "reused", 502, "backend closed before an answer"),
  FL_UPSTREAM_RESET: kind("backend", "reused", 502, "backend reset before an answer"),
  FL_FIRST_BYTE_TIMEOUT: kind("backend", "safe", 504, "backend did not answer in time"),
  FL_TOTAL_TIMEOUT: kind("backend", "no", 504, "the answer was not complete in time"),
  FL_UPSTREAM_IDLE: kind("backend", "no", 504, "backend made no progress"),
  FL_UPSTREAM_TRUNCATED: kind("backend", "no", 502, "backend ended inside a body"),
  FL_BAD_RESPONSE: kind("backend", "no", 502, "backend's answer is malformed"),
  FL_RESPONSE_HEADER_TOO_LARGE: kind("backend", "no", 502, "backend's header block is over the limit"),
  FL_UNEXPECTED_UPGRADE: kind("backend", "no", 502, "backend switched protocols unasked"),
  FL_BACKEND_DISABLED: kind("us", "safe", 503, "backend was disabled"),
  FL_STEP_TIMEOUT: kind("us", "no", 503, "a middleware did not finish in time"),
  FL_STEP_FAILED: kind("us", "no", 500, "a middleware failed"),
  FL_TUNNEL_IDLE: kind("client", "no", 499, "tunnel made no progress"),
  FL_DRAINED: kind("us", "no", 503, "cut at the drain deadline"),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code of the table. `detail` is for our own logs and never reaches a client. */
export class FairleadError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;

  constructor(code: ErrorCode, detail = "", cause?: unknown) {
    super(`${code}: ${ERRORS[code].text}${detail === "" ? "" : ` (${detail})`}`, { cause });
    this.name = "FairleadError";
    this.code = code;
    this.detail = detail;
  }
}
