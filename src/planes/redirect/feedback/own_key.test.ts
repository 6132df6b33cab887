import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realFiles } from "../../../platform/files.ts";
import { ownKey } from "./own_key.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-key-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the key is made once, for its owner's eyes, and a damaged one is replaced", async () => {
  const first = await ownKey(realFiles, folder);
  expect(first).toEqual({ key: expect.stringMatching(/^[0-9a-f]{64}$/), problem: null });
  const file = join(folder, "redirect-feedback.key");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await ownKey(realFiles, folder)).toEqual(first);
  writeFileSync(file, "short");
  const second = await ownKey(realFiles, folder);
  expect(second.key).not.toBe(first.key);
  expect(await ownKey(realFiles, folder)).toEqual(second);
});

test("where nothing can be written the key is told to end with the program", async () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  const { key, problem } = await ownKey(realFiles, join(file, "below"));
  expect([key.length, problem]).toEqual([
    64,
    expect.stringContaining("redirect-feedback.key cannot be written"),
  ]);
});
