/** One file of the original's: read, checked against its schema, every finding with its place. */
import type { z } from "zod";
import type { Files } from "../../platform/files.ts";
import type { ConfigFile } from "../config_files.ts";
import { placeFinding, type Finding } from "../finding.ts";
import { resolveInputs } from "../inputs.ts";
import { findingsOf } from "../issues.ts";
import { NOTHING_MERGED, type Merged } from "../merge.ts";
import type { Problem } from "../problem.ts";
import { withoutUnknownKeys } from "./unknown_keys.ts";

/** Where problems are collected. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: Problem[];
  /** Hash of every file that was read, by absolute name; "" where it cannot be read. */
  readonly hashes: Map<string, string>;
}

export interface CheckedFile<Value> {
  readonly file: ConfigFile;
  /** As it stands in the file. */
  readonly raw: unknown;
  /** Null where something is wrong. */
  readonly value: Value | null;
  /** Notes something about a value of this file. */
  tell(finding: Finding): void;
}

export interface ReadOptions {
  readonly files: Files;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Checks `raw`, the content of `file`, by `schema`. Files that it names are read, and their names become absolute. */
export async function checkFile<Value>(
  file: ConfigFile,
  raw: unknown,
  schema: z.ZodType<Value>,
  found: Findings,
  options: ReadOptions,
): Promise<CheckedFile<Value>> {
  const merged = mergedOf(file, raw);
  const tell = (finding: Finding): void => {
    const { problem, severity } = placeFinding(finding, merged, file.source);
    (severity === "warning" ? found.warnings : found.problems).push(problem);
  };
  const known = withoutUnknownKeys(schema, raw);
  const inputs = await resolveInputs(
    schema,
    merged.withValue(known.value),
    options.environment,
    options.files,
  );
  const parsed = schema.safeParse(inputs.value);
  // Values are shown as they stand in the file, never with a secret put in.
  const issues = findingsOf(schema, known.value, parsed.error?.issues ?? []);
  for (const finding of [...known.findings, ...inputs.findings, ...issues]) tell(finding);
  for (const [path, hash] of inputs.hashes) found.hashes.set(path, hash);
  const isGood = parsed.success && inputs.findings.length === 0;
  return { file, raw: known.value, value: isGood ? parsed.data : null, tell };
}

function mergedOf({ layer }: ConfigFile, raw: unknown): Merged {
  if (layer === null) return NOTHING_MERGED;
  // An empty file has no origin of its own for what it lacks.
  const filled = { ...layer, value: raw };
  return NOTHING_MERGED.withFiles([filled], () => true, []);
}
