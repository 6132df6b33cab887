/**
 * The access log of a worker: a line for every request that has ended, whatever its end. Lines are made as bytes in one
 * buffer and written together; a sink that is slow or full costs lines, which are counted, and never time.
 */
import type { AccessLogPlan } from "../core/plan.ts";
import type { Clock } from "../platform/clock.ts";
import { type LineFormat, LONGEST_LINE_BYTES } from "./access_line.ts";
import { ClfLineFormat } from "./access_line_clf.ts";
import { JsonLineFormat } from "./access_line_json.ts";
import type { AccessRecord } from "./access_record.ts";
import { AccessSample } from "./access_sample.ts";
import { LineBuffer, type LogEvents, NO_LOG_EVENTS } from "./line_buffer.ts";
import { DescriptorSink, type LogSink } from "./log_sink.ts";

export type { AccessRecord, LoggedHead } from "./access_record.ts";

/** What the owner of an access log is told. */
export interface AccessLogEvents extends LogEvents {
  /** A request was left out by sampling. */
  sampledOut(): void;
}

const NO_ACCESS_LOG_EVENTS: AccessLogEvents = { ...NO_LOG_EVENTS, sampledOut() {} };

/** What is kept at least while nothing takes the lines. */
const KEPT_BYTES = 64 * 1024;

export class AccessLog {
  readonly #clock: Clock;
  readonly #buffer: LineBuffer;
  readonly #events: AccessLogEvents;
  readonly #random: () => number;
  /** Null = every request is logged. */
  #sample: AccessSample | null;
  #plan: AccessLogPlan;
  #format: LineFormat;
  #stopTimer: () => void;
  /** Added to the monotonic clock it gives the time of day. */
  #wallOffset = 0;

  /** Until `open` is called, lines wait in the buffer. `random` is asked where the plan logs a share only. */
  constructor(
    plan: AccessLogPlan,
    clock: Clock,
    events: AccessLogEvents = NO_ACCESS_LOG_EVENTS,
    random: () => number = Math.random,
  ) {
    this.#clock = clock;
    this.#events = events;
    this.#random = random;
    this.#plan = plan;
    this.#sample = this.#sampleOf(plan);
    this.#format = formatOf(plan);
    this.#buffer = new LineBuffer(keptBytes(plan), LONGEST_LINE_BYTES, events);
    this.#readClocks();
    this.#stopTimer = this.#startTimer();
  }

  /** Goes on with other settings. Lines that wait stay as they are, and so does the descriptor. */
  configure(plan: AccessLogPlan): void {
    this.#plan = plan;
    this.#sample = this.#sampleOf(plan);
    this.#format = formatOf(plan);
    this.#buffer.resize(keptBytes(plan));
    this.#stopTimer();
    this.#stopTimer = this.#startTimer();
  }

  /**
   * Writes to `fd` from now on, which belongs to the log then, and closes the one before: the first opening and every
   * reopening of a file that was moved away. On a pipe or a terminal writes do not wait (see `openLogFile`).
   */
  open(fd: number): void {
    this.openSink(new DescriptorSink(fd));
  }

  openSink(sink: LogSink): void {
    this.#buffer.replaceSink(sink);
  }

  /** Logs a request. `endedMs` is its end on the monotonic clock of `record.startedMs`. */
  write(record: AccessRecord, endedMs: number): void {
    const durationMs = endedMs - record.startedMs;
    let chosen = false;
    if (this.#sample !== null) {
      const verdict = this.#sample.judge(record, durationMs);
      if (verdict === "left_out") {
        this.#events.sampledOut();
        return;
      }
      chosen = verdict === "chosen";
    }
    const buffer = this.#buffer;
    if (!buffer.reserve()) return;
    const wallMs = endedMs + this.#wallOffset;
    buffer.commit(this.#format.write(buffer.output, buffer.end, record, wallMs, durationMs, chosen));
    if (buffer.waiting >= this.#plan.buffer_bytes && !buffer.blocked) buffer.flush();
  }

  flush(): void {
    this.#buffer.flush();
  }

  /** Bytes that have not been written yet. */
  get waiting(): number {
    return this.#buffer.waiting;
  }

  /** Writes what waits, as far as it is taken, and closes the descriptor. */
  close(): void {
    this.#stopTimer();
    this.#buffer.close();
  }

  #sampleOf({ sample }: AccessLogPlan): AccessSample | null {
    return sample === null ? null : new AccessSample(sample, this.#random);
  }

  #startTimer(): () => void {
    return this.#clock.every(this.#plan.flush_ms, () => {
      this.#readClocks();
      this.#buffer.flush();
    });
  }

  #readClocks(): void {
    this.#wallOffset = this.#clock.wall() - this.#clock.now();
  }
}

function formatOf(plan: AccessLogPlan): LineFormat {
  return plan.format === "json" ? new JsonLineFormat(plan) : new ClfLineFormat(plan);
}

function keptBytes(plan: AccessLogPlan): number {
  return Math.max(plan.buffer_bytes, KEPT_BYTES);
}
