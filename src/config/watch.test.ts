import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryFiles } from "../platform/files.ts";
import { ConfigCache, MAX_FILES } from "./config_files.ts";
import { MAX_INPUT_BYTES } from "./inputs.ts";
import { loadConfig } from "./load.ts";
import { testParts } from "./test_parts.ts";
import { watchConfig, type ConfigWatch, type Schedule } from "./watch.ts";

const root = mkdtempSync(join(tmpdir(), "fairlead-watch-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const open: ConfigWatch[] = [];
afterEach(() => {
  for (const watch of open.splice(0)) watch.close();
});

const config = (workers: number): string => `workers: ${workers}\n`;

/** A program that reloads on change, as the supervisor does, with the number of workers as what it serves. */
function reloading(file: string): { until(workers: number): Promise<void>; reloads(): number } {
  const cache = new ConfigCache();
  let now: number | undefined;
  let reloads = 0;
  let wake: () => void = () => {};
  const load = async (): Promise<void> => {
    const result = await loadConfig({ file, parts: testParts, cache });
    now = result.plan?.workers ?? now;
    watch.loaded(result.fileHashes);
    wake();
  };
  const watch = watchConfig({
    file,
    debounceMs: 10,
    pollMs: 3_600_000,
    onChange: () => {
      reloads++;
      void load();
    },
  });
  open.push(watch);
  void load();
  return {
    reloads: () => reloads,
    async until(workers) {
      while (now !== workers) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

test("H-J5/inotify a file that is written, replaced, removed and made again is followed", async () => {
  const folder = mkdtempSync(join(root, "plain-"));
  const file = join(folder, "fairlead.yaml");
  writeFileSync(file, config(1));
  const program = reloading(file);
  await program.until(1);
  writeFileSync(file, config(2));
  await program.until(2);
  writeFileSync(`${file}.new`, config(3));
  renameSync(`${file}.new`, file);
  await program.until(3);
  unlinkSync(file);
  writeFileSync(file, config(4));
  await program.until(4);
});

test("H-J5/conf.d a folder that appears later, its files and their removal are followed", async () => {
  const folder = mkdtempSync(join(root, "extras-"));
  const file = join(folder, "fairlead.yaml");
  writeFileSync(file, config(1));
  const program = reloading(file);
  await program.until(1);
  mkdirSync(join(folder, "conf.d"));
  writeFileSync(join(folder, "conf.d", "a.yaml"), config(2));
  await program.until(2);
  writeFileSync(join(folder, "conf.d", "a.yaml"), config(3));
  await program.until(3);
  unlinkSync(join(folder, "conf.d", "a.yaml"));
  await program.until(1);
});

test("H-J5/configmap the swap of a ConfigMap's folder is followed, again and again", async () => {
  const folder = mkdtempSync(join(root, "map-"));
  const publish = (version: number): void => {
    mkdirSync(join(folder, `..v${version}`));
    writeFileSync(join(folder, `..v${version}`, "fairlead.yaml"), config(version));
    symlinkSync(`..v${version}`, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    if (version > 1) rmSync(join(folder, `..v${version - 1}`), { recursive: true });
  };
  publish(1);
  symlinkSync("..data/fairlead.yaml", join(folder, "fairlead.yaml"));
  const program = reloading(join(folder, "fairlead.yaml"));
  await program.until(1);
  for (const version of [2, 3, 4]) {
    publish(version);
    await program.until(version);
  }
});

test("a file behind a link elsewhere is followed", async () => {
  const folder = mkdtempSync(join(root, "link-"));
  mkdirSync(join(folder, "elsewhere"));
  writeFileSync(join(folder, "elsewhere", "real.yaml"), config(1));
  symlinkSync("elsewhere/real.yaml", join(folder, "fairlead.yaml"));
  const program = reloading(join(folder, "fairlead.yaml"));
  await program.until(1);
  writeFileSync(join(folder, "elsewhere", "real.yaml"), config(2));
  await program.until(2);
});

test("a half-written file is a failed load, and the rest of it is followed", async () => {
  const folder = mkdtempSync(join(root, "partial-"));
  const file = join(folder, "fairlead.yaml");
  writeFileSync(file, config(1));
  const program = reloading(file);
  await program.until(1);
  writeFileSync(file, "workers: [");
  while (program.reloads() === 0) await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(file, config(2));
  await program.until(2);
});

/** Time that stands still: scheduled calls run when the test says so. */
function manualTime(): { schedule: Schedule; pass(ms: number): Promise<void> } {
  let now = 0;
  const due = new Set<{ at: number; run: () => void }>();
  // Files in memory answer by promises alone, and all of these run before an immediate.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    schedule: (ms, run) => {
      const entry = { at: now + ms, run };
      due.add(entry);
      return () => void due.delete(entry);
    },
    async pass(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const next = [...due].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        now = next.at;
        due.delete(next);
        next.run();
        await settle();
      }
      now = end;
    },
  };
}

async function hashesOf(files: MemoryFiles, paths: readonly string[]): Promise<Record<string, string>> {
  const pairs = await Promise.all(
    paths.map(async (path) => {
      const content = await files.read(path, 1_000);
      return [path, "hash" in content ? content.hash : ""] as const;
    }),
  );
  return Object.fromEntries(pairs);
}

test("events are joined, equal content is no change, and endless events do not put the check off for ever", async () => {
  const files = new MemoryFiles({ "/c/f.yaml": "a: 1" });
  const time = manualTime();
  let changes = 0;
  const watch = watchConfig({ file: "/c/f.yaml", files, schedule: time.schedule, onChange: () => changes++ });
  open.push(watch);
  await time.pass(200);
  watch.loaded(await hashesOf(files, ["/c/f.yaml"]));
  await time.pass(200);
  files.write("/c/f.yaml", "a: 1");
  await time.pass(200);
  expect(changes).toBe(0);

  for (let index = 0; index < 5; index++) {
    files.write("/c/f.yaml", `a: ${index + 2}`);
    await time.pass(50);
  }
  expect(changes).toBe(0);
  await time.pass(100);
  expect(changes).toBe(1);

  watch.loaded(await hashesOf(files, ["/c/f.yaml"]));
  await time.pass(200);
  for (let index = 0; index < 30; index++) {
    files.write("/c/f.yaml", `b: ${index}`);
    await time.pass(90);
  }
  expect(changes).toBeGreaterThan(1);
});

/** Loads once, tells the watch, and counts what it then reports while time passes. */
async function reportsAfterLoad(
  files: MemoryFiles,
): Promise<{ pass(ms: number): Promise<number>; reload(): Promise<void> }> {
  const time = manualTime();
  const options = { file: "/c/f.yaml", parts: testParts, files, cache: new ConfigCache() };
  let reports = 0;
  const onChange = () => void reports++;
  const watch = watchConfig({ file: options.file, files, schedule: time.schedule, onChange });
  open.push(watch);
  const reload = async (): Promise<void> => watch.loaded((await loadConfig(options)).fileHashes);
  await reload();
  return {
    reload,
    async pass(ms) {
      await time.pass(ms);
      return reports;
    },
  };
}

test("a file that is too large to be loaded is no change", async () => {
  const files = new MemoryFiles({
    "/c/f.yaml": `listeners: { s: { address: ":1", tls: { certificates: [{ cert: big, key: big }] } } }`,
  });
  files.write("/c/big", new Uint8Array(MAX_INPUT_BYTES + 1));
  const { pass } = await reportsAfterLoad(files);
  expect(await pass(20_000)).toBe(0);
  files.write("/c/big", "small");
  expect(await pass(20_000)).toBeGreaterThan(0);
});

test("more files than are loaded, and a folder that cannot be listed, are one change each", async () => {
  const files = new MemoryFiles({ "/c/f.yaml": config(1), "/c/conf.d/a.yaml": "" });
  const { pass, reload } = await reportsAfterLoad(files);
  let seen = 0;
  const oneChange = async (): Promise<void> => {
    // Until it is loaded the poll tells it again and again.
    expect(await pass(200)).toBeGreaterThan(seen);
    await reload();
    seen = await pass(0);
    expect(await pass(1_000)).toBe(seen);
  };
  files.refuse("/c/conf.d", "permission denied");
  await oneChange();
  files.allow("/c/conf.d");
  await oneChange();
  for (let index = 0; index < MAX_FILES; index++) files.write(`/c/conf.d/${index}.yaml`, "");
  await oneChange();
  files.remove("/c/conf.d/0.yaml");
  await oneChange();
});

test("H-J5/poll the poll finds what no event told; secrets count; what happened during a load is found after it", async () => {
  const files = new MemoryFiles({ "/c/f.yaml": "a: 1", "/s/secret": "x" });
  const silent = Object.assign(Object.create(files) as MemoryFiles, {
    watchFolder: () => null,
    read: files.read.bind(files),
    list: files.list.bind(files),
    resolve: files.resolve.bind(files),
  });
  const time = manualTime();
  let changes = 0;
  const watch = watchConfig({
    file: "/c/f.yaml",
    files: silent,
    schedule: time.schedule,
    onChange: () => changes++,
  });
  open.push(watch);
  watch.loaded(await hashesOf(files, ["/c/f.yaml", "/s/secret"]));
  await time.pass(1_000);
  expect(changes).toBe(0);
  files.write("/s/secret", "y");
  await time.pass(5_000);
  expect(changes).toBe(1);

  const old = await hashesOf(files, ["/c/f.yaml", "/s/secret"]);
  files.write("/c/f.yaml", "a: 2");
  watch.loaded(old);
  await time.pass(100);
  expect(changes).toBe(2);

  watch.close();
  files.write("/c/f.yaml", "a: 3");
  await time.pass(20_000);
  expect(changes).toBe(2);
});
