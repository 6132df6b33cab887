/**
 * What a probe is: a check of one address that ends with a verdict. It knows nothing of intervals, counts and timeouts:
 * the scheduler starts it, and ends it when it takes too long.
 */
import type { z } from "zod";
import type { Endpoint } from "../core/model.ts";
import type { UpstreamTlsPlan } from "../core/plan.ts";
import type { SocketAddress } from "../platform/socket_address.ts";

/** What one check found. */
export interface ProbeResult {
  readonly healthy: boolean;
  /** What was seen, in words for an operator: `status 503, expected 200-299`. */
  readonly reason: string;
}

/** The backend that is to be checked, as the plan has it. One check serves all addresses of its name. */
export interface ProbeTarget {
  /** Where the backend is, its name not resolved; the port is that of the check. */
  readonly endpoint: Endpoint;
  /** Traffic reaches it by TLS. */
  readonly tls: boolean;
  /** The pool's settings for TLS, null = the defaults. */
  readonly pool_tls: UpstreamTlsPlan | null;
  /** The fixed Host of the pool, or null where it passes the client's or takes the backend's. */
  readonly host: string | null;
  /** The header of the PROXY protocol that the backend expects before anything else. */
  readonly proxy_protocol: "none" | "v1" | "v2";
  /** Content of a file that the configuration names. Throws when it was not read. */
  readFile(path: string): string;
}

/** A prepared probe of one backend. */
export interface Check {
  /**
   * Checks `address`. `done` is called once, perhaps before `start` returns; by then the socket is closed. The returned
   * function ends the check: the descriptor is free when it returns, and `done` is not called any more.
   */
  start(address: SocketAddress, done: (result: ProbeResult) => void): () => void;
}

export interface Probe<Options = unknown> {
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** The options beside those that every probe has; its output is plain JSON. */
  readonly schema: z.ZodType<Options>;
  /** Prepares a check. Throws when the options cannot be used, with words for the operator. */
  create(options: Options, target: ProbeTarget): Check;
}
