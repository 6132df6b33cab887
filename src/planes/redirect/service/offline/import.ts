/** Takes a bundle back: what was changed in it becomes changes that wait for approval, and nothing else is saved until then. */
import { edited } from "../../../../core/redirect/changes/pending.ts";
import type { NamedListSet } from "../../../../core/redirect/documents/named_lists.ts";
import type { NamedList, RedirectModel } from "../../../../core/redirect/model.ts";
import { expectAllowed } from "../access/principal.ts";
import type { AppView } from "../app_view.ts";
import { viewOf } from "../app_view.ts";
import { auditOperations } from "../audit.ts";
import { type Act, changeText, type ListEdit, refuseOffline, sameList, withListEdits } from "../editing.ts";
import {
  LIST_CHANGES_RECORD,
  listRevisionRecord,
  type ListChange,
  type ListChangesRecord,
  pendingRecord,
  type PendingRecord,
  revisionRecord,
} from "../records/kinds.ts";
import { recordWrite, type RecordWrite } from "../records/records.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { type Conflict, mergedLists, mergedModel, type Preference } from "./difference.ts";
import type { UploadedBundle } from "./uploaded.ts";

export interface ImportWish {
  readonly bundle: UploadedBundle;
  /** The store may have moved on since the bundle was made. */
  readonly merge: boolean;
  /** For whom conflicts are decided; null = they refuse it. */
  readonly preference: Preference | null;
}

export interface Imported {
  readonly pending: PendingRecord;
  readonly list_changes: ListChangesRecord;
  /** Versions of the model: which the bundle was made of, and which acts. */
  readonly base_version: number;
  readonly model_version: number;
  /** Conflicts that were decided as was wished. */
  readonly conflicts: readonly Conflict[];
}

/**
 * Rejects with ServiceError: 409 where the store has a newer model than the bundle and they are not to be merged, where both have changed
 * the same, and where earlier changes that were made offline are not resolved; 403 where it changes lists that one may not write; 404
 * and 503 as everywhere.
 */
export async function importBundle(
  service: Service,
  app: string,
  act: Act,
  wish: ImportWish,
): Promise<Imported> {
  const { records, facts } = service;
  return records.change(async () => {
    const view = await viewOf(records, facts, app);
    refuseOffline(view.pending.value.offline, app);
    const { version: base_version, model: bundle } = wish.bundle.stored;
    const base = await baseModel(service, view, wish);
    const model = mergedModel({ base, bundle, live: view.approved }, wish.preference);
    const lists = await listsOf(service, view, wish);
    for (const { name } of lists.edits)
      expectAllowed(act.who, { mode: "write", endpoint: "namespacedLists", entity: name, app: null });
    const conflicts = [...model.conflicts, ...lists.conflicts];
    if (wish.preference === null) refuseConflicts(app, conflicts);
    const by = { author: act.who.name, at: facts.clock.wall() };
    const changes = edited([], view.approved, model.edits, by);
    const pending: PendingRecord = {
      ...view.pending.value,
      version: view.pending.value.version + 1,
      offline: changes.length === 0 ? null : { base_version, changes },
    };
    const listChanges = offlineLists(view, lists.edits, by);
    const writes: RecordWrite[] = [];
    if (changes.length > 0) writes.push(recordWrite(pendingRecord(app), pending, view.pending.revision));
    if (listChanges !== null)
      writes.push(recordWrite(LIST_CHANGES_RECORD, listChanges, view.list_changes.revision));
    const result: Imported = {
      pending: changes.length > 0 ? pending : view.pending.value,
      list_changes: listChanges ?? view.list_changes.value,
      base_version,
      model_version: view.stored.value.version,
      conflicts,
    };
    if (writes.length === 0) return { writes, result };
    const subject = [...changes.map(changeText), ...lists.edits.map(({ name }) => `list ${name}`)].join(", ");
    const operations = await auditOperations(records, {
      at: by.at,
      who: by.author,
      action: "import offline",
      app,
      subject: `bundle of model ${base_version}: ${subject}`,
      reason: act.reason,
    });
    return { writes, operations, result };
  });
}

/** What the bundle was made of. A store that is behind the bundle has been set back, and is compared as it is. */
async function baseModel(
  service: Service,
  { app, stored }: AppView,
  wish: ImportWish,
): Promise<RedirectModel> {
  const [live, made] = [stored.value.version, wish.bundle.stored.version];
  if (live <= made) return stored.value.model;
  const versions = `the model of ${app} has version ${live}, and the bundle was made of version ${made}`;
  if (!wish.merge)
    throw new ServiceError(
      409,
      `${versions}; ?merge=true takes what was changed in the bundle into the newer one`,
    );
  const { value, revision } = await service.records.readFresh(revisionRecord(app, made));
  if (revision !== null) return value.model;
  throw new ServiceError(409, `${versions}, whose revision is not kept any more, so they cannot be merged`);
}

/** Changes of lists. They are compared one by one, so that an import for one application finds those of another one done. */
async function listsOf(
  service: Service,
  { lists, list_changes }: AppView,
  { bundle, preference }: ImportWish,
): Promise<{ readonly edits: readonly ListEdit[]; readonly conflicts: readonly Conflict[] }> {
  if (bundle.lists === null) return { edits: [], conflicts: [] };
  const live = lists.value.lists;
  const base = await baseLists(service, lists.value, bundle.lists);
  if (base === null) {
    // Which side has changed a list is not known.
    const { edits } = mergedLists({ base: live, bundle: bundle.lists.lists, live }, preference);
    if (edits.length === 0) return { edits, conflicts: [] };
    throw new ServiceError(
      409,
      `the lists have version ${lists.value.version}, and the bundle was made of version ${bundle.lists.version}, whose revision is not kept any more, so they cannot be merged`,
    );
  }
  const merged = mergedLists({ base, bundle: bundle.lists.lists, live }, preference);
  if (merged.edits.length > 0 && !isAlreadyWaiting(list_changes.value, merged.edits))
    refuseOffline(list_changes.value.offline, "named lists");
  return merged;
}

/** Null where it is not known. */
async function baseLists(
  { records }: Service,
  live: NamedListSet,
  made: NamedListSet,
): Promise<readonly NamedList[] | null> {
  if (live.version <= made.version) return live.lists;
  // Before the first list there were none.
  if (made.version === 0) return [];
  const { value, revision } = await records.readFresh(listRevisionRecord(made.version));
  return revision === null ? null : value.lists;
}

/** From the same bundle, imported for another application. */
function isAlreadyWaiting({ offline }: ListChangesRecord, edits: readonly ListEdit[]): boolean {
  const waiting = offline ?? [];
  return edits.every(({ name, value }) => {
    const change = waiting.find((each) => each.name === name);
    return change !== undefined && sameList(change.after, value);
  });
}

/** Null where nothing changes. */
function offlineLists(
  { lists, list_changes: { value } }: AppView,
  edits: readonly ListEdit[],
  by: { readonly author: string; readonly at: number },
): ListChangesRecord | null {
  if (edits.length === 0 || isAlreadyWaiting(value, edits)) return null;
  const empty = { version: 0, changes: [], offline: null };
  const offline: readonly ListChange[] = withListEdits(
    { value: empty, revision: null, is_stale: false },
    lists.value.lists,
    edits,
    by,
  ).changes;
  return { ...value, version: value.version + 1, offline };
}

function refuseConflicts(app: string, conflicts: readonly Conflict[]): void {
  if (conflicts.length === 0) return;
  const texts = conflicts.map(({ kind, id }) => `${kind} ${id}`);
  throw new ServiceError(
    409,
    `${app}: the store and the bundle have both changed ${texts.join(", ")}; ?conflicts=store or ?conflicts=bundle says whose change counts`,
    { problems: texts.map((message) => ({ code: "conflict", message })) },
  );
}
