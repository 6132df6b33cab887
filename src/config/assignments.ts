/** Values from the environment (`FAIRLEAD_A__B=…`) and from flags (`--set a.b=…`), typed by what the schema accepts. */
import type { z } from "zod";
import type { Layer } from "./layer.ts";
import type { Merged } from "./merge.ts";
import { isMap } from "./plain_value.ts";
import type { Path } from "./problem.ts";
import { keysAt, schemasAt } from "./schema_walk.ts";
import { readYaml } from "./yaml_text.ts";

const PREFIX = "FAIRLEAD_";

/** Variables that belong to the tests and to the processes themselves, not to the configuration. */
const SKIPPED: ReadonlySet<string> = new Set(["FAIRLEAD_REQUIRE", "FAIRLEAD_BIN"]);

/** A value given on the command line: `flag` as the user wrote it, `path` with dots, `text` the value. */
export interface FlagValue {
  readonly flag: string;
  readonly path: string;
  readonly text: string;
}

/** An assignment that could not be understood. */
export interface AssignmentProblem {
  readonly layer: Layer;
  readonly path: Path;
  readonly message: string;
}

export interface Assigned {
  readonly merged: Merged;
  readonly layers: readonly Layer[];
  readonly problems: readonly AssignmentProblem[];
}

/** Puts the environment and then the flags over `merged`; variables are taken in the order of their names. */
export function withAssignments(
  merged: Merged,
  schema: z.ZodType,
  environment: Readonly<Record<string, string | undefined>>,
  flags: readonly FlagValue[],
  folder: string,
): Assigned {
  const problems: AssignmentProblem[] = [];
  const layers: Layer[] = [];
  let current = merged;
  const set = (
    kind: "environment" | "flag",
    source: string,
    steps: readonly string[] | null,
    text: string,
  ): void => {
    const layer = (value: unknown): Layer => ({
      kind,
      source,
      folder,
      replaceable: false,
      value,
      text: null,
    });
    if (steps === null || steps.some((step) => step === "" || step === "__proto__")) {
      problems.push({ layer: layer(null), path: [], message: "the name of the setting is malformed" });
      return;
    }
    const path =
      kind === "environment" ? knownPath(current.value, schema, steps) : exactPath(current.value, steps);
    const typed = typedValue(schema, current.value, path, text);
    if ("problem" in typed) {
      problems.push({ layer: layer(null), path, message: typed.problem });
      return;
    }
    const assigned = layer(typed.value);
    layers.push(assigned);
    current = current.withAssignment(path, assigned);
  };
  for (const name of Object.keys(environment).toSorted()) {
    const text = environment[name];
    if (!name.startsWith(PREFIX) || SKIPPED.has(name) || text === undefined) continue;
    set("environment", `environment variable ${name}`, name.slice(PREFIX.length).split("__"), text);
  }
  for (const flag of flags) set("flag", flag.flag, splitPath(flag.path), flag.text);
  return { merged: current, layers, problems };
}

/** `a.b."c.d".0` in steps, or null when a quote does not end. */
export function splitPath(text: string): string[] | null {
  const steps: string[] = [];
  const pattern = /(?:"([^"]*)"|([^."]*))(\.|$)/y;
  for (let end = false; !end;) {
    const match = pattern.exec(text);
    if (match === null) return null;
    steps.push(match[1] ?? match[2]!);
    end = match[3] === "";
  }
  return steps;
}

/** Names of variables have no case and no dashes: each step is the existing key or the key of the schema that it fits. */
function knownPath(value: unknown, schema: z.ZodType, steps: readonly string[]): Path {
  const path: (string | number)[] = [];
  let current = value;
  for (const step of steps) {
    if (Array.isArray(current) && /^\d{1,6}$/.test(step)) {
      path.push(Math.min(Number(step), current.length));
      current = current[Number(step)] as unknown;
      continue;
    }
    const wanted = variableForm(step);
    const keys = [...(isMap(current) ? Object.keys(current) : []), ...keysAt(schema, path, value)];
    const key = keys.find((known) => variableForm(known) === wanted) ?? step.toLowerCase();
    path.push(key);
    current = isMap(current) && Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return path;
}

function variableForm(key: string): string {
  return key.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

function exactPath(value: unknown, steps: readonly string[]): Path {
  let current = value;
  return steps.map((step) => {
    if (Array.isArray(current) && /^\d{1,6}$/.test(step)) {
      const index = Math.min(Number(step), current.length);
      current = current[index] as unknown;
      return index;
    }
    current = isMap(current) && Object.hasOwn(current, step) ? current[step] : undefined;
    return step;
  });
}

/** Text becomes the kind of value that the schema takes at `path`; lists and maps are JSON. */
function typedValue(
  schema: z.ZodType,
  root: unknown,
  path: Path,
  text: string,
): { readonly value: unknown } | { readonly problem: string } {
  const kinds = new Set(
    schemasAt(schema, path, withoutValue(root, path)).map(({ schema: { _zod } }) => _zod.def.type),
  );
  const structured = kinds.has("object") || kinds.has("record") || kinds.has("array");
  if (structured && /^\s*[[{]/.test(text)) return parseJson(text);
  if (structured && kinds.size === 1) return { problem: "expected a list or a map as JSON" };
  const numeric = /^-?\d+(?:\.\d+)?$/.test(text);
  if (numeric && (kinds.has("number") || (!kinds.has("string") && !kinds.has("enum"))))
    return { value: Number(text) };
  if ((text === "true" || text === "false") && !kinds.has("string") && !kinds.has("enum"))
    return { value: text === "true" };
  return { value: text };
}

/** What stands at the path now must not choose among the alternatives: it is replaced. */
function withoutValue(root: unknown, path: Path): unknown {
  if (path.length === 0) return undefined;
  const [step, ...rest] = path;
  if (Array.isArray(root))
    return root.map((item: unknown, index) => (index === step ? withoutValue(item, rest) : item));
  if (!isMap(root)) return undefined;
  return { ...root, [step!]: withoutValue(root[step!], rest) };
}

/** JSON is YAML, and the YAML readers refuse a key that stands twice. */
function parseJson(text: string): { readonly value: unknown } | { readonly problem: string } {
  const { value, problems } = readYaml(text);
  if (problems.length === 0) return { value };
  return { problem: `malformed JSON: ${problems[0]!.message}` };
}
