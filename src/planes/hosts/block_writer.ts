/**
 * Brings the hosts file to what is wanted: one write at a time, and what comes meanwhile goes with the next. A write
 * that fails is made again, later and later, until it succeeds or something else is wanted.
 */
import { messageOf } from "../../core/text/message_of.ts";
import type { Clock } from "../../platform/clock.ts";
import type { WantedName } from "./lines.ts";

export const FIRST_RETRY_MS = 1_000;
export const LAST_RETRY_MS = 30_000;

/** What a write came to. */
export interface Written {
  readonly changed: boolean;
  readonly bytesWritten: number;
}

export interface BlockWriterOptions {
  readonly clock: Clock;
  readonly wanted: () => readonly WantedName[];
  readonly write: (wanted: readonly WantedName[]) => Promise<Written>;
  readonly written: (result: Written) => void;
  readonly failed: (error: unknown) => void;
}

export class BlockWriter {
  readonly #options: BlockWriterOptions;
  /** The write under way, or null. */
  #writing: Promise<void> | null = null;
  #isDue = false;
  #failures = 0;
  #endWait: (() => void) | null = null;
  #stopped = false;
  /** Why the last write has failed, or null. */
  problem: string | null = null;

  constructor(options: BlockWriterOptions) {
    this.#options = options;
  }

  /** What is wanted may have changed. */
  update(): void {
    if (this.#stopped) return;
    this.#isDue = true;
    this.#endWait?.();
    this.#endWait = null;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when no write is under way. */
  async idle(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /** No write begins after this. Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endWait?.();
    this.#endWait = null;
    await this.idle();
  }

  async #writeAll(): Promise<void> {
    // What has changed in this turn of the event loop goes together.
    await Promise.resolve();
    while (this.#isDue && !this.#stopped) {
      this.#isDue = false;
      await this.#writeOnce();
    }
    this.#writing = null;
  }

  async #writeOnce(): Promise<void> {
    const { wanted, write, written, failed } = this.#options;
    try {
      const result = await write(wanted());
      this.#failures = 0;
      this.problem = null;
      written(result);
    } catch (error) {
      this.problem = messageOf(error);
      failed(error);
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#stopped || this.#isDue) return;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS);
    this.#endWait = this.#options.clock.every(wait, () => this.update());
  }
}
