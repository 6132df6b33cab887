import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { descriptorChannel } from "../platform/fd_passing.ts";
import { requireRoot } from "../../test/support/require.ts";
import { logPosition, nonBlockingCopy, openLogFile, workerLogDescriptor } from "./log_file.ts";
import { DescriptorSink } from "./log_sink.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function makePipe(): string {
  const path = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  return path;
}

test("a file is made with 0640, appended to and written in large pieces", () => {
  const path = join(folder, "log");
  for (const text of ["one\n", "two\n"]) {
    const sink = new DescriptorSink(openLogFile(path));
    expect(sink.writeBytes).toBe(65_536);
    expect(sink.write(bytes(`xx${text}`), 2, 6)).toBe(4);
    sink.close();
  }
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("the descriptor is closed in programs that are started", () => {
  const fd = openLogFile(join(folder, "log"));
  const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!;
  expect(parseInt(flags, 8) & 0o2000000).toBe(0o2000000);
  closeSync(fd);
});

test.each([
  ["missing/log", "no such file or directory"],
  [".", "illegal operation on a directory"],
])("a log that cannot be opened is named with the reason: %p", (name, reason) => {
  const path = `${folder}/${name}`;
  expect(() => openLogFile(path)).toThrow(`cannot open the log ${path}: ${reason}`);
});

test("a pipe without a reader is refused, not waited for", () => {
  const path = makePipe();
  expect(() => openLogFile(path)).toThrow(`cannot open the log ${path}: it is a pipe that nobody reads`);
});

test("a full pipe takes nothing and never waits; what it took is whole", () => {
  const path = makePipe();
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const sink = new DescriptorSink(openLogFile(path));
  expect(sink.writeBytes).toBe(4_096);
  const block = bytes("x".repeat(4_096));
  let written = 0;
  for (let taken = -1; taken !== 0 && written < 10_000_000; written += taken)
    taken = sink.write(block, 0, 4_096);
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThan(10_000_000);
  expect(sink.problem).toBeNull();
  const got = new Uint8Array(8_192);
  expect(readSync(reader, got)).toBe(8_192);
  expect(sink.write(block, 0, 4_096)).toBe(4_096);
  closeSync(reader);
  expect(sink.write(block, 0, 4_096)).toBe(0);
  expect(sink.problem).toBe("broken pipe");
  sink.close();
});

test("a full disk is told in words", () => {
  const sink = new DescriptorSink(openSync("/dev/full", "w"));
  expect(sink.write(bytes("a\n"), 0, 2)).toBe(0);
  expect(sink.problem).toBe("no space left on device");
  sink.close();
});

test("a copy of a pipe never waits, and the one who passed it on keeps its own way", async () => {
  const program = `
    import { descriptorChannel } from "../platform/fd_passing.ts";
import { nonBlockingCopy } from "${import.meta.dir}/log_file.ts";
    import { readFileSync, writeSync } from "node:fs";
    const flags = (fd) => parseInt(/flags:\\s*(\\d+)/.exec(readFileSync("/proc/self/fdinfo/" + fd, "utf8"))[1], 8) & 0o4000;
    const copy = nonBlockingCopy(1);
    writeSync(1, [flags(1), flags(copy)].join(" "));`;
  const shell = `"$0" -e "$1" | cat`;
  const child = Bun.spawn(["sh", "-c", shell, process.execPath, program], { stdout: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("0 2048");
});

test("a copy of a file writes to the same place", () => {
  const path = join(folder, "out");
  const fd = openSync(path, "a");
  const copy = nonBlockingCopy(fd);
  const sink = new DescriptorSink(copy);
  sink.write(bytes("a\n"), 0, 2);
  closeSync(fd);
  sink.write(bytes("b\n"), 0, 2);
  sink.close();
  expect(readFileSync(path, "utf8")).toBe("a\nb\n");
});

test("a socket that nobody reads takes nothing at some point and never waits", () => {
  const [ours, theirs] = descriptorChannel();
  const sink = new DescriptorSink(nonBlockingCopy(ours));
  const block = bytes("x".repeat(4_096));
  let writes = 0;
  while (writes < 10_000 && sink.write(block, 0, 4_096) > 0) writes++;
  expect(writes).toBeGreaterThan(0);
  expect(writes).toBeLessThan(10_000);
  expect(sink.problem).toBeNull();
  sink.close();
  for (const fd of [ours, theirs]) closeSync(fd);
});

// A disk that is full: a tmpfs of few pages takes the beginning of a write.

const lacking = requireRoot();

/** Runs `use` with a small file system whose free space is `free` bytes. */
function onSmallDisk(free: number, use: (path: string) => void): void {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  expect(mounted.stderr.toString()).toBe("");
  try {
    writeFileSync(join(disk, "ballast"), Buffer.alloc(64 * 1024 - free));
    use(disk);
  } finally {
    Bun.spawnSync(["umount", "-l", disk]);
  }
}

const LINE = `${"x".repeat(99)}\n`;

test.skipIf(lacking !== null)("of a line that does not fit on the disk nothing stands", () => {
  onSmallDisk(4_096, (disk) => {
    const path = join(disk, "log");
    const fd = openLogFile(path);
    const sink = new DescriptorSink(workerLogDescriptor(fd));
    const block = bytes(LINE.repeat(60));
    expect(sink.write(block, 0, block.length)).toBe(4_000);
    expect(readFileSync(path, "utf8")).toBe(LINE.repeat(40));
    expect([sink.problem, sink.write(block, 4_000, block.length), sink.problem]).toEqual([
      null,
      0,
      "no space left for a whole line",
    ]);
    expect(readFileSync(path, "utf8")).toBe(LINE.repeat(40));
    rmSync(join(disk, "ballast"));
    expect(sink.write(block, 4_000, block.length)).toBe(2_000);
    expect(readFileSync(path, "utf8")).toBe(LINE.repeat(60));
    sink.close();
    closeSync(fd);
  });
});

test("a worker knows the end of its own last write, whoever has appended since", () => {
  const fd = openLogFile(join(folder, "log"));
  const [ours, theirs] = [workerLogDescriptor(fd), workerLogDescriptor(fd)];
  writeSync(ours, "ours\n");
  writeSync(theirs, "theirs\n");
  expect([logPosition(ours), logPosition(theirs)]).toEqual([5, 12]);
  for (const each of [fd, ours, theirs]) closeSync(each);
});

test("a file that is shared with others (standard output) is never cut", () => {
  const path = join(folder, "out");
  const fd = openSync(path, "a");
  const copy = nonBlockingCopy(fd);
  expect(logPosition(copy)).toBe(-1);
  const own = workerLogDescriptor(fd);
  writeSync(fd, "a\n");
  expect([logPosition(own), logPosition(fd)]).toEqual([0, -1]);
  expect(writeSync(own, "bc\n")).toBe(3);
  expect(logPosition(own)).toBe(5);
  for (const each of [fd, copy, own]) closeSync(each);
});
