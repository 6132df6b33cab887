/** The hosts file on real file systems: what it keeps, whom it refuses, and what edits of others come to. */
import { afterEach, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attribute, setAttribute } from "../../platform/file_extras.ts";
import { requireRoot, requireTool } from "../../../test/support/require.ts";
import { findBlock } from "./block.ts";
import { HostsFile, HostsFileError, type HostsFileRules } from "./hosts_file.ts";
import type { WantedName } from "./lines.ts";

const LOCAL = "127.0.0.1 localhost\n";
const wanted = (address: string): WantedName[] => [{ names: ["db.test"], addresses: [address] }];
const BLOCK = "# BEGIN FAIRLEAD MANAGED BLOCK\n10.0.0.1  db.test\n# END FAIRLEAD MANAGED BLOCK\n";

const folders: string[] = [];
const open: HostsFile[] = [];

afterEach(async () => {
  for (const file of open.splice(0)) await file.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "fairlead-hosts-file-"));
  folders.push(made);
  return made;
}

interface Place {
  readonly directory: string;
  readonly path: string;
  readonly state: string;
  readonly file: HostsFile;
  text(): string;
}

/** A hosts file that is open; null = there is none. */
async function place(content: string | null = LOCAL, rules: Partial<HostsFileRules> = {}): Promise<Place> {
  const directory = folder();
  const path = join(directory, "hosts");
  const state = join(directory, "state");
  if (content !== null) writeFileSync(path, content);
  const file = new HostsFile(
    { file: path, write: "auto", allowed_roots: [directory], create: false, ...rules },
    state,
  );
  await file.open();
  open.push(file);
  return { directory, path, state, file, text: () => readFileSync(path, "utf8") };
}

/** What a change is refused with. */
async function refusal(file: HostsFile): Promise<HostsFileError> {
  const error: unknown = await file.update(wanted("10.0.0.1")).catch((thrown: unknown) => thrown);
  if (!(error instanceof HostsFileError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

test("HF21 an equal result is not written: file, time and inode stay", async () => {
  const { file, path, text } = await place();
  expect(await file.update(wanted("10.0.0.1"))).toEqual({
    changed: true,
    bytesWritten: LOCAL.length + BLOCK.length,
  });
  const before = statSync(path);
  expect(await file.update(wanted("10.0.0.1"))).toEqual({ changed: false, bytesWritten: 0 });
  const after = statSync(path);
  expect([after.mtimeMs, after.ino, text()]).toEqual([before.mtimeMs, before.ino, LOCAL + BLOCK]);
});

test("HF20 HF26 a missing file is refused, and made with mode 0644 where that is wanted", async () => {
  const refused = await place(null);
  expect((await refusal(refused.file)).message).toBe(
    `${refused.path}: there is no such file; hosts.create makes it`,
  );
  expect(readdirSync(refused.directory).filter((name) => !name.startsWith("."))).not.toContain("hosts");
  const made = await place(null, { create: true });
  await made.file.update(wanted("10.0.0.1"));
  expect([made.text(), statSync(made.path).mode & 0o777]).toEqual([BLOCK, 0o644]);
});

test("HF26 what is no hosts file is refused with one sentence and left as it is", async () => {
  const { file, path, directory } = await place();
  const cases: readonly [() => void, string][] = [
    [() => mkdirSync(path), "is a directory; expected a hosts file"],
    [() => Bun.spawnSync(["mkfifo", path]), "is not a regular file; expected a hosts file"],
    [() => symlinkSync(join(directory, "nowhere"), path), "is a link that leads nowhere; expected a file"],
    [() => symlinkSync("/etc/passwd", path), "is a link to /etc/passwd, which is outside of"],
    [
      () => writeFileSync(path, Buffer.alloc(10 * 2 ** 20, "#")),
      "is larger than 8 MiB; expected a hosts file",
    ],
  ];
  for (const [make, words] of cases) {
    rmSync(path, { recursive: true, force: true });
    make();
    const first = await refusal(file);
    expect(first.message).toContain(words);
    expect(first.message).not.toContain("\n");
    // The same cause has the same key, so that it is told once.
    expect((await refusal(file)).cause_key).toBe(first.cause_key);
  }
  const passwd = readFileSync("/etc/passwd", "utf8");
  expect(passwd).not.toContain("db.test");
  rmSync(path);
  writeFileSync(path, LOCAL);
  expect((await file.update(wanted("10.0.0.1"))).changed).toBe(true);
});

test("HF26 a link into an allowed folder is followed, and stays a link", async () => {
  const elsewhere = folder();
  writeFileSync(join(elsewhere, "real"), LOCAL);
  const { file, path, directory } = await place(null, { allowed_roots: [elsewhere] });
  symlinkSync(join(elsewhere, "real"), path);
  await file.update(wanted("10.0.0.1"));
  expect(readFileSync(join(elsewhere, "real"), "utf8")).toBe(LOCAL + BLOCK);
  expect(readdirSync(directory).includes("hosts")).toBe(true);
  expect(statSync(path).ino).toBe(statSync(join(elsewhere, "real")).ino);
});

const noRoot = requireRoot();
test.skipIf(noRoot !== null)("HF30 mode, owner and extended attributes are kept", async () => {
  const { file, path } = await place();
  chownSync(path, 12_345, 23_456);
  chmodSync(path, 0o640);
  setAttribute(path, "user.fairlead", Buffer.from("kept \0 as it is"));
  setAttribute(path, "security.fairlead", Buffer.from("label"));
  await file.update(wanted("10.0.0.1"));
  const { mode, uid, gid } = statSync(path);
  expect([mode & 0o7777, uid, gid]).toEqual([0o640, 12_345, 23_456]);
  expect(attribute(path, "user.fairlead")?.toString()).toBe("kept \0 as it is");
  expect(attribute(path, "security.fairlead")?.toString()).toBe("label");
});

test("HF28 an edit by rename at any time is merged: no line of either side is lost", async () => {
  const { file, path, text } = await place();
  let edits = 0;
  let written = 0;
  let writing = true;
  // An editor in this process: between any two steps of a change, which waits for the disk many times.
  const editor = (async () => {
    while (writing) {
      const next = `${path}.edited`;
      writeFileSync(next, `10.1.1.${edits % 250} edit${edits}\n${text()}`);
      renameSync(next, path);
      edits++;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
      // However slow the disk is, a change is not met by more edits than it tries to merge.
      for (const before = written; writing && edits % 8 === 0 && written === before;)
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  for (; written < 150; written++) await file.update(wanted(`10.0.0.${written + 1}`));
  writing = false;
  await editor;
  await file.update(wanted("10.0.0.250"));
  const lines = text().split("\n");
  for (let edit = 0; edit < edits; edit++) expect(lines).toContain(`10.1.1.${edit % 250} edit${edit}`);
  expect(findBlock(text(), path)?.lines).toEqual([{ address: "10.0.0.250", names: ["db.test"] }]);
  expect(edits).toBeGreaterThan(20);
});

test("HF29 the lock names its holder, a second one waits, and the file of the lock goes with it", async () => {
  const { file, path, directory } = await place();
  const second = new HostsFile(
    { file: path, write: "auto", allowed_roots: [], create: false },
    join(directory, "other"),
  );
  const refused: unknown = await second.open().catch((error: unknown) => error);
  expect((refused as Error).message).toBe(
    `${path} is kept by another program (pid ${process.pid}); stop it first`,
  );
  const waiting = second.open({ waitMs: 10_000 });
  await file.close();
  await waiting;
  await second.close();
  expect(readdirSync(directory).filter((name) => name.includes("lock"))).toEqual([]);
});

test("HF32 the first backup is kept once, readable for its owner alone, and brought back byte for byte", async () => {
  const first = "127.0.0.1\tlocalhost\r\n\xff no last line";
  const { file, path, state } = await place();
  writeFileSync(path, Buffer.from(first, "latin1"));
  await file.update(wanted("10.0.0.1"));
  appendFileSync(path, "\n10.5.5.5 later\n");
  await file.update(wanted("10.0.0.2"));
  const [backup] = readdirSync(state).filter((name) => name.endsWith(".first"));
  expect(statSync(join(state, backup!)).mode & 0o777).toBe(0o600);
  await file.restore("first_backup");
  expect(readFileSync(path).toString("latin1")).toBe(first);
  await file.update(wanted("10.0.0.3"));
  await file.restore("remove");
  expect(readFileSync(path).toString("latin1")).toBe(first);
});

test("HF44 over 200 changes nothing but the file and dot files appears, and every state of it is complete", async () => {
  const { file, path, directory, text } = await place();
  chmodSync(path, 0o604);
  setAttribute(path, "user.label", Buffer.from("x"));
  const seen = new Set<string>();
  const wrong: string[] = [];
  // The kernel tells every name, however short it is there.
  const watcher = watch(directory, (_, name) => seen.add(String(name).replace(/\d+/g, "N")));
  let looking = true;
  const looker = (async () => {
    while (looking) {
      for (const name of readdirSync(directory)) seen.add(name.replace(/\d+/g, "N"));
      const now = text();
      const isWhole =
        now.startsWith(LOCAL) && (now === LOCAL || now.endsWith("# END FAIRLEAD MANAGED BLOCK\n"));
      const label = attribute(path, "user.label")?.toString();
      if (!isWhole || (statSync(path).mode & 0o777) !== 0o604 || label !== "x") wrong.push(now);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let turn = 0; turn < 200; turn++) await file.update(wanted(`10.0.${turn % 2}.1`));
  while (!seen.has(".hosts.fairlead-N-N")) await new Promise((resolve) => setTimeout(resolve, 1));
  looking = false;
  await looker;
  watcher.close();
  expect(wrong).toEqual([]);
  expect([...seen].filter((name) => !name.startsWith(".") && name !== "hosts" && name !== "state")).toEqual(
    [],
  );
  expect(readdirSync(directory).toSorted()).toEqual([".hosts.fairlead.lock", "hosts", "state"]);
});

const noChattr = requireTool("chattr") ?? noRoot;
test.skipIf(noChattr !== null)(
  "HF44 a rename that fails 50 times leaves no file behind, and has one cause",
  async () => {
    const { file, path, directory, text } = await place();
    // An immutable file can neither be renamed nor replaced: every change fails at its last step.
    if (Bun.spawnSync(["chattr", "+i", path]).exitCode !== 0)
      return expect(noChattr).toBe("chattr has no effect here");
    try {
      const causes = new Set<string>();
      for (let turn = 0; turn < 50; turn++) causes.add((await refusal(file)).cause_key);
      expect([...causes]).toEqual(["write EPERM"]);
      expect(readdirSync(directory).toSorted()).toEqual([".hosts.fairlead.lock", "hosts", "state"]);
      expect(text()).toBe(LOCAL);
    } finally {
      Bun.spawnSync(["chattr", "-i", path]);
    }
    expect((await file.update(wanted("10.0.0.1"))).changed).toBe(true);
  },
);

const noUnshare = requireTool("unshare") ?? noRoot;
/** Runs a script of this program in a mount namespace of its own; `$0` is a folder. */
function inNamespace(mount: string, directory: string, script: string): string {
  const words = [
    "unshare",
    "-m",
    "sh",
    "-c",
    `mount --make-rprivate / && ${mount} && exec "$@"`,
    directory,
    process.execPath,
    "-e",
    script,
  ];
  const { stdout, stderr, exitCode } = Bun.spawnSync(words, { cwd: import.meta.dir });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString();
}

const tryUpdate = (path: string, state: string): string => `
  const { HostsFile } = await import("${import.meta.dir}/hosts_file.ts");
  const file = new HostsFile({ file: "${path}", write: "auto", allowed_roots: [], create: false }, "${state}");
  await file.open();
  const change = () => file.update([{ names: ["db.test"], addresses: ["10.0.0.1"] }]).then(() => "written", (error) => error.cause_key + ": " + error.message);
`;

test.skipIf(noUnshare !== null)(
  "HF26 a full disk and a read-only file system are told, and the file is whole",
  () => {
    const directory = folder();
    const disk = join(directory, "disk");
    mkdirSync(disk);
    const path = join(disk, "hosts");
    const state = join(directory, "state");
    const full = inNamespace(
      'mount -t tmpfs -o size=64k tmpfs "$0"',
      disk,
      `const fs = require("node:fs");
     fs.writeFileSync("${path}", ${JSON.stringify(LOCAL)});
     ${tryUpdate(path, state)}
     try { fs.writeFileSync("${disk}/ballast", Buffer.alloc(128 * 1024)); } catch {}
     console.log(await change());
     console.log(JSON.stringify([fs.readFileSync("${path}", "utf8"), fs.readdirSync("${disk}").filter((name) => name.includes("fairlead-"))]));
     fs.rmSync("${disk}/ballast");
     console.log(await change());`,
    );
    expect(full.trim().split("\n")).toEqual([
      `write ENOSPC: ${path} cannot be written: no space is left`,
      JSON.stringify([LOCAL, []]),
      "written",
    ]);
    writeFileSync(path, LOCAL);
    const readOnly = inNamespace(
      'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"',
      disk,
      `${tryUpdate(path, state)} console.log(await change());`,
    );
    expect(readOnly.trim()).toBe(`write EROFS: ${path} cannot be written: the file system is read-only`);
    expect(readFileSync(path, "utf8")).toBe(LOCAL);
  },
);

test.skipIf(noUnshare !== null)(
  "HF26 HF27 a disk that is full in the middle of a write in place: the old content is back, and goes on",
  () => {
    const directory = folder();
    const disk = join(directory, "disk");
    mkdirSync(disk);
    const path = join(disk, "hosts");
    const said = inNamespace(
      'mount -t tmpfs -o size=64k tmpfs "$0"',
      disk,
      `const fs = require("node:fs");
     fs.writeFileSync("${path}", ${JSON.stringify(LOCAL)});
     const { HostsFile } = await import("${import.meta.dir}/hosts_file.ts");
     const file = new HostsFile({ file: "${path}", write: "in_place", allowed_roots: [], create: false }, "${join(directory, "state")}");
     await file.open();
     const many = Array.from({ length: 500 }, (_, index) => ({ names: ["n" + index + ".test"], addresses: ["10.0.0.1"] }));
     const change = (wanted) => file.update(wanted).then(() => "written", (error) => error.cause_key);
     try { fs.writeFileSync("${disk}/ballast", Buffer.alloc(128 * 1024)); } catch {}
     console.log(await change(many));
     console.log(fs.readFileSync("${path}", "utf8") === ${JSON.stringify(LOCAL)});
     fs.rmSync("${disk}/ballast");
     console.log(await change(many), fs.readFileSync("${path}", "utf8").split("\\n").length);`,
    );
    expect(said.trim().split("\n")).toEqual(["write ENOSPC", "true", "written 504"]);
  },
);

const noSetpriv = requireTool("setpriv") ?? noRoot;
test.skipIf(noSetpriv !== null)(
  "HF26 without the right to write the file it is told, and left as it is",
  () => {
    const directory = folder();
    const path = join(directory, "hosts");
    const state = folder();
    writeFileSync(path, LOCAL);
    chmodSync(directory, 0o755);
    chownSync(state, 65_534, 65_534);
    const script = `${tryUpdate(path, join(state, "s"))} console.log(await change());`;
    const words = [
      "setpriv",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      process.execPath,
      "-e",
      script,
    ];
    const { stdout, stderr } = Bun.spawnSync(words, { cwd: "/", env: { ...process.env, HOME: state } });
    expect(stdout.toString().trim() || stderr.toString()).toBe(
      `write EACCES: ${path} cannot be written: permission denied`,
    );
    expect([readFileSync(path, "utf8"), readdirSync(directory)]).toEqual([LOCAL, ["hosts"]]);
  },
);

test("a hard link to the file keeps the old content, and the file is the new one", async () => {
  const { file, path, directory } = await place();
  linkSync(path, join(directory, "other"));
  await file.update(wanted("10.0.0.1"));
  expect(readFileSync(join(directory, "other"), "utf8")).toBe(LOCAL);
  unlinkSync(join(directory, "other"));
});
