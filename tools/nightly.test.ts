import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

async function nightly(...options: string[]): Promise<{ output: string; exitCode: number }> {
  const child = Bun.spawn([process.execPath, "tools/nightly.ts", ...options], {
    stdout: "pipe",
    stderr: "inherit",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const [output, exitCode] = await Promise.all([child.stdout.text(), child.exited]);
  return { output, exitCode };
}

test("H-J21/nightly an entry is fuzzed for its budget and found clean", async () => {
  const entry = "control_line";
  const corpus = mkdtempSync(join(tmpdir(), "fairlead-corpus-"));
  const options = ["--only", entry, "--budget", "500ms", "--seed", "3", "--corpus", corpus];
  const { output, exitCode } = await nightly(...options);
  // Inputs with new outcomes are kept.
  expect(existsSync(join(corpus, entry))).toBe(true);
  rmSync(corpus, { recursive: true });
  expect(output).toMatch(new RegExp(`^${entry}: [1-9]\\d* inputs in [1-9]\\d* rounds, 0 findings$`, "m"));
  expect([output.trim().split("\n").at(-1), exitCode]).toEqual(["clean", 0]);
}, 60_000);

test("an entry that there is not is refused", async () => {
  const child = Bun.spawn([process.execPath, "tools/nightly.ts", "--only", "nothing"], { stderr: "pipe" });
  expect(await child.stderr.text()).toContain("no fuzz entry is called nothing");
  expect(await child.exited).not.toBe(0);
});
