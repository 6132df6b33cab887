/**
 * How what has been measured and found travels after a snapshot. Deltas are plain JSON: they cross a process border.
 *
 * The keys of health are `pool/candidate key`, those of members and overrides `pool/backend id` (see `members.ts`); a delta
 * holds changed keys only. Absent is the same as unknown, as no address and as nothing set, so a delta takes a key away by
 * giving it the value `unknown`, an empty list or an empty object, and a state grows no larger than what is known.
 */
import type { Health } from "../model.ts";
import type { HealthMap, MemberMap, OverrideMap, SnapshotDelta } from "../snapshot.ts";

/** The part of a snapshot that deltas change. */
export interface KnownState {
  readonly health: HealthMap;
  readonly members: MemberMap;
  readonly overrides: OverrideMap;
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

/** A change of one member, for logs. */
export interface HealthChange {
  readonly pool: string;
  /** Candidate key: `id` or `id@address`. */
  readonly key: string;
  readonly health: Health;
  /** What the probe saw, in words for an operator. */
  readonly reason: string;
}

/** `state` with `delta` taken over; neither is changed. Whatever else `state` holds stays. */
export function applyDelta<State extends KnownState>(state: State, delta: SnapshotDelta): State {
  return {
    ...state,
    health: merged(state.health, delta.health, (health) => health === "unknown"),
    members: merged(state.members, delta.members, (addresses) => addresses.length === 0),
    overrides: merged(state.overrides, delta.overrides, isEmpty),
  };
}

/** A delta that turns `before` into `after`: both lists of keys are looked at. */
export function deltaBetween(before: KnownState, after: KnownState): SnapshotDelta {
  return {
    health: changes(before.health, after.health, "unknown"),
    members: changes(before.members, after.members, []),
    overrides: changes(before.overrides, after.overrides, {}),
  };
}

/** True when nothing would change. */
export function isEmptyDelta(delta: SnapshotDelta): boolean {
  return isEmpty(delta.health) && isEmpty(delta.members) && isEmpty(delta.overrides);
}

function merged<Value>(
  before: Readonly<Record<string, Value>>,
  changed: Readonly<Record<string, Value>>,
  isAbsent: (value: Value) => boolean,
): Readonly<Record<string, Value>> {
  const entries = Object.entries(changed);
  if (entries.length === 0) return before;
  const after = { ...before };
  for (const [key, value] of entries) {
    if (isAbsent(value)) delete after[key];
    else after[key] = value;
  }
  return after;
}

function changes<Value>(
  before: Readonly<Record<string, Value>>,
  after: Readonly<Record<string, Value>>,
  absent: Value,
): Record<string, Value> {
  const changed: Record<string, Value> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[key] ?? absent;
    if (JSON.stringify(before[key] ?? absent) !== JSON.stringify(value)) changed[key] = value;
  }
  return changed;
}
