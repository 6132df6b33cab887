/**
 * Pending changes: what has been edited and not approved yet. Pure; nothing here is ever changed. A change is the difference of one
 * entity between the approved model and the one that is wanted, so what is edited back is no change.
 */
import type { RedirectModel } from "../model.ts";
import { ENTITY_KINDS, type EntityKind, entityOf, type EntityValues } from "./entities.ts";

export interface Change<Kind extends EntityKind = EntityKind> {
  readonly kind: Kind;
  readonly id: string;
  /** As it was approved when it was first edited; null = a new one. */
  readonly before: EntityValues[Kind] | null;
  /** As it shall be; null = it shall go. */
  readonly after: EntityValues[Kind] | null;
  /** Everybody who has had a hand in it, each once: none of them may approve it. */
  readonly authors: readonly string[];
  /** Milliseconds since 1970 of the last edit. */
  readonly at: number;
}

/** What an edit wants: an entity as it shall be, or gone. */
export interface Edit<Kind extends EntityKind = EntityKind> {
  readonly kind: Kind;
  readonly id: string;
  readonly value: EntityValues[Kind] | null;
}

export interface Editor {
  readonly author: string;
  readonly at: number;
}

export type ChangeType = "ADD" | "UPDATE" | "DELETE";

export type Pending = readonly Change[];

export function changeType({ before, after }: Change): ChangeType {
  if (before === null) return "ADD";
  return after === null ? "DELETE" : "UPDATE";
}

/** True where both are the same in all that they hold, whatever the order of their keys. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [first, second] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const keys = Object.keys(first);
  return (
    keys.length === Object.keys(second).length &&
    keys.every((key) => Object.hasOwn(second, key) && sameValue(first[key], second[key]))
  );
}

/** The change of this entity, or null. */
export function changeOf(pending: Pending, kind: EntityKind, id: string): Change | null {
  return pending.find((change) => change.kind === kind && change.id === id) ?? null;
}

/**
 * Takes edits in. A later edit of an entity takes the place of the earlier one; what is as approved again, and what was new and is
 * wanted no more, is no change any more.
 */
export function edited(
  pending: Pending,
  approved: RedirectModel,
  edits: readonly Edit[],
  { author, at }: Editor,
): Pending {
  // Files hold thousands of edits: nothing is searched for each of them.
  const result = new Map(pending.map((change) => [keyOf(change), change]));
  const currentOf = indexed(approved);
  for (const edit of edits) {
    const { kind, id, value } = edit;
    const known = result.get(keyOf(edit));
    const now = currentOf(kind, id);
    const before = known === undefined ? now : known.before;
    if (sameValue(now, value) && sameValue(before, now)) {
      result.delete(keyOf(edit));
      continue;
    }
    const authors = [...new Set([...(known?.authors ?? []), author])];
    result.set(keyOf(edit), { kind, id, before, after: value, authors, at } as Change);
  }
  return [...result.values()];
}

/** The entities of a model, for many questions. */
function indexed(model: RedirectModel): (kind: EntityKind, id: string) => unknown {
  const byKind = new Map(ENTITY_KINDS.map((kind) => [kind, entityOf(kind).index(model)]));
  return (kind, id) => byKind.get(kind)!(id);
}

const keyOf = ({ kind, id }: Pick<Change, "kind" | "id">): string => `${kind} ${id}`;

/** The model with all changes, or those of `pending` that are handed in: what would act after their approval. */
export function nextModel(approved: RedirectModel, pending: Pending): RedirectModel {
  const byKind = new Map<EntityKind, Map<string, unknown>>();
  for (const { kind, id, after } of pending) {
    const values = byKind.get(kind) ?? new Map<string, unknown>();
    byKind.set(kind, values.set(id, after));
  }
  return [...byKind].reduce((model, [kind, values]) => entityOf(kind).setAll(model, values), approved);
}

/** Changes that were made to something which has been approved otherwise meanwhile: who approves them would undo that. */
export function outdated(approved: RedirectModel, pending: Pending): Change[] {
  const currentOf = indexed(approved);
  return pending.filter(({ kind, id, before, after }) => {
    const current = currentOf(kind, id);
    return !sameValue(current, before) && !sameValue(current, after);
  });
}

/** What is left when `taken` have been approved or cancelled. */
export function without(pending: Pending, taken: Pending): Pending {
  const gone = new Set(taken);
  return pending.filter((change) => !gone.has(change));
}

/** The changes that lead from one model to the other: of an import, a revert, or an offline edit. */
export function difference(from: RedirectModel, to: RedirectModel): Edit[] {
  return ENTITY_KINDS.flatMap((kind) => {
    const entity = entityOf(kind);
    const ids = new Set([...entity.ids(from), ...entity.ids(to)]);
    const [before, after] = [entity.index(from), entity.index(to)];
    return [...ids].flatMap((id) => {
      const value = after(id);
      return sameValue(before(id), value) ? [] : [{ kind, id, value } as Edit];
    });
  });
}
