/** Signals in any order and at any time, to the supervisor and to workers: the real program. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify } from "../../src/platform/processes.ts";
import { PROGRAM } from "../support/program.ts";
import { askOnce } from "../support/raw_client.ts";
import { Program } from "./processes_fixture.ts";
import { runFairlead, type RunningFairlead, until } from "./processes_program.ts";

const PATIENCE = { timeout: 120_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const ROUTES = "routes: [{ name: all, respond: { status: 200, body: served } }]";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function start(): { readonly program: Program; readonly run: string } {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-signals-"));
  folders.push(folder);
  const run = join(folder, "run");
  writeFileSync(
    join(folder, "fairlead.yaml"),
    `workers: 1\nruntime_dir: ${run}\nstate_dir: ${folder}/state\nadmin: { address: "127.0.0.1:0" }\n` +
      `listeners: { web: { address: "127.0.0.1:0" } }\n${ROUTES}\n`,
  );
  return {
    program: new Program(["-c", join(folder, "fairlead.yaml"), "--log-format", "json"], PROGRAM),
    run,
  };
}

/** Workers that `run` names and that live. */
const livingWorkers = (run: string): number[] =>
  existsSync(join(run, "workers"))
    ? readdirSync(join(run, "workers"))
        .map(Number)
        .filter((pid) => identify(pid) !== null)
    : [];

const EARLY_MS = [0, 20, 50, 150];

test.each(["SIGHUP", "SIGUSR1", "SIGUSR2"] as const)(
  "%s in the first moments: the program serves, or the signal has ended it before it was a program",
  async (signal) => {
    await Promise.all(
      EARLY_MS.map(async (ms) => {
        const { program, run } = start();
        await Bun.sleep(ms);
        program.child.kill(signal);
        const { child, said } = program;
        const ready = () => said.some(({ event }) => event === "ready");
        await until(
          () => ready() || child.exitCode !== null || child.signalCode !== null,
          `${signal} at ${ms} ms`,
        );
        if (ready()) {
          expect((await askOnce(await program.port("web"), GET)).body.toString()).toBe("served");
          // An upgrade that was asked for goes on.
          if (signal === "SIGUSR2")
            await until(
              () => child.exitCode !== null || !said.some(({ event }) => event === "relieved"),
              "it is over",
            );
        } else {
          expect([child.signalCode as string | null, said]).toEqual([signal, []]);
        }
        const pid = existsSync(join(run, "pid")) ? Number(readFileSync(join(run, "pid"), "utf8")) : 0;
        if (pid > 0 && identify(pid) !== null) process.kill(pid, "SIGKILL");
        await program.kill();
        for (const worker of livingWorkers(run)) process.kill(worker, "SIGKILL");
      }),
    );
  },
  PATIENCE,
);

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s in the first moments ends the program, and nothing of it is left",
  async (signal) => {
    await Promise.all(
      EARLY_MS.map(async (ms) => {
        const { program, run } = start();
        await Bun.sleep(ms);
        program.child.kill(signal);
        await program.child.exited;
        await until(() => livingWorkers(run).length === 0, "no worker is left");
        expect(program.said.filter(({ level }) => level === "error")).toEqual([]);
        expect(existsSync(join(run, "control.sock"))).toBe(false);
      }),
    );
  },
  PATIENCE,
);

const serves = async (fairlead: RunningFairlead): Promise<void> => {
  expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("served");
};

test(
  "signals to workers: those of operators do nothing there, and SIGTERM to all of them at once loses no request",
  async () => {
    await using fairlead = await runFairlead(`workers: 2\n${ROUTES}`);
    const before = fairlead.workers;
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT"] as const)
      for (const pid of before) process.kill(pid, signal);
    for (let request = 0; request < 20; request++) await serves(fairlead);
    expect(fairlead.workers).toEqual(before);
    expect(fairlead.program.said.filter(({ level }) => level !== "info")).toEqual([]);

    for (const pid of before) process.kill(pid, "SIGTERM");
    const replaced = () => before.every((pid) => identify(pid) === null) && fairlead.workers.length === 2;
    while (!replaced()) await serves(fairlead);
    // Workers of a moment ago.
    for (const pid of fairlead.workers) process.kill(pid, "SIGHUP");
    for (let request = 0; request < 20; request++) await serves(fairlead);
  },
  PATIENCE,
);

test(
  "a storm of signals: the program serves all the while, and ends in order",
  async () => {
    await using fairlead = await runFairlead(
      `workers: 2\n${ROUTES}\nobservability: { access_log: { path: access.log } }`,
    );
    const pid = (): number => Number(readFileSync(join(fairlead.directory, "run", "pid"), "utf8"));
    const storm = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGUSR2", "SIGUSR1", "SIGHUP"] as const;
    for (let round = 0; round < 3; round++) {
      const target = pid();
      for (const signal of storm) {
        if (identify(target) !== null) process.kill(target, signal);
        await serves(fairlead);
      }
      await until(() => pid() !== target && identify(target) === null, "the upgrade is over");
      await serves(fairlead);
    }
    const last = pid();
    process.kill(last, "SIGTERM");
    await until(() => identify(last) === null, "it has ended");
    expect(existsSync(join(fairlead.directory, "run", "control.sock"))).toBe(false);
    expect(fairlead.program.said.filter(({ level }) => level === "error")).toEqual([]);
  },
  PATIENCE,
);
