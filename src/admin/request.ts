/** A request as operations see it. */

/** A request that has been found in order: admitted, its query and its body as their schemas want them. */
export interface AdminRequest<Query = unknown, Body = unknown> {
  /** Decoded segments of the path, by their name in the template. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly accept: string | null;
  readonly ifMatch: string | null;
  /** Who asks, for the log: `admin API, 192.0.2.7:50123, token`. */
  readonly by: string;
  /** Monotonic milliseconds. */
  readonly askedAt: number;
  /** True when nobody waits for the answer any more. */
  isGone(): boolean;
}
