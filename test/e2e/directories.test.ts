/** Directories of the program that are somebody else's, stale, read-only or full: the real program. */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/fairlead.ts";
import { PROGRAM } from "../support/program.ts";
import { askOnce } from "../support/raw_client.ts";
import { requireRoot } from "../support/require.ts";
import { Program, type Said } from "./processes_fixture.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const noRoot = requireRoot();

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "fairlead-directories-"));
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A small file system of its own, which goes with the test. */
function mounted(size: string): string {
  const at = folder();
  const { exitCode, stderr } = Bun.spawnSync([
    "mount",
    "-t",
    "tmpfs",
    "-o",
    `size=${size},mode=755`,
    "tmpfs",
    at,
  ]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  cleanups.push(() => void Bun.spawnSync(["umount", "-l", at]));
  return at;
}

const remount = (at: string, options: string): void => {
  const { exitCode, stderr } = Bun.spawnSync(["mount", "-o", `remount,${options}`, at]);
  if (exitCode !== 0) throw new Error(stderr.toString());
};

/** Fills the file system below `at` to the last byte. */
function fill(at: string): void {
  try {
    for (;;) writeFileSync(join(at, "filler"), new Uint8Array(4_096), { flag: "a" });
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  }
}

interface Directories {
  readonly run: string;
  readonly state: string;
}

function start({ run, state }: Directories, more = ""): Program {
  const file = join(folder(), "fairlead.yaml");
  writeFileSync(
    file,
    `workers: 1\nruntime_dir: ${run}\nstate_dir: ${state}\nadmin: { address: "127.0.0.1:0" }\n` +
      `listeners: { web: { address: "127.0.0.1:0" } }\n` +
      `pools: { app: { backends: [{ id: a, url: "http://127.0.0.1:9" }] } }\n` +
      `routes: [{ respond: { status: 200, body: served } }]\n${more}`,
  );
  const program = new Program(["-c", file, "--log-format", "json"], PROGRAM);
  cleanups.push(() => program.kill());
  return program;
}

const fresh = (): Directories => {
  const at = folder();
  return { run: join(at, "run"), state: join(at, "state") };
};

async function serves(program: Program): Promise<void> {
  expect((await askOnce(await program.port("web"), GET)).body.toString()).toBe("served");
}

async function refusal(program: Program): Promise<readonly [number, string[]]> {
  const code = await program.child.exited;
  return [code, program.said.filter(({ event }) => event === "start_refused").map(({ message }) => message)];
}

const warnings = ({ said }: Program): string[] =>
  said.filter(({ level }: Said) => level === "warning").map(({ message }) => message);

async function ended(program: Program): Promise<void> {
  program.child.kill("SIGTERM");
  expect(await program.child.exited).toBe(0);
}

test(
  "one program at a time has a state_dir: the second one is refused by name, and served when the first is gone",
  async () => {
    const [one, two] = [fresh(), fresh()];
    const first = start(one);
    await serves(first);
    expect(await refusal(start({ run: two.run, state: one.state }))).toEqual([
      1,
      [`state_dir ${one.state} is in use by pid ${first.child.pid}; give one of them another`],
    ]);
    await serves(first);
    await first.kill();
    const next = start({ run: two.run, state: one.state });
    await serves(next);
    expect(readFileSync(join(one.state, "lock"), "utf8")).toBe(`${next.child.pid}\n`);
    await ended(next);
    for (const name of Bun.spawnSync(["ls", join(one.run, "workers")])
      .stdout.toString()
      .split("\n"))
      if (name !== "") process.kill(Number(name), "SIGKILL");
  },
  PATIENCE,
);

test.skipIf(noRoot !== null).each(["runtime_dir", "state_dir"] as const)(
  "a %s that others could write is refused with one sentence, and nothing is left there",
  async (setting) => {
    const directories = fresh();
    const path = setting === "runtime_dir" ? directories.run : directories.state;
    mkdirSync(path);
    chownSync(path, 12_345, 12_345);
    expect(await refusal(start(directories))).toEqual([
      1,
      [`${setting} ${path} belongs to uid 12345; expected root or the user of the program`],
    ]);
    chownSync(path, 0, 0);
    chmodSync(path, 0o1777);
    expect(await refusal(start(directories))).toEqual([
      1,
      [`${setting} ${path} may be written by everybody; expected a directory of our own (mode 755 or less)`],
    ]);
    chmodSync(path, 0o755);
    await serves(start(directories));
  },
  PATIENCE,
);

test(
  "stale and strange files in runtime_dir are no obstacle; a file in its place is",
  async () => {
    const directories = fresh();
    mkdirSync(join(directories.run, "workers"), { recursive: true });
    writeFileSync(join(directories.run, "pid"), "1\n");
    writeFileSync(join(directories.run, "generation"), "-7\n");
    writeFileSync(join(directories.run, "counters.json"), '{"families":[');
    writeFileSync(join(directories.run, "workers", "1"), "1\n");
    writeFileSync(join(directories.run, "workers", "x"), "");
    writeFileSync(join(directories.run, "worker-1.sock"), "");
    mkdirSync(directories.state);
    writeFileSync(join(directories.state, "lock"), "1\n");
    writeFileSync(join(directories.state, "last-good.json"), "[]");
    const program = start(directories);
    await serves(program);
    await ended(program);

    const blocked = fresh();
    writeFileSync(blocked.run, "");
    expect(await refusal(start(blocked))).toEqual([
      1,
      [expect.stringMatching(new RegExp(`^cannot use runtime_dir ${blocked.run}: `))],
    ]);
  },
  PATIENCE,
);

test.skipIf(noRoot !== null)(
  "a state_dir that is read-only or full: it serves, says once that nothing is kept, and what is set is in force",
  async () => {
    const state = mounted("64k");
    fill(state);
    const full = start({ run: fresh().run, state });
    await serves(full);
    expect(warnings(full).filter((text) => text.includes(state)).length).toBeGreaterThan(0);
    await ended(full);
    rmSync(join(state, "filler"));
    remount(state, "ro");
    const readOnly = start({ run: fresh().run, state });
    await serves(readOnly);
    expect(warnings(readOnly)).toContainEqual(
      expect.stringContaining(`cannot write to state_dir ${state}, so nothing outlives a restart: `),
    );
    await ended(readOnly);
  },
  PATIENCE,
);

test.skipIf(noRoot !== null)(
  "a runtime_dir that is read-only is refused; one that becomes so later is a warning, and is whole again when it can be",
  async () => {
    const run = mounted("64k");
    remount(run, "ro");
    expect(await refusal(start({ run, state: fresh().state }))).toEqual([
      1,
      [expect.stringMatching(new RegExp(`^cannot use runtime_dir ${run}: `))],
    ]);
    remount(run, "rw");
    const program = start({ run, state: fresh().state });
    await serves(program);
    remount(run, "ro");
    program.child.kill("SIGHUP");
    process.kill(
      Number(readFileSync(`/proc/${program.child.pid}/task/${program.child.pid}/children`, "utf8")),
      "SIGKILL",
    );
    await program.until("worker_ready");
    await serves(program);
    expect(warnings(program)).toContainEqual(expect.stringContaining(`cannot write to runtime_dir ${run}`));
    remount(run, "rw");
    const recorded = (): string =>
      Bun.spawnSync(["ls", join(run, "workers")])
        .stdout.toString()
        .trim();
    const worker = readFileSync(
      `/proc/${program.child.pid}/task/${program.child.pid}/children`,
      "utf8",
    ).trim();
    await until(() => recorded() === worker, "the worker is named again", 10_000);
    await ended(program);
  },
  PATIENCE,
);
