/** The configuration as `run` loads it again and again, and where a running supervisor is found by it. */
import { join } from "node:path";
import type { FlagValue } from "../config/assignments.ts";
import { ConfigCache } from "../config/config_files.ts";
import { loadConfig } from "../config/load.ts";
import type { ConfigParts } from "../config/parts.ts";
import { problemText } from "../config/problem.ts";
import { watchConfig } from "../config/watch.ts";
import type { Plan } from "../core/plan.ts";
import { realFiles } from "../platform/files.ts";
import type { LoadedConfiguration, RunParts } from "../run/parts.ts";
import { setFlag } from "./check.ts";

/** Where a running supervisor is looked for when nothing else is said. */
export const DEFAULT_RUNTIME_DIRECTORY = "/run/fairlead";
const MAX_FILE_BYTES = 16 * 2 ** 20;

/** What the user said about the configuration on the command line. */
export interface ConfigurationChoice {
  readonly file: string;
  readonly set: readonly string[];
  readonly workers?: string | undefined;
  readonly stateDirectory?: string | undefined;
}

/** The choice as values for the loader; the later ones win. Throws Error for a malformed `--set`. */
function flagsOf({ set, workers, stateDirectory }: ConfigurationChoice): FlagValue[] {
  const malformed = set.find((text) => !text.includes("="));
  if (malformed !== undefined) throw new Error(`--set ${malformed}: expected PATH=VALUE`);
  const flags = set.map(setFlag);
  if (workers !== undefined) flags.push({ flag: "--workers", path: "workers", text: workers });
  if (stateDirectory !== undefined)
    flags.push({ flag: "--state-dir", path: "state_dir", text: stateDirectory });
  return flags;
}

/** Loading and watching of one configuration. Throws Error when the choice makes no sense. */
export function configuration(
  choice: ConfigurationChoice,
  parts: ConfigParts,
): Required<Pick<RunParts, "load" | "watch">> {
  const cache = new ConfigCache();
  const flags = flagsOf(choice);
  let loaded: ((hashes: Readonly<Record<string, string>>) => void) | null = null;
  let hashes: Readonly<Record<string, string>> = {};
  return {
    async load(): Promise<LoadedConfiguration> {
      const result = await loadConfig({ file: choice.file, parts, environment: process.env, flags, cache });
      hashes = result.fileHashes;
      loaded?.(hashes);
      return {
        plan: result.plan,
        files: result.plan === null ? {} : await namedFiles(result.plan, hashes),
        problems: result.problems.map(problemText),
        warnings: result.warnings.map(problemText),
      };
    },
    watch(onChange) {
      const watch = watchConfig({ file: choice.file, onChange });
      loaded = (next) => watch.loaded(next);
      loaded(hashes);
      return () => watch.close();
    },
  };
}

/** Content of those files that were read while loading and that the plan names. */
async function namedFiles(
  plan: Plan,
  hashes: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      if (hashes[value] !== undefined) names.add(value);
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  visit(plan);
  const contents: Record<string, string> = {};
  for (const name of [...names].toSorted()) {
    const content = await realFiles.read(name, MAX_FILE_BYTES);
    if ("bytes" in content) contents[name] = new TextDecoder().decode(content.bytes);
  }
  return contents;
}

/** Options by which `reload`, `stop` and others find the supervisor. */
export const FIND_OPTIONS = {
  config: { type: "string", short: "c" },
  "state-dir": { type: "string" },
  "runtime-dir": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const FIND_HELP = `  -c, --config FILE      the configuration that the supervisor runs with
      --state-dir DIR    the state directory that it was started with
      --runtime-dir DIR  its runtime directory (default: ${DEFAULT_RUNTIME_DIRECTORY})
      --json             print the result as JSON
  -h, --help             print this
`;

/**
 * The runtime directory that the options point to. Throws Error when the configuration that they name cannot be loaded:
 * then its directory is not known.
 */
export async function runtimeDirectory(
  options: {
    readonly config?: string | undefined;
    readonly "state-dir"?: string | undefined;
    readonly "runtime-dir"?: string | undefined;
  },
  parts: () => Promise<ConfigParts>,
): Promise<string> {
  const { config, "state-dir": stateDirectory, "runtime-dir": direct } = options;
  if (direct !== undefined) return direct;
  if (config === undefined)
    return stateDirectory === undefined ? DEFAULT_RUNTIME_DIRECTORY : join(stateDirectory, "run");
  const loaded = await configuration({ file: config, set: [], stateDirectory }, await parts()).load();
  if (loaded.plan === null)
    throw new Error(`${config} cannot be loaded, so its runtime_dir is not known; give --runtime-dir DIR`);
  return loaded.plan.runtime_dir;
}
