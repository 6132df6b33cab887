/** What a dry run has found, as it is told. */
import { settingChanges, type SettingReport } from "../core/setting.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { DryRunResult, LoadedConfiguration } from "./parts.ts";

/**
 * `acting`: what acts; `loaded`: what was tried; `notes`: what would act from the next start on; `problem`: why it would
 * be refused though nothing is wrong with its text.
 */
export function dryRunResult(
  { snapshot: { generation, files }, settings }: { snapshot: Snapshot; settings: readonly SettingReport[] },
  loaded: LoadedConfiguration,
  changed: boolean,
  notes: readonly string[],
  problem: string | null,
): DryRunResult {
  if (loaded.plan === null) return { ok: false, dry_run: true, generation, problems: loaded.problems };
  if (problem !== null) return { ok: false, dry_run: true, generation, problems: [problem] };
  const names = changed ? new Set([...Object.keys(files), ...Object.keys(loaded.files)]) : [];
  return {
    ok: true,
    dry_run: true,
    generation,
    changed,
    changes: changed ? settingChanges(settings, loaded.settings?.() ?? []) : [],
    changed_files: [...names].filter((name) => files[name] !== loaded.files[name]).toSorted(),
    warnings: [...loaded.warnings, ...notes],
  };
}
