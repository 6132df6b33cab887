import { expect, test } from "bun:test";
import fc from "fast-check";
import { ManualClock } from "../platform/clock.ts";
import { type LogEntry, type LogFormat, ProcessLog } from "./log.ts";
import { LINES_PER_WINDOW } from "./log_limiter.ts";
import { LONGEST_LOG_LINE_BYTES } from "./log_line.ts";
import type { LogSink } from "./log_sink.ts";

const START = Date.UTC(2026, 10, 25, 12);

/** Takes everything, or nothing while it is `full`. */
class MemorySink implements LogSink {
  readonly writeBytes = 4_096;
  problem: string | null = null;
  full = false;
  text = "";

  write(bytes: Uint8Array, from: number, to: number): number {
    if (this.full) return 0;
    this.text += Buffer.from(bytes.subarray(from, to)).toString("utf8");
    return to - from;
  }

  close(): void {}

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  get entries(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function start(format: LogFormat = "json", unlimited: readonly string[] = []) {
  const clock = new ManualClock(START);
  const sink = new MemorySink();
  return { clock, sink, log: new ProcessLog({ format, clock, sink, unlimited }) };
}

const refused: LogEntry = {
  event: "connect_refused",
  level: "warning",
  text: "backend web/web1 refuses connections",
  fields: { pool: "web", backend: "web1" },
};

test("a line in JSON has time, event, level and message first, then the fields", () => {
  const { sink, log } = start();
  log.write(refused);
  expect(sink.text).toBe(
    '{"time":"2026-11-25T12:00:00.000Z","event":"connect_refused","level":"warning",' +
      '"message":"backend web/web1 refuses connections","pool":"web","backend":"web1"}\n',
  );
});

test("a line in text is time, level and sentence", () => {
  const { sink, log } = start("text");
  log.write(refused);
  expect(sink.text).toBe("2026-11-25T12:00:00.000Z warning backend web/web1 refuses connections\n");
});

test("fields cannot take the place of what every line has", () => {
  const { sink, log } = start();
  log.write({ ...refused, fields: { level: "info", time: "never", message: "x", extra: 1 } });
  expect(sink.entries[0]).toEqual({
    time: "2026-11-25T12:00:00.000Z",
    event: "connect_refused",
    level: "warning",
    message: "backend web/web1 refuses connections",
    extra: 1,
  });
});

test("H-J14/log secrets reach the process log neither by text nor by a field, however deep", () => {
  for (const format of ["json", "text"] as const) {
    const { sink, log } = start(format);
    log.write({
      event: "store_failed",
      level: "error",
      text: "redis://user:hunter2@10.0.0.1 said no to ?password=hunter2",
      fields: {
        password: "hunter2",
        url: "http://a:hunter2@host/?token=hunter2",
        request: { headers: { Authorization: "hunter2", cookie: ["hunter2"] }, list: ["?api_key=hunter2"] },
        error: new Error("redis://user:hunter2@10.0.0.1"),
      },
    });
    expect(sink.text).toContain("10.0.0.1");
    expect(sink.text).toContain("REDACTED");
    expect(sink.text).not.toContain("hunter2");
  }
});

test("H-J15/log whatever a message holds, it is one line, valid, and does not act on a terminal", () => {
  const text = fc.string({ unit: "binary" });
  const outputs = (["json", "text"] as const).map((format) => ({ format, ...start(format, ["e"]) }));
  fc.assert(
    fc.property(text, text, text, (message, key, value) => {
      for (const { format, sink, log } of outputs) {
        sink.text = "";
        log.write({ event: "e", level: "info", text: message, fields: { [key]: value } });
        expect(sink.lines.length).toBe(1);
        // oxlint-disable-next-line no-control-regex
        expect(sink.lines[0]).not.toMatch(
          /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/,
        );
        if (format === "json") expect(sink.entries[0]).toMatchObject({ event: "e", level: "info" });
      }
    }),
    { numRuns: 200 },
  );
  const { sink, log } = start();
  log.write({ event: "e", level: "info", text: 'a"\n{"level":"error"}\u001b[2J\u009b', fields: {} });
  expect(sink.entries[0]!["message"]).toBe('a"\n{"level":"error"}\u001b[2J\u009b');
});

test("what repeats is held back and told once the window is over", () => {
  const { clock, sink, log } = start();
  for (let index = 0; index < 1_000; index++) {
    log.write(refused);
    clock.advance(1);
  }
  log.write({ event: "other", level: "info", text: "not held back" });
  expect(sink.lines.length).toBe(LINES_PER_WINDOW + 1);
  clock.advance(10_000);
  expect(sink.entries.at(-1)).toMatchObject({
    event: "left_out",
    level: "warning",
    message: `${1_000 - LINES_PER_WINDOW} more messages of connect_refused were left out`,
    left_out: "connect_refused",
    lines: 1_000 - LINES_PER_WINDOW,
  });
  log.write(refused);
  expect(sink.entries.at(-1)).toMatchObject({ event: "connect_refused" });
  const { length } = sink.lines;
  clock.advance(60_000);
  expect(sink.lines.length).toBe(length);
});

test("a flood for a long time costs so many lines in each window and no more", () => {
  const { clock, sink, log } = start();
  for (let second = 0; second < 100; second++) {
    for (let index = 0; index < 50; index++) log.write(refused);
    clock.advance(1_000);
  }
  clock.advance(10_000);
  expect(sink.lines.length).toBeLessThanOrEqual(11 * (LINES_PER_WINDOW + 1));
  const told = sink.entries.reduce(
    (sum, entry) => sum + (entry["event"] === "left_out" ? Number(entry["lines"]) : 1),
    0,
  );
  expect(told).toBe(5_000);
});

test("answers to the operator are not held back", () => {
  const { sink, log } = start("text", ["config_problem"]);
  for (let index = 0; index < 300; index++)
    log.write({ event: "config_problem", level: "error", text: `problem ${index}` });
  expect(sink.lines.length).toBe(300);
});

test("ever new events take a bounded amount of memory and lines", () => {
  const { sink, log } = start();
  for (let index = 0; index < 5_000; index++) log.write({ ...refused, event: `event_${index}` });
  expect(sink.lines.length).toBe(500 + LINES_PER_WINDOW);
});

test("a reader that stands still costs lines, which are counted, and no time", () => {
  const { clock, sink, log } = start("text", ["e"]);
  sink.full = true;
  const text = "x".repeat(1_000);
  for (let index = 0; index < 200; index++)
    log.write({ event: "e", level: "info", text: `${index} ${text}` });
  expect(sink.text).toBe("");
  sink.full = false;
  clock.advance(1_000);
  const kept = sink.lines.filter((line) => line.includes(" info "));
  expect(kept.length).toBeGreaterThan(50);
  expect(sink.lines.at(-1)).toBe(
    `2026-11-25T12:00:01.000Z warning ${200 - kept.length} lines of this log are lost: nothing took them`,
  );
});

test("no line passes its limit; fields that would are left out and that is said", () => {
  const { sink, log } = start();
  log.write({ ...refused, text: "m".repeat(1e6), fields: { many: Array(100_000).fill("value") } });
  log.write({ ...refused, text: "\u{10ffff}\u202e".repeat(1e6) });
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  log.write({ ...refused, fields: circular });
  for (const line of sink.lines) expect(Buffer.byteLength(line)).toBeLessThan(LONGEST_LOG_LINE_BYTES);
  expect(sink.entries.map((entry) => entry["fields_left_out"])).toEqual([true, undefined, true]);
  expect(sink.entries[0]!["message"]).toBe(`${"m".repeat(4_096)}...`);
});

test("values that JSON does not know are shown in words", () => {
  const { sink, log } = start();
  log.write({ ...refused, fields: { big: 2n ** 70n, error: new TypeError("no") } });
  expect(sink.entries[0]).toMatchObject({ big: "1180591620717411303424", error: "TypeError: no" });
});

test("without a sink lines go to standard error, also when the process ends at once", async () => {
  const program = `
    import { ProcessLog } from ${JSON.stringify(`${import.meta.dir}/log.ts`)};
    const log = new ProcessLog({ format: "json" });
    log.write({ event: "one", level: "info", text: "first" });
    log.write({ event: "two", level: "error", text: "second" });
    process.exit(3);
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(await child.exited).toBe(3);
  expect(out).toBe("");
  const messages = error
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { message: string }).message);
  expect(messages).toEqual(["first", "second"]);
});
