/**
 * Builds the program as one file that needs nothing else on the machine: modules, bytecode and Bun itself.
 * usage: npm run build [-- --outfile FILE]     (default: dist/fairlead)
 */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dir, "..");
const DEFAULT_OUTFILE = join(root, "dist/fairlead");

/** Builds into `outfile`. Throws Error with what Bun says when that fails. */
export async function build(outfile: string): Promise<void> {
  mkdirSync(dirname(outfile), { recursive: true });
  // Bytecode halves the time to start; source maps keep the stack of a fault readable.
  const { success, logs } = await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    // What lies in the folder that the program is started in is not its configuration, let alone its code.
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
    target: "bun",
    format: "cjs",
    bytecode: true,
    sourcemap: "linked",
    minify: { whitespace: true, syntax: true },
    throw: false,
  });
  // They are inside too.
  rmSync(`${outfile}.map`, { force: true });
  if (!success) throw new Error(`the build failed:\n${logs.map(String).join("\n")}`);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { outfile: { type: "string", default: DEFAULT_OUTFILE } } });
  const outfile = resolve(values.outfile);
  await build(outfile);
  console.log(`${outfile} (${Math.round(statSync(outfile).size / 2 ** 20)} MiB)`);
}
