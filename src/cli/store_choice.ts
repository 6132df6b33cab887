/** The store that a command works on: of a configuration, or named on the command line. */
import { loadConfig } from "../config/load.ts";
import { problemText } from "../config/problem.ts";
import { DEFAULT_MAX_MODEL_BYTES } from "../core/defaults.ts";
import { realClock } from "../platform/clock.ts";
import { SystemNames } from "../platform/names_system.ts";
import { storeByName } from "../store/all.ts";
import type { Store, StoreEnvironment } from "../store/contract.ts";
import type { ProgramParts } from "./program_parts.ts";

export const STORE_OPTIONS = {
  config: { type: "string", short: "c" },
  zookeeper: { type: "string" },
  sqlite: { type: "string" },
  "base-path": { type: "string" },
} as const;

export interface StoreValues {
  readonly config?: string | undefined;
  readonly zookeeper?: string | undefined;
  readonly sqlite?: string | undefined;
  readonly "base-path"?: string | undefined;
}

export interface StoreChoice {
  /** In words: `ZooKeeper 10.0.0.1:2181`. */
  readonly name: string;
  /** Of the largest model. */
  readonly max_model_bytes: number;
  open(): Store;
}

/** What options of stores are called here. */
const OPTION_OF: Readonly<Record<string, string>> = {
  connect: "--zookeeper",
  directory: "--sqlite",
  base: "--base-path",
  session_timeout: "--session-timeout",
  lease: "--session-timeout",
};

/** What is wrong with the choice, or null. One of the three is needed. */
export function storeChoiceProblem(values: StoreValues): string | null {
  const given = [values.config, values.zookeeper, values.sqlite].filter((value) => value !== undefined);
  if (given.length !== 1) return "expected one of -c FILE, --zookeeper HOSTS and --sqlite DIR";
  if (values.config !== undefined && values["base-path"] !== undefined)
    return "--base-path: the configuration says it (redirect.store.base); expected it with --zookeeper or --sqlite";
  return null;
}

/**
 * The store of the options, not opened yet. `session_timeout` in the place of its default, as a duration: so long a registration
 * outlives its program. Rejects with Error in words.
 */
export async function storeChoice(
  values: StoreValues,
  program: Pick<ProgramParts, "config">,
  session_timeout?: string,
): Promise<StoreChoice> {
  const { config, zookeeper, sqlite, "base-path": base = "" } = values;
  if (config !== undefined) return await configuredStore(config, program);
  const lifetime = (key: string) => (session_timeout === undefined ? {} : { [key]: session_timeout });
  if (zookeeper !== undefined)
    return named("zookeeper", `ZooKeeper ${zookeeper}`, {
      connect: zookeeper,
      base,
      ...lifetime("session_timeout"),
    });
  return named("sqlite", `SQLite in ${sqlite}`, { directory: sqlite, base, ...lifetime("lease") });
}

function named(type: string, name: string, options: Readonly<Record<string, unknown>>): StoreChoice {
  const part = storeByName(type)!;
  const parsed = part.schema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${OPTION_OF[String(issue!.path[0])] ?? name}: ${issue!.message}`);
  }
  return {
    name,
    max_model_bytes: DEFAULT_MAX_MODEL_BYTES,
    open: () => part.open(parsed.data, environment("", {})),
  };
}

async function configuredStore(file: string, program: Pick<ProgramParts, "config">): Promise<StoreChoice> {
  const loaded = await loadConfig({ file, parts: await program.config(), environment: process.env });
  if (loaded.plan === null) throw new Error(loaded.problems.map(problemText).join("\n"));
  const { redirect, state_dir } = loaded.plan;
  if (redirect === null) throw new Error(`${file}: has no section redirect, which names the store`);
  const { type, options } = redirect.store;
  return {
    name: `the store of ${file}`,
    max_model_bytes: redirect.max_model_bytes,
    open: () => storeByName(type)!.open(options, environment(state_dir, loaded.files)),
  };
}

function environment(state_dir: string, files: Readonly<Record<string, string>>): StoreEnvironment {
  return {
    clock: realClock,
    random: Math.random,
    names: new SystemNames({ clock: realClock }),
    state_dir,
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`${path} was not read`);
      return text;
    },
  };
}
