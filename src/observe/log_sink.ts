/** Where whole lines go: a descriptor on which a write never waits for a reader. */
import { fstatSync, writeSync } from "node:fs";
import { closeLogFile, setNonBlocking, systemErrorWords } from "./log_file.ts";

/** One write of this size is not mixed with those of other workers that append to the same file. */
const FILE_WRITE_BYTES = 64 * 1024;
/** PIPE_BUF of Linux: smaller writes to a pipe are not mixed (pipe(7)). */
const PIPE_WRITE_BYTES = 4 * 1024;

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

  constructor(fd: number) {
    const isFile = fstatSync(fd).isFile();
    if (!isFile) setNonBlocking(fd);
    this.writeBytes = isFile ? FILE_WRITE_BYTES : PIPE_WRITE_BYTES;
    this.#fd = fd;
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    try {
      const taken = writeSync(this.#fd, bytes, from, to - from);
      this.problem = null;
      return taken;
    } catch (error) {
      this.problem = (error as { code?: string }).code === "EAGAIN" ? null : systemErrorWords(error);
      return 0;
    }
  }

  close(): void {
    closeLogFile(this.#fd);
  }
}
