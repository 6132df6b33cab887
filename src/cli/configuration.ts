/** The configuration as `run` loads it again and again, and where a running supervisor is found by it. */
import { join } from "node:path";
import type { FlagValue } from "../config/assignments.ts";
import { ConfigCache } from "../config/config_files.ts";
import { LastGoodLoader } from "../config/last_good.ts";
import { loadConfig, type LoadOptions, type LoadResult } from "../config/load.ts";
import type { ConfigParts } from "../config/parts.ts";
import { problemText, type Problem } from "../config/problem.ts";
import { watchConfig } from "../config/watch.ts";
import type { Plan } from "../core/plan.ts";
import type { LoadedConfiguration, RunParts } from "../run/parts.ts";
import { malformedSet, setFlag } from "./set_flag.ts";

/** Where a running supervisor is looked for when nothing else is said. */
export const DEFAULT_RUNTIME_DIRECTORY = "/run/fairlead";

/** What the user said about the configuration on the command line. */
export interface ConfigurationChoice {
  readonly file: string;
  readonly set: readonly string[];
  readonly workers?: string | undefined;
  readonly stateDirectory?: string | undefined;
  /** Keep a copy of the last good configuration in `state_dir`, and start with it when the configuration is bad. */
  readonly keepLastGood?: boolean;
}

/** The choice as values for the loader; the later ones win. Throws Error for a malformed `--set`. */
function flagsOf({ set, workers, stateDirectory }: ConfigurationChoice): FlagValue[] {
  const malformed = malformedSet(set);
  if (malformed !== null) throw new Error(malformed);
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
): Required<Pick<RunParts, "load" | "preview" | "acts" | "watch">> {
  const options = { file: choice.file, parts, environment: process.env, flags: flagsOf(choice) };
  const { read, preview, acts } = choice.keepLastGood === true ? readWithCopy(options) : readAlone(options);
  let loaded: ((hashes: Readonly<Record<string, string>>) => void) | null = null;
  let hashes: Readonly<Record<string, string>> = {};
  return {
    async load(): Promise<LoadedConfiguration> {
      const result = await read();
      hashes = result.fileHashes;
      loaded?.(hashes);
      return loadedOf(result);
    },
    async preview() {
      return loadedOf(await preview());
    },
    async acts() {
      const problem = await acts();
      return problem === null ? [] : [problemText(problem)];
    },
    watch(onChange) {
      const watch = watchConfig({ file: choice.file, onChange });
      loaded = (next) => watch.loaded(next);
      loaded(hashes);
      return () => watch.close();
    },
  };
}

/** What a supervisor takes of a load. */
export function loadedOf(result: LoadResult): LoadedConfiguration {
  return {
    plan: result.plan,
    files: result.plan === null ? {} : namedFiles(result.plan, result.files),
    problems: result.problems.map(problemText),
    warnings: result.warnings.map(problemText),
    degraded_files: result.degradedFiles,
    settings: () => result.origins.rows(),
  };
}

interface Reading {
  read(): Promise<LoadResult>;
  /** The same, and the next `read` is as if it had not been. */
  preview(): Promise<LoadResult>;
  /** What was read last acts. Resolves with what the operator should know of that. */
  acts(): Promise<Problem | null>;
}

function readAlone(options: LoadOptions): Reading {
  const cache = new ConfigCache();
  return {
    read: () => loadConfig({ ...options, cache }),
    preview: () => loadConfig({ ...options, cache: cache.copy() }),
    acts: () => Promise.resolve(null),
  };
}

function readWithCopy(options: LoadOptions): Reading {
  const loader = new LastGoodLoader(options, Date.now);
  return { read: () => loader.load(), preview: () => loader.preview(), acts: () => loader.acts() };
}

/** Those of the files that were read while loading that the plan names. */
function namedFiles(plan: Plan, files: Readonly<Record<string, string>>): Record<string, string> {
  if (Object.keys(files).length === 0) return {};
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      if (Object.hasOwn(files, value)) names.add(value);
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  visit(plan);
  return Object.fromEntries([...names].toSorted().map((name) => [name, files[name]!]));
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
 * The runtime directory that the options point to, also when the configuration that they name is bad elsewhere. Throws
 * Error with one problem per line when it does not say its directory.
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
  const flags = flagsOf({ file: config, set: [], stateDirectory });
  const loaded = await loadConfig({ file: config, parts: await parts(), environment: process.env, flags });
  // What else is wrong does not matter here: it may be what a reload is to refuse, or why a program is to be stopped.
  if (loaded.runtimeDir !== null) return loaded.runtimeDir;
  const problems = loaded.problems.map(problemText);
  throw new Error([...problems, `${config}: runtime_dir is not known; give --runtime-dir DIR`].join("\n"));
}
