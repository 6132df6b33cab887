/** The launcher with a program that ends by itself. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = mkdtempSync(join(tmpdir(), "fairlead-launch-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each([
  ["process.exit(3)", 3],
  ["process.kill(process.pid, 'SIGKILL')", 128 + 9],
  ["process.kill(process.pid, 'SIGTERM')", 128 + 15],
])("a program that does %s: exit code %p", (text, code) => {
  const file = join(directory, "program.ts");
  writeFileSync(file, `${text};\nsetInterval(() => {}, 1_000);\n`);
  const launcher = join(import.meta.dir, "launch.mjs");
  expect(Bun.spawnSync(["node", launcher, file], { stdio: ["ignore", "inherit", "inherit"] }).exitCode).toBe(
    code,
  );
});
