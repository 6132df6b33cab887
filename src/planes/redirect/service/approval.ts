/** Approval: pending changes become a model that gateways follow, by somebody who has not made them. */
import { approvalVerdict, type ChangeKind } from "../../../core/redirect/checks/acceptance.ts";
import { minHostsOf } from "../../../core/redirect/checks/settings.ts";
import {
  changeType,
  type Change,
  nextModel,
  outdated,
  type Pending,
  without,
} from "../../../core/redirect/changes/pending.ts";
import type { RedirectModel } from "../../../core/redirect/model.ts";
import type { StoredModel } from "../models/stored.ts";
import { type AppView, viewOf } from "./app_view.ts";
import { auditOperations } from "./audit.ts";
import { type Act, changeText } from "./editing.ts";
import type { ServiceFacts } from "./facts.ts";
import { chosenChanges, refuseOwn } from "./four_eyes.ts";
import {
  modelRecord,
  pendingRecord,
  type PendingRecord,
  revisionRecord,
  SETTINGS_RECORD,
} from "./records/kinds.ts";
import { recordWrite, type Outcome, type Records } from "./records/records.ts";
import { pruneRevisions, revisionOf } from "./revisions.ts";
import { ServiceError } from "./service_error.ts";
import { whitelistNotes } from "./whitelist_notes.ts";

/** Changes that were saved as usual, or those that came from a bundle that was made offline. */
export type Source = "online" | "offline";

/** Which of the pending changes, in which state of them. */
export interface Choice {
  readonly source: Source;
  /** The version of the pending changes that was looked at. */
  readonly version: number;
  readonly takes: (change: Change) => boolean;
}

export interface ApprovalWish extends Choice {
  /** Whether the next model must be able to redirect. */
  readonly is_validated: boolean;
  /** Why somebody approves changes of their own; null = they do not. */
  readonly break_glass: string | null;
}

export class Approval {
  readonly #records: Records;
  readonly #facts: ServiceFacts;

  constructor(records: Records, facts: ServiceFacts) {
    this.#records = records;
    this.#facts = facts;
  }

  /**
   * Rejects with ServiceError: 409 for another version of the pending changes, 404 where there is no such change, 403 for one's own
   * change, 400 where the next model could not redirect.
   */
  async approve(app: string, act: Act, wish: ApprovalWish): Promise<StoredModel> {
    const stored = await this.#records.change(async () => {
      const view = await viewOf(this.#records, this.#facts, app);
      const taken = chosen(view, wish);
      refuseOutdated(view, taken);
      if (wish.break_glass === null) refuseOwn(taken, act, this.#facts, changeText);
      const next = nextModel(view.approved, taken);
      if (wish.is_validated) await this.#refuseUseless(view, taken, next, wish.source);
      return this.#approved(view, taken, next, act, wish);
    });
    await pruneRevisions(this.#records, app, this.#facts.max_revisions);
    return stored;
  }

  /** Whether the next model could redirect: rejects with ServiceError 400 where it could not, and as `approve` does. */
  async validate(app: string, choice: Choice): Promise<void> {
    const view = await viewOf(this.#records, this.#facts, app);
    const taken = chosen(view, choice);
    await this.#refuseUseless(view, taken, nextModel(view.approved, taken), choice.source);
  }

  /** Takes changes back. Rejects as `approve` does. */
  async cancel(app: string, act: Act, choice: Choice): Promise<PendingRecord> {
    return this.#records.change(async () => {
      const view = await viewOf(this.#records, this.#facts, app);
      const taken = chosen(view, choice);
      const pending = pendingWithout(view.pending.value, taken, choice.source);
      const operations = await auditOperations(this.#records, {
        at: this.#facts.clock.wall(),
        who: act.who.name,
        action: "cancel",
        app,
        subject: taken.map(changeText).join(", "),
        reason: act.reason,
      });
      return {
        writes: [recordWrite(pendingRecord(app), pending, view.pending.revision)],
        operations,
        result: pending,
      };
    });
  }

  async #refuseUseless(view: AppView, taken: Pending, next: RedirectModel, source: Source): Promise<void> {
    const settings = (await this.#records.read(SETTINGS_RECORD)).value;
    const verdict = approvalVerdict({
      current: view.stored.revision === null ? null : view.approved,
      next,
      pending: pendingOf(view.pending.value, source).map(changeKind),
      approved: taken.map(changeKind),
      stacks: view.stacks,
      min_hosts: minHostsOf(settings, view.app),
    });
    if (!verdict.allowed)
      throw new ServiceError(400, `${verdict.code}: ${verdict.message}`, { code: verdict.code });
  }

  async #approved(
    view: AppView,
    taken: Pending,
    model: RedirectModel,
    act: Act,
    { source, break_glass, is_validated }: ApprovalWish,
  ): Promise<Outcome<StoredModel>> {
    const { app, pending } = view;
    const at = this.#facts.clock.wall();
    const stored: StoredModel = { version: view.stored.value.version + 1, model };
    const reason = break_glass ?? act.reason;
    const action =
      break_glass !== null ? "break glass" : is_validated ? "approve" : "approve without validation";
    const subject = taken.map(changeText).join(", ");
    const changes = taken.map((change) => ({ kind: change.kind, id: change.id, type: changeType(change) }));
    const revision = revisionOf(stored, {
      at,
      action,
      authors: [...new Set(taken.flatMap(({ authors }) => authors))],
      approver: act.who.name,
      reason,
      changes,
    });
    return {
      writes: [
        recordWrite(modelRecord(app), stored, view.stored.revision),
        recordWrite(pendingRecord(app), pendingWithout(pending.value, taken, source), pending.revision),
        recordWrite(revisionRecord(app, stored.version), revision, null),
        ...(await whitelistNotes(this.#records, app, changes, at)),
      ],
      operations: await auditOperations(this.#records, {
        at,
        who: act.who.name,
        action,
        app,
        subject: `model ${stored.version}: ${subject}`,
        reason,
      }),
      result: stored,
    };
  }
}

export function pendingOf({ changes, offline }: PendingRecord, source: Source): Pending {
  return source === "online" ? changes : (offline?.changes ?? []);
}

function pendingWithout(pending: PendingRecord, taken: Pending, source: Source): PendingRecord {
  const version = pending.version + 1;
  if (source === "online") return { ...pending, version, changes: without(pending.changes, taken) };
  const left = without(pending.offline!.changes, taken);
  return { ...pending, version, offline: left.length === 0 ? null : { ...pending.offline!, changes: left } };
}

function chosen({ app, pending }: AppView, choice: Choice): Pending {
  const { value } = pending;
  const changes = pendingOf(value, choice.source);
  return chosenChanges({ subject: app, version: value.version, changes }, choice);
}

/** What was approved otherwise meanwhile would be undone unseen. */
function refuseOutdated({ app, approved }: AppView, taken: Pending): void {
  const old = outdated(approved, taken);
  if (old.length === 0) return;
  throw new ServiceError(
    409,
    `${app}: ${old.map(changeText).join(", ")}: something else has been approved since it was edited; cancel it and edit it anew`,
  );
}

function changeKind({ kind }: Change): ChangeKind {
  if (kind === "default_url") return "url_params";
  return kind === "default_server" ? "server" : (kind as ChangeKind);
}
