/** The main file and the files of `conf.d/` beside it, read and parsed; what has not changed is not parsed again. */
import { dirname, join, resolve } from "node:path";
import type { Files } from "../platform/files.ts";
import type { Layer } from "./layer.ts";
import { isMap, kindOf } from "./plain_value.ts";
import type { Problem } from "./problem.ts";
import { readYaml, type YamlText } from "./yaml_text.ts";

/** Larger configuration files are refused. */
export const MAX_CONFIG_BYTES = 64 * 2 ** 20;
/** More files of `conf.d/` are refused. */
const MAX_FILES = 10_000;

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** As users see it: beside the name they gave. */
  readonly source: string;
  /** "" where it cannot be read. */
  readonly hash: string;
  /** Null where it cannot be used. */
  readonly layer: Layer | null;
  readonly problems: readonly Problem[];
}

export interface ConfigFiles {
  readonly main: ConfigFile;
  readonly extras: readonly ConfigFile[];
}

/** What is kept from one load to the next. One cache serves one main file. */
export class ConfigCache {
  /** Parsed files by absolute name. */
  readonly parsed = new Map<string, ConfigFile>();
  /** The last content of each `conf.d/` file that was part of a configuration without errors in it. */
  readonly lastGood = new Map<string, Layer>();
  /** How often a text was parsed. */
  parses = 0;
}

/** The folder whose files are joined to the main file. */
export function extraFolder(mainFile: string): string {
  return join(dirname(mainFile), "conf.d");
}

/** True for names in `conf.d/` that are read: YAML files that are not hidden (as editors and ConfigMaps make them). */
export function isExtraName(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith(".");
}

/** Reads the main file (as the user named it) and `conf.d/`. Never throws. */
export async function readConfigFiles(
  mainFile: string,
  files: Files,
  cache: ConfigCache,
): Promise<ConfigFiles> {
  const folder = extraFolder(mainFile);
  const names = ((await files.list(resolve(folder))) ?? []).filter(isExtraName).slice(0, MAX_FILES);
  const [main, ...extras] = await Promise.all([
    readOne(mainFile, false, files, cache),
    ...names.map((name) => readOne(join(folder, name), true, files, cache)),
  ]);
  const present = new Set([main, ...extras].map(({ path }) => path));
  for (const path of cache.parsed.keys()) if (!present.has(path)) cache.parsed.delete(path);
  for (const path of cache.lastGood.keys()) if (!present.has(path)) cache.lastGood.delete(path);
  return { main, extras };
}

async function readOne(
  source: string,
  replaceable: boolean,
  files: Files,
  cache: ConfigCache,
): Promise<ConfigFile> {
  const path = resolve(source);
  const content = await files.read(path, MAX_CONFIG_BYTES);
  if ("problem" in content) return failed(path, source, "", `cannot be read: ${content.problem}`);
  const known = cache.parsed.get(path);
  if (known?.hash === content.hash && known.source === source) return known;
  cache.parses++;
  const parsed = parse(path, source, replaceable, content.bytes, content.hash);
  cache.parsed.set(path, parsed);
  return parsed;
}

function failed(path: string, source: string, hash: string, message: string): ConfigFile {
  const problem = { source, line: 0, column: 0, path: "", message, suggestion: null };
  return { path, source, hash, layer: null, problems: [problem] };
}

function parse(
  path: string,
  source: string,
  replaceable: boolean,
  bytes: Uint8Array,
  hash: string,
): ConfigFile {
  let decoded: string;
  try {
    decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return failed(path, source, hash, "is not UTF-8 text");
  }
  const text = readYaml(decoded);
  const problems = problemsOf(text, source);
  const layer: Layer = {
    kind: "file",
    source,
    folder: dirname(path),
    replaceable,
    value: text.value,
    text,
  };
  return { path, source, hash, layer: problems.length > 0 ? null : layer, problems };
}

function problemsOf(text: YamlText, source: string): Problem[] {
  const problems = text.problems.map((problem) => ({ source, ...problem, path: "", suggestion: null }));
  if (problems.length > 0 || text.value === null || isMap(text.value)) return problems;
  const message = `expected a map of settings, got ${kindOf(text.value)}`;
  return [{ source, ...text.locate([], "value"), path: "", message, suggestion: null }];
}
