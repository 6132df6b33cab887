import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
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
  expect(await files.list(join(folder, "sub"))).toMatchObject({ names: expect.arrayContaining(["a", "b"]) });
  expect(await files.list(join(folder, "nowhere"))).toEqual({ names: null });
  expect(await files.resolve(join(folder, "none"))).toBeNull();
});

test.each([
  ["the machine's files", () => realFiles],
  ["files in memory", inMemory],
])("%s: a file is replaced as a whole", async (_, make) => {
  const files = make();
  const path = join(folder, "new", "folder", "file");
  for (const text of ["one", "two"]) {
    expect(await files.replace(path, new TextEncoder().encode(text))).toBeNull();
    expect(await files.read(path, 10)).toMatchObject({ bytes: new TextEncoder().encode(text) });
  }
});

test("what was replaced is for its owner only and leaves nothing behind; what cannot be is told", async () => {
  const path = join(folder, "private", "file");
  await realFiles.replace(path, new Uint8Array(3));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await realFiles.list(join(folder, "private"))).toEqual({ names: ["file"] });
  mkdirSync(join(folder, "private", "taken", "by"), { recursive: true });
  expect(await realFiles.replace(join(folder, "private", "taken"), new Uint8Array(3))).not.toBeNull();
  expect(await realFiles.list(join(folder, "private"))).toEqual({ names: ["file", "taken"] });
  expect(await realFiles.replace(join(path, "below"), new Uint8Array(3))).not.toBeNull();
});

test("a folder that cannot be listed is not one that is not there", async () => {
  symlinkSync("loop", join(folder, "loop"));
  expect(await realFiles.list(join(folder, "loop"))).toEqual({ problem: "too many symbolic links" });
  expect(await realFiles.list(join(folder, "x".repeat(300)))).toEqual({ problem: "the name is too long" });
  expect(await realFiles.list(join(folder, "sub", "a"))).toEqual({ names: null });
  const memory = new MemoryFiles({ "/c/a": "1" });
  memory.refuse("/c", "permission denied");
  expect(await memory.list("/c")).toEqual({ problem: "permission denied" });
  memory.allow("/c");
  expect(await memory.list("/c")).toEqual({ names: ["a"] });
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
