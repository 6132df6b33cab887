import { expect, test } from "bun:test";
import { layerProblems, sourceFiles } from "./check_layers.ts";
import { importsOf } from "./imports.ts";

/** Problems of a project of these files, each with one line of code; others exist and are empty. */
function problems(files: Readonly<Record<string, string>>, others: readonly string[] = []): string[] {
  return layerProblems([
    ...Object.entries(files).map(([path, text]) => ({ path, text })),
    ...others.map((path) => ({ path, text: "" })),
  ]);
}

test.each([
  ["src/core/a.ts", 'import { x } from "../net/x.ts";', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'import type { x } from "../net/x.ts";', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'import {\n  x,\n} from "../net/x.ts";', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'export * from "../net/x.ts";', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'export type { x } from "../net/x.ts";', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'import "../net/x.ts";', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'const x = await import("../net/x.ts");', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'type X = typeof import("../net/x.ts");', "core may not import net (src/net/x.ts)"],
  ["src/core/a.ts", 'const x = require("../net/x.ts");', "core may not import net (src/net/x.ts)"],
  [
    "src/core/a.ts",
    'const x = new URL("../net/x.ts", import.meta.url);',
    "core may not import net (src/net/x.ts)",
  ],
  ["src/core/a.ts", "const x = await import(name);", "imports a computed name, which cannot be checked"],
  [
    "src/core/a.ts",
    'import { readFileSync } from "node:fs";',
    "core may not import node:fs; only zod and re2js",
  ],
  ["src/core/a.ts", 'import { x } from "./nowhere.ts";', "imports ./nowhere.ts, which is not there"],
  ["src/core/a.ts", "const x = Date.now();", "core may not use Date.now: it has no machine, clock or chance"],
  ["src/core/a.ts", "const x = Bun.hash(y);", "core may not use Bun: it has no machine, clock or chance"],
  [
    "src/planes/http/a.ts",
    'import { x } from "../stream/x.ts";',
    "planes/http may not import planes/stream (src/planes/stream/x.ts)",
  ],
  ["src/net/a.ts", 'import { x } from "./x.test.ts";', "imports src/net/x.test.ts, which is for tests"],
  ["src/net/a.ts", 'import { x } from "../../test/x.ts";', "imports test/x.ts, which is for tests"],
  [
    "src/new/a.ts",
    'import { x } from "../net/x.ts";',
    "the folder new is not in the table of tools/check_layers.ts",
  ],
])("%s with %j is refused", (path, text, expected) => {
  const others = ["src/net/x.ts", "src/net/x.test.ts", "src/planes/stream/x.ts", "test/x.ts"];
  expect(problems({ [path]: text }, others)).toEqual([`${path}:1: ${expected}`]);
});

test.each([
  [
    "src/core/a.ts",
    'import { z } from "zod";\nimport { RE2JS } from "re2js";\nimport { x } from "./deep/x.ts";',
  ],
  [
    "src/core/a.ts",
    '// import { x } from "../net/x.ts";\n/*\nimport "../net/x.ts";\n*/\nconst text = "Date.now()";',
  ],
  ["src/core/a.test.ts", 'import { x } from "../net/x.ts";\nconst now = Date.now();'],
  [
    "src/planes/http/a.ts",
    'import { x } from "../../net/x.ts";\nimport { y } from "./x.ts";\nconst now = Date.now();',
  ],
  ["src/main.ts", 'import { x } from "./net/x.ts";\nimport { y } from "./planes/http/x.ts";'],
  ["src/cli/a.ts", 'import { x } from "../run/x.ts";'],
  ["test/a.ts", "const x = await import(name);"],
])("%s with %j is fine", (path, text) => {
  const others = ["src/net/x.ts", "src/core/deep/x.ts", "src/planes/http/x.ts", "src/run/x.ts"];
  expect(problems({ [path]: text }, others)).toEqual([]);
});

test("a circle is told with its path, once, types count; a dynamic import makes none", () => {
  const circle = {
    "src/net/b.ts": 'import "./c.ts";',
    "src/net/a.ts": 'import type { B } from "./b.ts";',
    "src/net/c.ts": 'import "./a.ts";',
  };
  expect(problems(circle)).toEqual([
    "src/net/a.ts: imports itself in a circle: src/net/a.ts -> src/net/b.ts -> src/net/c.ts -> src/net/a.ts",
  ]);
  expect(problems({ ...circle, "src/net/c.ts": 'const a = () => import("./a.ts");' })).toEqual([]);
});

test("the scanner finds what Bun's own finds in this project, and types besides", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  let types = 0;
  for (const { path, text } of sourceFiles()) {
    const found = importsOf(text);
    const names = new Set(found.map(({ name }) => name));
    const own = transpiler.scanImports(text.replace(/^#!.*/, "")).filter((each) => each.kind !== "internal");
    expect([path, own.map((each) => each.path).filter((name) => !names.has(name))]).toEqual([path, []]);
    types += found.filter(({ kind }) => kind === "type").length;
  }
  expect(types).toBeGreaterThan(50);
});
