/**
 * A snapshot: an immutable plan with what has been measured and found since, published to the planes as a whole.
 * Between two snapshots only deltas travel.
 */
import type { Health, Wanted } from "./model.ts";
import type { ListenerPlan, Plan } from "./plan.ts";

/** Health by `pool/candidate key`; what is absent is unknown. */
export type HealthMap = Readonly<Record<string, Health>>;

/** Content of the files that settings name (certificates, keys, user lists), by absolute path. Workers read no file. */
export type FileMap = Readonly<Record<string, string>>;

/** Addresses found for backends that are given by name, by `pool/backend id`. */
export type MemberMap = Readonly<Record<string, readonly string[]>>;

/** What an operator has set of a backend while the program runs; what is absent is as the configuration says. */
export interface Override {
  readonly enabled?: Wanted;
  /** 0 to 65535. */
  readonly weight?: number;
  /** With `disabled`: its tunnels end now too, and not only when their time to drain is over. */
  readonly cuts_tunnels?: boolean;
}

/** Overrides by `pool/backend id`. */
export type OverrideMap = Readonly<Record<string, Override>>;

/**
 * What the control side of a plane gives to the workers beside the plan, by `plane/name`: plain JSON. Null = gone. A document is
 * replaced as a whole and never changed, so a large one is better several.
 */
export type DocumentMap = Readonly<Record<string, unknown>>;

export interface Snapshot {
  /** Grows with every snapshot, over restarts of the supervisor too. */
  readonly generation: number;
  readonly plan: Plan;
  readonly files: FileMap;
  readonly health: HealthMap;
  readonly members: MemberMap;
  readonly overrides: OverrideMap;
  readonly documents: DocumentMap;
}

/** What has changed since the snapshot: only the changed keys. */
export interface SnapshotDelta {
  readonly health: HealthMap;
  readonly members: MemberMap;
  /** Each as a whole; one that sets nothing is gone. */
  readonly overrides: OverrideMap;
  readonly documents: DocumentMap;
}

export const NOTHING_CHANGED: SnapshotDelta = { health: {}, members: {}, overrides: {}, documents: {} };

/**
 * Identity of a listening address over reloads: a listener that keeps its address keeps its sockets, whatever else of
 * it changes. Port 0 gives each listener a port of its own, so there the name is part of the identity.
 */
export function listenerKey(listener: ListenerPlan): string {
  const { address } = listener;
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.dual_stack ? "*" : address.host;
  return address.port === 0 ? `${host}:0 (${listener.name})` : `${host}:${address.port}`;
}
