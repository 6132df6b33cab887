import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON_LEVELS, type PythonLevel } from "../core/text/python_format.ts";
import { ManualClock } from "../platform/clock.ts";
import type { LogEntry } from "./log_line.ts";
import { pythonTime } from "./python_format.ts";
import { PythonLog } from "./python_log.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-python-log-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const WALL = 1_700_000_000_042;

/** What the log holds after `entries`. */
function logged(level: PythonLevel, format: string, entries: readonly LogEntry[]): string {
  const path = join(mkdtempSync(join(folder, "log-")), "x.log");
  const clock = new ManualClock(WALL - 1_500);
  const log = new PythonLog({ path, level, format, maxBytes: 5_000_000, backups: 5, clock });
  clock.advance(1_500);
  for (const entry of entries) log.write(entry);
  log.close();
  return readFileSync(path, "utf8");
}

const entries = (["info", "warning", "error"] as const).map((level): LogEntry => ({
  event: `${level}_came`,
  level,
  text: `an ${level}`,
}));

test.each([
  ["CRITICAL", ""],
  ["ERROR", "ERROR 40\n"],
  ["WARNING", "WARNING 30\nERROR 40\n"],
  ["INFO", "INFO 20\nWARNING 30\nERROR 40\n"],
  ["DEBUG", "INFO 20\nWARNING 30\nERROR 40\n"],
  ["NOTSET", "INFO 20\nWARNING 30\nERROR 40\n"],
] as const)("HF2/level at %s the log holds what is as grave", (level, expected) => {
  expect(logged(level, "%(levelname)s %(levelno)d", entries)).toBe(expected);
});

test("HF2/level the levels are Python's", () => {
  expect(PYTHON_LEVELS).toEqual({ CRITICAL: 50, ERROR: 40, WARNING: 30, INFO: 20, DEBUG: 10, NOTSET: 0 });
});

test("HF2/format an event fills every attribute", () => {
  const [first] = entries;
  expect(logged("INFO", "%(asctime)s :: %(levelname)s :: %(message)s", [first!])).toBe(
    `${pythonTime(WALL)} :: INFO :: an info\n`,
  );
  const all =
    "%(created).3f %(msecs)03d %(relativeCreated)d %(process)d %(thread)d %(processName)s %(threadName)s " +
    "%(name)s %(module)s %(filename)s %(pathname)s %(lineno)d %(funcName)s";
  expect(logged("INFO", all, [first!])).toBe(
    `1700000000.042 042 1500 ${process.pid} ${process.pid} MainProcess MainThread ` +
      "fairlead fairlead fairlead fairlead 0 info_came\n",
  );
});

test("a message stays one line and shows no secret", () => {
  const text = "got a\nline from http://user:word@host/ \u001b[31m";
  expect(logged("INFO", "%(message)s", [{ event: "x", level: "error", text }])).toBe(
    "got a\\u000aline from http://REDACTED@host/ \\u001b[31m\n",
  );
});

test("a log that cannot be opened is told and stops nothing", () => {
  const told: string[] = [];
  const path = join(folder, "none/x.log");
  const log = new PythonLog({
    ...{ path, level: "INFO", format: "%(message)s", maxBytes: 0, backups: 0 },
    problem: (words) => told.push(words),
  });
  for (const entry of entries) log.write(entry);
  log.close();
  expect(told).toEqual([`cannot open the log ${path}: no such file or directory`]);
  expect(existsSync(path)).toBe(false);
});
