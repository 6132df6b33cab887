/** The calendar clock is set while the real program works: nothing that waits may notice. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until, type LogLine } from "../support/fairlead.ts";
import { rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { runProgram, type RunningFairlead } from "./processes_program.ts";

const MAIN = [process.execPath, join(import.meta.dir, "stepped_clock_main.ts")];
const DAY_MS = 86_400_000;
/** Within so much of a time of day it is that time: less than any step, more than any delay of a test. */
const ABOUT_MS = 600_000;
const WAIT_MS = 20_000;

const head = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

const yaml = (url: string, text: string): string => `
workers: 2
pools:
  patient:
    backends: [{ id: a, url: "${url}" }]
    health_check: { type: tcp, interval: 100ms, timeout: 5s, unhealthy_after: 1 }
    timeouts: { first_byte: 60s }
  brisk: { backends: [{ id: b, url: "${url}" }], timeouts: { first_byte: 300ms }, retries: { attempts: 0 } }
routes:
  - { name: text, priority: 9, match: "Path(\`/text\`)", respond: { status: 200, body: ${text} } }
  - { name: brisk, priority: 9, match: "Path(\`/never\`)", pool: brisk }
  - { name: all, pool: patient }
observability: { access_log: { path: access.log, flush: 20ms } }
`;

const linesOf = ({ directory }: RunningFairlead): LogLine[] =>
  readFileSync(join(directory, "access.log"), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);

test("H-J19/ops the calendar clock is set a day ahead, two days back and right again: timeouts, probes, reloads and requests go on, times follow", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-clock-"));
  const clock = join(directory, "offset");
  writeFileSync(clock, "0");
  process.env["TEST_CLOCK"] = clock;
  let release = Promise.withResolvers<void>();
  using origin = await rawOrigin(async ({ target }) => {
    if (target === "/never") return undefined;
    if (target === "/hold") await release.promise;
    return answerText("hello");
  });
  try {
    await using fairlead = await runProgram(MAIN, yaml(origin.url, "t0"));
    const { program } = fairlead;
    const workers = fairlead.workers;
    using kept = await rawClient(fairlead.port());
    const isAbout = (text: unknown, offset: number) =>
      Math.abs(Date.parse(String(text)) - Date.now() - offset) < ABOUT_MS;

    for (const [round, offset] of [DAY_MS, -DAY_MS, 0].entries()) {
      using holder = await rawClient(fairlead.port());
      const held = () => origin.requests.filter(({ target }) => target === "/hold").length;
      holder.send(head("/hold"));
      await until(() => held() === round + 1, "the backend has a request", WAIT_MS);
      expect((await kept.ask(head("/"), { timeoutMs: WAIT_MS })).status).toBe(200);
      const { length: probes } = origin.connections;

      writeFileSync(clock, `${offset}`);
      await until(() => origin.connections.length > probes + 3, "probes go on", WAIT_MS);
      const begin = performance.now();
      expect((await kept.ask(head("/never"), { timeoutMs: WAIT_MS })).status).toBe(504);
      expect(performance.now() - begin).toBeGreaterThanOrEqual(290);
      const answer = await kept.ask(head("/text"), { timeoutMs: WAIT_MS });
      expect(answer.body.toString()).toBe(`t${round}`);
      expect(isAbout(answer.get("date"), offset)).toBe(true);
      release.resolve();
      release = Promise.withResolvers();
      expect((await holder.answer({ timeoutMs: WAIT_MS })).status).toBe(200);
      fairlead.write(yaml(origin.url, `t${round + 1}`));
      const reloaded = await program.until("reloaded", round + 1);
      expect(isAbout(reloaded["time"], offset)).toBe(true);
      await until(() => linesOf(fairlead).length === 4 * (round + 1), "all lines are there", WAIT_MS);
      // The one before the step is of the time before; a worker reads its clocks anew with each flush.
      const lines = linesOf(fairlead).slice(-2);
      expect(lines.map(({ time }) => isAbout(time, offset))).toEqual([true, true]);
    }

    const lines = linesOf(fairlead);
    expect(lines.map(({ status }) => status).toSorted((one, other) => Number(one) - Number(other))).toEqual([
      ...Array.from({ length: 9 }, () => 200),
      ...Array.from({ length: 3 }, () => 504),
    ]);
    for (const { duration_ms: duration } of lines) {
      expect(Number(duration)).toBeGreaterThan(0);
      expect(Number(duration)).toBeLessThan(60_000);
    }
    expect(fairlead.workers).toEqual(workers);
    const events = program.said.filter(({ level }) => level !== "info");
    expect(events).toEqual([]);
    expect(await fairlead.metric("config_reloads_total", "success")).toBe(3);
  } finally {
    delete process.env["TEST_CLOCK"];
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);
