/**
 * What was changed offline: the difference between a bundle and what it was made of, entity by entity, beside what has been changed in
 * the store meanwhile.
 */
import { type EntityKind, entityOf } from "../../../../core/redirect/changes/entities.ts";
import { type Edit, sameValue } from "../../../../core/redirect/changes/pending.ts";
import { type DocumentKind, writeJson } from "../../../../core/redirect/documents/kind.ts";
import { ruleDocument, urlRuleDocument } from "../../../../core/redirect/documents/rule_documents.ts";
import type { NamedList, RedirectModel } from "../../../../core/redirect/model.ts";
import { type ListEdit, sameList } from "../editing.ts";

/** The kinds of entities that files of a bundle hold. Of others a bundle says nothing, so they stay. */
const KINDS: readonly EntityKind[] = [
  "rule",
  "rule_template",
  "url_rule",
  "url_rule_template",
  "default_url",
  "default_server",
  "distribution",
  "whitelist",
];

/** Where the store and the bundle have both changed something, each otherwise. */
export interface Conflict {
  readonly kind: EntityKind | "list";
  readonly id: string;
}

/** Which side a conflict is decided for. */
export type Preference = "store" | "bundle";

export interface Merged<Wanted> {
  /** What makes the store's side have the changes of the bundle. */
  readonly edits: readonly Wanted[];
  /** For those that were preferred the edits are there. */
  readonly conflicts: readonly Conflict[];
}

interface Sides<Content> {
  /** What the bundle was made of. */
  readonly base: Content;
  readonly bundle: Content;
  /** What acts in the store. */
  readonly live: Content;
}

/** The changes of the bundle's model, as edits of the live one. */
export function mergedModel(
  { base, bundle, live }: Sides<RedirectModel>,
  preference: Preference | null,
): Merged<Edit> {
  const edits: Edit[] = [];
  const conflicts: Conflict[] = [];
  for (const kind of KINDS) {
    const { ids, index } = entityOf(kind);
    const [inBase, inBundle, inLive] = [index(base), index(bundle), index(live)];
    for (const id of new Set([...ids(bundle), ...ids(base)])) {
      const [before, wanted, now] = [inBase(id), inBundle(id), inLive(id)];
      if (sameEntity(kind, before, wanted) || sameEntity(kind, now, wanted)) continue;
      const isConflict = !sameEntity(kind, before, now);
      if (isConflict) conflicts.push({ kind, id });
      if (!isConflict || preference === "bundle") edits.push({ kind, id, value: wanted } as Edit);
    }
  }
  return { edits, conflicts };
}

export function mergedLists(
  { base, bundle, live }: Sides<readonly NamedList[]>,
  preference: Preference | null,
): Merged<ListEdit> {
  const edits: ListEdit[] = [];
  const conflicts: Conflict[] = [];
  const at = (lists: readonly NamedList[], name: string): NamedList | null =>
    lists.find((list) => list.name === name) ?? null;
  for (const name of new Set([...bundle, ...base].map((list) => list.name))) {
    const [before, wanted, now] = [at(base, name), at(bundle, name), at(live, name)];
    if (sameList(before, wanted) || sameList(now, wanted)) continue;
    const isConflict = !sameList(before, now);
    if (isConflict) conflicts.push({ kind: "list", id: name });
    if (!isConflict || preference === "bundle") edits.push({ name, value: wanted });
  }
  return { edits, conflicts };
}

const RULES: Partial<Record<EntityKind, DocumentKind<never>>> = {
  rule: ruleDocument() as DocumentKind<never>,
  rule_template: ruleDocument() as DocumentKind<never>,
  url_rule: urlRuleDocument() as DocumentKind<never>,
  url_rule_template: urlRuleDocument() as DocumentKind<never>,
};

/** The order of conditions with other operators is lost in the original's JSON, and means nothing. */
function sameEntity(kind: EntityKind, one: unknown, other: unknown): boolean {
  if (sameValue(one, other)) return true;
  const form = RULES[kind];
  if (form === undefined || one === null || other === null) return false;
  return sameValue(writeJson(form, one as never), writeJson(form, other as never));
}
