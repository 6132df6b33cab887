import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCoreTimes } from "../../bench/support/core_usage.ts";
import { LineReader } from "../../bench/support/lines.ts";
import { PinnedProgram } from "../../bench/support/pinned_program.ts";
import {
  allProcesses,
  parseRss,
  parseStat,
  readMemory,
  readUsage,
  sumUsage,
  treeOf,
} from "../../bench/support/process_tree.ts";
import { replaceBlock } from "../../bench/support/replace_block.ts";
import { median, ratios, spread } from "../../bench/support/statistics.ts";
import { markdownTable, plainTable } from "../../bench/support/table.ts";
import { fillTemplate } from "../../bench/support/template.ts";

const line = (pid: number, parent: number, name = "nginx"): string =>
  `${pid} (${name}) S ${parent} ${pid} ${pid} 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 555 1000 200 18446744073709551615\n`;

test("a line of /proc/PID/stat is read, whatever the name holds", () => {
  expect(parseStat(line(7, 3, "a (b) c"))).toEqual({
    pid: 7,
    name: "a (b) c",
    state: "S",
    parent: 3,
    user: 11,
    system: 22,
    childrenUser: 33,
    childrenSystem: 44,
    startTime: 555,
  });
  expect(parseStat("")).toBeNull();
  expect(parseStat("7 (cut off) S 3")).toBeNull();
});

test("a tree holds all descendants of its roots, each once", () => {
  const all = [line(1, 0), line(2, 1), line(3, 2), line(4, 1), line(9, 0)].map((text) => parseStat(text)!);
  expect(treeOf(all, [1]).map(({ pid }) => pid)).toEqual([1, 2, 3, 4]);
  expect(treeOf(all, [2, 3, 9]).map(({ pid }) => pid)).toEqual([2, 3, 9]);
  expect(treeOf(all, [77])).toEqual([]);
});

test("CPU time counts children that have ended", () => {
  const all = [line(1, 0), line(2, 1)].map((text) => parseStat(text)!);
  const { userUs, systemUs } = sumUsage(all, 10_000);
  expect([userUs, systemUs]).toEqual([2 * 44 * 10_000, 2 * 66 * 10_000]);
});

test("resident memory is read from both files that have it", () => {
  expect(parseRss("00400000-7fff [rollup]\nRss:                1234 kB\nPss:  99 kB\n")).toBe(1234 * 1024);
  expect(parseRss("Name:\tnginx\nVmRSS:\t    12 kB\n")).toBe(12 * 1024);
  expect(parseRss("")).toBe(0);
});

test("a program's children and CPU time are found while it runs, and nothing is left of it after stop", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-bench-test-"));
  try {
    const program = new PinnedProgram({
      core: 0,
      command: [
        "/bin/sh",
        "-c",
        "sleep 60 & read line; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; wait",
      ],
      cwd: directory,
      logFile: join(directory, "output"),
      pipes: true,
    });
    const lines = new LineReader(program.stdout!);
    const before = readUsage([program.pid]);
    await Promise.resolve(program.stdin!.write("go\n"));
    await Promise.resolve(program.stdin!.flush());
    expect(await lines.next(30_000)).toBe("done");
    const after = readUsage([program.pid]);
    expect(after.processes.map(({ name }) => name).toSorted()).toEqual(["sh", "sleep"]);
    expect(after.userUs + after.systemUs).toBeGreaterThan(before.userUs + before.systemUs);
    const { rssBytes, workerRssBytes } = readMemory([program.pid]);
    expect(workerRssBytes).toBeGreaterThan(0);
    expect(rssBytes).toBeGreaterThan(workerRssBytes);
    await program.stop();
    const pids = after.processes.map(({ pid }) => pid);
    expect(allProcesses().filter(({ pid, state }) => pids.includes(pid) && state !== "Z")).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("times of one core are told apart from those of others", () => {
  const text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 40 5 6 7 8 0 0\ncpu10 0 0 0 0 0 0 0 0 0 0\n";
  expect(parseCoreTimes(text, 0)).toEqual({ busy: 19, stolen: 8, total: 72 });
  expect(parseCoreTimes(text, 1)).toBeNull();
});

test("middle, spread and ratios", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(spread([5, 1, 3])).toEqual({ median: 3, lowest: 1, highest: 5 });
  expect(ratios([2, 9, 4], [4, 3])).toEqual([0.5, 3]);
});

test("tables are aligned, and Markdown cells are escaped", () => {
  const table = {
    head: ["", "µs"],
    rows: [
      ["a", "1"],
      ["longer", "12,345"],
    ],
  };
  expect(plainTable(table)).toBe("            µs\na            1\nlonger  12,345");
  expect(markdownTable({ head: ["x", "y"], rows: [["a|b", "1"]] })).toBe(
    "| x | y |\n|---|---:|\n| a\\|b | 1 |",
  );
});

test("a template needs exactly the values that it is given", () => {
  expect(fillTemplate("{{A}}:{{B}}:{{A}} {c}", { A: 1, B: "x" })).toBe("1:x:1 {c}");
  expect(() => fillTemplate("{{A}}{{B}}", { A: 1 })).toThrow("no value for {{B}}");
  expect(() => fillTemplate("{{A}}", { A: 1, B: 2 })).toThrow("the template has no {{B}}");
});

test("a marked block is replaced, the rest of the page stays", () => {
  const page = "top\n<!-- x: begin -->\nold\n<!-- x: end -->\nrest\n";
  const replaced = replaceBlock(page, "x", "new $& text\n\n");
  expect(replaced).toBe("top\n<!-- x: begin -->\nnew $& text\n<!-- x: end -->\nrest\n");
  expect(replaceBlock(replaced, "x", "old")).toBe(page);
  expect(() => replaceBlock("nothing", "x", "")).toThrow("needs one block");
  expect(() => replaceBlock(page + page, "x", "")).toThrow("needs one block");
});

test("lines come one at a time, and a missing one is an error", async () => {
  const reader = new LineReader(new Response("one\ntwo\nrest").body!);
  expect(await reader.next(1_000)).toBe("one");
  expect(await reader.next(1_000)).toBe("two");
  expect(reader.next(1_000)).rejects.toThrow("ended before its line");
});
