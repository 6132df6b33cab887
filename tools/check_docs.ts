/**
 * Checks the documentation against the code: links lead somewhere, files and scripts that guides name are there, the error
 * table and its page agree and each code is used, and configurations in fences pass `fairlead check`.
 *
 * usage: tools/check_docs.ts
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkCommand } from "../src/cli/check.ts";
import type { ConfigParts } from "../src/config/parts.ts";
import { problemText, type Problem } from "../src/config/problem.ts";
import { ERRORS } from "../src/core/errors.ts";
import { withoutComments } from "./imports.ts";

export interface TextFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

const ERROR_TABLE = "src/core/errors.ts";
const ERROR_PAGE = "docs/reference/errors.md";
/** Pages for people who change the code; there, paths in code marks are files of this project. */
const FOR_DEVELOPERS = /^(?:docs\/(?:changes|decisions|internals)\/|CONTRIBUTING\.md|ARCHITECTURE\.md)/;

const lineAt = (text: string, at: number): number => text.slice(0, at).split("\n").length;

/** The text with fenced blocks and code marks blanked out, lines kept. */
function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```|``[^\n]*?``|`[^`\n]*`/gm, (part) => part.replace(/[^\n]/g, " "));
}

/** Links to files and headings of this project that are not there. */
export function linkProblems(pages: readonly TextFile[], exists: (path: string) => boolean): string[] {
  const headings = new Map(pages.map(({ path, text }) => [path, headingsOf(text)]));
  const problems: string[] = [];
  for (const { path, text } of pages) {
    for (const match of prose(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
      const [target = "", anchor] = match[1]!.split("#");
      if (/^[a-z]+:/.test(target)) continue;
      const file = target === "" ? path : join(dirname(path), decodeURI(target));
      const place = `${path}:${lineAt(text, match.index)}`;
      if (!exists(file)) problems.push(`${place}: the link to ${match[1]} leads nowhere`);
      else if (anchor !== undefined && headings.get(file)?.has(anchor) === false)
        problems.push(`${place}: ${file} has no heading for #${anchor}`);
    }
  }
  return problems;
}

/** Anchors as GitHub makes them. */
function headingsOf(text: string): Set<string> {
  const withoutFences = text.replace(/^```[\s\S]*?^```/gm, "");
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading] of withoutFences.matchAll(/^#{1,6} +(.+)$/gm)) {
    const plain = heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    const count = seen.get(plain) ?? 0;
    seen.set(plain, count + 1);
    anchors.add(count === 0 ? plain : `${plain}-${count}`);
  }
  return anchors;
}

/**
 * Files and folders that developers' pages name in code marks (`src/core/plan.ts`, `platform/sockets.ts`, `test/golden/`, with a slash inside)
 * and that are neither in the project nor below src; and scripts (`npm run gen`) that package.json does not have.
 */
export function nameProblems(
  pages: readonly TextFile[],
  exists: (path: string) => boolean,
  scripts: Readonly<Record<string, string>>,
): string[] {
  const problems: string[] = [];
  for (const { path, text } of pages) {
    const place = (at: number): string => `${path}:${lineAt(text, at)}`;
    for (const match of text.matchAll(/\b(?:npm|bun) run ([a-z][\w:-]*)/g))
      if (scripts[match[1]!] === undefined)
        problems.push(`${place(match.index)}: there is no script ${match[1]}`);
    if (!FOR_DEVELOPERS.test(path)) continue;
    for (const match of text.matchAll(
      /`([\w.-]+(?:\/[\w.-]+)*\/(?:[\w.-]+\/|[\w-]+\.(?:ts|mjs|md|yaml|json|c|h)))`/g,
    )) {
      const name = match[1]!;
      const known = [name, `src/${name}`, join(dirname(path), name)].some(exists);
      if (!known && !name.startsWith("node_modules/") && !name.startsWith("test-results/"))
        problems.push(`${place(match.index)}: ${name} is not there`);
    }
  }
  return problems;
}

/** Codes of the error table that its page or the code does not have, and codes that the table does not have. */
export function errorProblems(files: readonly TextFile[], codes: readonly string[]): string[] {
  const problems: string[] = [];
  const known = new Set(codes);
  const used = new Set<string>();
  const onPage = new Set<string>();
  for (const { path, text } of files) {
    if (path === ERROR_TABLE) continue;
    const code = path.endsWith(".ts") ? withoutComments(text) : text;
    for (const match of code.matchAll(/\bFL_[A-Z][A-Z0-9_]*\b/g)) {
      const [name] = match;
      const isProgram = path.startsWith("src/") && !/(?:\.test\.ts|\/test_[^/]*\.ts)$/.test(path);
      if (isProgram) used.add(name);
      if (path === ERROR_PAGE) onPage.add(name);
      if (!known.has(name) && (isProgram || path.endsWith(".md")))
        problems.push(`${path}:${lineAt(code, match.index)}: ${name} is not in ${ERROR_TABLE}`);
    }
  }
  for (const name of codes) {
    if (!onPage.has(name)) problems.push(`${ERROR_PAGE}: ${name} is missing; run \`bun run gen\``);
    if (!used.has(name)) problems.push(`${ERROR_TABLE}: nothing ends with ${name}`);
  }
  return problems;
}

/**
 * Problems of configurations in fences that are marked `yaml` and nothing else. A fence may be a part: pools that it refers
 * to and files that it names need not be there, and options of a single middleware may stand alone.
 */
export async function fenceProblems(pages: readonly TextFile[], parts: ConfigParts): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-docs-"));
  const problems: string[] = [];
  try {
    for (const { path, text } of pages)
      for (const match of text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)) {
        const firstLine = lineAt(text, match.index) + 1;
        for (const problem of await checkFence(match[1]!, parts, join(folder, "fairlead.yaml")))
          problems.push(problemText({ ...problem, source: path, line: problem.line + firstLine - 1 }));
      }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return problems;
}

async function checkFence(yaml: string, parts: ConfigParts, file: string): Promise<Problem[]> {
  const isMiddleware = parts.middlewares.some(({ name }) => yaml.startsWith(`${name}:`));
  const added = isMiddleware ? ["middlewares:", "  sample:"] : [];
  const lines = yaml.split("\n").map((line) => (isMiddleware && line !== "" ? `    ${line}` : line));
  writeFileSync(file, [...added, ...lines].join("\n"));
  let printed = "";
  const output = {
    out: (text: string) => void (printed += text),
    error: (text: string) => void (printed += text),
  };
  await checkCommand(["-c", file, "--json"], parts, output, {});
  const { problems } = JSON.parse(printed) as { problems: Problem[] };
  return problems
    .filter(({ message }) => !(message.startsWith("there is no pool ") && !/^pools:/m.test(yaml)))
    .filter(({ message }) => !message.endsWith(": no such file"))
    .map((problem) => ({ ...problem, line: problem.line - added.length }));
}

function readAll(pattern: string): TextFile[] {
  return [...new Bun.Glob(pattern).scanSync(".")]
    .toSorted()
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

async function main(): Promise<void> {
  const pages = [...readAll("*.md"), ...readAll("{docs,examples,bench,bpf,deploy,test}/**/*.md")];
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  const { parts } = await import("../src/composition.ts");
  const problems = [
    ...linkProblems(pages, existsSync),
    ...nameProblems(pages, existsSync, scripts),
    ...errorProblems([...pages, ...readAll("src/**/*.ts")], Object.keys(ERRORS)),
    ...(await fenceProblems(pages, await parts.config())),
  ];
  for (const problem of problems) console.log(problem);
  console.log(`${pages.length} pages, ${problems.length} problems`);
  process.exit(problems.length === 0 ? 0 : 1);
}

if (import.meta.main) await main();
