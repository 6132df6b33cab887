/**
 * What was made while the store was away, and acts until somebody ends that. A model ends with one of the store that was approved since
 * the store came back: with a version above the one that the store had then. The same version, which the offline model was made of,
 * changes nothing.
 */
import { difference, sameValue } from "../../core/redirect/changes/pending.ts";
import type { NamedLists } from "../../core/redirect/named_lists.ts";
import type { KeptLists } from "./models/kept_lists.ts";
import type { StoredModel } from "./models/stored.ts";

/** One model that was made offline, or the lists. */
interface Held<Stored> {
  readonly offline: Stored;
  /** Version in the store when it was first seen since; null = it was not yet. */
  seen: number | null;
  /** What the store has; null = it was not seen yet. */
  latest: Stored | null;
}

/** Versions that the store has beside what was made offline; null = it was not read yet. */
export interface OfflineStatus {
  readonly models: Readonly<Record<string, number | null>>;
  /** Left out where lists follow the store. */
  readonly lists?: number | null;
}

export class OfflineState {
  readonly #models = new Map<string, Held<StoredModel>>();
  #lists: Held<KeptLists> | null;

  constructor(models: ReadonlyMap<string, StoredModel>, lists: KeptLists) {
    for (const [app, offline] of models) this.#models.set(app, { offline, seen: null, latest: null });
    this.#lists = { offline: lists, seen: null, latest: null };
  }

  get status(): OfflineStatus {
    const models = [...this.#models].map(([app, { latest }]) => [app, latest?.version ?? null] as const);
    const lists = this.#lists === null ? {} : { lists: this.#lists.latest?.version ?? null };
    return { models: Object.fromEntries(models), ...lists };
  }

  /** The store's model beside each that was made offline; null = it was not seen yet. */
  get models(): ReadonlyMap<string, StoredModel | null> {
    return new Map([...this.#models].map(([app, { latest }]) => [app, latest]));
  }

  get lists(): KeptLists | null {
    return this.#lists?.latest ?? null;
  }

  hasModel(app: string): boolean {
    return this.#models.has(app);
  }

  get hasLists(): boolean {
    return this.#lists !== null;
  }

  /** True where nothing is left of it: lists that are those of the store need no end of their own. */
  get isOver(): boolean {
    const lists = this.#lists;
    if (this.#models.size > 0) return false;
    return lists === null || (lists.latest !== null && sameLists(lists.offline, lists.latest));
  }

  /** Tells which model the store has. True where it ends the one that was made offline, once it is accepted. */
  modelSeen(app: string, stored: StoredModel): boolean {
    const held = this.#models.get(app);
    if (held === undefined) return true;
    // A rollout takes its steps by itself.
    if (held.latest !== null && isStepOnly(held.latest, stored)) held.seen = stored.version;
    return ends(held, stored, sameModel);
  }

  /** The same for lists. Where they do not end the offline ones, they are kept here with their memory. */
  listsSeen(stored: KeptLists): boolean {
    if (this.#lists === null) return true;
    const { latest } = this.#lists;
    if (latest !== stored) latest?.memory?.drop();
    return ends(this.#lists, stored, sameLists);
  }

  /** Lists of the store that are kept here are not needed any more. */
  forgetLists(): void {
    this.#lists?.latest?.memory?.drop();
    this.#lists = null;
  }

  endModel(app: string): boolean {
    return this.#models.delete(app);
  }

  endLists(): void {
    this.#lists = null;
  }
}

function ends<Stored extends { readonly version: number }>(
  held: Held<Stored>,
  stored: Stored,
  same: (one: Stored, other: Stored) => boolean,
): boolean {
  held.latest = stored;
  const isFirst = held.seen === null;
  const seen = (held.seen ??= stored.version);
  if (stored.version <= held.offline.version) return false;
  // Approved while this program could not see it.
  return stored.version > seen || (isFirst && same(held.offline, stored));
}

const sameModel = (one: StoredModel, other: StoredModel): boolean =>
  difference(one.model, other.model).length === 0;

function isStepOnly(one: StoredModel, other: StoredModel): boolean {
  const changed = difference(one.model, other.model);
  return changed.length > 0 && changed.every(({ kind }) => kind === "rollout");
}

function sameLists({ named: one }: KeptLists, { named: other }: KeptLists): boolean {
  return sameValue(contentOf(one), contentOf(other));
}

/** All but the time of the last change, and the order. */
function contentOf(named: NamedLists): Record<string, unknown> {
  return Object.fromEntries(named.whole().map(({ name, type, values }) => [name, { type, values }]));
}
