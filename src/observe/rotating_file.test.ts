import { afterEach, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireRoot, requireTool } from "../../test/support/require.ts";
import { ManualClock } from "../platform/clock.ts";
import { RotatingFile } from "./rotating_file.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-rotating-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const contents = (of: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(of)
      .toSorted()
      .map((name) => [name, readFileSync(join(of, name), "utf8")]),
  );

/** A file that notes what it tells. */
function noting(options: { maxBytes: number; backups: number; path?: string; clock?: ManualClock }) {
  const told: string[] = [];
  const file = new RotatingFile({
    path: join(folder, "x.log"),
    ...options,
    problem: (words) => told.push(words),
    recovered: (lost) => told.push(`recovered, ${lost} lost`),
  });
  return { file, told };
}

test("HF2/rotation a file is rotated before it is full, and so many are kept", () => {
  const { file, told } = noting({ maxBytes: 10, backups: 2 });
  for (const line of ["1234", "5678", "abcd", "a line that is longer than a file", "e", "f"])
    file.write(line);
  file.close();
  expect(contents(folder)).toEqual({
    "x.log": "e\nf\n",
    "x.log.1": "a line that is longer than a file\n",
    "x.log.2": "abcd\n",
  });
  expect(told).toEqual([]);
});

test.each([
  [0, 3],
  [10, 0],
])("HF2/rotation %d bytes and %d backups: the file only grows", (maxBytes, backups) => {
  writeFileSync(join(folder, "x.log"), "before\n");
  const { file } = noting({ maxBytes, backups });
  for (let line = 0; line < 9; line++) file.write(`line ${line}`);
  file.close();
  expect(Object.keys(contents(folder))).toEqual(["x.log"]);
  expect(contents(folder)["x.log"]).toMatch(/^before\nline 0\n[^]*line 8\n$/);
});

const noPython = requireTool("python3");

/** Python's own handler writes `lines` to `file`. */
function pythonWrites(file: string, maxBytes: number, backups: number, lines: readonly string[]): void {
  const program = `
import json, logging, logging.handlers, sys
file, most, backups, lines = json.load(sys.stdin)
handler = logging.handlers.RotatingFileHandler(file, maxBytes=most, backupCount=backups)
for line in lines:
    handler.emit(logging.makeLogRecord({"msg": line}))
handler.close()
`;
  const { exitCode, stderr } = Bun.spawnSync(["python3", "-c", program], {
    stdin: Buffer.from(JSON.stringify([file, maxBytes, backups, lines])),
  });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

test.skipIf(noPython !== null)("HF2/rotation the files are those of Python's RotatingFileHandler", () => {
  // Every line is shorter than a file: Python before 3.13 rotates even an empty file.
  const scenario = fc.record({
    maxBytes: fc.constantFrom(0, 20, 33, 64),
    backups: fc.integer({ min: 0, max: 4 }),
    present: fc.subarray(["x.log", "x.log.1", "x.log.3"]),
    lengths: fc.array(fc.integer({ min: 0, max: 18 }), { maxLength: 40 }),
  });
  for (const [index, { maxBytes, backups, present, lengths }] of fc
    .sample(scenario, { numRuns: 12, seed: 3 })
    .entries()) {
    const [theirs, ours] = ["python", "ours"].map((name) => join(folder, `${name}-${index}`)) as [
      string,
      string,
    ];
    for (const of of [theirs, ours]) {
      mkdirSync(of);
      for (const name of present) writeFileSync(join(of, name), `old ${name}\n`);
    }
    const lines = lengths.map((length, line) => `${line} `.padEnd(length, "x").slice(0, length));
    pythonWrites(join(theirs, "x.log"), maxBytes, backups, lines);
    const { file, told } = noting({ path: join(ours, "x.log"), maxBytes, backups });
    for (const line of lines) file.write(line);
    file.close();
    expect({ maxBytes, backups, lines, files: contents(ours) }).toEqual({
      maxBytes,
      backups,
      lines,
      files: contents(theirs),
    });
    expect(told).toEqual([]);
  }
});

test("a folder that is not there is told once; lines are kept until it is", () => {
  const clock = new ManualClock();
  const path = join(folder, "later/x.log");
  const { file, told } = noting({ path, maxBytes: 0, backups: 0, clock });
  file.write("one");
  clock.advance(5_000);
  file.write("two");
  expect(told).toEqual([`cannot open the log ${path}: no such file or directory`]);
  mkdirSync(join(folder, "later"));
  file.write("three");
  expect(told).toHaveLength(1);
  clock.advance(1_000);
  file.write("four");
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\nthree\nfour\n");
  expect(told[1]).toBe("recovered, 0 lost");
  file.close();
});

test("a device that is always full takes nothing, is told once, and memory stays bounded", () => {
  const { file, told } = noting({ path: "/dev/full", maxBytes: 10, backups: 3 });
  const before = process.memoryUsage().arrayBuffers;
  for (let line = 0; line < 2_000; line++) file.write("x".repeat(1_000));
  expect(told).toEqual(["cannot write the log /dev/full: no space left on device"]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  file.close();
});

test("a file that cannot be rotated grows, is told once, and is rotated later", () => {
  const clock = new ManualClock();
  mkdirSync(join(folder, "x.log.1"));
  const { file, told } = noting({ maxBytes: 10, backups: 1, clock });
  for (const line of ["12345678", "a", "b"]) {
    file.write(line);
    clock.advance(1_000);
  }
  expect(readFileSync(join(folder, "x.log"), "utf8")).toBe("12345678\na\nb\n");
  expect(told).toEqual([
    `cannot rotate the log ${join(folder, "x.log")}, so it grows: illegal operation on a directory`,
  ]);
  rmdirSync(join(folder, "x.log.1"));
  file.write("c");
  expect(contents(folder)).toEqual({ "x.log": "c\n", "x.log.1": "12345678\na\nb\n" });
  file.close();
});

const noRoot = requireRoot();
const noUnshare = requireTool("unshare");

test.skipIf(noRoot !== null || noUnshare !== null)(
  "a full disk costs no torn line, and the log goes on when there is room again",
  () => {
    const program = `
      const { RotatingFile } = await import(${JSON.stringify(join(import.meta.dir, "rotating_file.ts"))});
      const { rmSync, writeFileSync, readFileSync } = await import("node:fs");
      const told = [];
      writeFileSync("filler", "x".repeat(24 * 1024));
      const file = new RotatingFile({ path: "x.log", maxBytes: 0, backups: 0,
        problem: (words) => told.push(words), recovered: (lost) => told.push("recovered, " + lost + " lost") });
      for (let line = 0; line < 90; line++) file.write(String(line).padEnd(200, "."));
      rmSync("filler");
      for (let line = 90; line < 95; line++) file.write(String(line).padEnd(200, "."));
      file.close();
      const lines = readFileSync("x.log", "utf8").trimEnd().split("\\n");
      console.log(JSON.stringify({ told, lines: lines.map(Number.parseFloat), lengths: [...new Set(lines.map((line) => line.length))] }));
    `;
    const script = `mount -t tmpfs -o size=32k none "$0" && cd "$0" && exec "$1" -e "$2"`;
    const { stdout, stderr } = Bun.spawnSync([
      ...["unshare", "-m", "sh", "-c", script],
      ...[folder, process.execPath, program],
    ]);
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual({
      told: ["cannot write the log x.log: no space left for a whole line", "recovered, 0 lost"],
      lines: Array.from({ length: 95 }, (_, line) => line),
      lengths: [200],
    });
  },
);
