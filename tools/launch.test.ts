/** The launcher with a program that ends by itself. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

test("the program runs no code and takes no variables of the folder that it is started in", () => {
  const folder = join(directory, "folder");
  const marker = join(directory, "marker");
  mkdirSync(folder);
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(folder, "preload.ts"), `await Bun.write(${JSON.stringify(marker)}, "ran");\n`);
  writeFileSync(join(folder, ".env"), "FAIRLEAD_WORKERS=of-the-folder\n");
  writeFileSync(join(folder, "f.yaml"), 'listeners: { web: { address: ":0" } }\n');
  symlinkSync(join(import.meta.dir, "launch.mjs"), join(directory, "fairlead"));
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    ["node", join(directory, "fairlead"), "check", "-c", "f.yaml"],
    { cwd: folder },
  );
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  expect(stdout.toString()).toContain("f.yaml: ok");
  expect(existsSync(marker)).toBe(false);
});
