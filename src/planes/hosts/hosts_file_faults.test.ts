/** The hosts file when something happens at the worst moment: edits around the exchange, locks, disks, mounts. */
import { afterEach, expect, mock, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireRoot, requireTool } from "../../../test/support/require.ts";
import * as extras from "../../platform/file_extras.ts";
import { SystemCallError } from "../../platform/libc.ts";
import { findBlock } from "./block.ts";
import { HostsFile, HostsFileError, type HostsFileRules } from "./hosts_file.ts";
import type { WantedName } from "./lines.ts";

const LOCAL = "127.0.0.1 localhost\n";
const BLOCK = "# BEGIN FAIRLEAD MANAGED BLOCK\n10.0.0.1  db.test\n# END FAIRLEAD MANAGED BLOCK\n";
const WANTED: readonly WantedName[] = [{ names: ["db.test"], addresses: ["10.0.0.1"] }];
const real = { ...extras };

const folders: string[] = [];
const open: HostsFile[] = [];

afterEach(async () => {
  exchangeIs(real.exchangeFiles);
  for (const file of open.splice(0)) await file.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Fault injection: what stands in the place of the exchange of two files. */
function exchangeIs(fake: (one: string, other: string) => void): void {
  void mock.module("../../platform/file_extras.ts", () => ({ ...real, exchangeFiles: fake }));
}

/** Before the nth exchange (from 1) something happens. */
function beforeExchange(happenings: Readonly<Record<number, () => void>>): { count: number } {
  const calls = { count: 0 };
  exchangeIs((one, other) => {
    happenings[++calls.count]?.();
    real.exchangeFiles(one, other);
  });
  return calls;
}

interface Place {
  readonly directory: string;
  readonly path: string;
  readonly state: string;
  readonly file: HostsFile;
  text(): string;
  /** Replaces the file, as editors do. */
  edit(text: string): void;
}

async function place(rules: Partial<HostsFileRules> = {}): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-faults-"));
  folders.push(directory);
  const [path, state] = [join(directory, "hosts"), join(directory, "state")];
  writeFileSync(path, LOCAL);
  const file = new HostsFile(
    { file: path, write: "auto", allowed_roots: [directory], create: false, ...rules },
    state,
  );
  await file.open();
  open.push(file);
  const edit = (text: string): void => {
    writeFileSync(`${path}.edited`, text);
    renameSync(`${path}.edited`, path);
  };
  return { directory, path, state, file, edit, text: () => readFileSync(path, "utf8") };
}

const strays = (directory: string): string[] =>
  readdirSync(directory).filter((name) => !["hosts", "state", ".hosts.fairlead.lock"].includes(name));

test("HF28 an edit right before the exchange gets its place back and is merged", async () => {
  for (const inPlace of [false, true]) {
    const { file, edit, text, path, directory } = await place();
    const edited = `${LOCAL}10.5.5.5 mine\n`;
    const calls = beforeExchange({
      1: () => (inPlace ? appendFileSync(path, "10.5.5.5 mine\n") : edit(edited)),
    });
    expect((await file.update(WANTED)).changed).toBe(true);
    expect([text(), calls.count, strays(directory)]).toEqual([edited + BLOCK, 3, []]);
  }
});

test("HF28 an edit between the two exchanges, based on what stood there, is not lost", async () => {
  const { file, edit, text, directory } = await place();
  beforeExchange({
    1: () => edit(`${LOCAL}10.5.5.5 first\n`),
    2: () => edit(`${text()}10.6.6.6 second\n`),
  });
  await file.update(WANTED);
  expect(text()).toContain("10.6.6.6 second\n");
  expect(findBlock(text(), "")?.lines).toEqual([{ address: "10.0.0.1", names: ["db.test"] }]);
  expect(strays(directory)).toEqual([]);
});

test("HF28 HF30 a mode that is changed right before the exchange is kept", async () => {
  const { file, path, text } = await place();
  beforeExchange({ 1: () => chmodSync(path, 0o600) });
  await file.update(WANTED);
  expect([text(), statSync(path).mode & 0o777]).toEqual([LOCAL + BLOCK, 0o600]);
});

test("HF28 what is put in its place right before the exchange and is no file comes back, and is told", async () => {
  for (const make of [mkdirSync, (path: string) => symlinkSync("nowhere", path)]) {
    const { file, path, directory } = await place();
    beforeExchange({
      1: () => {
        rmSync(path);
        make(path);
      },
    });
    const error: unknown = await file.update(WANTED).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HostsFileError);
    expect(lstatSync(path).isFile()).toBe(false);
    expect(strays(directory)).toEqual([]);
  }
});

test("HF28 a file that is taken away right before either exchange stays away", async () => {
  for (const at of [1, 2]) {
    const { file, path, directory, edit } = await place();
    beforeExchange({
      1: () => (at === 1 ? rmSync(path) : edit("x\n")),
      ...(at === 2 && { 2: () => rmSync(path) }),
    });
    const error = (await file.update(WANTED).catch((thrown: unknown) => thrown)) as HostsFileError;
    expect(error.cause_key).toBe("missing");
    expect([existsSync(path), strays(directory)]).toEqual([false, []]);
  }
});

test("HF28 a file that somebody makes just before ours is merged", async () => {
  const { file, path, text, directory, state } = await place({ create: true });
  rmSync(path);
  // The first backup is the last step before the new file: somebody makes his when it appears.
  const making = (async () => {
    while (!existsSync(state) || readdirSync(state).length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(path, LOCAL);
  })();
  await file.update(WANTED);
  await making;
  expect([text(), strays(directory)]).toEqual([LOCAL + BLOCK, []]);
});

test("HF28 where files cannot be exchanged (fake), an edit is seen before the rename and merged", async () => {
  const { file, edit, text, directory } = await place();
  let calls = 0;
  exchangeIs(() => {
    if (++calls === 1) edit(`${LOCAL}10.5.5.5 mine\n`);
    throw new SystemCallError("renameat2", 22);
  });
  await file.update(WANTED);
  expect([text(), calls, strays(directory)]).toEqual([`${LOCAL}10.5.5.5 mine\n${BLOCK}`, 2, []]);
});

test("HF44 an exchange that fails 50 times (fake) leaves no file behind, and has one cause", async () => {
  const { file, text, directory } = await place();
  exchangeIs(() => {
    throw new SystemCallError("renameat2", 5);
  });
  const causes = new Set<string>();
  for (let turn = 0; turn < 50; turn++)
    causes.add(((await file.update(WANTED).catch((error: unknown) => error)) as HostsFileError).cause_key);
  expect([[...causes], text(), strays(directory)]).toEqual([["write EIO"], LOCAL, []]);
  exchangeIs(real.exchangeFiles);
  expect((await file.update(WANTED)).changed).toBe(true);
});

/**
 * What is promised to a program that appends: a line in the file that has the name, right after it was written, stays. One
 * that opens the file before an exchange and writes after it writes to the old file, which nobody can see: its lines are
 * not counted.
 */
test("HF28 lines that another process appends meanwhile stay", async () => {
  const { file, path, text } = await place();
  const program = `
    const fs = require("node:fs");
    const landed = [];
    for (let line = 0; line < 300; line++) {
      const fd = fs.openSync(process.argv[1], "a");
      fs.writeSync(fd, "10.1.1.1 line" + line + "\\n");
      let isThere = false;
      try { isThere = fs.fstatSync(fd).ino === fs.statSync(process.argv[1]).ino; } catch {}
      if (isThere) landed.push("10.1.1.1 line" + line);
      fs.closeSync(fd);
      Bun.sleepSync(1 + Math.random() * 3);
    }
    console.log(JSON.stringify(landed));`;
  const editor = Bun.spawn([process.execPath, "-e", program, path], { stdout: "pipe", stderr: "inherit" });
  let isEditing = true;
  const said = new Response(editor.stdout).text().finally(() => (isEditing = false));
  let written = 0;
  for (let turn = 0; isEditing; turn++)
    await file.update([{ names: ["db.test"], addresses: [`10.0.${turn % 2}.1`] }]).then(
      ({ changed }) => (written += changed ? 1 : 0),
      (error: HostsFileError) => expect(error.cause_key).toBe("edited"),
    );
  const landed = JSON.parse(await said) as string[];
  const lines = new Set(text().split("\n"));
  expect(landed.filter((line) => !lines.has(line))).toEqual([]);
  expect(landed.length).toBeGreaterThan(250);
  expect(written).toBeGreaterThan(20);
}, 30_000);

test("HF32 the first backup comes back over a damaged block too", async () => {
  const { file, text, edit } = await place();
  await file.update(WANTED);
  edit(text().replace("# END FAIRLEAD MANAGED BLOCK\n", ""));
  expect((await file.previewRestore("first_backup")).after).toBe(LOCAL);
  await file.restore("first_backup");
  expect(text()).toBe(LOCAL);
});

test("HF32 a program that is killed while it keeps the first backup leaves no file of its own for ever", async () => {
  const { file, path, state } = await place();
  await file.update(WANTED);
  const [backup = ""] = readdirSync(state);
  expect(readdirSync(state)).toEqual([expect.stringMatching(/\.first$/)]);
  rmSync(join(state, backup));
  // Another pid's, half written.
  writeFileSync(join(state, `${backup}.new`), "127.");
  const next = new HostsFile({ file: path, write: "auto", allowed_roots: [], create: false }, state);
  await file.close();
  await next.open();
  open.push(next);
  await next.update([]);
  expect([readdirSync(state), readFileSync(join(state, backup), "utf8")]).toEqual([[backup], LOCAL + BLOCK]);
});

const noUnshare = requireTool("unshare") ?? requireRoot();
test.skipIf(noUnshare !== null)(
  "HF27 a file that something is mounted on while the program runs is written in place from then on; rename says so",
  async () => {
    const { directory, file, path, text } = await place();
    await file.close();
    open.length = 0;
    const script = `
      const fs = require("node:fs");
      const { HostsFile } = await import("${import.meta.dir}/hosts_file.ts");
      const told = [];
      const rules = { file: "${path}", write: "auto", allowed_roots: [], create: false };
      const file = new HostsFile(rules, "${directory}/state", ({ event }) => told.push(event));
      await file.open();
      const ways = [file.way];
      fs.writeFileSync("${directory}/mounted", "10.7.7.7 mounted\\n");
      const mount = Bun.spawnSync(["sh", "-c", "mount --make-rprivate / && mount --bind ${directory}/mounted ${path}"]);
      await file.update(${JSON.stringify(WANTED)});
      ways.push(file.way);
      await file.follow({ ...rules });
      ways.push(file.way);
      await file.follow({ ...rules, write: "rename" });
      const error = await file.remove().catch((thrown) => thrown);
      console.log(JSON.stringify({ ways, told, mount: mount.stderr.toString(), cause: error.cause_key, message: error.message }));`;
    const { stdout, stderr } = Bun.spawnSync(["unshare", "-m", process.execPath, "-e", script]);
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual({
      ways: ["rename", "in_place", "in_place"],
      told: ["hosts_in_place"],
      mount: "",
      cause: "write EBUSY",
      message: `${path} cannot be written: it is a mount point, which hosts.write: rename cannot replace`,
    });
    expect([text(), readFileSync(join(directory, "mounted"), "utf8")]).toEqual([
      LOCAL,
      `10.7.7.7 mounted\n${BLOCK}`,
    ]);
  },
);

test("HF26 a state directory that cannot be written is told by its own name", async () => {
  const { file, state, text } = await place();
  writeFileSync(state, "a file");
  const error = (await file.update(WANTED).catch((thrown: unknown) => thrown)) as HostsFileError;
  expect(error.message).toStartWith(`the first backup cannot be kept in ${state}: `);
  expect([error.cause_key.startsWith("backup "), text()]).toEqual([true, LOCAL]);
  rmSync(state);
  expect((await file.update(WANTED)).changed).toBe(true);
});
