/**
 * State that outlives a reload: of pools and their steps, connections to backends. It is found again by identity (kind,
 * id, and the settings that matter to it), never by place in the configuration.
 *
 * A plan is prepared beside the one that acts, so a new table is made from the old one and the old one is not changed:
 * `apply` puts the new table in its place, `discard` forgets it.
 */

interface Entry {
  readonly settings: string;
  readonly state: unknown;
}

/** JSON with the keys of objects in order: equal for equal settings, however they were written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

export class StateTable {
  #before: ReadonlyMap<string, Entry>;
  readonly #entries = new Map<string, Entry>();
  /** Names of states that go as soon as they are free, with the question whether they are. */
  readonly #leaving = new Map<string, (state: never) => boolean>();

  /** `before` is the table of the plan that acts, null at the start. */
  constructor(before: StateTable | null) {
    this.#before = before === null ? new Map() : before.#entries;
  }

  /**
   * The state of `kind` and `id`. With equal `settings` it is the very object of the plan before; with other settings
   * `create` gets that object and may take over what still holds; without one before it gets null. What is not asked
   * for is dropped when the new table settles. The same kind and id always have the same type of state.
   */
  take<State>(kind: string, id: string, settings: unknown, create: (before: State | null) => State): State {
    const key = `${kind} ${id}`;
    const text = canonicalJson(settings);
    const before = this.#entries.get(key) ?? this.#before.get(key);
    const state =
      before?.settings === text
        ? (before.state as State)
        : create((before?.state as State | undefined) ?? null);
    this.#entries.set(key, { settings: text, state });
    this.#leaving.delete(key);
    return state;
  }

  /**
   * The plan names `kind` and `id` no more: the state is forgotten once it is free, unless `take` asks for it before.
   * `isFree` is asked now and, until it says yes, in each later call for any state.
   */
  release(kind: string, id: string, isFree: (state: never) => boolean): void {
    this.#leaving.set(`${kind} ${id}`, isFree);
    for (const [key, mayGo] of this.#leaving) {
      const entry = this.#entries.get(key);
      if (entry !== undefined && !mayGo(entry.state as never)) continue;
      this.#entries.delete(key);
      this.#leaving.delete(key);
    }
  }

  /** The plan of this table acts from now on: what only the plan before it named is let go. */
  settle(): void {
    this.#before = new Map();
  }
}
