/** The access log when what takes its lines is full, stuck or moved away, with the real program over two workers. */
import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseExposition } from "../../src/observe/test_exposition.ts";
import { until } from "../support/fairlead.ts";
import { PROGRAM } from "../support/program.ts";
import { rawClient } from "../support/raw_client.ts";
import { requireRoot } from "../support/require.ts";
import { KeepAliveLoad } from "./processes_load.ts";
import { runProgram, type RunningFairlead } from "./processes_program.ts";

const CLIENTS = 24;
const PATIENCE_MS = 60_000;
const WAIT_MS = 20_000;
const PROBES = 100;

/** What takes the lines, and can stop to. */
interface Sink {
  /** `access_log.path`. */
  readonly path: string;
  /** Program and first arguments that start Fairlead on it. */
  readonly words: readonly string[];
  block(fairlead: RunningFairlead): void;
  unblock(fairlead: RunningFairlead): void;
  /** All that has arrived. */
  text(fairlead: RunningFairlead): string;
  /** How a worker says that it cannot write. */
  readonly problem: string;
  close(): void;
}

/** A reader of a named pipe that can be stopped; what it reads goes to a file. */
class PipeReader {
  readonly directory = mkdtempSync(join(tmpdir(), "fairlead-pipe-"));
  readonly pipe = join(this.directory, "pipe");
  readonly #output = join(this.directory, "output");
  readonly #reader: Bun.Subprocess;

  constructor() {
    expect(Bun.spawnSync(["mkfifo", this.pipe]).exitCode).toBe(0);
    const output = openSync(this.#output, "w");
    // Opened for writing too, so that it does not end with a first writer.
    this.#reader = Bun.spawn(["sh", "-c", 'exec cat <>"$0"', this.pipe], {
      stdio: ["ignore", output, "ignore"],
    });
    closeSync(output);
  }

  /** The name of the process is `cat`: it has the pipe open. */
  async ready(): Promise<void> {
    const name = () => readFileSync(`/proc/${this.#reader.pid}/comm`, "utf8").trim();
    await until(() => name() === "cat", "the reader runs", WAIT_MS);
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#reader.kill(name);
  }

  text(): string {
    return readFileSync(this.#output, "utf8");
  }

  close(): void {
    this.#reader.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function stoppedPipe(asStandardOutput: boolean): Promise<Sink> {
  const reader = new PipeReader();
  await reader.ready();
  return {
    path: asStandardOutput ? "-" : reader.pipe,
    words: asStandardOutput ? ["sh", "-c", 'out=$0; exec "$@" >"$out"', reader.pipe, ...PROGRAM] : PROGRAM,
    block: () => reader.signal("SIGSTOP"),
    unblock: () => reader.signal("SIGCONT"),
    text: () => reader.text(),
    problem: "nothing takes its lines",
    close: () => reader.close(),
  };
}

/** A disk of its own, that only the program sees. */
function fullDisk(): Sink {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-disk-"));
  const mount = 'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"';
  const seen = ({ program }: RunningFairlead, name: string) =>
    `/proc/${program.child.pid}/root${join(directory, name)}`;
  return {
    path: join(directory, "access.log"),
    words: ["unshare", "-m", "sh", "-c", mount, directory, ...PROGRAM],
    block(fairlead) {
      // More than fits: the disk is full to its last page.
      expect(() => writeFileSync(seen(fairlead, "ballast"), Buffer.alloc(17 * 2 ** 20))).toThrow("ENOSPC");
    },
    unblock: (fairlead) => rmSync(seen(fairlead, "ballast")),
    text: (fairlead) => readFileSync(seen(fairlead, "access.log"), "utf8"),
    problem: "no space left",
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const configuration = (path: string): string =>
  `workers: 2\nroutes: [{ respond: { status: 200, body: ok } }]\n` +
  `observability: { access_log: { path: "${path}", buffer: 4KiB, flush: 20ms } }`;

/** Longest and middle time of some requests, one after the other. */
async function probe(port: number): Promise<{ readonly longest: number; readonly middle: number }> {
  using client = await rawClient(port);
  const times: number[] = [];
  for (let round = 0; round < PROBES; round++) {
    const begin = performance.now();
    await client.ask("GET /probe HTTP/1.1\r\nHost: a.example\r\n\r\n", { timeoutMs: WAIT_MS });
    times.push(performance.now() - begin);
  }
  const sorted = times.toSorted((one, other) => one - other);
  return { longest: sorted.at(-1)!, middle: sorted[PROBES >> 1]! };
}

/** What each worker has said of its access log, in order: `failing` or `recovered`. */
function toldOf({ program, workers }: RunningFairlead, problem: string): string[][] {
  const said = (pid: number) =>
    program.said
      .filter(({ event, pid: teller }) => event === "worker_warning" && teller === pid)
      .map(({ message }) => {
        if (message.includes(`the access log cannot be written: ${problem}`)) return "failing";
        return message.endsWith("the access log is written again") ? "recovered" : message;
      });
  return workers.map(said);
}

const scrape = async (fairlead: RunningFairlead) => parseExposition((await fairlead.page("/metrics")).text);

const lacking = requireRoot();

const SINKS = [
  { name: "a full disk", lacking, make: async () => fullDisk() },
  { name: "a pipe whose reader stands still", lacking: null, make: () => stoppedPipe(false) },
  { name: "a standard output whose reader stands still", lacking: null, make: () => stoppedPipe(true) },
];

for (const { name, lacking: reason, make } of SINKS) {
  const what = "requests go on as before, lost lines are counted, recovery is told once, no line is torn";
  test.skipIf(reason !== null)(`H-J13 ${name}: ${what}`, () => blockAndUnblock(make), PATIENCE_MS);
}

async function blockAndUnblock(make: () => Promise<Sink>): Promise<void> {
  const sink = await make();
  try {
    await using fairlead = await runProgram(sink.words, configuration(sink.path));
    // So few that a reader keeps up also where it has little of the processor.
    const load = new KeepAliveLoad(fairlead.port(), CLIENTS, "/", 20);
    const dropped = async () => (await scrape(fairlead)).value("fairlead_access_log_lines_dropped_total");
    const lastTold = () => toldOf(fairlead, sink.problem).map((told) => told.at(-1));
    await load.until("200 ok", 200);
    const before = await probe(fairlead.port());
    const lostBefore = await dropped();

    sink.block(fairlead);
    await until(() => lastTold().every((said) => said === "failing"), "both workers notice", WAIT_MS);
    const untilDropped = async (more: number) => {
      while ((await dropped()) <= more) await load.until("200 ok", 50);
    };
    await untilDropped(lostBefore);
    const during = await probe(fairlead.port());
    await untilDropped(await dropped());
    expect(during.longest).toBeLessThan(2_000);
    expect(during.middle).toBeLessThan(10 * before.middle + 20);

    sink.unblock(fairlead);
    await until(() => lastTold().every((said) => said === "recovered"), "both workers write again", WAIT_MS);
    await load.until("200 ok", 200);
    expect(Object.keys(await load.stop())).toEqual(["200 ok"]);

    for (const told of toldOf(fairlead, sink.problem))
      expect(told).toEqual(told.map((_, index) => (index % 2 === 0 ? "failing" : "recovered")));
    const answered = load.count("200 ok") + 2 * PROBES;
    const lines = () => sink.text(fairlead).split("\n").length - 1;
    const lostInAll = await dropped();
    await until(() => lines() >= answered - lostInAll, "all other lines arrive", WAIT_MS);
    expect(lines()).toBe(answered - lostInAll);
    expect((await scrape(fairlead)).sum("fairlead_http_requests_total")).toBe(answered);
    const ids = sink
      .text(fairlead)
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { id: string }).id);
    expect(new Set(ids).size).toBe(ids.length);
  } finally {
    sink.close();
  }
}

test(
  "H-J13/rotation files that are moved away under load lose no line, also while a worker is replaced",
  async () => {
    await using fairlead = await runProgram(PROGRAM, configuration("access.log"));
    const path = join(fairlead.directory, "access.log");
    const textOf = (file: string) => {
      try {
        return readFileSync(file, "utf8");
      } catch {
        return "";
      }
    };
    const load = new KeepAliveLoad(fairlead.port(), CLIENTS);
    const moved: string[] = [];
    for (let round = 0; round < 6; round++) {
      await load.until("200 ok", 100);
      // SIGTERM to a worker alone: it is replaced, and finishes what it has.
      if (round === 3) process.kill(fairlead.workers[0]!, "SIGTERM");
      renameSync(path, `${path}.${round}`);
      moved.push(`${path}.${round}`);
      fairlead.signal("SIGUSR1");
      await until(() => textOf(path) !== "", "the new file has lines", WAIT_MS);
    }
    await fairlead.program.until("worker_ready");
    await load.until("200 ok", 100);
    const outcomes = await load.stop();
    const answered = outcomes["200 ok"]!;
    const lines = () => [...moved, path].flatMap((file) => textOf(file).split("\n").slice(0, -1));
    await until(() => lines().length >= answered, "all lines are there", WAIT_MS);
    const ids = lines().map((line) => (JSON.parse(line) as { id: string }).id);
    expect(ids.length).toBe(answered);
    expect(new Set(ids).size).toBe(answered);
    expect((await scrape(fairlead)).value("fairlead_access_log_lines_dropped_total")).toBe(0);
  },
  PATIENCE_MS,
);
