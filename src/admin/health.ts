/** The answer to `/health`. */

/** How the program is, as `/health` shows it. */
export interface HealthReport {
  /** Only `serving` is answered with 200: a balancer in front sends nothing to the others. */
  readonly status: "starting" | "serving" | "draining";
  readonly version: string;
  /** Workers that take requests now. */
  readonly workers: number;
  /** When the program started, RFC 3339. */
  readonly since: string;
}

/** Status of the answer to `/health`. */
export function healthStatus({ status }: HealthReport): 200 | 503 {
  return status === "serving" ? 200 : 503;
}
