/**
 * Checks who imports whom (the table below), that core is pure, that programs import no tests, and that no files import
 * each other in a circle (imports of types count, dynamic ones are a way out of a circle).
 *
 * usage: tools/check_layers.ts
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { importsOf, withoutComments, withoutStrings, type Import } from "./imports.ts";

/** Folders of src/ and what of src/ they may import besides themselves. `planes/*` stands for each plane. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  platform: ["core"],
  observe: ["core", "platform"],
  store: ["core", "platform"],
  kernel: ["core", "platform"],
  net: ["core", "platform", "observe"],
  probes: ["core", "platform", "observe", "net"],
  "planes/*": ["core", "platform", "observe", "net", "store", "kernel"],
  run: ["core", "platform", "observe", "net"],
  config: ["core", "platform"],
  discovery: ["core", "platform", "observe", "net", "store"],
  admin: ["core", "platform", "observe", "net", "store"],
};
/** Files of src/ that put everything together. */
const ROOTS = ["main.ts", "composition.ts", "library.ts"];
const CORE_LIBRARIES = ["zod", "re2js"];
/** What makes a module depend on the machine, on time or on chance. */
const IMPURE =
  /(?<![\w$.])(?:Bun|process|globalThis|console|crypto|performance|navigator|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|Date\.now|Math\.random|new Date\(\)|new Worker|WebSocket|Buffer)(?![\w$])/g;

export interface SourceFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** One line per violation, `path:line: …`; empty = all is well. */
export function layerProblems(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map(({ path }) => path));
  const graph = new Map<string, string[]>();
  const problems: string[] = [];
  for (const { path, text } of files) {
    const targets: string[] = [];
    for (const each of importsOf(text)) {
      const target = targetOf(path, each);
      const problem = importProblem(path, each, target, known);
      if (problem !== null) problems.push(`${path}:${each.line}: ${problem}`);
      if (target !== null && known.has(target) && each.kind !== "dynamic") targets.push(target);
    }
    graph.set(path, targets);
    if (layerOf(path) === "core" && !isTest(path)) problems.push(...impurities(path, text));
  }
  return [...problems, ...circles(graph)];
}

/** Path of an imported file of this project, null for libraries and computed names. */
function targetOf(path: string, { name }: Import): string | null {
  return name !== null && name.startsWith(".") ? join(dirname(path), name) : null;
}

function importProblem(
  path: string,
  each: Import,
  target: string | null,
  known: ReadonlySet<string>,
): string | null {
  const from = layerOf(path);
  if (from === null || isTest(path)) return null;
  if (each.name === null) return "imports a computed name, which cannot be checked";
  if (target === null) return libraryProblem(from, each.name);
  if (!known.has(target)) return target.endsWith(".ts") ? `imports ${each.name}, which is not there` : null;
  if (isTest(target)) return `imports ${target}, which is for tests`;
  const to = layerOf(target);
  if (ROOTS.some((root) => path === `src/${root}`) || from === "cli") return null;
  if (to === null) return `imports ${target}, which is outside of src`;
  const allowed = LAYERS[from.startsWith("planes/") ? "planes/*" : from];
  if (allowed === undefined) return `the folder ${from} is not in the table of tools/check_layers.ts`;
  return to === from || allowed.includes(to) ? null : `${from} may not import ${to} (${target})`;
}

function libraryProblem(from: string, name: string): string | null {
  if (from !== "core" || CORE_LIBRARIES.some((library) => name === library || name.startsWith(`${library}/`)))
    return null;
  return `core may not import ${name}; only ${CORE_LIBRARIES.join(" and ")}`;
}

/** `core`, `planes/http`, `cli`, `main.ts`, …; null outside of src. */
function layerOf(path: string): string | null {
  const [top, first = "", second = ""] = path.split("/");
  if (top !== "src") return null;
  return first === "planes" ? `planes/${second}` : first;
}

/** Tests and what only they use may import what they test, wherever it is. */
function isTest(path: string): boolean {
  return !path.startsWith("src/") || /(?:\.test\.ts|\/test_[^/]*\.ts|_fuzz\.ts)$/.test(path);
}

function impurities(path: string, text: string): string[] {
  const code = withoutStrings(withoutComments(text));
  return [...code.matchAll(IMPURE)].map((match) => {
    const line = code.slice(0, match.index).split("\n").length;
    return `${path}:${line}: core may not use ${match[0]}: it has no machine, clock or chance`;
  });
}

/** Each circle once, starting at its first file in alphabetical order. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>();
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      const ring = path.slice(path.indexOf(file));
      const first = ring.indexOf(ring.toSorted()[0]!);
      const turned = [...ring.slice(first), ...ring.slice(0, first)];
      found.add(`${turned[0]}: imports itself in a circle: ${[...turned, turned[0]].join(" -> ")}`);
      return;
    }
    state.set(file, "open");
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file);
  return [...found].toSorted();
}

/** All TypeScript files of the project. */
export function sourceFiles(): SourceFile[] {
  return [...new Bun.Glob("{src,test,tools,bench}/**/*.ts").scanSync(".")]
    .toSorted()
    .filter((path) => existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

if (import.meta.main) {
  const files = sourceFiles();
  const problems = layerProblems(files);
  for (const problem of problems) console.log(problem);
  console.log(`${files.length} files, ${problems.length} problems`);
  process.exit(problems.length === 0 ? 0 : 1);
}
