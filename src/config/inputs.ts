/**
 * Secrets and files that settings name: `${NAME}` and `file:PATH` where a secret stands, and the files that must exist.
 * Relative names are resolved against the folder of the file they stand in.
 */
import { isAbsolute, join, resolve } from "node:path";
import type { z } from "zod";
import type { SettingMeta } from "../core/schema/text.ts";
import type { FileContent, Files } from "../platform/files.ts";
import type { Finding } from "./finding.ts";
import type { Merged } from "./merge.ts";
import type { Path } from "./problem.ts";
import { mapMarked } from "./schema_walk.ts";

/** Larger secrets, certificates and lists are refused. */
export const MAX_INPUT_BYTES = 16 * 2 ** 20;
/** Files that are read at once. */
const BATCH = 64;

const VARIABLE = /\$\$\{|\$\{([^}]*)\}/g;
const FILE_PREFIX = "file:";

export interface ResolvedInputs {
  /** The value with secrets in clear and file names absolute. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Every file that was read, by absolute name; what cannot be read has the hash "". */
  readonly hashes: ReadonlyMap<string, string>;
  /** Text of the files that settings name (not of secrets, whose text stands in the value), by absolute name. */
  readonly files: Readonly<Record<string, string>>;
}

interface Use {
  readonly file: string;
  readonly what: "file" | "secret";
}

/** Resolves all that the markers of `schema` point out in `merged`. */
export async function resolveInputs(
  schema: z.ZodType,
  merged: Merged,
  environment: Readonly<Record<string, string | undefined>>,
  files: Files,
): Promise<ResolvedInputs> {
  const absolute = (name: string, path: Path): string =>
    isAbsolute(name) ? name : resolve(join(merged.originOf(path)?.layer.folder ?? ".", name));
  const uses = usesOf(schema, merged.value, absolute);
  const contents = await readAll(uses, files);
  const findings: Finding[] = [];
  const textOf = (file: string): string | null => {
    const content = contents.get(file);
    return content === undefined || "problem" in content ? null : new TextDecoder().decode(content.bytes);
  };

  const replace = (value: unknown, meta: SettingMeta, path: Path): unknown => {
    if (typeof value !== "string" || value === "") return value;
    if (meta.file !== undefined) {
      if (meta.file === "output" && value === "-") return value;
      const file = absolute(value, path);
      const content = contents.get(file);
      if (meta.file === "input" && content !== undefined && "problem" in content)
        findings.push({ path, what: "value", message: `cannot read ${file}: ${content.problem}` });
      return file;
    }
    if (!value.startsWith(FILE_PREFIX)) return expanded(value, environment, path, findings);
    const file = absolute(value.slice(FILE_PREFIX.length), path);
    const content = contents.get(file);
    if (content !== undefined && "problem" in content)
      findings.push({
        path,
        what: "value",
        message: `cannot read the secret in ${file}: ${content.problem}`,
      });
    return textOf(file)?.replace(/\r?\n$/, "") ?? value;
  };
  const value = mapMarked(schema, merged.value, replace);
  const hashes = new Map(
    [...contents].map(([file, content]) => [file, "hash" in content ? content.hash : ""]),
  );
  const texts = uses.filter(({ what }) => what === "file").map(({ file }) => [file, textOf(file)] as const);
  const readable = texts.filter((entry): entry is readonly [string, string] => entry[1] !== null);
  return { value, findings, hashes, files: Object.fromEntries(readable) };
}

function usesOf(
  schema: z.ZodType,
  value: unknown,
  absolute: (name: string, path: Path) => string,
): readonly Use[] {
  const uses: Use[] = [];
  mapMarked(schema, value, (text, meta, path) => {
    if (typeof text !== "string" || text === "") return text;
    if (meta.file === "input") uses.push({ file: absolute(text, path), what: "file" });
    else if (meta.secret === true && text.startsWith(FILE_PREFIX))
      uses.push({ file: absolute(text.slice(FILE_PREFIX.length), path), what: "secret" });
    return text;
  });
  return uses;
}

async function readAll(uses: readonly Use[], files: Files): Promise<ReadonlyMap<string, FileContent>> {
  const names = [...new Set(uses.map(({ file }) => file))];
  const contents = new Map<string, FileContent>();
  for (let at = 0; at < names.length; at += BATCH) {
    const batch = names.slice(at, at + BATCH);
    const read = await Promise.all(batch.map((name) => files.read(name, MAX_INPUT_BYTES)));
    batch.forEach((name, index) => contents.set(name, read[index]!));
  }
  return contents;
}

/** `${NAME}` becomes the variable's value, `$${` a plain `${`. */
function expanded(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  path: Path,
  findings: Finding[],
): string {
  return text.replaceAll(VARIABLE, (whole: string, name: string | undefined) => {
    if (name === undefined) return "${";
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      findings.push({ path, what: "value", message: "expected the name of a variable in ${…}" });
      return whole;
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined)
      findings.push({ path, what: "value", message: `the environment variable ${name} is not set` });
    return value ?? whole;
  });
}
