/** What operators see of the redirector's control side. */
import type { DiscoveryStatus } from "./discovery/discovery.ts";
import type { LastKnownGoodStatus } from "./last_known_good/last_known_good.ts";
import type { OfflineStatus } from "./offline_state.ts";

export interface AppStatus {
  readonly app: string;
  /** Of its model; null = none is known. */
  readonly version: number | null;
  readonly hosts: number;
  /** What is odd about the model, one line each. */
  readonly problems: readonly string[];
}

export interface FollowerStatus {
  readonly apps: readonly AppStatus[];
  readonly discovery: DiscoveryStatus | null;
  readonly last_known_good: LastKnownGoodStatus | null;
  /** Null where nothing that acts was made offline. */
  readonly offline: OfflineStatus | null;
}

/** What became of models and lists that were made offline. */
export interface Resumed {
  /** Versions that act now, by application; 0 = what was made offline, until the store has any. */
  readonly apps: Readonly<Record<string, number>>;
  readonly lists_version: number;
  /** Sentences about what could not be done. */
  readonly problems: readonly string[];
}
