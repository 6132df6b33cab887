/** Where whole lines go: a descriptor on which a write never waits for a reader. */
import { fstatSync, ftruncateSync, writeSync } from "node:fs";
import { closeLogFile, logPosition, setNonBlocking, systemErrorWords } from "./log_file.ts";

/** One write of this size is not mixed with those of other workers that append to the same file. */
const FILE_WRITE_BYTES = 64 * 1024;
/** PIPE_BUF of Linux: smaller writes to a pipe are not mixed (pipe(7)). */
const PIPE_WRITE_BYTES = 4 * 1024;
const LINE_FEED = 10;

export interface LogSink {
  /** Give at most so much at a time, but for a line that is longer. */
  readonly writeBytes: number;
  /** Why the last write failed, in words; null when it did not, also when it took nothing. */
  readonly problem: string | null;
  /** Returns the number of bytes taken, 0 when none can be now. Never throws. */
  write(bytes: Uint8Array, from: number, to: number): number;
  close(): void;
}

/** Writes to a descriptor, which belongs to it from then on. */
export class DescriptorSink implements LogSink {
  readonly writeBytes: number;
  problem: string | null = null;
  readonly #fd: number;
  readonly #isFile: boolean;

  constructor(fd: number) {
    const isFile = fstatSync(fd).isFile();
    if (!isFile) setNonBlocking(fd);
    this.#isFile = isFile;
    this.writeBytes = isFile ? FILE_WRITE_BYTES : PIPE_WRITE_BYTES;
    this.#fd = fd;
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    try {
      const taken = writeSync(this.#fd, bytes, from, to - from);
      this.problem = null;
      return this.#isFile && taken < to - from ? this.#wholeLines(bytes, from, taken) : taken;
    } catch (error) {
      this.problem = (error as { code?: string }).code === "EAGAIN" ? null : systemErrorWords(error);
      return 0;
    }
  }

  /**
   * A file took only `taken` bytes: the disk is full, and the next one to append, when there is room again, may be another
   * worker. So the beginning of a line is taken back, or given up where it cannot be; the line is written anew. Returns
   * what stands.
   */
  #wholeLines(bytes: Uint8Array, from: number, taken: number): number {
    const end = bytes.lastIndexOf(LINE_FEED, from + taken - 1) + 1;
    const whole = Math.max(0, end - from);
    try {
      const position = logPosition(this.#fd);
      if (whole === taken || position < 0) return taken;
      if (fstatSync(this.#fd).size === position) ftruncateSync(this.#fd, position - (taken - whole));
      // The same part of a line would be taken again and again: no write would ever fail.
      if (whole === 0) this.problem = "no space left for a whole line";
      return whole;
    } catch {
      // A file that may only grow (chattr +a): the rest of the line follows.
      return taken;
    }
  }

  close(): void {
    closeLogFile(this.#fd);
  }
}
