import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentHash, MemoryFiles, realFiles, type Files } from "./files.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-files-"));
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub", "b"), "two");
  writeFileSync(join(folder, "sub", "a"), "one");
  symlinkSync("a", join(folder, "sub", "link"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inMemory = (): Files =>
  new MemoryFiles({ [join(folder, "sub", "a")]: "one", [join(folder, "sub", "b")]: "two" });

test.each([
  ["the machine's files", () => realFiles],
  ["files in memory", inMemory],
])("%s: read, list, limits and problems", async (_, make) => {
  const files = make();
  const a = join(folder, "sub", "a");
  expect(await files.read(a, 10)).toEqual({
    bytes: new TextEncoder().encode("one"),
    hash: contentHash(new TextEncoder().encode("one")),
  });
  expect(await files.read(a, 2)).toEqual({ problem: "larger than 2 bytes" });
  expect(await files.read(join(folder, "none"), 10)).toEqual({ problem: "no such file" });
  expect((await files.list(join(folder, "sub")))?.slice(0, 2)).toEqual(["a", "b"]);
  expect(await files.list(join(folder, "nowhere"))).toBeNull();
  expect(await files.resolve(join(folder, "none"))).toBeNull();
});

test("folders and devices are not read, links are resolved", async () => {
  expect(await realFiles.read(folder, 10)).toEqual({ problem: "not a regular file" });
  expect(await realFiles.read("/dev/zero", 10)).toEqual({ problem: "not a regular file" });
  expect(await realFiles.resolve(join(folder, "sub", "link"))).toBe(
    await realFiles.resolve(join(folder, "sub", "a")),
  );
});

test.each([
  ["made", (file: string) => writeFileSync(`${file}-new`, "1")],
  ["written", (file: string) => writeFileSync(file, "2")],
  ["replaced", (file: string, other: string) => renameSync(other, file)],
  ["removed", (file: string) => rmSync(file)],
])("a watched folder tells of a file that is %s", async (_, act) => {
  const watched = mkdtempSync(join(folder, "watched-"));
  const [file, other] = [join(watched, "file"), join(folder, "other")];
  writeFileSync(file, "1");
  writeFileSync(other, "3");
  const told = Promise.withResolvers<void>();
  const close = realFiles.watchFolder(watched, told.resolve);
  act(file, other);
  await told.promise;
  close?.();
});

test("a folder that does not exist is not watched", () => {
  expect(realFiles.watchFolder(join(folder, "nowhere"), () => {})).toBeNull();
});
