/** The main file and the files of `conf.d/` beside it, read and parsed; what has not changed is not parsed again. */
import { basename, dirname, join, resolve } from "node:path";
import type { Files } from "../platform/files.ts";
import type { Layer } from "./layer.ts";
import { ParsedParts } from "./parsed_parts.ts";
import { isMap, kindOf } from "./plain_value.ts";
import type { Problem } from "./problem.ts";
import { readYaml, type YamlText } from "./yaml_text.ts";

/** Larger configuration files are refused. */
export const MAX_CONFIG_BYTES = 64 * 2 ** 20;
/** More files of `conf.d/` are refused. */
export const MAX_FILES = 10_000;

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
  /** Those of `conf.d/`; where it cannot be listed, those of which a good content is known. */
  readonly extras: readonly ConfigFile[];
  /** What is wrong with `conf.d/` itself, or null. */
  readonly folder: { readonly problem: Problem; readonly kind: "unknown" | "too_many" } | null;
  /** By absolute name: the hash of each file that was read, and the words of the folder's problem. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** The names of the files of `conf.d/`. */
export type ExtraNames =
  /** Where there is a problem, the first of them. */
  | { readonly names: readonly string[]; readonly problem: string | null }
  /** The folder cannot be listed. */
  | { readonly names: null; readonly problem: string };

/** What is kept from one load to the next. One cache serves one main file. */
export class ConfigCache {
  /** Parsed files by absolute name. */
  readonly parsed = new Map<string, ConfigFile>();
  /** The last content of each `conf.d/` file that was part of a configuration without errors in it. */
  readonly lastGood = new Map<string, Layer>();
  /** What was validated. */
  readonly validated = new ParsedParts();
  /** How often a text was parsed. */
  parses = 0;

  /** A cache that knows the same, and learns by itself from now on. */
  copy(): ConfigCache {
    const copy = new ConfigCache();
    for (const [path, file] of this.parsed) copy.parsed.set(path, file);
    for (const [path, layer] of this.lastGood) copy.lastGood.set(path, layer);
    return copy;
  }
}

/** The folder whose files are joined to the main file. */
export function extraFolder(mainFile: string): string {
  return join(dirname(mainFile), "conf.d");
}

/** True for names in `conf.d/` that are read: YAML files that are not hidden (as editors and ConfigMaps make them). */
function isExtraName(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith(".");
}

/** True for the main file and for files of `conf.d/`; `path` is absolute. */
export function isConfigFile(path: string, mainFile: string): boolean {
  const main = resolve(mainFile);
  return path === main || (dirname(path) === extraFolder(main) && isExtraName(basename(path)));
}

/** Lists `conf.d/`. The watch asks here too: what only one of the two saw would be loaded again for ever. Never throws. */
export async function listExtras(mainFile: string, files: Files): Promise<ExtraNames> {
  const content = await files.list(extraFolder(resolve(mainFile)));
  if ("problem" in content) return { names: null, problem: `cannot be listed: ${content.problem}` };
  const names = (content.names ?? []).filter(isExtraName);
  const problem =
    names.length > MAX_FILES ? `holds more than ${MAX_FILES} files, which are expected at most` : null;
  return { names: names.slice(0, MAX_FILES), problem };
}

/** Reads the main file (as the user named it) and `conf.d/`. Never throws. */
export async function readConfigFiles(
  mainFile: string,
  files: Files,
  cache: ConfigCache,
): Promise<ConfigFiles> {
  const folder = extraFolder(mainFile);
  const { names, problem } = await listExtras(mainFile, files);
  const [main, ...read] = await Promise.all([
    readConfigFile(mainFile, false, files, cache),
    ...(names ?? []).map((name) => readConfigFile(join(folder, name), true, files, cache)),
  ]);
  const extras = names === null ? unlistedFiles(cache) : read;
  const present = new Set([main, ...extras].map(({ path }) => path));
  for (const path of cache.parsed.keys()) if (!present.has(path)) cache.parsed.delete(path);
  for (const path of cache.lastGood.keys()) if (!present.has(path)) cache.lastGood.delete(path);
  const hashes = new Map([main, ...read].map(({ path, hash }) => [path, hash]));
  if (problem === null) return { main, extras, folder: null, hashes };
  hashes.set(resolve(folder), problem);
  const kind = names === null ? "unknown" : "too_many";
  return { main, extras, folder: { problem: problemOf(folder, problem), kind }, hashes };
}

/** The files that a folder held when it could be listed: nothing says that they are gone. */
function unlistedFiles(cache: ConfigCache): ConfigFile[] {
  return [...cache.lastGood]
    .map(([path, { source }]) => ({ path, source, hash: "", layer: null, problems: [] }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Reads and parses one file, unless `cache` has it already. Never throws. */
export async function readConfigFile(
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
  return { path, source, hash, layer: null, problems: [problemOf(source, message)] };
}

function problemOf(source: string, message: string): Problem {
  return { source, line: 0, column: 0, path: "", message, suggestion: null };
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
