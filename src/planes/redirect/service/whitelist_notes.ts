/** When stacks came to the whitelist and went from it, for those who look at it. */
import type { EntityKind } from "../../../core/redirect/changes/entities.ts";
import type { ChangeType } from "../../../core/redirect/changes/pending.ts";
import type { WhitelistUpdate } from "../../../core/redirect/documents/whitelist.ts";
import { notesRecord } from "./records/kinds.ts";
import { recordWrite, type Records, type RecordWrite } from "./records/records.ts";

/** The write that notes these changes of a model, together with the model itself; none where no stack is among them. */
export async function whitelistNotes(
  records: Records,
  app: string,
  changes: readonly { readonly kind: EntityKind; readonly id: string; readonly type: ChangeType }[],
  at: number,
): Promise<readonly RecordWrite[]> {
  const updates = changes
    .filter(({ kind }) => kind === "whitelist")
    .map(({ id, type }): WhitelistUpdate => ({ path: id, updated: at, action: type }));
  if (updates.length === 0) return [];
  const { value, revision } = await records.read(notesRecord(app));
  const paths = new Set(updates.map(({ path }) => path));
  const others = value.whitelist_updates.filter(({ path }) => !paths.has(path));
  const next = { ...value, version: value.version + 1, whitelist_updates: [...others, ...updates] };
  return [recordWrite(notesRecord(app), next, revision)];
}
