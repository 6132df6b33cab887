/** The configuration of the management service alone: the section `redirect`, without listeners, beside a program that has them. */
import { join, resolve } from "node:path";
import type { FlagValue } from "../../config/assignments.ts";
import { ConfigCache } from "../../config/config_files.ts";
import { loadConfig, type LoadResult } from "../../config/load.ts";
import type { ConfigParts } from "../../config/parts.ts";
import { watchConfig } from "../../config/watch.ts";
import type { Plan } from "../../core/plan.ts";
import type { LoadedConfiguration, RunParts } from "../../run/parts.ts";
import { loadedOf } from "../configuration.ts";
import { malformedSet, setFlag } from "../set_flag.ts";

export const DEFAULT_CONTROL_RUNTIME_DIR = "/run/fairlead-control";
export const DEFAULT_CONTROL_STATE_DIR = "/var/lib/fairlead-control";
/** Where clients of the original look for its service. */
export const DEFAULT_SERVICE_ADDRESS = "127.0.0.1:10540";

export interface ControlChoice {
  readonly file: string;
  readonly set: readonly string[];
  readonly stateDirectory?: string | undefined;
  /** Where the service listens; wins over the configuration. */
  readonly address?: string | undefined;
}

interface LoadedControl extends LoadedConfiguration {
  readonly fileHashes: Readonly<Record<string, string>>;
}

/** Loads the configuration that `choice` names, reduced to the service. Throws Error when the choice makes no sense. */
export async function loadControl(
  choice: ControlChoice,
  parts: ConfigParts,
  cache: ConfigCache = new ConfigCache(),
): Promise<LoadedControl> {
  const malformed = malformedSet(choice.set);
  if (malformed !== null) throw new Error(malformed);
  const given = choice.set.map(setFlag);
  const options = { file: choice.file, parts, environment: process.env };
  const ofGateway = await loadConfig({ ...options, flags: given, cache: cache.copy() });
  const flags = [...standAlone(choice, ofGateway), ...given];
  const result = await loadConfig({ ...options, flags, cache });
  const loaded = loadedOf(result);
  const { plan } = loaded;
  const hasSection = plan === null || plan.redirect !== null;
  return {
    ...loaded,
    plan: plan === null || !hasSection ? null : serviceOnly(plan),
    problems: hasSection ? loaded.problems : [...loaded.problems, `${choice.file}: has no section redirect`],
    fileHashes: result.fileHashes,
  };
}

/** One process with state of its own; the store is that of the gateway. */
function standAlone({ stateDirectory, address }: ControlChoice, ofGateway: LoadResult): FlagValue[] {
  const state = resolve(stateDirectory ?? DEFAULT_CONTROL_STATE_DIR);
  const runtime = stateDirectory === undefined ? DEFAULT_CONTROL_RUNTIME_DIR : join(state, "run");
  const plan = ofGateway.plan?.redirect ?? null;
  const values: Record<string, string> = {
    workers: "0",
    state_dir: state,
    runtime_dir: runtime,
    "admin.address": `unix:${runtime}/admin.sock`,
  };
  if (plan !== null) {
    values["redirect.last_known_good.path"] = join(state, "redirect");
    values["redirect.service.address"] = address ?? plan.service.address ?? DEFAULT_SERVICE_ADDRESS;
    const { type, options } = plan.store;
    if (type === "sqlite" && options["directory"] === undefined) {
      values["redirect.store.type"] = type;
      values["redirect.store.directory"] = ofGateway.plan!.state_dir;
    }
  }
  return Object.entries(values).map(([path, text]) => ({ flag: "fairlead control", path, text }));
}

function serviceOnly(plan: Plan): Plan {
  const { observability } = plan;
  return {
    ...plan,
    listeners: [],
    routes: [],
    pools: [],
    hosts: null,
    observability: { ...observability, access_log: null },
  };
}

/** Loading and watching for a program that runs. */
export function controlConfiguration(
  choice: ControlChoice,
  parts: ConfigParts,
): Pick<RunParts, "load" | "preview" | "watch"> {
  const cache = new ConfigCache();
  let told: ((hashes: Readonly<Record<string, string>>) => void) | null = null;
  let hashes: Readonly<Record<string, string>> = {};
  return {
    async load() {
      const loaded = await loadControl(choice, parts, cache);
      hashes = loaded.fileHashes;
      told?.(hashes);
      return loaded;
    },
    preview: () => loadControl(choice, parts, cache.copy()),
    watch(onChange) {
      const watch = watchConfig({ file: choice.file, onChange });
      told = (next) => watch.loaded(next);
      told(hashes);
      return () => watch.close();
    },
  };
}
