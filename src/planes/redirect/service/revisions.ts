/** Revisions: each model that has ever acted, with what brought it about; they are never changed, and the oldest ones go. */
import type { RedirectModel } from "../../../core/redirect/model.ts";
import { difference } from "../../../core/redirect/changes/pending.ts";
import { edited, changeType } from "../../../core/redirect/changes/pending.ts";
import type { StoredModel } from "../models/stored.ts";
import { viewOf } from "./app_view.ts";
import { auditOperations } from "./audit.ts";
import type { Act } from "./editing.ts";
import type { ServiceFacts } from "./facts.ts";
import {
  modelRecord,
  type RevisionInfo,
  revisionName,
  type RevisionRecord,
  revisionRecord,
  revisionsPath,
} from "./records/kinds.ts";
import { recordWrite, type Records } from "./records/records.ts";
import { ServiceError } from "./service_error.ts";
import { whitelistNotes } from "./whitelist_notes.ts";

export function revisionOf(
  { version, model }: StoredModel,
  info: Omit<RevisionInfo, "sha256">,
): RevisionRecord {
  return { version, ...info, sha256: hashOf(model), model };
}

export function hashOf(content: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(content)).digest("hex");
}

/** Removes the oldest revisions. What cannot be removed now is removed with the next one. */
export async function pruneRevisions(records: Records, app: string, most: number): Promise<void> {
  await pruneFolder(records, revisionsPath(app), most);
}

export async function pruneFolder(records: Records, folder: string, most: number): Promise<void> {
  try {
    const names = await records.names(folder);
    for (const name of names.slice(0, Math.max(0, names.length - most)))
      await records.remove(`${folder}/${name}`);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
  }
}

/** Versions that there are revisions of, the latest first. */
export async function revisionVersions(records: Records, app: string): Promise<number[]> {
  return (await records.names(revisionsPath(app))).map(Number).toReversed();
}

/** Rejects with ServiceError 404 where there is none. */
export async function readRevision(records: Records, app: string, version: number): Promise<RevisionRecord> {
  const { value, revision } = await records.readFresh(revisionRecord(app, version));
  if (revision !== null) return value;
  throw new ServiceError(
    404,
    `${app}: there is no revision ${revisionName(version).replace(/^0+(?=.)/, "")}`,
  );
}

/** A model as the next one of an application, without the way over pending changes: of a revert, a rollout's step, an import. */
export interface NewModel {
  readonly action: string;
  /** The model that is wanted where `current` acts. Throws ServiceError. */
  readonly make: (current: RedirectModel, version: number) => RedirectModel | Promise<RedirectModel>;
  readonly subject: string;
}

/** Makes it act, as a new revision with its entry in the audit. Resolves with what acts by then. */
export async function putModel(
  records: Records,
  facts: ServiceFacts,
  app: string,
  { who, reason }: Act,
  { action, make, subject }: NewModel,
): Promise<StoredModel> {
  const result = await records.change(async () => {
    const { stored, approved } = await viewOf(records, facts, app);
    const model = await make(approved, stored.value.version);
    const at = facts.clock.wall();
    const next: StoredModel = { version: stored.value.version + 1, model };
    const changes = edited([], approved, difference(approved, model), { author: who.name, at }).map(
      (change) => ({
        kind: change.kind,
        id: change.id,
        type: changeType(change),
      }),
    );
    const info = { at, action, authors: [who.name], approver: who.name, reason, changes };
    return {
      writes: [
        recordWrite(modelRecord(app), next, stored.revision),
        recordWrite(revisionRecord(app, next.version), revisionOf(next, info), null),
        ...(await whitelistNotes(records, app, changes, at)),
      ],
      operations: await auditOperations(records, {
        at,
        who: who.name,
        action,
        app,
        subject: `model ${next.version}: ${subject}`,
        reason,
      }),
      result: next,
    };
  });
  await pruneRevisions(records, app, facts.max_revisions);
  return result;
}
