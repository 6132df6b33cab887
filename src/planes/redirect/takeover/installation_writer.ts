/** Writes what an installation of the original held as records of the management service. What is there already is not replaced unasked. */
import { changeType, difference, edited } from "../../../core/redirect/changes/pending.ts";
import { EMPTY_MODEL, type NamedList } from "../../../core/redirect/model.ts";
import { counted } from "../../../core/text/counted.ts";
import type { StoredModel } from "../models/stored.ts";
import { auditOperations } from "../service/audit.ts";
import {
  LIST_CHANGES_RECORD,
  type ListChange,
  listRevisionRecord,
  LISTS_RECORD,
  modelRecord,
  notesRecord,
  pendingRecord,
  reloadRecord,
  type RevisionInfo,
  revisionRecord,
  SETTINGS_RECORD,
} from "../service/records/kinds.ts";
import { recordWrite, type Outcome, type Records, type RecordWrite } from "../service/records/records.ts";
import { hashOf, revisionOf } from "../service/revisions.ts";
import type { OriginalApplication, OriginalInstallation } from "./original_installation.ts";

export interface WriteOptions {
  /** Applications, lists and settings that are there already become those of the installation. */
  readonly replace: boolean;
  /** Who does it. */
  readonly who: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Where it comes from, for the audit. */
  readonly reason: string;
}

const ACTION = "import";

/** What stands in the store already, in words; empty = an import replaces nothing. Rejects with ServiceError. */
export async function presentAlready(
  records: Records,
  { applications, lists, settings }: OriginalInstallation,
): Promise<string[]> {
  const present: string[] = [];
  for (const { name } of applications) {
    const kept = await Promise.all([
      records.readFresh(modelRecord(name)),
      records.readFresh(pendingRecord(name)),
      records.readFresh(notesRecord(name)),
    ]);
    if (kept.some(({ revision }) => revision !== null)) present.push(`application ${name}`);
  }
  const known = new Set((await records.readFresh(LISTS_RECORD)).value.lists.map(({ name }) => name));
  present.push(...lists.lists.filter(({ name }) => known.has(name)).map(({ name }) => `list ${name}`));
  if (settings !== null && (await records.readFresh(SETTINGS_RECORD)).revision !== null)
    present.push("settings");
  return present;
}

/**
 * Writes lists, settings and applications: each as a whole, in this order, so that a model finds its lists. Rejects with Error that names what
 * is present already unless `replace`, and with ServiceError while the store is away; what was written before stays then.
 */
export async function writeInstallation(
  records: Records,
  installation: OriginalInstallation,
  options: WriteOptions,
): Promise<void> {
  const present = options.replace ? [] : await presentAlready(records, installation);
  if (present.length > 0)
    throw new Error(`present already: ${present.join(", ")}; --replace takes their place`);
  await records.change(() => listOutcome(records, installation, options));
  await records.change(() => settingsOutcome(records, installation));
  for (const application of installation.applications)
    await records.change(() => applicationOutcome(records, application, options));
}

async function settingsOutcome(records: Records, { settings }: OriginalInstallation): Promise<Outcome<null>> {
  if (settings === null) return { writes: [], result: null };
  const kept = await records.readFresh(SETTINGS_RECORD);
  const version = Math.max(settings.version, kept.value.version + 1);
  return { writes: [recordWrite(SETTINGS_RECORD, { ...settings, version }, kept.revision)], result: null };
}

async function listOutcome(
  records: Records,
  { lists: { lists, version }, list_actions }: OriginalInstallation,
  { who, at, reason }: WriteOptions,
): Promise<Outcome<null>> {
  const kept = await records.readFresh(LISTS_RECORD);
  const writes: RecordWrite[] = [];
  const before = new Map(kept.value.lists.map((list) => [list.name, list]));
  if (lists.length > 0) {
    const all = new Map([...before, ...lists.map((list) => [list.name, list] as const)]);
    const next = { version: Math.max(version, kept.value.version + 1), lists: [...all.values()] };
    const changes = lists.map(({ name }) => ({
      kind: "list" as const,
      id: name,
      type: before.has(name) ? ("UPDATE" as const) : ("ADD" as const),
    }));
    const info = { at, action: ACTION, authors: [who], approver: who, reason, changes };
    const revision = { version: next.version, ...info, sha256: hashOf(next.lists), lists: next.lists };
    writes.push(
      recordWrite(LISTS_RECORD, next, kept.revision),
      recordWrite(listRevisionRecord(next.version), revision, null),
    );
  }
  if (list_actions.length > 0) {
    const pending = await records.readFresh(LIST_CHANGES_RECORD);
    const offline = list_actions.map(({ list, action }) =>
      listChange(list, action === "DELETE", lists.find(({ name }) => name === list.name) ?? null, at),
    );
    const value = { ...pending.value, version: pending.value.version + 1, offline };
    writes.push(recordWrite(LIST_CHANGES_RECORD, value, pending.revision));
  }
  if (writes.length === 0) return { writes, result: null };
  const subject = `${counted(lists.length, "list")}, ${counted(list_actions.length, "change")} of lists`;
  const operations = await auditOperations(records, { at, who, action: ACTION, app: null, subject, reason });
  return { writes, operations, result: null };
}

function listChange(list: NamedList, isGone: boolean, before: NamedList | null, at: number): ListChange {
  return {
    name: list.name,
    before_version: before?.version ?? null,
    after: isGone ? null : list,
    authors: [],
    at,
  };
}

async function applicationOutcome(
  records: Records,
  application: OriginalApplication,
  { who, at, reason }: WriteOptions,
): Promise<Outcome<null>> {
  const { name, model } = application;
  const [stored, pending, notes, reload] = await Promise.all([
    records.readFresh(modelRecord(name)),
    records.readFresh(pendingRecord(name)),
    records.readFresh(notesRecord(name)),
    records.readFresh(reloadRecord(name)),
  ]);
  const writes: RecordWrite[] = [];
  // 0 says that nothing was ever approved. Gateways take a model whose version is higher than that of theirs.
  const version = Math.max(application.version, stored.value.version + 1);
  if (model !== null) {
    const before = stored.revision === null ? EMPTY_MODEL : stored.value.model;
    const changes = edited([], before, difference(before, model), { author: who, at });
    const info: Omit<RevisionInfo, "sha256"> = {
      at,
      action: ACTION,
      authors: [who],
      approver: who,
      reason,
      changes: changes.map((change) => ({ kind: change.kind, id: change.id, type: changeType(change) })),
    };
    const next: StoredModel = { version, model };
    writes.push(
      recordWrite(modelRecord(name), next, stored.revision),
      recordWrite(revisionRecord(name, version), revisionOf(next, info), null),
    );
  }
  const { offline, tests, comments, whitelist_updates, reload_version } = application;
  const pendingValue = {
    version: pending.value.version + 1,
    changes: application.pending,
    offline: offline === null ? null : { base_version: version, changes: offline },
  };
  writes.push(
    recordWrite(pendingRecord(name), pendingValue, pending.revision),
    recordWrite(
      notesRecord(name),
      { version: notes.value.version + 1, tests, comments, whitelist_updates },
      notes.revision,
    ),
  );
  if (reload_version > reload.value.version)
    writes.push(recordWrite(reloadRecord(name), { version: reload_version }, reload.revision));
  const subject = model === null ? "no model" : `model ${version}: ${counted(model.rules.length, "rule")}`;
  const operations = await auditOperations(records, { at, who, action: ACTION, app: name, subject, reason });
  return { writes, operations, result: null };
}
