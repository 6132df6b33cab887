/**
 * Lines on their way to a sink that may be slow, full or away. Only whole lines are given up, and only ones of which
 * nothing has been written: what is in the buffer stays, new lines are dropped and counted.
 */
import { lineOutput, type LineOutput } from "./line_bytes.ts";
import type { LogSink } from "./log_sink.ts";

const LINE_FEED = 10;

/** What the owner of a log is told. */
export interface LogEvents {
  /** Lines were given up. */
  dropped(lines: number): void;
  /** Lines cannot be written, in words. Called once until they can be again. */
  failing(words: string): void;
  /** Lines are written again. */
  recovered(): void;
}

export const NO_LOG_EVENTS: LogEvents = { dropped() {}, failing() {}, recovered() {} };

export class LineBuffer {
  output: LineOutput;
  /** Where the next line goes; `commit` moves it. */
  end = 0;
  #start = 0;
  /** True when bytes at `#start` continue a line whose beginning has been written. */
  #insideLine = false;
  /** No more attempts before the next `retry`. */
  #blocked = false;
  #failing = false;
  #sink: LogSink | null = null;
  readonly #longestLine: number;
  readonly #events: LogEvents;

  /** `keptBytes`: what is kept at least while the sink takes nothing. A line has at most `longestLine` bytes. */
  constructor(keptBytes: number, longestLine: number, events: LogEvents) {
    this.output = lineOutput(keptBytes + longestLine);
    this.#longestLine = longestLine;
    this.#events = events;
  }

  /** Bytes that wait to be written. */
  get waiting(): number {
    return this.end - this.#start;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** Changes what is kept at least while the sink takes nothing. */
  resize(keptBytes: number): void {
    const output = lineOutput(Math.max(keptBytes, this.waiting) + this.#longestLine);
    output.bytes.set(this.output.bytes.subarray(this.#start, this.end));
    this.end -= this.#start;
    this.#start = 0;
    this.output = output;
  }

  /** Makes room for one line at `end`. Returns false when the line must be given up; it is counted then. */
  reserve(): boolean {
    if (this.end + this.#longestLine <= this.output.bytes.length) return true;
    if (!this.#blocked) this.flush();
    if (this.#start > 0) {
      this.output.bytes.copyWithin(0, this.#start, this.end);
      this.end -= this.#start;
      this.#start = 0;
    }
    if (this.end + this.#longestLine <= this.output.bytes.length) return true;
    this.#events.dropped(1);
    this.#fail(this.#sink?.problem ?? "nothing takes its lines");
    return false;
  }

  /** The line that was put at the old `end` now ends at `end`. */
  commit(end: number): void {
    this.end = end;
  }

  /** Writes what waits, as far as the sink takes it. */
  flush(): void {
    const sink = this.#sink;
    if (sink === null) {
      this.#blocked = true;
      return;
    }
    while (this.#start < this.end) {
      const to = this.#boundary(this.#start, sink.writeBytes);
      const taken = sink.write(this.output.bytes, this.#start, to);
      if (taken <= 0) {
        this.#blocked = true;
        if (sink.problem !== null) this.#fail(sink.problem);
        return;
      }
      this.#start += taken;
      this.#insideLine = this.output.bytes[this.#start - 1] !== LINE_FEED;
    }
    this.#start = this.end = 0;
    this.#blocked = false;
    if (this.#failing) {
      this.#failing = false;
      this.#events.recovered();
    }
  }

  /** End of the last line within `most` bytes from `from`, or of the first where it is longer. */
  #boundary(from: number, most: number): number {
    if (this.end - from <= most) return this.end;
    const last = this.output.bytes.lastIndexOf(LINE_FEED, from + most - 1);
    return last >= from ? last + 1 : this.output.bytes.indexOf(LINE_FEED, from) + 1;
  }

  /**
   * Goes on with another sink and closes the one before. What that one still takes goes there; the rest of a line
   * that it has the beginning of is given up.
   */
  replaceSink(sink: LogSink | null): void {
    if (this.#sink !== null) {
      this.flush();
      if (this.#insideLine && this.#start < this.end) {
        this.#start = this.output.bytes.indexOf(LINE_FEED, this.#start) + 1;
        this.#insideLine = false;
        this.#events.dropped(1);
      }
      this.#sink.close();
    }
    this.#sink = sink;
    this.#blocked = false;
    this.flush();
  }

  /** Writes what can be written, closes the sink, and counts what is left as dropped. */
  close(): void {
    this.replaceSink(null);
    let lines = 0;
    for (let at = this.#start; at < this.end; at++) if (this.output.bytes[at] === LINE_FEED) lines++;
    if (lines > 0) this.#events.dropped(lines);
    this.#start = this.end = 0;
  }

  #fail(words: string): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#events.failing(words);
  }
}
