/** A change of what acts, before it is carried out or taken back. */
import type { KnownState, LiveState } from "../core/health/delta.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import type { RegionSet } from "./counter_regions.ts";
import type { ListenerChange } from "./listener_table.ts";
import type { LogChange } from "./log_files.ts";
import type { LoadedConfiguration } from "./parts.ts";

/** Everything that differs between two snapshots, ready beside what acts. */
export interface Change {
  readonly snapshot: Snapshot;
  readonly listeners: ListenerChange;
  readonly logs: LogChange;
  readonly regions: RegionSet;
  readonly settings: LoadedConfiguration["settings"];
  /** What parts have found out about the plan that comes. */
  readonly found: SnapshotDelta;
}

/** A snapshot whose health, members and overrides are kept up to date in place. */
export type LiveSnapshot = Omit<Snapshot, keyof KnownState> & LiveState;
