/** A checkout of Fairlead, built as people install it: one file with bytecode inside. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const BUILD_LIMIT_MS = 60_000;

function run(command: readonly string[]): { ok: boolean; text: string } {
  const result = Bun.spawnSync([...command], { stdio: ["ignore", "pipe", "pipe"], timeout: BUILD_LIMIT_MS });
  return { ok: result.exitCode === 0, text: `${result.stdout.toString()}${result.stderr.toString()}`.trim() };
}

/** The Bun of a checkout: the package's install script moves the binary, where scripts are blocked it stays. */
function bunOf(root: string): string {
  const moved = join(root, "node_modules/bun/bin/bun.exe");
  return existsSync(moved) ? moved : process.execPath;
}

/** Builds the program of the checkout at `root`. Throws Error with the words of the build when that fails. */
export function builtProgram(root: string): string {
  const outfile = join(root, "dist/fairlead-bench");
  const built = run([bunOf(root), join(root, "tools/build.ts"), "--outfile", outfile]);
  if (!built.ok) throw new Error(`the checkout ${root} cannot be built: ${built.text}`);
  return outfile;
}

/** Commit of the checkout at `root` and the Bun that it was built with. */
export function checkoutVersion(root: string): string {
  const commit = run(["git", "-C", root, "log", "-1", "--format=%h"]);
  const changed = run(["git", "-C", root, "status", "--porcelain", "--untracked-files=no", "src"]);
  const state = commit.ok ? `commit ${commit.text}${changed.text === "" ? "" : " with changes"}` : "";
  return `${state} on Bun ${run([bunOf(root), "--version"]).text}`.trim();
}
