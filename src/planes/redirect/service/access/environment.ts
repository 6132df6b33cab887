/** What access control needs of the program. */
import type { Clock } from "../../../../platform/clock.ts";

export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

/** A line for the log. It never holds a token, a secret or a code. */
export interface AccessEvent {
  readonly event: "redirect_access_refused" | "redirect_identity_provider";
  readonly level: "info" | "warning";
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface AccessEnvironment {
  readonly clock: Clock;
  readonly fetch: Fetch;
  report(event: AccessEvent): void;
}
