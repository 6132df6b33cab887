import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

/** Exit code and what was printed, run in `cwd`. */
async function ok(cwd: string, ...args: string[]): Promise<[number, string]> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/ok.ts`, ...args], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return [await child.exited, out + errors];
}

test("a step that fails is shown and named at the end, and --fix repairs what it can", async () => {
  const folder = mkdtempSync(`${tmpdir()}/fairlead-ok-`);
  try {
    mkdirSync(`${folder}/src`);
    writeFileSync(`${folder}/src/a.ts`, "export   const a = 1\n");
    const [failed, text] = await ok(folder, "format");
    expect(text).toMatch(
      /^FAILED +[\d.]+ s {2}format\n {7}bun fmt --check\n[\s\S]*src\/a\.ts[\s\S]*\nfailed: format\n$/,
    );
    expect(failed).toBe(1);
    const [fixed, after] = await ok(folder, "--fix", "format");
    expect(after).toMatch(/^ok +[\d.]+ s {2}format\nall ok$/m);
    expect(fixed).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an unknown step is refused with those that there are", async () => {
  const [exitCode, text] = await ok(".", "lynt");
  expect(text).toContain("no step lynt; there are: format, types, lint, layers");
  expect(exitCode).toBe(2);
});
