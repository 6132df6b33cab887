import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { findTool } from "./find_tool.ts";
import { isRequired, requireRoot, requireTool, requirement } from "./require.ts";

test.each([
  [undefined, false],
  ["", false],
  ["0", false],
  ["1", true],
  ["root,nginx", true],
  ["root,nginx-extra", false],
])("FAIRLEAD_REQUIRE=%p asks for nginx: %p", (wanted, expected) => {
  expect(isRequired("nginx", wanted)).toBe(expected);
});

test("what is there lacks nothing", () => {
  expect(requireTool("sh")).toBeNull();
  expect(requirement("anything", null)).toBeNull();
  if (process.getuid?.() === 0) expect(requireRoot()).toBeNull();
  expect(findTool("no-such-program-anywhere")).toBeNull();
});

test("what is missing skips with a noted reason, and fails where it is required", async () => {
  const folder = mkdtempSync(`${tmpdir()}/fairlead-require-`);
  try {
    const file = `${folder}/sample.test.ts`;
    writeFileSync(
      file,
      `import { expect, test } from "bun:test";
      import { requireTool } from ${JSON.stringify(`${import.meta.dir}/require.ts`)};
      const lacking = requireTool("no-such-program");
      test.skipIf(lacking !== null)("uses it", () => {});
      test("does not need it", () => { expect(1).toBe(1); });`,
    );
    const run = async (env: Record<string, string>): Promise<[number, string]> => {
      const child = Bun.spawn([process.execPath, "test", file], {
        cwd: folder,
        env: { ...process.env, FAIRLEAD_REQUIRE: "", TEST_SKIP_LOG: `${folder}/skips`, ...env },
        stdout: "ignore",
        stderr: "pipe",
      });
      const text = await child.stderr.text();
      return [await child.exited, text];
    };
    const [skipping, skipped] = await run({});
    expect(skipped).toMatch(/1 pass\n\s*1 skip\n\s*0 fail/);
    expect(skipping).toBe(0);
    expect(JSON.parse(readFileSync(`${folder}/skips`, "utf8"))).toEqual({
      file: "sample.test.ts",
      reason: "no-such-program is not installed",
    });
    const [failing, failed] = await run({ FAIRLEAD_REQUIRE: "no-such-program" });
    expect(failed).toMatch(/1 pass\n\s*1 skip\n\s*1 fail/);
    expect(failed).toContain("no-such-program is not installed, and FAIRLEAD_REQUIRE asks for it");
    expect(failing).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
