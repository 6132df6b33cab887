/** The runner itself, on small projects in temporary folders. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { readReport } from "./test_run/junit.ts";
import { runJob } from "./test_run/run_job.ts";

const HEAD = 'import { expect, test } from "bun:test";\n';
const PASS = 'test("passes", () => { expect(1).toBe(1); });\n';
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function project(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(`${tmpdir()}/fairlead-runner-`);
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(`${folder}/${name}`), { recursive: true });
    writeFileSync(`${folder}/${name}`, HEAD + text);
  }
  return folder;
}

/** Exit code, lines that were printed, and the merged report. */
async function run(cwd: string): Promise<[number, string[], string]> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/test.ts`, "--no-install"], {
    cwd,
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, FAIRLEAD_REQUIRE: "" },
  });
  const text = await child.stdout.text();
  return [
    await child.exited,
    text.trimEnd().split("\n"),
    readFileSync(`${cwd}/test-results/junit.xml`, "utf8"),
  ];
}

test("all passed: exit code 0, the counts last, skips with their reason before", async () => {
  const folder = project({
    "src/core/a.test.ts": PASS,
    "test/e2e/b.test.ts": `import { requireTool } from ${JSON.stringify(`${import.meta.dir}/../test/support/require.ts`)};
      ${PASS} test.skipIf(requireTool("no-such-program") !== null)("H-A1 uses it", () => {});`,
  });
  const [exitCode, lines, xml] = await run(folder);
  expect(lines.slice(-3)).toEqual([
    "skipped: test/e2e/b.test.ts > H-A1 uses it: no-such-program is not installed",
    "1 skipped: 1 no-such-program is not installed",
    "2 passed, 0 failed",
  ]);
  expect(exitCode).toBe(0);
  expect(readReport(xml).map(({ file, outcome }) => `${file} ${outcome}`)).toEqual([
    "src/core/a.test.ts passed",
    "test/e2e/b.test.ts passed",
    "test/e2e/b.test.ts skipped",
  ]);
});

test("what fails, does not load, dies, or errs outside of tests counts as failed", async () => {
  const folder = project({
    "src/core/fails.test.ts": `${PASS} test("fails", () => { expect(1).toBe(2); });`,
    "src/core/unloadable.test.ts": 'import "./nowhere.ts";\n',
    "src/net/dies.test.ts": `${PASS} test("dies", () => { process.kill(process.pid, "SIGKILL"); });`,
    "src/net/survives.test.ts": PASS,
    "src/run/only.test.ts": `${PASS} test.only("alone", () => { expect(1).toBe(1); });`,
    "test/e2e/empty.test.ts": "void expect; void test;\n",
    "test/e2e/errs.test.ts": `${PASS} setTimeout(() => { throw new Error("late"); }, 1); test("waits", async () => { await Bun.sleep(50); });`,
  });
  const [exitCode, lines, xml] = await run(folder);
  expect(exitCode).toBe(1);
  const failed = readReport(xml).filter(({ outcome }) => outcome === "failed");
  expect(failed.map(({ file }) => file)).toEqual([
    "src/core/fails.test.ts",
    "src/core/unloadable.test.ts",
    "src/net/dies.test.ts",
    "src/run/only.test.ts",
    "test/e2e/empty.test.ts",
    "test/e2e/errs.test.ts",
  ]);
  expect(lines.at(-1)).toMatch(/^\d+ passed, 6 failed$/);
  expect(lines.join("\n")).toContain("src/net: ended by SIGKILL; each file runs again alone");
}, 60_000);

test("a job that runs too long is killed with what it started", async () => {
  const folder = project({
    "test/hangs.test.ts": `test("hangs", () => {
      const child = Bun.spawn(["sleep", "1000"]);
      require("node:fs").writeFileSync("pid", String(child.pid));
      while (true);
    });`,
  });
  const job = { name: "test/hangs.test.ts", files: ["test/hangs.test.ts"], timeoutMs: 2_000 };
  const result = await runJob(job, { folder: `${folder}/jobs`, cwd: folder, env: {}, testTimeoutMs: 60_000 });
  expect(result).toMatchObject({ cases: [], trouble: "killed after 2 s", died: true });
  const pid = Number(readFileSync(`${folder}/pid`, "utf8"));
  for (const end = performance.now() + 5_000; isRunning(pid) && performance.now() < end;) await Bun.sleep(5);
  expect(isRunning(pid)).toBe(false);
});

/** A killed process may stay as a zombie until its parent's parent looks. */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) [ZX] /.test(readFileSync(file, "utf8"));
}
