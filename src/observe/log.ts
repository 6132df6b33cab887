/**
 * The process log: what the program tells its operator, one line each on standard error. Writing never waits: what a
 * reader that stands still does not take is kept up to a limit, then given up and counted.
 */
import { realClock, type Clock } from "../platform/clock.ts";
import { LineBuffer } from "./line_buffer.ts";
import { nonBlockingCopy, STDERR } from "./log_file.ts";
import { LogLimiter } from "./log_limiter.ts";
import { type LogEntry, type LogFormat, logLine, LONGEST_LOG_LINE_BYTES } from "./log_line.ts";
import { DescriptorSink, type LogSink } from "./log_sink.ts";

export type { LogEntry, LogFormat } from "./log_line.ts";

/** Kept while standard error takes nothing. */
const KEPT_BYTES = 64 * 1024;
const LOOK_AGAIN_MS = 1_000;

export interface ProcessLogOptions {
  readonly format: LogFormat;
  readonly clock?: Clock;
  /** Default: standard error. */
  readonly sink?: LogSink;
  /**
   * Events that no limit holds back, because each line answers something that the operator did: problems of a
   * configuration, listeners at the start.
   */
  readonly unlimited?: readonly string[];
}

export class ProcessLog {
  readonly #format: LogFormat;
  readonly #clock: Clock;
  readonly #limiter: LogLimiter;
  readonly #buffer: LineBuffer;
  #lost = 0;
  #stopLooking: (() => void) | null = null;

  constructor({ format, clock = realClock, sink, unlimited = [] }: ProcessLogOptions) {
    this.#format = format;
    this.#clock = clock;
    this.#limiter = new LogLimiter(clock, new Set(unlimited));
    this.#buffer = new LineBuffer(KEPT_BYTES, LONGEST_LOG_LINE_BYTES, {
      dropped: (lines) => (this.#lost += lines),
      failing() {},
      recovered() {},
    });
    this.#buffer.replaceSink(sink ?? new DescriptorSink(nonBlockingCopy(STDERR)));
  }

  /** Writes a line, or counts it where its event has filled its window. May be passed on as it is. */
  readonly write = (entry: LogEntry): void => {
    if (this.#limiter.admit(entry.event)) {
      this.#put(entry);
      this.#buffer.flush();
    }
    this.#keepLooking();
  };

  #put(entry: LogEntry): void {
    if (!this.#buffer.reserve()) return;
    const { bytes } = this.#buffer.output;
    const line = logLine(this.#format, entry, this.#clock.wall());
    const { written } = new TextEncoder().encodeInto(line, bytes.subarray(this.#buffer.end));
    this.#buffer.commit(this.#buffer.end + written);
  }

  /** Looks again later while something is owed: lines that wait, or the number of those that were left out. */
  #keepLooking(): void {
    const owes = this.#buffer.waiting > 0 || this.#lost > 0 || this.#limiter.owes;
    if (owes) this.#stopLooking ??= this.#clock.every(LOOK_AGAIN_MS, () => this.#look());
    else {
      this.#stopLooking?.();
      this.#stopLooking = null;
    }
  }

  #look(): void {
    this.#buffer.flush();
    for (const { event, lines } of this.#limiter.takeLeftOut()) {
      const text = `${lines} more messages of ${event || "other events"} were left out`;
      this.#put({ event: "left_out", level: "warning", text, fields: { left_out: event, lines } });
    }
    if (this.#lost > 0 && this.#buffer.waiting === 0) {
      const lines = this.#lost;
      this.#lost = 0;
      const text = `${lines} lines of this log are lost: nothing took them`;
      this.#put({ event: "lines_lost", level: "warning", text, fields: { lines } });
    }
    this.#buffer.flush();
    this.#keepLooking();
  }

  /** Writes what can be written and gives the descriptor back. */
  close(): void {
    this.#stopLooking?.();
    this.#stopLooking = null;
    this.#buffer.close();
  }
}
