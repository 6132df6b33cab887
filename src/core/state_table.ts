/**
 * State that outlives a reload: positions of strategies, breakers, buckets, TLS contexts. It is found again by identity
 * (kind, id, and the settings that matter to it), never by place in the configuration.
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
  readonly #before: ReadonlyMap<string, Entry>;
  readonly #entries = new Map<string, Entry>();

  /** `before` is the table of the plan that acts, null at the start. */
  constructor(before: StateTable | null) {
    this.#before = before === null ? new Map() : before.#entries;
  }

  /**
   * The state of `kind` and `id`. With equal `settings` it is the very object of the plan before; with other settings
   * `create` gets that object and may take over what still holds; without one before it gets null. What is not asked
   * for is dropped with the old table. The same kind and id always have the same type of state.
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
    return state;
  }
}
