/** What waits or measures does not look at the calendar: it may be set at any time. */
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { accessLogOf } from "../../src/core/test_plan.ts";
import { AccessLog } from "../../src/observe/access_log.ts";
import { LogLimiter, WINDOW_MS } from "../../src/observe/log_limiter.ts";
import type { LogSink } from "../../src/observe/log_sink.ts";
import { testRecord } from "../../src/observe/test_access_record.ts";
import { certificateReader } from "../../src/platform/certificate_reader.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import { NameWatcher } from "../../src/platform/names.ts";
import { FakeNames } from "../../src/platform/names_test_source.ts";
import { socketAddress } from "../../src/platform/socket_address.ts";
import { Deadline, TimerWheel } from "../../src/platform/timer_wheel.ts";
import { ProbeScheduler } from "../../src/probes/scheduler.ts";
import { withoutComments, withoutStrings } from "../../tools/imports.ts";

const ROOT = join(import.meta.dir, "../..");
const DAY_MS = 86_400_000;

/** Files and folders that read the calendar clock, each with what it is for. Nothing of it is a deadline or a duration. */
const CALENDAR_READERS: Readonly<Record<string, string>> = {
  "src/admin/handler.ts": "the Date field of answers",
  "src/admin/part.ts": "since when the program runs, as text",
  "src/cli/configuration.ts": "when a configuration was saved, as text",
  "src/cli/redirect/import.ts": "when changes were taken over, as text",
  "src/cli/register.ts": "when a host registered, as text",
  "src/composition.ts": "validity of certificates",
  "src/config/last_good.ts": "when a configuration was saved, as text",
  "src/net/answer_lines.ts": "the Date field of answers",
  "src/observe/access_line.ts": "text of a time that is given",
  "src/observe/access_log.ts": "time of a line",
  "src/observe/log.ts": "time of a line",
  "src/observe/log_line.ts": "text of a time that is given",
  "src/observe/program_metrics.ts": "gauges that are times of the calendar",
  "src/observe/python_format.ts": "text of a time that is given",
  "src/observe/python_log.ts": "time of a line",
  "src/planes/hosts/part.ts": "when names and the file have changed, as text and as gauges",
  "src/planes/http/build.ts": "validity of certificates",
  "src/planes/redirect/feedback/app_feedback.ts": "age of tokens that other machines may have made",
  "src/planes/redirect/gateway/gateway.ts": "time of a traced decision",
  "src/planes/redirect/gateway/lazy_gateway.ts": "time of a traced decision",
  "src/planes/redirect/gateway_acks.ts": "since when a gateway runs, and when it told of its models",
  "src/planes/redirect/last_known_good/last_known_good.ts":
    "when a generation was saved, and its age as text",
  "src/planes/redirect/last_known_good/manifest.ts": "when a generation was saved, as text",
  "src/planes/redirect/offline/zip.ts": "time of a file in a bundle",
  "src/planes/redirect/rollouts/keeper.ts": "since when a step lasts, which is in the model of all machines",
  "src/planes/redirect/service/": "when something was changed or approved, as people read it",
  "src/planes/redirect/service/access/oidc/": "validity of tokens that others have signed",
  "src/platform/clock.ts": "the clock itself",
  "src/platform/der.ts": "text of a time that is given",
  "src/platform/issue_certificate.ts": "validity of certificates",
  "src/platform/tls_contexts.ts": "validity of certificates",
  "src/platform/tls_upstream.ts": "validity of certificates",
  "src/probes/health_file.ts": "age of what an earlier run has left",
  "src/run/supervisor.ts": "when the last reload was, as text",
};

/** The innermost folder that is named as a whole, or the file itself. */
function placeOf(path: string): string {
  const folders = Object.keys(CALENDAR_READERS).filter((name) => name.endsWith("/") && path.startsWith(name));
  return folders.toSorted((one, other) => other.length - one.length)[0] ?? path;
}

test("H-J19/ops the calendar clock is read in named places alone, for what belongs to the calendar", async () => {
  const readers = new Set<string>();
  for await (const path of new Glob("src/**/*.ts").scan(ROOT)) {
    if (/(?:\.test\.ts$|\/test_)/.test(path)) continue;
    const text = withoutStrings(withoutComments(readFileSync(join(ROOT, path), "utf8")));
    if (/(?<![\w$.])Date(?:\.(?:now|parse)|\()|new Date\b|\.wall\(/.test(text)) readers.add(placeOf(path));
  }
  expect([...readers].toSorted()).toEqual(Object.keys(CALENDAR_READERS).toSorted());
});

/** A clock whose calendar must not be asked. */
class NoCalendar extends ManualClock {
  override wall(): number {
    throw new Error("the calendar was asked");
  }
}

test("H-J19/ops deadlines of the timer wheel are met without the calendar", () => {
  const clock = new NoCalendar();
  const wheel = new TimerWheel(clock);
  const met: number[] = [];
  for (const ms of [10, 1_000, 100_000]) wheel.after(new Deadline(() => void met.push(clock.now())), ms);
  clock.advance(200_000);
  expect(
    met.map((at, index) => at - [10, 1_000, 100_000][index]!).every((late) => late >= 0 && late <= 50),
  ).toBe(true);
  expect(met.length).toBe(3);
});

test("H-J19/ops probes keep their interval without the calendar", () => {
  const clock = new NoCalendar();
  let probes = 0;
  const check = {
    start(_: unknown, done: (result: { healthy: boolean; reason: string }) => void) {
      probes++;
      done({ healthy: true, reason: "good" });
      return () => {};
    },
  };
  const scheduler = new ProbeScheduler({ clock, random: () => 0.5, result() {} });
  const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port: 9 });
  const timing = { interval_ms: 1_000, timeout_ms: 300, jitter: 0 };
  scheduler.update([{ id: "a", settings: "", check, address, timing }]);
  clock.advance(60_000);
  expect(probes).toBeGreaterThanOrEqual(57);
  expect(probes).toBeLessThanOrEqual(61);
  scheduler.stop();
});

test("H-J19/ops names are looked up again by their time to live without the calendar", async () => {
  const clock = new NoCalendar();
  const source = new FakeNames();
  source.set("web.test", ["192.0.2.1"], 30_000);
  const watcher = new NameWatcher({ clock, source, changed() {}, failed() {} });
  watcher.watch(new Set(["web.test"]));
  for (let second = 0; second < 65; second++) {
    clock.advance(1_000);
    await Bun.sleep(0);
  }
  expect(source.lookups.length).toBe(3);
  watcher.stop();
});

test("H-J19/ops the process log forgets its windows without the calendar", () => {
  const clock = new NoCalendar();
  const limiter = new LogLimiter(clock, new Set());
  for (let round = 0; round < 30; round++) limiter.admit("flood");
  expect(limiter.takeLeftOut()).toEqual([]);
  clock.advance(WINDOW_MS);
  expect(limiter.takeLeftOut()).toEqual([{ event: "flood", lines: 10 }]);
});

test.each([DAY_MS, -DAY_MS])(
  "H-J19/ops the access log is flushed on time and tells true durations when the calendar is set by %p ms",
  (step) => {
    const start = Date.UTC(2026, 10, 25, 12);
    const clock = new ManualClock(start);
    let text = "";
    const sink: LogSink = {
      writeBytes: 65_536,
      problem: null,
      write(bytes, from, to) {
        text += Buffer.from(bytes.subarray(from, to)).latin1Slice();
        return to - from;
      },
      close() {},
    };
    const log = new AccessLog(accessLogOf("unused", { flush_ms: 250 }), clock);
    log.openSink(sink);
    clock.advance(1_000);
    clock.setWall(clock.wall() + step);
    log.write(testRecord({}, { startedMs: 900 }), clock.now());
    clock.advance(250);
    expect(JSON.parse(text)).toMatchObject({ duration_ms: 100, time: "2026-11-25T12:00:01.000Z" });
    text = "";
    log.write(testRecord({}, { startedMs: 1_000 }), clock.now());
    clock.advance(250);
    const time = new Date(start + step + 1_250).toISOString();
    expect(JSON.parse(text)).toMatchObject({ duration_ms: 250, time });
    log.close();
  },
);

test("H-J19/ops a certificate is judged by the calendar as it is when it is looked at", () => {
  const begin = Date.UTC(2026, 10, 25);
  const { cert, key } = issueCertificate({
    commonName: "a.example",
    notBefore: begin,
    notAfter: begin + DAY_MS,
  });
  let now = begin + 1_000;
  const reader = certificateReader(() => now);
  const found = () => reader.pair(cert, key).map(({ severity, message }) => `${severity}: ${message}`);
  expect(found()).toEqual([]);
  now += DAY_MS;
  expect(found()).toEqual([expect.stringContaining("warning: (CN=a.example) expired on")]);
  now -= 2 * DAY_MS;
  expect(found()).toEqual([expect.stringContaining("warning: (CN=a.example) is valid from")]);
  now += DAY_MS;
  expect(found()).toEqual([]);
});
