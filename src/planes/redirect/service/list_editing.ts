/** Edits of named lists, which are there for all applications: pending until they are approved, or at once for those who may. */
import { listProblems } from "../../../core/redirect/checks/named_lists.ts";
import { type ApplicationModels, listDeletionProblems } from "../../../core/redirect/checks/deletion.ts";
import type { Problem } from "../../../core/redirect/checks/problem.ts";
import { nextModel } from "../../../core/redirect/changes/pending.ts";
import { EMPTY_MODEL, type NamedList } from "../../../core/redirect/model.ts";
import type { StoredLists } from "../models/stored.ts";
import { applicationNames, type AppView, listsWith, viewOf } from "./app_view.ts";
import { type AuditEnd, auditEnd, auditOperations } from "./audit.ts";
import {
  type Act,
  listChangeType,
  type ListEdit,
  listEditText,
  refuseErrors,
  refuseOffline,
  withListEdits,
} from "./editing.ts";
import type { ServiceFacts } from "./facts.ts";
import { chosenChanges, refuseOwn } from "./four_eyes.ts";
import {
  LIST_CHANGES_RECORD,
  LIST_REVISIONS,
  listRevisionRecord,
  LISTS_RECORD,
  type ListChange,
  type ListChangesRecord,
} from "./records/kinds.ts";
import type { Kept } from "./records/record.ts";
import { recordWrite, type Outcome, type Records } from "./records/records.ts";
import type { Source } from "./approval.ts";
import { hashOf, pruneFolder } from "./revisions.ts";
import { ServiceError } from "./service_error.ts";

export interface ListsView {
  readonly lists: Kept<StoredLists>;
  readonly changes: Kept<ListChangesRecord>;
  /** With all that is pending; for an edit that acts at once, without. */
  readonly next: readonly NamedList[];
}

export interface ListWish {
  readonly edits: readonly ListEdit[];
  readonly problems: readonly Problem[];
}

export interface ListChoice {
  readonly source: Source;
  readonly version: number;
  readonly takes: (change: ListChange) => boolean;
}

/** How changes come to act. */
interface Acting {
  readonly action: string;
  /** The pending changes that are left, null = they stay as they are. */
  readonly left: ListChangesRecord | null;
  /** Of the audit log, before anything was read. */
  readonly end: AuditEnd;
}

export class ListEditing {
  readonly #records: Records;
  readonly #facts: ServiceFacts;

  constructor(records: Records, facts: ServiceFacts) {
    this.#records = records;
    this.#facts = facts;
  }

  async view(): Promise<ListsView> {
    const [lists, changes] = await Promise.all([
      this.#records.read(LISTS_RECORD),
      this.#records.read(LIST_CHANGES_RECORD),
    ]);
    return { lists, changes, next: listsWith(lists.value.lists, changes.value.changes) };
  }

  /**
   * Saves edits as pending changes, or `live`: they act at once, and are made to the lists that act, as nobody has approved what is
   * pending. Rejects with ServiceError as `Editing.save` does.
   */
  async save(
    act: Act,
    is_live: boolean,
    make: (view: ListsView) => ListWish | Promise<ListWish>,
  ): Promise<ListsView> {
    await this.#records.change(async () => {
      const end = await auditEnd(this.#records);
      const view = await this.#editedView(is_live);
      const { edits, problems } = await make(view);
      refuseErrors(problems);
      refuseOffline(view.changes.value.offline, "named lists");
      if (edits.length === 0) return { writes: [], result: null };
      return is_live ? this.#liveOutcome(view, edits, act, end) : this.#pendingOutcome(view, edits, act, end);
    });
    if (is_live) await this.#prune();
    return this.#editedView(is_live);
  }

  async #editedView(is_live: boolean): Promise<ListsView> {
    const view = await this.view();
    return is_live ? { ...view, next: view.lists.value.lists } : view;
  }

  async #pendingOutcome(
    view: ListsView,
    edits: readonly ListEdit[],
    act: Act,
    end: AuditEnd,
  ): Promise<Outcome<null>> {
    const at = this.#facts.clock.wall();
    const by = { author: act.who.name, at };
    const next = withListEdits(view.changes, view.lists.value.lists, edits, by);
    return {
      writes: [recordWrite(LIST_CHANGES_RECORD, next, view.changes.revision)],
      operations: await this.#audit(act, "save", edits.map(listEditText).join(", "), end),
      result: null,
    };
  }

  async #liveOutcome(
    view: ListsView,
    edits: readonly ListEdit[],
    act: Act,
    end: AuditEnd,
  ): Promise<Outcome<null>> {
    const at = this.#facts.clock.wall();
    const by = { author: act.who.name, at };
    const { changes } = withListEdits(
      { ...view.changes, value: NO_CHANGES },
      view.lists.value.lists,
      edits,
      by,
    );
    return this.#actingOutcome(view, changes, act, { action: "save live", left: null, end });
  }

  /** Lists of rules that are pending or approved stay, as the original has it. */
  async deletionProblems(name: string): Promise<Problem[]> {
    const names = await applicationNames(this.#records, this.#facts);
    const views = (await Promise.all(names.map((app) => this.#viewOrNone(app)))).flat();
    return listDeletionProblems(
      name,
      views.flatMap((view) => [view, ...offlineModels(view)]),
    );
  }

  /** None for a name in the store below which nothing of ours stands. */
  async #viewOrNone(app: string): Promise<AppView[]> {
    try {
      return [await viewOf(this.#records, this.#facts, app)];
    } catch (error) {
      if (error instanceof ServiceError && error.status === 404) return [];
      throw error;
    }
  }

  /** Rejects with ServiceError: 409 for another version, 404 for no such change, 403 for one's own, 400 for what is wrong by now. */
  async approve(act: Act, choice: ListChoice, break_glass: string | null = null): Promise<ListsView> {
    await this.#records.change(async () => {
      const end = await auditEnd(this.#records);
      const view = await this.view();
      const taken = chosen(view, choice);
      if (break_glass === null) refuseOwn(taken, act, this.#facts, changeText);
      refuseErrors(await this.#problemsNow(view, taken));
      const left = leftOf(view.changes.value, taken, choice.source);
      const action = break_glass === null ? "approve" : "break glass";
      return this.#actingOutcome(
        view,
        taken,
        { ...act, reason: break_glass ?? act.reason },
        { action, left, end },
      );
    });
    await this.#prune();
    return this.view();
  }

  async cancel(act: Act, choice: ListChoice): Promise<ListsView> {
    await this.#records.change(async () => {
      const view = await this.view();
      const taken = chosen(view, choice);
      const left = leftOf(view.changes.value, taken, choice.source);
      return {
        writes: [recordWrite(LIST_CHANGES_RECORD, left, view.changes.revision)],
        operations: await this.#audit(act, "cancel", changesText(taken)),
        result: null,
      };
    });
    return this.view();
  }

  /**
   * Has these lists act again, whose version was `version`. `allowed` throws where somebody may not change the list of this name. Rejects
   * with ServiceError: what `allowed` throws, 400 where rules need a list that would be gone.
   */
  async revert(
    act: Act,
    lists: readonly NamedList[],
    version: number,
    allowed: (name: string) => void,
  ): Promise<ListsView> {
    await this.#records.change(async () => {
      const end = await auditEnd(this.#records);
      const view = await this.view();
      const names = new Set(lists.map(({ name }) => name));
      const gone = view.lists.value.lists.filter(({ name }) => !names.has(name));
      const edits: ListEdit[] = [
        ...lists.map((list) => ({ name: list.name, value: list })),
        ...gone.map(({ name }) => ({ name, value: null })),
      ];
      const by = { author: act.who.name, at: this.#facts.clock.wall() };
      const empty = { ...view.changes, value: NO_CHANGES };
      const { changes } = withListEdits(empty, view.lists.value.lists, edits, by);
      for (const { name } of changes) allowed(name);
      refuseErrors(await this.#deletionsNow(changes));
      return this.#actingOutcome(view, changes, act, { action: `revert to ${version}`, left: null, end });
    });
    await this.#prune();
    return this.view();
  }

  /** What was in order when it was saved may meet other lists and rules by now. */
  async #problemsNow({ lists }: ListsView, taken: readonly ListChange[]): Promise<Problem[]> {
    const found: Problem[] = [];
    for (const { name, before_version } of taken) {
      const now = lists.value.lists.find((list) => list.name === name)?.version ?? null;
      if (now !== before_version)
        throw new ServiceError(
          409,
          `list ${name} has been changed otherwise since it was edited; cancel it and edit it anew`,
        );
    }
    found.push(...(await this.#deletionsNow(taken)));
    const next = listsWith(lists.value.lists, taken);
    for (const { after } of taken) if (after !== null) found.push(...listProblems(after, next));
    return found;
  }

  /** Lists that go, and that rules need. */
  async #deletionsNow(taken: readonly ListChange[]): Promise<Problem[]> {
    const gone = taken.filter(({ after }) => after === null);
    const found = await Promise.all(gone.map(({ name }) => this.deletionProblems(name)));
    return found.flat();
  }

  async #actingOutcome(
    { lists, changes }: ListsView,
    taken: readonly ListChange[],
    act: Act,
    { action, left, end }: Acting,
  ): Promise<Outcome<null>> {
    const at = this.#facts.clock.wall();
    const stamped = taken.map((change) =>
      change.after === null ? change : { ...change, after: { ...change.after, version: at } },
    );
    const next: StoredLists = {
      version: lists.value.version + 1,
      lists: listsWith(lists.value.lists, stamped),
    };
    const revision = {
      version: next.version,
      at,
      action,
      authors: [...new Set(taken.flatMap(({ authors }) => authors))],
      approver: act.who.name,
      reason: act.reason,
      changes: taken.map((change) => ({
        kind: "list" as const,
        id: change.name,
        type: listChangeType(change),
      })),
      sha256: hashOf(next.lists),
      lists: next.lists,
    };
    return {
      writes: [
        recordWrite(LISTS_RECORD, next, lists.revision),
        ...(left === null ? [] : [recordWrite(LIST_CHANGES_RECORD, left, changes.revision)]),
        recordWrite(listRevisionRecord(next.version), revision, null),
      ],
      operations: await this.#audit(act, action, `lists ${next.version}: ${changesText(taken)}`, end),
      result: null,
    };
  }

  #audit({ who, reason }: Act, action: string, subject: string, end?: AuditEnd) {
    const at = this.#facts.clock.wall();
    return auditOperations(this.#records, { at, who: who.name, action, app: null, subject, reason }, end);
  }

  async #prune(): Promise<void> {
    await pruneFolder(this.#records, LIST_REVISIONS, this.#facts.max_revisions);
  }
}

const NO_CHANGES: ListChangesRecord = { version: 0, changes: [], offline: null };

const changeText = (change: ListChange): string => `${listChangeType(change)} list ${change.name}`;

const changesText = (changes: readonly ListChange[]): string => changes.map(changeText).join(", ");

/** What changes that were made offline would bring, which are pending as well. */
function offlineModels({ app, pending: { value } }: AppView): ApplicationModels[] {
  if (value.offline === null) return [];
  return [{ app, approved: EMPTY_MODEL, next: nextModel(EMPTY_MODEL, value.offline.changes) }];
}

export function listChangesOf(
  { changes, offline }: ListChangesRecord,
  source: Source,
): readonly ListChange[] {
  return source === "online" ? changes : (offline ?? []);
}

function chosen({ changes: { value } }: ListsView, choice: ListChoice): readonly ListChange[] {
  const changes = listChangesOf(value, choice.source);
  return chosenChanges({ subject: "named lists", version: value.version, changes }, choice);
}

function leftOf(record: ListChangesRecord, taken: readonly ListChange[], source: Source): ListChangesRecord {
  const rest = listChangesOf(record, source).filter((change) => !taken.includes(change));
  const version = record.version + 1;
  if (source === "online") return { ...record, version, changes: rest };
  return { ...record, version, offline: rest.length === 0 ? null : rest };
}
