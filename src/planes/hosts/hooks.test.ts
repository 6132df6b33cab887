import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HookPlan } from "../../core/plan.ts";
import type { CommandResult } from "../../platform/run_command.ts";
import { Hooks, MAX_WAITING, OUTPUT_LIMIT_BYTES, type Switch } from "./hooks.ts";

const CHANGE: Switch = {
  name: "db.test",
  pool: "web",
  from: "10.0.0.1",
  to: "10.0.0.2",
  reason: "b1 failed",
};

const shell = (script: string, timeout_ms = 5_000): HookPlan => ({
  command: ["/bin/sh", "-c", script],
  timeout_ms,
});

class Told {
  readonly failures: CommandResult[] = [];
  lost = 0;
  readonly hooks = new Hooks({
    failed: (_hook, _change, result) => this.failures.push(result),
    lost: (_hook, count) => (this.lost += count),
  });

  async failure(): Promise<CommandResult> {
    const end = performance.now() + 10_000;
    while (this.failures.length === 0 && performance.now() < end) await Bun.sleep(2);
    return this.failures[0]!;
  }
}

test("HF34 a hook learns name, pool, old and new address and the reason, and nothing of our environment", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-hooks-"));
  const file = join(directory, "out");
  const told = new Told();
  told.hooks.follow([
    shell(`env | grep -v '^_=\\|^PWD=\\|^SHLVL=' | sort > ${file}.new; mv ${file}.new ${file}`),
  ]);
  process.env["FAIRLEAD_TEST_SECRET"] = "hidden";
  told.hooks.changed(CHANGE);
  const end = performance.now() + 10_000;
  while (!existsSync(file) && performance.now() < end) await Bun.sleep(2);
  delete process.env["FAIRLEAD_TEST_SECRET"];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines).toEqual([
    "HOSTS_NAME=db.test",
    "HOSTS_NEW_ADDRESS=10.0.0.2",
    "HOSTS_OLD_ADDRESS=10.0.0.1",
    "HOSTS_POOL=web",
    "HOSTS_REASON=b1 failed",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
  rmSync(directory, { recursive: true });
});

test("HF34 a hook that fails is told with the first part of its output", async () => {
  const told = new Told();
  told.hooks.follow([shell("echo no luck; echo really >&2; exit 3")]);
  told.hooks.changed(CHANGE);
  const { problem, output } = await told.failure();
  expect([problem, output]).toEqual(["ended with 3", "no luck\nreally\n"]);
});

test("HF34 a hook that is too slow is killed", async () => {
  const told = new Told();
  told.hooks.follow([shell("echo begun; exec sleep 60", 200)]);
  told.hooks.changed(CHANGE);
  const { problem, output } = await told.failure();
  expect([problem, output]).toEqual(["killed after 200 ms", "begun\n"]);
});

test("HF34 a hook whose output never ends keeps little memory and ends", async () => {
  const told = new Told();
  told.hooks.follow([shell("exec cat /dev/zero", 3_000)]);
  const before = process.memoryUsage.rss();
  told.hooks.changed(CHANGE);
  const { problem, output } = await told.failure();
  expect(problem).toMatch(/SIGPIPE|killed/);
  expect(output.length).toBeLessThanOrEqual(OUTPUT_LIMIT_BYTES);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
});

test("HF34 a hook that cannot be run is told", async () => {
  const told = new Told();
  told.hooks.follow([{ command: ["/nonexistent/hook"], timeout_ms: 1_000 }]);
  told.hooks.changed(CHANGE);
  expect((await told.failure()).problem).toContain("cannot be run");
});

test("HF34 changes that a slow hook cannot follow are bounded, the oldest given up", async () => {
  let lost = 0;
  const seen: string[] = [];
  const ends: (() => void)[] = [];
  const hooks = new Hooks({
    failed() {},
    lost: (_hook, count) => (lost += count),
    async run({ env }) {
      seen.push(env["HOSTS_NEW_ADDRESS"]!);
      await new Promise<void>((resolve) => ends.push(resolve));
      return { problem: null, output: "" };
    },
  });
  hooks.follow([shell("true")]);
  for (let index = 0; index < MAX_WAITING + 101; index++) hooks.changed({ ...CHANGE, to: String(index) });
  while (seen.length <= MAX_WAITING) {
    ends.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([lost, seen[0], seen[1], seen.at(-1)]).toEqual([100, "0", "101", String(MAX_WAITING + 100)]);
  hooks.stop();
});

test("a hook that stays over a reload keeps what waits, and a stop kills what runs", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-hooks-"));
  const file = join(directory, "pids");
  writeFileSync(file, "");
  const told = new Told();
  const hook = shell(`echo $$ >> ${file}; exec sleep 60`);
  told.hooks.follow([hook]);
  told.hooks.changed(CHANGE);
  told.hooks.follow([{ ...hook }]);
  const end = performance.now() + 10_000;
  while (readFileSync(file, "utf8") === "" && performance.now() < end) await Bun.sleep(2);
  told.hooks.stop();
  expect((await told.failure()).problem).toBe("killed: the program ends");
  rmSync(directory, { recursive: true });
});
