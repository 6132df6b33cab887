/**
 * What rules may ask of a request. An exchange implements it with lazy getters: `header` and `query` are called only
 * when a rule needs them. All text is latin1, one character per byte, as it came from the wire.
 */
export interface MatchRequest {
  /** Lower case, without port and trailing dot; "" when the request names no host. */
  readonly host: string;
  /** The path in normal form (`matchPath`), or `*`. */
  readonly path: string;
  readonly method: string;
  /** Name of the listener that took the connection. */
  readonly listener: string;
  /** Address of the client as text, "" for a unix socket. */
  readonly clientAddress: string;
  /** Values of all lines of a field, in order. `name` is lower case. */
  header(name: string): readonly string[];
  /** The query as `parseQuery` gives it: key, value, key, value, … */
  query(): readonly string[];
}
