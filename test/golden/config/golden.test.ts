/**
 * Golden configurations: each `*.yaml` here holds a configuration, a line `---expect---`, and what must come out of it.
 *
 * Above the line: the main file, then, where wanted, `---file NAME---` (a file beside it), `---environment---` and
 * `---flags---` (one `NAME=VALUE` a line). Below: `plan` (the parts named must agree), `problems` and `warnings` (the
 * whole list, as printed), `degraded`.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadConfig } from "../../../src/config/load.ts";
import { problemText } from "../../../src/config/problem.ts";
import { testParts } from "../../../src/config/test_parts.ts";
import { MemoryFiles } from "../../../src/platform/files.ts";
import { parse } from "yaml";

interface Golden {
  readonly files: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly flags: readonly { flag: string; path: string; text: string }[];
  readonly expected: {
    plan: object | null;
    problems?: string[];
    warnings?: string[];
    degraded?: string[];
  };
}

const MAIN = "fairlead.yaml";

function readGolden(text: string): Golden {
  const parts = text.split(/^---(expect|file [^\n]+?|environment|flags)---\n/m);
  const files: Record<string, string> = { [MAIN]: parts[0]! };
  const golden: Record<string, string> = {};
  for (let at = 1; at < parts.length; at += 2) {
    const [kind, content] = [parts[at]!, parts[at + 1]!];
    if (kind.startsWith("file ")) files[kind.slice("file ".length)] = content;
    else golden[kind] = content;
  }
  const pairs = (lines = ""): [string, string][] =>
    lines
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
  return {
    files,
    environment: Object.fromEntries(pairs(golden["environment"])),
    flags: pairs(golden["flags"]).map(([path, value]) => ({ flag: `--set ${path}`, path, text: value })),
    expected: parse(golden["expect"] ?? "") as Golden["expected"],
  };
}

const names = readdirSync(import.meta.dir).filter((name) => name.endsWith(".yaml"));

test.each(names)("%s", async (name) => {
  const { files, environment, flags, expected } = readGolden(
    readFileSync(join(import.meta.dir, name), "utf8"),
  );
  const memory = new MemoryFiles(
    Object.fromEntries(Object.entries(files).map(([file, text]) => [resolve(file), text])),
  );
  const result = await loadConfig({
    file: MAIN,
    parts: testParts,
    environment,
    flags,
    files: memory,
    cores: 4,
  });
  const here = `${resolve(".")}/`;
  const shown = (lines: readonly string[]): string[] => lines.map((line) => line.replaceAll(here, ""));
  expect(shown(result.problems.map(problemText))).toEqual(expected.problems ?? []);
  if (expected.warnings !== undefined)
    expect(shown(result.warnings.map(problemText))).toEqual(expected.warnings);
  expect(result.degradedFiles).toEqual(expected.degraded ?? []);
  if (expected.plan === null) expect(result.plan).toBeNull();
  else expect(JSON.parse(JSON.stringify(result.plan).replaceAll(here, ""))).toMatchObject(expected.plan);
});
