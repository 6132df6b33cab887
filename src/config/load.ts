/**
 * Loads the configuration: files, environment and flags become one value, the value is checked as a whole, and a plan
 * comes out. All problems are told at once. A bad file of `conf.d/` is replaced by its last good content while the rest
 * applies; a problem of the main file, of the environment or of a flag, or one that takes two files, yields no plan.
 */
import { join } from "node:path";
import { CONTROL_SOCKET, DEFAULT_RUNTIME_DIR, DEFAULT_STATE_DIR } from "../core/defaults.ts";
import type { Plan } from "../core/plan.ts";
import { realFiles, type Files } from "../platform/files.ts";
import { UNIX_PATH_BYTES } from "../platform/socket_address.ts";
import { withAssignments, type FlagValue } from "./assignments.ts";
import { buildPlan } from "./build_plan.ts";
import { certificateFindings } from "./checks/certificate_checks.ts";
import { middlewareFileFindings } from "./checks/middleware_files.ts";
import { runChecks } from "./checks/all.ts";
import { ConfigCache, readConfigFiles, type ConfigFile } from "./config_files.ts";
import { placeFinding, type Finding, type PlacedFinding } from "./finding.ts";
import { resolveInputs, type ResolvedInputs } from "./inputs.ts";
import { findingsOf } from "./issues.ts";
import { positionIn, type Layer } from "./layer.ts";
import { Merged, NOTHING_MERGED, type WrongKind } from "./merge.ts";
import { Origins } from "./origins.ts";
import type { ConfigParts } from "./parts.ts";
import { isMap, kindOf, mapOr } from "./plain_value.ts";
import { pathText, sortProblems, type Path, type Problem } from "./problem.ts";
import { configSchema, type Config } from "./schema/root.ts";
import { acceptsKind } from "./schema_walk.ts";

export interface LoadOptions {
  /** The main file, as the user named it. */
  readonly file: string;
  readonly parts: ConfigParts;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: readonly FlagValue[];
  readonly files?: Files;
  /** Kept by the caller over reloads: unchanged files are not parsed again, and bad files keep their last good content. */
  readonly cache?: ConfigCache;
  /** Cores for `workers: auto`. */
  readonly cores?: number;
  /** Folder against which names in the environment and in flags are resolved. */
  readonly folder?: string;
}

export interface LoadResult {
  /** Null when nothing may be applied. */
  readonly plan: Plan | null;
  /** Everything that is wrong; with a plan: what is wrong in the files that were left out. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly origins: Origins;
  /**
   * Files of `conf.d/` that are bad now: their last good content counts, or nothing. Where the folder cannot be listed,
   * itself and all that is known of it.
   */
  readonly degradedFiles: readonly string[];
  /** Text of the files that the plan names (certificates, keys, lists of users), by absolute name. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * Hash of every file that was read, by absolute name, "" where it cannot be read; for `conf.d/` what is wrong with the
   * folder itself.
   */
  readonly fileHashes: Readonly<Record<string, string>>;
  /** `state_dir` as far as it is known: null where the main file cannot be parsed and nothing else sets it. */
  readonly stateDir: string | null;
  /** `runtime_dir` in the same way; null also where it has another kind of value. */
  readonly runtimeDir: string | null;
}

interface Evaluation {
  readonly merged: Merged;
  readonly findings: readonly PlacedFinding[];
  readonly config: Config | null;
  readonly inputs: ResolvedInputs;
}

/** One file of `conf.d/` in the course of a load. */
interface Extra {
  readonly file: ConfigFile;
  layer: Layer | null;
  degraded: boolean;
}

/** Loads and checks everything that `options` name. Throws only for defects of the program. */
export async function loadConfig(options: LoadOptions): Promise<LoadResult> {
  const cache = options.cache ?? new ConfigCache();
  const {
    main,
    extras: extraFiles,
    folder,
    hashes,
  } = await readConfigFiles(options.file, options.files ?? realFiles, cache);
  const problems: Problem[] = [main, ...extraFiles].flatMap((file) => file.problems);
  if (folder !== null) problems.push(folder.problem);
  const mayApply = main.layer !== null && folder?.kind !== "too_many";
  const extras = extraFiles.map((file): Extra =>
    file.layer === null
      ? { file, layer: cache.lastGood.get(file.path) ?? null, degraded: true }
      : { file, layer: file.layer, degraded: false },
  );
  const inputHashes = new Map<string, string>();
  let evaluation: Evaluation;
  let usable: boolean;
  for (;;) {
    evaluation = await evaluate(options, cache, main.layer, extras);
    // Those of files that are left out count too: a certificate that appears makes its file good.
    for (const [path, hash] of evaluation.inputs.hashes) inputHashes.set(path, hash);
    const errors = evaluation.findings.filter(({ severity }) => severity === "error");
    problems.push(...errors.map(({ problem }) => problem));
    usable = errors.length === 0 && mayApply;
    const blamed = mayApply ? replaceableFiles(errors, extras) : [];
    if (blamed.length === 0) break;
    // Each round degrades at least one more file, so the rounds are bounded by their number.
    for (const extra of blamed) {
      extra.degraded = true;
      extra.layer = cache.lastGood.get(extra.file.path) ?? null;
    }
  }
  if (usable)
    for (const { file, layer, degraded } of extras) if (!degraded) cache.lastGood.set(file.path, layer!);
  return {
    ...resultOf(options, evaluation, usable, main.layer !== null),
    degradedFiles: [
      ...(folder?.kind === "unknown" ? [folder.problem.source] : []),
      ...extras.filter(({ degraded }) => degraded).map(({ file }) => file.source),
    ],
    problems: sortProblems(problems),
    fileHashes: Object.fromEntries([...inputHashes, ...hashes]),
  };
}

function resultOf(
  options: LoadOptions,
  { merged, findings, config, inputs }: Evaluation,
  usable: boolean,
  hasMain: boolean,
): Omit<LoadResult, "problems" | "degradedFiles" | "fileHashes"> {
  const stateDir = mapOr(inputs.value)["state_dir"];
  const runtimeDir = runtimeDirOf(inputs.value, merged);
  const warnings = findings.filter(({ severity }) => severity === "warning").map(({ problem }) => problem);
  const plan =
    usable && config !== null
      ? buildPlan(config, options.parts, {
          cores: options.cores ?? navigator.hardwareConcurrency,
          runtimeDir: runtimeDirOf(inputs.value, merged) ?? config.runtime_dir,
        })
      : null;
  return {
    plan,
    warnings: sortProblems(warnings),
    origins: new Origins(configSchema(options.parts), merged, config ?? undefined),
    files: inputs.files,
    stateDir: typeof stateDir === "string" ? stateDir : hasMain ? DEFAULT_STATE_DIR : null,
    runtimeDir: runtimeDir === undefined && hasMain ? DEFAULT_RUNTIME_DIR : (runtimeDir ?? null),
  };
}

/** The files to leave out, or none where that would not help: a problem that no single `conf.d/` file can be blamed for. */
function replaceableFiles(errors: readonly PlacedFinding[], extras: readonly Extra[]): Extra[] {
  const blamed = new Set<Extra>();
  for (const { layer, conflict } of errors) {
    const extra = extras.find((one) => one.layer === layer && !one.degraded);
    if (conflict || layer === null || extra === undefined) return [];
    blamed.add(extra);
  }
  return [...blamed];
}

async function evaluate(
  options: LoadOptions,
  cache: ConfigCache,
  main: Layer | null,
  extras: readonly Extra[],
): Promise<Evaluation> {
  const { parts, environment = {}, flags = [], files = realFiles, folder = "." } = options;
  const schema = configSchema(parts);
  const wrong: WrongKind[] = [];
  const layers = [main, ...extras.map((extra) => extra.layer)].filter((layer) => layer !== null);
  const accepts = (path: Path, value: unknown) => acceptsKind(schema, path, value);
  const joined = NOTHING_MERGED.withFiles(layers, accepts, wrong);
  const assigned = withAssignments(withoutEmptySections(joined), schema, environment, flags, folder);
  const { merged } = assigned;
  const inputs = await resolveInputs(schema, merged, environment, files);
  const value = inputs.value ?? {};
  const parsed = cache.validated.parse(schema, value);
  const findings: Finding[] = [
    ...inputs.findings,
    ...findingsOf(schema, value, parsed.error?.issues ?? []),
    ...runChecks(merged.value, parts),
    ...runtimeDirFindings(value, merged),
    ...certificateFindings(value, inputs, parts),
    ...middlewareFileFindings(value, inputs, parts),
  ];
  return {
    merged,
    findings: [
      // Without the main file everything else would only be told as missing.
      ...(main === null ? [] : findings.map((finding) => placeFinding(finding, merged, options.file))),
      ...assigned.problems.map((problem) => placeAssignment(problem)),
      ...wrong.map(placeWrongKind),
    ],
    config: parsed.success ? parsed.data : null,
    inputs,
  };
}

/** A section whose entries are all commented out is empty, not wrong. */
function withoutEmptySections(merged: Merged): Merged {
  if (!isMap(merged.value) || !Object.values(merged.value).includes(null)) return merged;
  const kept = Object.entries(merged.value).filter(([, section]) => section !== null);
  return merged.withValue(Object.fromEntries(kept));
}

function placeAssignment(problem: {
  layer: Layer;
  path: readonly (string | number)[];
  message: string;
}): PlacedFinding {
  const { layer, path, message } = problem;
  return {
    problem: { source: layer.source, line: 0, column: 0, path: pathText(path), message, suggestion: null },
    severity: "error",
    layer,
    conflict: false,
  };
}

function placeWrongKind({ path, origin: { layer, at }, value }: WrongKind): PlacedFinding {
  const message = `expected another kind of value, got ${kindOf(value)}`;
  return {
    problem: {
      source: layer.source,
      ...positionIn(layer, at, "value"),
      path: pathText(path),
      message,
      suggestion: null,
    },
    severity: "error",
    layer,
    conflict: false,
  };
}

/**
 * `runtime_dir` of a value that may be malformed elsewhere: `DIR/run` where a flag sets `state_dir: DIR` and nothing sets
 * it; undefined where nothing says it, null for another kind of value.
 */
function runtimeDirOf(value: unknown, merged: Merged): string | null | undefined {
  const { runtime_dir: own, state_dir: state } = mapOr(value);
  if (own !== undefined) return typeof own === "string" && own !== "" ? own : null;
  const byFlag = merged.originOf(["state_dir"])?.layer.kind === "flag";
  return byFlag && typeof state === "string" ? join(state, "run") : undefined;
}

/** The supervisor would be refused its control socket. */
function runtimeDirFindings(value: unknown, merged: Merged): Finding[] {
  const directory = runtimeDirOf(value, merged) ?? DEFAULT_RUNTIME_DIR;
  const most = UNIX_PATH_BYTES - Buffer.byteLength(`/${CONTROL_SOCKET}`);
  if (Buffer.byteLength(directory) <= most) return [];
  const path = [mapOr(value)["runtime_dir"] === undefined ? "state_dir" : "runtime_dir"];
  const message = `${directory} is too long for the path of a unix socket in it; expected at most ${most} bytes`;
  return [{ path, what: "value", message }];
}
