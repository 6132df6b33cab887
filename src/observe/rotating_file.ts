/**
 * A log file that is rotated when it has grown, as Python's `RotatingFileHandler` does it: `x.log` becomes `x.log.1`,
 * that one `x.log.2`, and what would be more than the kept ones is lost.
 */
import { fstatSync, renameSync } from "node:fs";
import { realClock, type Clock } from "../platform/clock.ts";
import { LineBuffer } from "./line_buffer.ts";
import { openLogFile, systemErrorWords } from "./log_file.ts";
import { LONGEST_LOG_LINE_BYTES } from "./log_line.ts";
import { DescriptorSink } from "./log_sink.ts";

/** Kept while the file takes nothing; what is more is lost and counted. */
const KEPT_BYTES = 64 * 1024;
/** What went wrong with opening or renaming is not tried again sooner. */
const RETRY_MS = 1_000;
const LINE_FEED = 10;

export interface RotatingFileOptions {
  readonly path: string;
  /** A line that would make the file as long as this or longer goes into a new one; 0 = the file only grows. */
  readonly maxBytes: number;
  /** Files that are kept beside it; 0 = the file only grows. */
  readonly backups: number;
  readonly clock?: Clock;
  /** Told of a trouble in words: once until it is over. */
  readonly problem?: (words: string) => void;
  /** Told when lines that could not be written are written again, with the number of those that are lost. */
  readonly recovered?: (lost: number) => void;
}

/** Writes whole lines. Nothing that a file or a disk does makes a method throw. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #clock: Clock;
  readonly #buffer: LineBuffer;
  /** The file that is written to, or null; its sink closes it. */
  #fd: number | null = null;
  #lost = 0;
  #isFailing = false;
  #cannotRotate = false;
  #isRenamed = false;
  #openNotBefore = -Infinity;
  #rotateNotBefore = -Infinity;

  /** Opens the file at once; where that fails it is told, and tried again with later lines. */
  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#buffer = new LineBuffer(KEPT_BYTES, LONGEST_LOG_LINE_BYTES, {
      dropped: (lines) => (this.#lost += lines),
      failing: (words) => this.#fail(`cannot write the log ${options.path}: ${words}`),
      // Told when the file is known to be open too.
      recovered() {},
    });
    this.#open();
  }

  /** Writes `line`, which holds no line feed, and one behind it. What is longer than 64 KiB is cut. */
  write(line: string): void {
    const bytes = cut(new TextEncoder().encode(line), LONGEST_LOG_LINE_BYTES - 1);
    if (this.#fd === null) this.#open();
    else this.#rotateBefore(bytes.length + 1);
    if (this.#buffer.reserve()) {
      const { end, output } = this.#buffer;
      output.bytes.set(bytes, end);
      output.bytes[end + bytes.length] = LINE_FEED;
      this.#buffer.commit(end + bytes.length + 1);
    }
    this.#flush();
  }

  /** Writes what can be written, and closes the file for good. */
  close(): void {
    this.#openNotBefore = Infinity;
    this.#fd = null;
    this.#buffer.close();
  }

  #flush(): void {
    this.#buffer.flush();
    if (!this.#isFailing || this.#fd === null || this.#buffer.waiting > 0) return;
    const lost = this.#lost;
    this.#isFailing = false;
    this.#lost = 0;
    this.#options.recovered?.(lost);
  }

  #fail(words: string): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.problem?.(words);
  }

  /** Opens the file and goes on with it. Returns whether that was possible. */
  #open(): boolean {
    if (this.#clock.now() < this.#openNotBefore) return false;
    try {
      const fd = openLogFile(this.#options.path);
      this.#buffer.replaceSink(new DescriptorSink(fd));
      this.#fd = fd;
      return true;
    } catch (error) {
      this.#openNotBefore = this.#clock.now() + RETRY_MS;
      this.#fail(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /**
   * Rotates the file where a line of `bytes` has no place in it. Unlike Python before 3.13, not an empty file: a line
   * that is longer than a whole file stands alone in one.
   */
  #rotateBefore(bytes: number): void {
    const { maxBytes, backups } = this.#options;
    if (maxBytes <= 0 || backups <= 0 || this.#clock.now() < this.#rotateNotBefore) return;
    const size = this.#size();
    if (size === 0 || size + this.#buffer.waiting + bytes < maxBytes) return;
    try {
      // Where only opening fails, lines still go to the file that was renamed: it must not move again.
      if (!this.#isRenamed) this.#rename();
      this.#isRenamed = true;
      this.#cannotRotate = false;
      if (this.#open()) this.#isRenamed = false;
    } catch (error) {
      this.#rotateNotBefore = this.#clock.now() + RETRY_MS;
      if (!this.#cannotRotate)
        this.#options.problem?.(
          `cannot rotate the log ${this.#options.path}, so it grows: ${systemErrorWords(error)}`,
        );
      this.#cannotRotate = true;
    }
  }

  /** 0 for what is no regular file: pipes and terminals are never rotated. */
  #size(): number {
    try {
      const file = this.#fd === null ? null : fstatSync(this.#fd);
      return file?.isFile() === true ? file.size : 0;
    } catch {
      return 0;
    }
  }

  /** Throws where a file that is there cannot be renamed. */
  #rename(): void {
    const { path, backups } = this.#options;
    for (let number = backups - 1; number > 0; number--) rename(`${path}.${number}`, `${path}.${number + 1}`);
    rename(path, `${path}.1`);
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}

/** At most `length` bytes of a UTF-8 text, no character torn. */
function cut(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length <= length) return bytes;
  let end = length;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
