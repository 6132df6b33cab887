/** Edits: what is saved becomes a pending change, and acts after its approval. */
import {
  changeType,
  type Change,
  type Edit,
  edited,
  type Pending,
} from "../../../core/redirect/changes/pending.ts";
import type { Problem } from "../../../core/redirect/checks/problem.ts";
import type { NamedList } from "../../../core/redirect/model.ts";
import type { Principal } from "./access/principal.ts";
import { type AppView, viewOf } from "./app_view.ts";
import { auditOperations } from "./audit.ts";
import type { ServiceFacts } from "./facts.ts";
import {
  LIST_CHANGES_RECORD,
  type ListChange,
  type ListChangesRecord,
  pendingRecord,
  type PendingRecord,
} from "./records/kinds.ts";
import type { Kept } from "./records/record.ts";
import { recordWrite, type Records, type RecordWrite } from "./records/records.ts";
import { refusedWith, ServiceError } from "./service_error.ts";

/** A list as it shall be, or gone. */
export interface ListEdit {
  readonly name: string;
  readonly value: NamedList | null;
}

/** What somebody wants to save, judged by what is there now. */
export interface Wish {
  readonly edits: readonly Edit[];
  readonly list_edits?: readonly ListEdit[];
  /** Errors refuse it; warnings are told. */
  readonly problems: readonly Problem[];
}

export interface Saved {
  readonly pending: PendingRecord;
  readonly warnings: readonly Problem[];
}

/** Who saves, and why. */
export interface Act {
  readonly who: Principal;
  readonly reason: string | null;
}

export class Editing {
  readonly #records: Records;
  readonly #facts: ServiceFacts;

  constructor(records: Records, facts: ServiceFacts) {
    this.#records = records;
    this.#facts = facts;
  }

  /**
   * Saves what `make` wants; it is asked again when somebody else was faster. Rejects with ServiceError: 400 with all problems, 409
   * while changes that were made offline are not resolved, and what `make` throws.
   */
  async save(app: string, act: Act, make: (view: AppView) => Wish | Promise<Wish>): Promise<Saved> {
    return this.#records.change(async () => {
      const view = await viewOf(this.#records, this.#facts, app);
      const { edits, list_edits: listEdits = [], problems } = await make(view);
      refuseErrors(problems);
      refuseOffline(view.pending.value.offline, app);
      if (listEdits.length > 0) refuseOffline(view.list_changes.value.offline, "named lists");
      const at = this.#facts.clock.wall();
      const { writes, pending } = savedWrites(view, edits, { author: act.who.name, at });
      const lists = listEdits.length === 0 ? [] : [listWrite(view, listEdits, { author: act.who.name, at })];
      const result: Saved = { pending, warnings: problems };
      const all = [...writes, ...lists];
      if (all.length === 0) return { writes: [], result };
      const subject = [...edits.map((edit) => editText(view, edit)), ...listEdits.map(listEditText)].join(
        ", ",
      );
      const operations = await auditOperations(this.#records, {
        at,
        who: act.who.name,
        action: "save",
        app,
        subject,
        reason: act.reason,
      });
      return { writes: all, operations, result };
    });
  }
}

interface By {
  readonly author: string;
  readonly at: number;
}

function savedWrites(
  { app, approved, pending }: AppView,
  edits: readonly Edit[],
  by: By,
): { readonly writes: readonly RecordWrite[]; readonly pending: PendingRecord } {
  const before = pending.value;
  const changes = edited(before.changes, approved, edits, by);
  if (samePending(before.changes, changes)) return { writes: [], pending: before };
  const next: PendingRecord = { ...before, version: before.version + 1, changes };
  return { writes: [recordWrite(pendingRecord(app), next, pending.revision)], pending: next };
}

function samePending(one: Pending, other: Pending): boolean {
  return one.length === other.length && one.every((change, index) => change === other[index]);
}

function listWrite(
  { lists, list_changes }: Pick<AppView, "lists" | "list_changes">,
  edits: readonly ListEdit[],
  by: By,
): RecordWrite {
  const next = withListEdits(list_changes, lists.value.lists, edits, by);
  return recordWrite(LIST_CHANGES_RECORD, next, list_changes.revision);
}

/** The pending changes of lists with these edits; what is wanted as it is approved is no change. */
export function withListEdits(
  { value }: Kept<ListChangesRecord>,
  lists: readonly NamedList[],
  edits: readonly ListEdit[],
  { author, at }: By,
): ListChangesRecord {
  // Files hold thousands of lists: nothing is searched for each of them.
  const approvedLists = new Map(lists.map((list) => [list.name, list]));
  const changes = new Map(value.changes.map((change) => [change.name, change]));
  for (const { name, value: after } of edits) {
    const approved = approvedLists.get(name) ?? null;
    const known = changes.get(name);
    changes.delete(name);
    if (sameList(approved, after)) continue;
    const authors = [...new Set([...(known?.authors ?? []), author])];
    const beforeVersion = known === undefined ? (approved?.version ?? null) : known.before_version;
    changes.set(name, { name, before_version: beforeVersion, after, authors, at });
  }
  return { ...value, version: value.version + 1, changes: [...changes.values()] };
}

/** Alike in everything but the time of the last change. */
export function sameList(one: NamedList | null, other: NamedList | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.type === other.type &&
    one.description === other.description &&
    one.values.length === other.values.length &&
    one.values.every(({ value, encoded }, index) => {
      const { value: otherValue, encoded: otherEncoded } = other.values[index]!;
      return value === otherValue && encoded === otherEncoded;
    })
  );
}

/** Throws ServiceError with 400 that has all errors of `problems`. */
export function refuseErrors(problems: readonly Problem[]): void {
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return;
  throw refusedWith(errors.map(({ code, message }) => ({ code, message })));
}

/** Throws ServiceError with 409 where changes that were made offline wait. */
export function refuseOffline(offline: unknown, what: string): void {
  if (offline === null || offline === undefined) return;
  throw new ServiceError(
    409,
    `${what}: changes that were made offline are not resolved yet; approve or cancel them first`,
  );
}

function editText({ approved }: AppView, edit: Edit): string {
  const [change] = edited([], approved, [edit], { author: "", at: 0 });
  return change === undefined ? `${edit.kind} ${edit.id} as approved` : changeText(change);
}

/** In lines of the audit: `UPDATE rule beta`. */
export function changeText(change: Change): string {
  return `${changeType(change)} ${change.kind} ${change.id}`;
}

export const listEditText = ({ name, value }: ListEdit): string =>
  `${value === null ? "DELETE" : "SAVE"} list ${name}`;

export function listChangeType({ before_version, after }: ListChange): "ADD" | "UPDATE" | "DELETE" {
  if (after === null) return "DELETE";
  return before_version === null ? "ADD" : "UPDATE";
}
