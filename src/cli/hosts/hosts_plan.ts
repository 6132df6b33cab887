/**
 * The configuration of the hosts plane alone: the part of a Fairlead configuration that its names need, or the files of
 * the original hosts redirector.
 */
import { basename, dirname, join, resolve } from "node:path";
import type { FlagValue } from "../../config/assignments.ts";
import { ConfigCache } from "../../config/config_files.ts";
import {
  isHostsRedirectorFile,
  isLoadBalancerFile,
  isMainFileKey,
} from "../../config/hosts_redirector/detect.ts";
import {
  isLoadBalancerName,
  loadHostsRedirector,
  type HostsRedirectorLog,
} from "../../config/hosts_redirector/load.ts";
import { isMap } from "../../config/plain_value.ts";
import { loadConfig, type LoadResult } from "../../config/load.ts";
import type { ConfigParts } from "../../config/parts.ts";
import { problemText, type Problem } from "../../config/problem.ts";
import { watchConfig } from "../../config/watch.ts";
import { readYaml } from "../../config/yaml_text.ts";
import type { Plan } from "../../core/plan.ts";
import { realFiles, type Files } from "../../platform/files.ts";
import type { LoadedConfiguration, RunParts } from "../../run/parts.ts";
import { loadedOf } from "../configuration.ts";
import { malformedSet, setFlag } from "../set_flag.ts";

export const DEFAULT_HOSTS_RUNTIME_DIR = "/run/fairlead-hosts";
export const DEFAULT_HOSTS_STATE_DIR = "/var/lib/fairlead-hosts";

const MAX_BYTES = 64 * 2 ** 20;
/** Where the original looks for its load balancers. */
const DEFAULT_FOLDER = "lb_configs";

export interface HostsChoice {
  readonly file: string;
  readonly set: readonly string[];
  readonly stateDirectory?: string | undefined;
  /** Another hosts file than the configuration says. */
  readonly hostsFile?: string | undefined;
}

/** What one load of either kind of configuration gave. */
export interface LoadedHosts extends LoadedConfiguration {
  readonly fileHashes: Readonly<Record<string, string>>;
  /** With the original's files: its log, its pid file, and all that was found with its place; null with our own. */
  readonly original: {
    readonly log: HostsRedirectorLog;
    readonly pidFile: string | null;
    readonly problems: readonly Problem[];
    readonly warnings: readonly Problem[];
  } | null;
  readonly runtimeDir: string | null;
  /** Folder whose files are loaded too, or null. */
  readonly folder: string | null;
}

/**
 * True for a file of the original: one of its load balancers, a main file with one of its keys and none of ours, or one with
 * neither beside its folder. A file that cannot be read or parsed is taken for one of ours, which tells.
 */
export async function isOriginal(file: string, parts: ConfigParts): Promise<boolean> {
  const path = resolve(file);
  const content = await realFiles.read(path, MAX_BYTES);
  if ("problem" in content) return false;
  const { value, problems } = readYaml(new TextDecoder().decode(content.bytes));
  if (problems.length > 0) return false;
  if (isLoadBalancerFile(value)) return true;
  if (!isHostsRedirectorFile(value, parts)) return false;
  if (isMap(value) && Object.keys(value).some(isMainFileKey)) return true;
  const folder = await realFiles.list(join(dirname(path), DEFAULT_FOLDER));
  return "names" in folder && folder.names !== null;
}

/** Loads the configuration that `choice` names, reduced to the hosts plane. Throws Error when the choice makes no sense. */
export async function loadHosts(
  choice: HostsChoice,
  parts: ConfigParts,
  cache: ConfigCache = new ConfigCache(),
): Promise<LoadedHosts> {
  const malformed = malformedSet(choice.set);
  if (malformed !== null) throw new Error(malformed);
  return (await isOriginal(choice.file, parts))
    ? loadOriginal(choice, parts, cache)
    : loadOwn(choice, parts, cache);
}

async function loadOwn(choice: HostsChoice, parts: ConfigParts, cache: ConfigCache): Promise<LoadedHosts> {
  const flags = [...standAlone(choice), ...choice.set.map(setFlag)];
  const result = await loadConfig({ file: choice.file, parts, environment: process.env, flags, cache });
  const loaded = loadedOf(result);
  const { plan, problems } = loaded;
  const missing =
    plan !== null && lacksNames(plan, result)
      ? [`${choice.file}: has no section hosts; expected one with names`]
      : [];
  return {
    ...loaded,
    plan: plan === null || missing.length > 0 ? null : hostsOnly(plan),
    problems: [...problems, ...missing],
    fileHashes: result.fileHashes,
    original: null,
    runtimeDir: result.runtimeDir,
    folder: null,
  };
}

/** `--hosts-file` alone makes a section too: names that nobody has written would take out what the file holds. */
function lacksNames({ hosts }: Plan, { origins }: LoadResult): boolean {
  if (hosts === null || hosts.names.length > 0) return hosts === null;
  return origins.rows().some(({ path, source }) => path === "hosts.names" && source === "default");
}

/** What is left out serves nothing here: no listener is opened, no other pool is probed. */
function hostsOnly(plan: Plan): Plan {
  const used = new Set(plan.hosts?.names.map(({ pool }) => pool));
  const { observability, pools } = plan;
  // Without listeners there is no request to log, and a folder that cannot be written is nobody's trouble.
  return {
    ...plan,
    listeners: [],
    routes: [],
    pools: pools.filter(({ name }) => used.has(name)),
    observability: { ...observability, access_log: null },
  };
}

async function loadOriginal(
  choice: HostsChoice,
  parts: ConfigParts,
  cache: ConfigCache,
): Promise<LoadedHosts> {
  const found = await loadHostsRedirector({ file: choice.file, environment: process.env, cache });
  const { value, fileHashes, pidFile, log, folder } = found;
  const warnings = found.warnings.map(problemText);
  if (value === null) {
    const problems = found.problems.map(problemText);
    const original = { log, pidFile, problems: found.problems, warnings: found.warnings };
    return { plan: null, files: {}, problems, warnings, fileHashes, original, runtimeDir: null, folder };
  }
  // What it means is written down as a configuration of ours, which is checked and completed like any other.
  const file = join(dirname(resolve(choice.file)), `.${basename(choice.file)}.as-fairlead.yaml`);
  const flags = [...standAlone(choice), ...choice.set.map(setFlag)];
  const files = withText(file, JSON.stringify(value));
  // Headers that name a variable are read now: what was written down holds no secret.
  const result = await loadConfig({ file, parts, environment: process.env, flags, files });
  const loaded = loadedOf(result);
  return {
    ...loaded,
    warnings: [...warnings, ...loaded.warnings],
    fileHashes: { ...withoutKey(result.fileHashes, file), ...fileHashes },
    original: { log, pidFile, problems: result.problems, warnings: [...found.warnings, ...result.warnings] },
    runtimeDir: result.runtimeDir,
    folder,
  };
}

function withoutKey<Value>(values: Readonly<Record<string, Value>>, key: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== key));
}

/** The machine's files, and one that stands nowhere. */
function withText(path: string, text: string): Files {
  const bytes = new TextEncoder().encode(text);
  return {
    ...realFiles,
    read: (name, maxBytes) =>
      name === path ? Promise.resolve({ bytes, hash: "" }) : realFiles.read(name, maxBytes),
    list: () => Promise.resolve({ names: null }),
  };
}

/** One process without listeners, which does not get in the way of a program that serves traffic. */
function standAlone({ stateDirectory, hostsFile }: HostsChoice): FlagValue[] {
  const state = stateDirectory ?? DEFAULT_HOSTS_STATE_DIR;
  const runtime = stateDirectory === undefined ? DEFAULT_HOSTS_RUNTIME_DIR : join(resolve(state), "run");
  const values = {
    workers: "0",
    state_dir: state,
    runtime_dir: runtime,
    "admin.address": `unix:${runtime}/admin.sock`,
    ...(hostsFile === undefined ? {} : { "hosts.file": hostsFile }),
  };
  return Object.entries(values).map(([path, text]) => ({ flag: "fairlead hosts", path, text }));
}

/** Loading and watching for a program that runs. `onLoaded` hears of each load. */
export function hostsConfiguration(
  choice: HostsChoice,
  parts: ConfigParts,
  onLoaded: (loaded: LoadedHosts) => void,
): Pick<RunParts, "load" | "preview" | "watch"> {
  const cache = new ConfigCache();
  let told: ((hashes: Readonly<Record<string, string>>) => void) | null = null;
  let hashes: Readonly<Record<string, string>> = {};
  let folder: string | null = null;
  return {
    async load() {
      const loaded = await loadHosts(choice, parts, cache);
      hashes = loaded.fileHashes;
      folder = loaded.folder;
      told?.(hashes);
      onLoaded(loaded);
      return loaded;
    },
    preview: () => loadHosts(choice, parts, cache.copy()),
    watch(onChange) {
      const watch = watchConfig({
        file: choice.file,
        onChange,
        alsoLoaded: () => loadBalancerFiles(folder),
      });
      told = (next) => watch.loaded(next);
      told(hashes);
      return () => watch.close();
    },
  };
}

async function loadBalancerFiles(folder: string | null): Promise<string[]> {
  const content = folder === null ? { names: null } : await realFiles.list(folder);
  const names = "names" in content ? (content.names ?? []) : [];
  return names.filter(isLoadBalancerName).map((name) => join(folder!, name));
}
