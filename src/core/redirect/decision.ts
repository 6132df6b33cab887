/** What the engine says: where a client goes, or why nobody can say. */
import type { HostPool } from "./hosts.ts";

export type DecisionType = "PATH_RULE" | "ROLLOUT_RULE" | "DISTRIBUTION_RULE" | "DEFAULT_SERVER";

/** One place to go to. */
export interface Location {
  readonly url: string;
  /** Host name or address, without brackets. */
  readonly destination: string;
  readonly protocol: string;
  /** "" where a literal URL names none. */
  readonly port: string;
  readonly urn: string;
  /** Null for a literal URL. */
  readonly ip_version: 4 | 6 | null;
  /** `/datacenter/zone` of the host, or the name of the rule for a literal URL. */
  readonly description: string;
  /** Query pairs of the server. */
  readonly context: Readonly<Record<string, string>>;
}

export interface Decision {
  readonly type: DecisionType;
  /** The flavor rule or the rollout, or null. */
  readonly rule: string | null;
  /** Number of the share of the distribution, or null. */
  readonly share: number | null;
  /** URL rules that gave something, `Default` for the model's own defaults. */
  readonly url_rules: readonly string[];
  /** More than one for a server group. */
  readonly locations: readonly Location[];
  readonly stack: string | null;
  readonly flavor: string | null;
  /** Where the decision first led had no hosts. */
  readonly is_fallback: boolean;
  /** How the chosen host was looked up; null for a literal URL. */
  readonly spill: HostPool["spill"] | null;
  /** Null where it was made for one client alone. */
  readonly shared: SharedNote | null;
}

/** Stands beside a decision that many clients get, for what is made of it once. */
export class SharedNote {
  /** Whatever whoever asks keeps there. */
  made: unknown = null;
}

/** Why nobody can be sent anywhere. */
export type NoDecision = "no_default_server" | "no_host" | "wrong_family" | "malformed_url";
