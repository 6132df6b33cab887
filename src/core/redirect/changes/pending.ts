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
  let result = pending;
  for (const { kind, id, value } of edits) {
    const known = changeOf(result, kind, id);
    const current = entityOf(kind).get(approved, id);
    const before = known === null ? current : known.before;
    const others = result.filter((change) => change !== known);
    if (sameValue(current, value) && sameValue(before, current)) {
      result = others;
      continue;
    }
    const authors = [...new Set([...(known?.authors ?? []), author])];
    const change = { kind, id, before, after: value, authors, at } as Change;
    result = known === null ? [...others, change] : result.map((each) => (each === known ? change : each));
  }
  return result;
}

/** The model with all changes, or those of `pending` that are handed in: what would act after their approval. */
export function nextModel(approved: RedirectModel, pending: Pending): RedirectModel {
  return pending.reduce((model, { kind, id, after }) => entityOf(kind).set(model, id, after), approved);
}

/** Changes that were made to something which has been approved otherwise meanwhile: who approves them would undo that. */
export function outdated(approved: RedirectModel, pending: Pending): Change[] {
  return pending.filter(({ kind, id, before, after }) => {
    const current = entityOf(kind).get(approved, id);
    return !sameValue(current, before) && !sameValue(current, after);
  });
}

/** What is left when `taken` have been approved or cancelled. */
export function without(pending: Pending, taken: Pending): Pending {
  return pending.filter((change) => !taken.includes(change));
}

/** The changes that lead from one model to the other: of an import, a revert, or an offline edit. */
export function difference(from: RedirectModel, to: RedirectModel): Edit[] {
  return ENTITY_KINDS.flatMap((kind) => {
    const entity = entityOf(kind);
    const ids = new Set([...entity.ids(from), ...entity.ids(to)]);
    return [...ids].flatMap((id) => {
      const value = entity.get(to, id);
      return sameValue(entity.get(from, id), value) ? [] : [{ kind, id, value } as Edit];
    });
  });
}
