/**
 * How what has been measured and found travels after a snapshot. Deltas are plain JSON: they cross a process border.
 *
 * The keys of health are `pool/candidate key`, those of members and overrides `pool/backend id` (see `members.ts`); a delta
 * holds changed keys only. Absent is the same as unknown, as no address and as nothing set, so a delta takes a key away by
 * giving it the value `unknown`, an empty list or an empty object (a document: null), and a state grows no larger than what is known.
 */
import type { Health } from "../model.ts";
import type { DocumentMap, HealthMap, MemberMap, Override, OverrideMap, SnapshotDelta } from "../snapshot.ts";

/** The part of a snapshot that deltas change. */
export interface KnownState {
  readonly health: HealthMap;
  readonly members: MemberMap;
  readonly overrides: OverrideMap;
  readonly documents: DocumentMap;
}

/** The same, kept up to date in place: what a delta costs does not grow with what is known. */
export interface LiveState {
  readonly health: Record<string, Health>;
  readonly members: Record<string, readonly string[]>;
  readonly overrides: Record<string, Override>;
  readonly documents: Record<string, unknown>;
}

/** A change of one member, for logs. */
export interface HealthChange {
  readonly pool: string;
  /** Candidate key: `id` or `id@address`. */
  readonly key: string;
  readonly health: Health;
  /** What the probe saw, in words for an operator. */
  readonly reason: string;
}

/** A copy of `state` that may be changed, with whatever else `state` holds. */
export function liveState<State extends KnownState>(state: State): State & LiveState {
  const { health, members, overrides, documents } = state;
  return {
    ...state,
    health: { ...health },
    members: { ...members },
    overrides: { ...overrides },
    documents: { ...documents },
  };
}

/** Takes `delta` over into `state`. */
export function changeState(state: LiveState, delta: SnapshotDelta): void {
  change(state.health, delta.health, isUnknown);
  change(state.members, delta.members, isEmpty);
  change(state.overrides, delta.overrides, isEmpty);
  change(state.documents, delta.documents, isNull);
}

/** `state` with `delta` taken over; neither is changed. Whatever else `state` holds stays. */
export function applyDelta<State extends KnownState>(state: State, delta: SnapshotDelta): State {
  const after = liveState(state);
  changeState(after, delta);
  return after;
}

/** Adds to `delta` what `next` changes: together they are one delta. */
export function addDelta(delta: LiveState, next: SnapshotDelta): void {
  Object.assign(delta.health, next.health);
  Object.assign(delta.members, next.members);
  Object.assign(delta.overrides, next.overrides);
  Object.assign(delta.documents, next.documents);
}

/** What of `delta` is not so in `state` already. The keys of `delta` alone are looked at. */
export function changesOf(state: KnownState, delta: SnapshotDelta): SnapshotDelta {
  return {
    health: differing(state.health, delta.health, "unknown"),
    members: differing(state.members, delta.members, []),
    overrides: differing(state.overrides, delta.overrides, {}),
    documents: differing(state.documents, delta.documents, null),
  };
}

/** True when nothing would change. */
export function isEmptyDelta(delta: SnapshotDelta): boolean {
  const { health, members, overrides, documents } = delta;
  return isEmpty(health) && isEmpty(members) && isEmpty(overrides) && isEmpty(documents);
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

const isNull = (document: unknown): boolean => document === null;
const isUnknown = (health: Health): boolean => health === "unknown";

function change<Value>(
  state: Record<string, Value>,
  changed: Readonly<Record<string, Value>>,
  isAbsent: (value: Value) => boolean,
): void {
  for (const [key, value] of Object.entries(changed)) {
    if (isAbsent(value)) delete state[key];
    else state[key] = value;
  }
}

function differing<Value>(
  state: Readonly<Record<string, Value>>,
  changed: Readonly<Record<string, Value>>,
  absent: Value,
): Record<string, Value> {
  const found: Record<string, Value> = {};
  for (const [key, value] of Object.entries(changed)) {
    const before = Object.hasOwn(state, key) ? state[key]! : absent;
    if (before === value) continue;
    // What is new, and may be long, need not be compared.
    if (before === null || JSON.stringify(before) !== JSON.stringify(value)) found[key] = value;
  }
  return found;
}
