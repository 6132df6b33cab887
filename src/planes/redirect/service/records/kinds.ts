/** Every record of the management service. */
import type { Change, ChangeType, Pending } from "../../../../core/redirect/changes/pending.ts";
import { DEFAULT_SETTINGS } from "../../../../core/redirect/checks/settings.ts";
import type { RedirectSettings, TestCase } from "../../../../core/redirect/documents/service_documents.ts";
import type { WhitelistUpdate } from "../../../../core/redirect/documents/whitelist.ts";
import { EMPTY_MODEL, type NamedList, type RedirectModel } from "../../../../core/redirect/model.ts";
import { isObject } from "../../../../core/schema/is_object.ts";
import {
  APPS,
  LISTS,
  modelPath,
  reloadPath,
  ROOT,
  SETTINGS,
  type StoredLists,
  type StoredModel,
} from "../../models/stored.ts";
import type { RecordKind, Versioned } from "./record.ts";

/** What has been edited of an application and is not approved yet. */
export interface PendingRecord extends Versioned {
  readonly changes: Pending;
  /** Changes that were made while the store was away, and must be approved or cancelled before others are made. */
  readonly offline: OfflineChanges | null;
}

export interface OfflineChanges {
  /** Version of the model that they were made to. */
  readonly base_version: number;
  readonly changes: Pending;
}

/** What belongs to an application and is no part of its model: it acts at once. */
export interface NotesRecord extends Versioned {
  readonly tests: readonly TestCase[];
  /** By path of a stack. */
  readonly comments: Readonly<Record<string, string>>;
  /** When stacks were added to the whitelist or taken from it; one for each path. */
  readonly whitelist_updates: readonly WhitelistUpdate[];
}

/** A list as it shall be; null = it shall go. */
export interface ListChange {
  readonly name: string;
  /** `version` of the list when it was first edited; null = there was none. */
  readonly before_version: number | null;
  readonly after: NamedList | null;
  readonly authors: readonly string[];
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface ListChangesRecord extends Versioned {
  readonly changes: readonly ListChange[];
  /** As in `PendingRecord`. */
  readonly offline: readonly ListChange[] | null;
}

/** What brought a model about, or the lists. Never changed. */
export interface RevisionInfo {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `approve`, `revert`, `import`, … */
  readonly action: string;
  /** Who made the changes. */
  readonly authors: readonly string[];
  readonly approver: string;
  readonly reason: string | null;
  readonly changes: readonly RevisionChange[];
  /** Of the model or the lists, as JSON. */
  readonly sha256: string;
}

export interface RevisionChange {
  /** A kind of entity, or `list`. */
  readonly kind: Change["kind"] | "list";
  readonly id: string;
  readonly type: ChangeType;
}

/** `version` is that of the model. */
export interface RevisionRecord extends Versioned, RevisionInfo {
  readonly model: RedirectModel;
}

export interface ListRevisionRecord extends Versioned, RevisionInfo {
  readonly lists: readonly NamedList[];
}

const appPath = (app: string, name: string): string => `${APPS}/${encodeURIComponent(app)}/${name}`;

export function modelRecord(app: string): RecordKind<StoredModel> {
  return {
    path: modelPath(app),
    empty: { version: 0, model: EMPTY_MODEL },
    // Keys that a model has got since it was written have their empty values.
    read: ({ version, model }) =>
      isObject(model) ? { version: version as number, model: { ...EMPTY_MODEL, ...model } } : null,
  };
}

export function pendingRecord(app: string): RecordKind<PendingRecord> {
  return {
    path: appPath(app, "pending"),
    empty: { version: 0, changes: [], offline: null },
    read: (value) => (Array.isArray(value["changes"]) ? (value as never) : null),
  };
}

export function notesRecord(app: string): RecordKind<NotesRecord> {
  return {
    path: appPath(app, "notes"),
    empty: { version: 0, tests: [], comments: {}, whitelist_updates: [] },
    read: (value) => (Array.isArray(value["tests"]) && isObject(value["comments"]) ? (value as never) : null),
  };
}

/** Its version says how often gateways have been told to take the hosts of a static application anew. */
export function reloadRecord(app: string): RecordKind<Versioned> {
  return {
    path: reloadPath(app),
    empty: { version: 0 },
    read: ({ version }) => ({ version: version as number }),
  };
}

/** Its version grows when stacks with hosts come or go, as gateways of the original poll it. */
export interface StackSetRecord extends Versioned {
  /** Of the paths of all stacks. */
  readonly sha256: string;
}

export const STACK_SET_RECORD: RecordKind<StackSetRecord> = {
  path: `${ROOT}/stack_set`,
  empty: { version: 0, sha256: "" },
  read: (value) => (typeof value["sha256"] === "string" ? (value as never) : null),
};

export const LISTS_RECORD: RecordKind<StoredLists> = {
  path: LISTS,
  empty: { version: 0, lists: [] },
  read: (value) => (Array.isArray(value["lists"]) ? (value as never) : null),
};

export const LIST_CHANGES_RECORD: RecordKind<ListChangesRecord> = {
  path: `${ROOT}/list_changes`,
  empty: { version: 0, changes: [], offline: null },
  read: (value) => (Array.isArray(value["changes"]) ? (value as never) : null),
};

export const SETTINGS_RECORD: RecordKind<RedirectSettings> = {
  path: SETTINGS,
  empty: DEFAULT_SETTINGS,
  read: (value) =>
    Number.isInteger(value["min_hosts"]) && Number.isInteger(value["app_min_hosts"])
      ? (value as never)
      : null,
};

/** Names of revisions sort as their numbers do. */
export const revisionName = (version: number): string => String(version).padStart(12, "0");
export const revisionsPath = (app: string): string => appPath(app, "revisions");
export const LIST_REVISIONS = `${ROOT}/list_revisions`;

const NO_REVISION: RevisionInfo & Versioned = {
  version: 0,
  at: 0,
  action: "",
  authors: [],
  approver: "",
  reason: null,
  changes: [],
  sha256: "",
};

export function revisionRecord(app: string, version: number): RecordKind<RevisionRecord> {
  return {
    path: `${revisionsPath(app)}/${revisionName(version)}`,
    empty: { ...NO_REVISION, model: EMPTY_MODEL },
    read: (value) => (isObject(value["model"]) ? (value as never) : null),
    is_compressed: true,
  };
}

export function listRevisionRecord(version: number): RecordKind<ListRevisionRecord> {
  return {
    path: `${LIST_REVISIONS}/${revisionName(version)}`,
    empty: { ...NO_REVISION, lists: [] },
    read: (value) => (Array.isArray(value["lists"]) ? (value as never) : null),
    is_compressed: true,
  };
}
