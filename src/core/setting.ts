/** Settings as operators see them: every value of the configuration with what set it. */

export interface SettingReport {
  /** Such as `pools.web.backends[0].weight`. */
  readonly path: string;
  /** As it was written, without what is or may be a secret; for defaults the value that counts. */
  readonly value: unknown;
  /** `file:line`, `environment variable NAME`, the flag, or `default`. */
  readonly source: string;
}

/** A setting that two configurations have otherwise; a side that does not have it is left out. */
export interface SettingChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What differs, in the order of `before`, then what is new. Sources do not count: a line that moved changes nothing. */
export function settingChanges(
  before: readonly SettingReport[],
  after: readonly SettingReport[],
): SettingChange[] {
  const next = new Map(after.map(({ path, value }) => [path, value]));
  const changes: SettingChange[] = [];
  for (const { path, value } of before) {
    if (!next.has(path)) changes.push({ path, before: value });
    else if (JSON.stringify(next.get(path)) !== JSON.stringify(value))
      changes.push({ path, before: value, after: next.get(path) });
    next.delete(path);
  }
  for (const [path, value] of next) changes.push({ path, after: value });
  return changes;
}
