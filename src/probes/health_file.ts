/**
 * What probes have found, kept in `state_dir` so that a new start need not begin with nothing. Only what is young, and of
 * a member that is still the same, is believed.
 */
import { join } from "node:path";
import type { Health } from "../core/model.ts";
import { messageOf } from "../core/text/message_of.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";

const NAME = "health.json";
const MAX_FILE_BYTES = 64 * 2 ** 20;
/** What was found longer ago says nothing about now. */
export const MAX_AGE_MS = 600_000;
/** Changes are written at most so often. */
export const WRITE_GAP_MS = 5_000;
/** Without a change the file is written again so often: after a crash its age must tell when the program lived last. */
export const REFRESH_MS = 60_000;

/** Health of a member, with a text that is another one when the member is: see `memberIdentity`. */
export interface KeptHealth {
  readonly health: Exclude<Health, "unknown">;
  readonly identity: string;
}

/** By `pool/candidate key`. */
export type HealthRecords = Readonly<Record<string, KeptHealth>>;

/** A short text for everything that matters to the probes of a member. */
export function memberIdentity(settings: string): string {
  return Bun.hash(settings).toString(36);
}

export interface HealthFileOptions {
  readonly files: Files;
  readonly clock: Clock;
  /** What is known now. */
  readonly records: () => HealthRecords;
  /** Told once when it cannot be read or written, in words. */
  readonly failed: (text: string) => void;
}

export class HealthFile {
  readonly #options: HealthFileOptions;
  readonly #path: string;
  #stopClock: (() => void) | null = null;
  #changed = false;
  #writtenAt = -Infinity;
  #isFailing = false;
  #isEmpty = true;
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDirectory: string, options: HealthFileOptions) {
    this.#path = join(stateDirectory, NAME);
    this.#options = options;
  }

  /** What an earlier run has left, if it is young enough to be believed. Never throws. */
  async read(): Promise<HealthRecords> {
    const { files, clock, failed } = this.#options;
    const content = await files.read(this.#path, MAX_FILE_BYTES);
    if ("problem" in content) {
      if (content.problem !== "no such file") failed(`${this.#path} cannot be read: ${content.problem}`);
      return {};
    }
    try {
      const { written_at, members } = parsed(JSON.parse(new TextDecoder().decode(content.bytes)));
      const age = clock.wall() - written_at;
      // One that comes from the future was written before the clock was set back.
      return age >= 0 && age <= MAX_AGE_MS ? members : {};
    } catch (error) {
      failed(
        `${this.#path} is not ours or damaged (${messageOf(error)}): nothing is known of backends at the start`,
      );
      return {};
    }
  }

  /** From now on the file follows what is known. */
  follow(): void {
    this.#stopClock ??= this.#options.clock.every(WRITE_GAP_MS, () => {
      const isOld = this.#options.clock.now() - this.#writtenAt >= REFRESH_MS;
      if (this.#changed || isOld) this.#write();
    });
  }

  /** Something that is known has changed. */
  changed(): void {
    this.#changed = true;
  }

  /** Writes what is known at the end. Resolves when that is done. */
  async stop(): Promise<void> {
    if (this.#stopClock === null) return;
    this.#stopClock();
    this.#stopClock = null;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    const { files, clock, records, failed } = this.#options;
    const members = records();
    this.#changed = false;
    this.#writtenAt = clock.now();
    const wasEmpty = this.#isEmpty;
    this.#isEmpty = Object.keys(members).length === 0;
    // Without checks there is nothing to keep.
    if (this.#isEmpty && wasEmpty) return;
    const text = JSON.stringify({ version: 1, written_at: clock.wall(), members });
    this.#writing = this.#writing.then(async () => {
      const problem = await files.replace(this.#path, new TextEncoder().encode(`${text}\n`));
      if (problem !== null && !this.#isFailing)
        failed(`${this.#path} cannot be written (${problem}): the next start begins without health`);
      this.#isFailing = problem !== null;
    });
  }
}

function parsed(value: unknown): { written_at: number; members: HealthRecords } {
  const { version, written_at, members } = value as Record<string, unknown>;
  if (version !== 1 || typeof written_at !== "number" || typeof members !== "object" || members === null)
    throw new TypeError("expected version 1, written_at and members");
  for (const [id, entry] of Object.entries(members as Record<string, unknown>)) {
    const { health, identity } = (entry ?? {}) as Record<string, unknown>;
    if ((health !== "healthy" && health !== "unhealthy") || typeof identity !== "string")
      throw new TypeError(`expected health and identity of ${id}`);
  }
  return { written_at, members: members as HealthRecords };
}
