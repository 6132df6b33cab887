/**
 * Loads the files of the original hosts redirector, unchanged: the main file and the load balancers beside it become a
 * configuration of Fairlead. All problems are told at once.
 */
import { dirname, join, resolve } from "node:path";
import {
  isFormatProblem,
  LOG_ATTRIBUTES,
  parsePythonFormat,
  type PythonLevel,
} from "../../core/text/python_format.ts";
import { realFiles, type Files } from "../../platform/files.ts";
import { ConfigCache, MAX_FILES, readConfigFile, type ConfigFile } from "../config_files.ts";
import type { Finding } from "../finding.ts";
import { isMap, mapOr, type PlainMap } from "../plain_value.ts";
import { sortProblems, type Problem } from "../problem.ts";
import { suggest } from "../suggest.ts";
import { checkLoadBalancer, checkTogether } from "./checks.ts";
import { isLoadBalancerFile } from "./detect.ts";
import { loadBalancerFile, type LoadBalancerFile } from "./load_balancer_file.ts";
import { mainFile, type MainFile } from "./main_file.ts";
import { checkFile, type CheckedFile, type Findings, type ReadOptions } from "./read.ts";
import { loadBalancerOf, translated } from "./translate.ts";

export interface HostsRedirectorOptions {
  /** The main file, as the user named it; or one load balancer's file, which then stands alone with all defaults. */
  readonly file: string;
  readonly files?: Files;
  /** For `${NAME}` in header values, and FAIRLEAD_ZONE. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Kept by the caller over reloads: unchanged files are not parsed again. */
  readonly cache?: ConfigCache;
}

/** What the original's log settings say; the arguments of a `PythonLog`. */
export interface HostsRedirectorLog {
  readonly level: PythonLevel;
  readonly format: string;
  readonly path: string;
  readonly maxBytes: number;
  readonly backups: number;
}

export interface HostsRedirectorResult {
  /** `pools` and `hosts` of a Fairlead configuration as plain data, null where something is wrong. */
  readonly value: PlainMap | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Defaults where the main file is wrong. */
  readonly log: HostsRedirectorLog;
  /** Absolute, or null where none is wanted. */
  readonly pidFile: string | null;
  /** The folder of the load balancers' files, absolute; null where there is none or it is not known. */
  readonly folder: string | null;
  /** Hash of every file that was read, by absolute name, "" where it cannot be read; of the folder what is wrong with it. */
  readonly fileHashes: Readonly<Record<string, string>>;
}

/** True for names in the folder that are read: `.yml` and `.yaml`, not hidden. */
export function isLoadBalancerName(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith(".");
}

const DEFAULTS: MainFile = mainFile.parse({});

/** Reads and checks everything. Throws only for defects of the program. */
export async function loadHostsRedirector(options: HostsRedirectorOptions): Promise<HostsRedirectorResult> {
  const found: Findings = { problems: [], warnings: [], hashes: new Map() };
  const read = { files: options.files ?? realFiles, environment: options.environment ?? {} };
  const cache = options.cache ?? new ConfigCache();
  const file = await readConfigFile(options.file, false, read.files, cache);
  noteFile(file, found);
  if (file.layer === null) return resultOf(DEFAULTS, null, null, found);
  if (isLoadBalancerFile(file.layer.value)) return await loadAlone(file, found, read);
  const main = await checkMain(file, found, read);
  // Files are looked for with what is good of a main file that is wrong elsewhere.
  const settings = main.value ?? DEFAULTS;
  const named = mapOr(main.raw)["lb_configs_dir"];
  const isKnown = main.value !== null || named === undefined || (typeof named === "string" && named !== "");
  if (!isKnown) return resultOf(settings, null, null, found);
  const folder = inFolder(options.file, typeof named === "string" ? named : settings.lb_configs_dir);
  const loadBalancers = await readFolder(folder, main, found, read, cache);
  return resultOf(settings, joined(options.file, main.value, loadBalancers, found, read), folder, found);
}

/** A relative name beside the main file stays relative, as users see it. */
function inFolder(mainName: string, name: string): string {
  return name.startsWith("/") ? name : join(dirname(mainName), name);
}

function noteFile({ path, hash, problems }: ConfigFile, found: Findings): void {
  found.hashes.set(path, hash);
  found.problems.push(...problems);
}

async function loadAlone(
  file: ConfigFile,
  found: Findings,
  read: ReadOptions,
): Promise<HostsRedirectorResult> {
  const one = await checkFile(file, file.layer?.value, loadBalancerFile, found, read);
  return resultOf(DEFAULTS, joined(file.source, DEFAULTS, [one], found, read), null, found);
}

async function checkMain(
  file: ConfigFile,
  found: Findings,
  read: ReadOptions,
): Promise<CheckedFile<MainFile>> {
  const main = await checkFile(file, file.layer?.value ?? {}, mainFile, found, read);
  const format = mapOr(main.raw)["log_format"];
  const finding = typeof format === "string" ? formatFinding(format) : null;
  if (finding === null) return main;
  main.tell(finding);
  return { ...main, value: null };
}

function formatFinding(format: string): Finding | null {
  const parsed = parsePythonFormat(format);
  if (!isFormatProblem(parsed)) return null;
  const { column, message, unknown } = parsed;
  const suggestion = unknown === null ? null : suggest(unknown, Object.keys(LOG_ATTRIBUTES));
  return { path: ["log_format"], what: "value", message, column, suggestion };
}

/** The files of `folder`, in the order of their names. */
async function readFolder(
  folder: string,
  main: CheckedFile<MainFile>,
  found: Findings,
  read: ReadOptions,
  cache: ConfigCache,
): Promise<CheckedFile<LoadBalancerFile>[]> {
  const refuse = (message: string): CheckedFile<LoadBalancerFile>[] => {
    main.tell({ path: ["lb_configs_dir"], what: "value", message: `${folder} ${message}` });
    found.hashes.set(resolve(folder), message);
    return [];
  };
  const content = await read.files.list(resolve(folder));
  if ("problem" in content) return refuse(`cannot be listed: ${content.problem}`);
  if (content.names === null) return refuse("is no folder; expected one with a .yml or .yaml file at least");
  const names = content.names.filter(isLoadBalancerName);
  if (names.length > MAX_FILES)
    return refuse(`holds more than ${MAX_FILES} files, which are expected at most`);
  const checked: CheckedFile<LoadBalancerFile>[] = [];
  let isEmpty = true;
  for (const name of names) {
    const file = await readConfigFile(join(folder, name), false, read.files, cache);
    if (file.layer === null && (await isFolder(file.path, read.files))) continue;
    isEmpty = false;
    noteFile(file, found);
    if (file.layer === null) continue;
    if (isMap(file.layer.value))
      checked.push(await checkFile(file, file.layer.value, loadBalancerFile, found, read));
    else found.problems.push(emptyProblem(file));
  }
  return isEmpty ? refuse("holds no load balancer; expected a .yml or .yaml file at least") : checked;
}

async function isFolder(path: string, files: Files): Promise<boolean> {
  const content = await files.list(path);
  return "names" in content && content.names !== null;
}

function emptyProblem({ source }: ConfigFile): Problem {
  const message =
    "holds no load balancer; expected name, local_host, backend_hosts, strategy and healthcheck";
  return { source, line: 1, column: 1, path: "", message, suggestion: null };
}

/** The configuration of all files together; null where one of them is wrong. */
function joined(
  mainName: string,
  main: MainFile | null,
  files: readonly CheckedFile<LoadBalancerFile>[],
  found: Findings,
  { environment }: ReadOptions,
): PlainMap | null {
  const localZone = main?.local_zone ?? (environment["FAIRLEAD_ZONE"] || null);
  for (const { value, tell } of files)
    if (value !== null && main !== null) checkLoadBalancer(value, localZone).forEach(tell);
  checkTogether(files);
  if (found.problems.length > 0 || main === null) return null;
  const good = files.map(loadBalancerOf).filter((one) => one !== null);
  return translated(main, good, dirname(resolve(mainName)), localZone);
}

function resultOf(
  main: MainFile,
  value: PlainMap | null,
  folder: string | null,
  found: Findings,
): HostsRedirectorResult {
  return {
    value,
    problems: sortProblems(found.problems),
    warnings: sortProblems(found.warnings),
    log: {
      level: main.log_level,
      format: main.log_format,
      path: main.log_file_path,
      maxBytes: main.log_file_max_bytes,
      backups: main.log_file_max_backups,
    },
    // As in the original, against the folder in which the program was started.
    pidFile: main.pid_file == null ? null : resolve(main.pid_file),
    folder: folder === null ? null : resolve(folder),
    fileHashes: Object.fromEntries(found.hashes),
  };
}
