/** What a worker loads: each module costs every worker memory and time at its start. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** Modules that `files` load, with all that these load: files of ours by name, packages by theirs. */
function loadedBy(files: readonly string[]): Set<string> {
  const loaded = new Set<string>();
  const visit = (file: string): void => {
    if (loaded.has(relative(ROOT, file))) return;
    loaded.add(relative(ROOT, file));
    const transpiler = new Bun.Transpiler({ loader: "ts" });
    for (const { path } of transpiler.scanImports(readFileSync(file, "utf8"))) {
      if (path.endsWith(".json")) continue;
      if (path.startsWith(".")) visit(join(dirname(file), path));
      else loaded.add(path);
    }
  };
  for (const file of files) visit(join(ROOT, file));
  return loaded;
}

test("a worker loads no reader of configurations and no schema library", () => {
  const worker = loadedBy([
    "src/run/worker.ts",
    "src/planes/http/program.ts",
    "src/planes/http/middleware/all.ts",
  ]);
  expect(worker).toContain("src/core/strategies/round_robin.ts");
  const unwanted = [...worker].filter((name) => /^(zod|yaml)$|^src\/(config|cli|admin|probes)\//.test(name));
  expect(unwanted).toEqual([]);
});
