/** An application as the service sees it at one moment. */
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import { nextModel } from "../../../core/redirect/changes/pending.ts";
import type { CheckFacts } from "../../../core/redirect/checks/facts.ts";
import type { NamedList, RedirectModel } from "../../../core/redirect/model.ts";
import { appOfPath, APPS, type StoredLists, type StoredModel } from "../models/stored.ts";
import type { ServiceFacts } from "./facts.ts";
import {
  LIST_CHANGES_RECORD,
  LISTS_RECORD,
  type ListChange,
  type ListChangesRecord,
  modelRecord,
  pendingRecord,
  type PendingRecord,
} from "./records/kinds.ts";
import type { Kept } from "./records/record.ts";
import type { Records } from "./records/records.ts";
import { ServiceError } from "./service_error.ts";

export interface AppView {
  readonly app: string;
  /** What gateways decide by; a version of 0 says that nothing has been approved yet. */
  readonly stored: Kept<StoredModel>;
  readonly pending: Kept<PendingRecord>;
  readonly lists: Kept<StoredLists>;
  readonly list_changes: Kept<ListChangesRecord>;
  readonly approved: RedirectModel;
  /** With all that is pending. */
  readonly next: RedirectModel;
  /** With all pending changes of lists. */
  readonly next_lists: readonly NamedList[];
  readonly stacks: readonly StackHosts[];
  readonly compat: boolean;
}

/** Rejects with ServiceError: 404 for an application that nobody knows, 503 while the store is away and was never read. */
export async function viewOf(records: Records, facts: ServiceFacts, app: string): Promise<AppView> {
  const [stored, pending, lists, listChanges] = await Promise.all([
    records.read(modelRecord(app)),
    records.read(pendingRecord(app)),
    records.read(LISTS_RECORD),
    records.read(LIST_CHANGES_RECORD),
  ]);
  const isKnown = stored.revision !== null || pending.revision !== null || facts.applications().includes(app);
  if (!isKnown) throw new ServiceError(404, `Application not found: ${app}`);
  const approved = stored.value.model;
  return {
    app,
    stored,
    pending,
    lists,
    list_changes: listChanges,
    approved,
    next: nextModel(approved, pending.value.changes),
    next_lists: listsWith(lists.value.lists, listChanges.value.changes),
    stacks: facts.stacks(app),
    compat: facts.isCompat(app),
  };
}

/** The lists with these changes. */
export function listsWith(lists: readonly NamedList[], changes: readonly ListChange[]): readonly NamedList[] {
  if (changes.length === 0) return lists;
  const byName = new Map(lists.map((list) => [list.name, list]));
  for (const { name, after } of changes)
    if (after === null) byName.delete(name);
    else byName.set(name, after);
  return [...byName.values()];
}

/** What an entity of the application is checked against before it is saved. */
export function checkFactsOf({ approved, next, stacks, next_lists, compat }: AppView): CheckFacts {
  return { approved, next, stacks, lists: next_lists, compat };
}

/** Names of all applications: those with a model or pending changes, with hosts, or in the configuration. */
export async function applicationNames(records: Records, facts: ServiceFacts): Promise<string[]> {
  const stored = await storedApplications(records);
  return [...new Set([...stored, ...facts.applications()])].toSorted();
}

/** Names of the applications that something is stored of. While the store is away: of none. */
async function storedApplications(records: Records): Promise<string[]> {
  try {
    // What others have put there under names that are none is nobody's application.
    return (await records.names(APPS)).flatMap((name) => appOfPath(`${APPS}/${name}`) ?? []);
  } catch (error) {
    if (error instanceof ServiceError && error.status === 503) return [];
    throw error;
  }
}
