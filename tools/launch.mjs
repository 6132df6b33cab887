#!/usr/bin/env node
// Runs a program of this project on the pinned Bun with only Node 20 and npm on the machine: installs the locked
// dependencies when they are missing or stale, then hands over to Bun and passes signals on.
// usage: node tools/launch.mjs FILE.ts [argument …]     (installed as `fairlead`: the file is then src/main.ts)
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const packagesOf = (file) =>
  existsSync(root + file) ? JSON.parse(readFileSync(root + file, "utf8")).packages : {};
const wanted = packagesOf("package-lock.json");
const installed = packagesOf("node_modules/.package-lock.json");
const stale = Object.entries(wanted).some(
  ([path, entry]) => path !== "" && !entry.optional && installed[path]?.version !== entry.version,
);
if (stale) {
  const npm = spawnSync("npm", ["ci"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (npm.status !== 0) {
    console.error("fairlead: npm ci failed, so the pinned Bun is not there");
    process.exit(npm.status ?? 1);
  }
}

// The install script of the package `bun` moves the binary; where scripts are blocked it stays in @oven.
const runs = (path) => existsSync(path) && spawnSync(path, ["--version"]).status === 0;
const bun = [
  "node_modules/bun/bin/bun.exe",
  `node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`,
]
  .map((path) => root + path)
  .find(runs);
if (bun === undefined) {
  console.error("fairlead: no working Bun in node_modules; run npm ci");
  process.exit(1);
}

const given = process.argv.slice(2);
const asProgram = basename(process.argv[1]) === "fairlead";
// Bun would run what a bunfig.toml of the folder names, and take variables from its .env: it may be anybody's folder.
const program = ["--no-env-file", "--config=/dev/null", `${root}src/main.ts`];
const child = spawn(bun, asProgram ? [...program, ...given] : given, {
  cwd: asProgram ? process.cwd() : root,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"])
  process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
