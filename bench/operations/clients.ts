/** The bench's own client (native/open_load.c): requests at a fixed rate, and the look-out for a new configuration. */
import { join } from "node:path";
import { LineReader } from "../support/lines.ts";
import { PinnedProgram } from "../support/pinned_program.ts";
import { CONNECTIONS, GENERATION_PATH, RATE, WATCH_EVERY_US, WATCHERS } from "./settings.ts";

const ANSWER_MS = 30_000;

/** What a rate of requests met in all stretches since the last report. */
export interface Stretch {
  readonly seconds: number;
  readonly answered: number;
  readonly failed: number;
  /** Sent again, because a kept connection ended before the answer began. */
  readonly repeated: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  readonly max_us: number;
  /** Longest time between two answers, in microseconds. */
  readonly longest_gap_us: number;
}

export interface Asked {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly rate?: number;
  readonly connections?: number;
  /** `host` holds %05d, which runs over so many numbers. */
  readonly hosts?: number;
}

class Client {
  protected readonly lines: LineReader;
  readonly #program: PinnedProgram;

  constructor(directory: string, words: readonly string[]) {
    this.#program = new PinnedProgram({
      core: everyCore(),
      command: [join(directory, "open_load"), ...words],
      cwd: directory,
      logFile: join(directory, "open_load.output"),
      pipes: true,
    });
    this.lines = new LineReader(this.#program.stdout!);
  }

  protected tell(line: string): void {
    void this.#program.stdin!.write(`${line}\n`);
    void this.#program.stdin!.flush();
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

/** All cores of the machine, for taskset(1). */
export function everyCore(): string {
  return `0-${navigator.hardwareConcurrency - 1}`;
}

export class OpenLoad extends Client {
  constructor(directory: string, asked: Asked) {
    const { port, host, path, rate = RATE, connections = CONNECTIONS, hosts = 0 } = asked;
    super(directory, [
      "rate",
      ...[`port=${port}`, `host=${host}`, `path=${path}`],
      ...[`connections=${connections}`, `rate=${rate}`, `hosts=${hosts}`],
    ]);
  }

  begin(): void {
    this.tell("on");
  }

  end(): void {
    this.tell("off");
  }

  /** What was measured between `begin` and `end`, however often, since the last report. */
  async report(): Promise<Stretch> {
    this.tell("report");
    const stretch = JSON.parse(await this.lines.next(ANSWER_MS)) as Stretch;
    // Nothing may be told of a stretch in which nothing was measured.
    if (stretch.answered === 0) throw new Error(`no request was answered, ${stretch.failed} failed`);
    return stretch;
  }

  /** Measures for `ms`. */
  async during(ms: number): Promise<Stretch> {
    this.begin();
    await Bun.sleep(ms);
    this.end();
    return this.report();
  }
}

/** Asks on many connections which configuration answers. */
export class Watch extends Client {
  constructor(directory: string, port: number) {
    super(directory, [
      "watch",
      ...[`port=${port}`, "host=generation.example", `path=${GENERATION_PATH}`],
      ...[`connections=${WATCHERS}`, `every_us=${WATCH_EVERY_US}`],
    ]);
  }

  /** Seconds from now until `generation` answers on every connection. Throws Error when that takes 30 s. */
  async reached(generation: number): Promise<number> {
    this.tell(String(generation));
    return Number(await this.lines.next(ANSWER_MS)) / 1e6;
  }
}
