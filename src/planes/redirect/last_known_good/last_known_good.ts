/**
 * The last content that was good, kept in a folder for starts at which nobody else can be asked: some generations of it, each
 * with the original's file names and a manifest with checksums. The newest whole generation counts.
 *
 * Files of the original's own layout may be put into the folder itself, as those of an offline bundle: the next start takes them
 * instead of the generations. The first generation that is written then says so, and they are not looked at any more unless they
 * are changed.
 */
import { join } from "node:path";
import type { Clock } from "../../../platform/clock.ts";
import { fileErrorWords, type Files } from "../../../platform/files.ts";
import { filesOf, GLOBAL_FILES, type KnownGood } from "./content.ts";
import type { KnownLists } from "./list_pieces.ts";
import { readGeneration, readPlainFiles, type PlainFiles } from "./generation_reader.ts";
import {
  generationName,
  generationNumbers,
  removeOldGenerations,
  writeGeneration,
} from "./generation_writer.ts";
import {
  type Manifest,
  MANIFEST_FILE,
  manifestBytes,
  manifestOf,
  MOST_MANIFEST_BYTES,
  readManifest,
  versionsOf,
} from "./manifest.ts";
import { readContent, type ReadContent, type ReadOptions } from "./read_content.ts";

export interface LastKnownGoodOptions extends ReadOptions {
  /** The folder; it is made by the first write. */
  readonly path: string;
  /** How many of them are kept; at least 1. */
  readonly generations: number;
}

/** Lists of a million values take less. */
export const DEFAULT_MAX_FILE_BYTES = 256 * 1_024 * 1_024;

/** Where what acts stands. */
export type KnownGoodSource =
  | { readonly kind: "generation"; readonly number: number; readonly saved_at_ms: number }
  /** Files that somebody has put into the folder itself. */
  | { readonly kind: "plain" };

export interface ReadResult {
  /** Null = there is nothing that can be used. */
  readonly content: KnownGood | null;
  readonly source: KnownGoodSource | null;
  /** Sentences: generations that were skipped, and parts that were left out. */
  readonly problems: readonly string[];
}

export interface LastKnownGoodStatus {
  readonly path: string;
  /** What the next start would use, as far as this program knows it; null = nothing. */
  readonly source: KnownGoodSource | null;
  /** Since it was written; null for what somebody else has put there. */
  readonly age_ms: number | null;
  readonly versions: Manifest["versions"] | null;
  /** It was made while the store was away, and acts until somebody ends that. */
  readonly is_offline: boolean;
  /** Sentences of the last read, and of the last write where it failed. */
  readonly problems: readonly string[];
}

interface Found {
  readonly number: number;
  readonly manifest: Manifest;
  readonly content: KnownGood;
}

export class LastKnownGood {
  readonly #options: LastKnownGoodOptions;
  readonly #source: Files;
  readonly #clock: Clock;
  #acting: KnownGoodSource | null = null;
  #versions: Manifest["versions"] | null = null;
  #isOffline = false;
  /** Hash of the plain files that need not be looked at again. */
  #taken: string | null = null;
  #readProblems: readonly string[] = [];
  #writeProblem: string | null = null;
  /** Of a generation that this program has seen or written. */
  #newestNumber = 0;
  #next: KnownGood<KnownLists> | null = null;
  #writing: Promise<string | null> | null = null;

  /** `source` is what files are read from; they are written to the machine's own. */
  constructor(options: LastKnownGoodOptions, source: Files, clock: Clock) {
    this.#options = options;
    this.#source = source;
    this.#clock = clock;
  }

  /** Reads what is to act. Never throws. */
  async read(): Promise<ReadResult> {
    const { path, max_file_bytes } = this.#options;
    const listed = await this.#source.list(path);
    if ("problem" in listed) return this.#found(null, null, [`${path}: ${listed.problem}`]);
    const names = listed.names ?? [];
    this.#newestNumber = generationNumbers(names)[0] ?? 0;
    const problems: string[] = [];
    const newest = await this.#newest(names, problems);
    this.#taken = newest?.manifest.taken ?? null;
    const plain = await readPlainFiles(this.#source, path, names, max_file_bytes);
    if (plain.files.size > 0 && plain.hash !== this.#taken) {
      const content = this.#plainContent(plain, newest?.content ?? null, problems);
      if (content !== null) {
        this.#taken = plain.hash;
        return this.#found(content, { kind: "plain" }, problems);
      }
    }
    if (newest === null) return this.#found(null, null, problems);
    const { number, manifest, content } = newest;
    const savedAtMs = Date.parse(manifest.saved_at);
    const source = { kind: "generation", number, saved_at_ms: savedAtMs } as const;
    return this.#found(content, source, problems);
  }

  /**
   * Writes the content as a new generation and removes the oldest ones. Content that is given during a write takes the place of
   * what waits. Resolves when everything that was given is written: with null, or what went wrong in one sentence. Never throws.
   */
  write(content: KnownGood<KnownLists>): Promise<string | null> {
    this.#next = content;
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = null));
    return this.#writing;
  }

  /**
   * Puts the files of a bundle there as a new generation, which acts from the next start on as one that was made offline. Resolves with
   * its content, or with sentences about what is wrong with the files; then nothing has changed. Never throws.
   */
  async takeBundle(files: ReadonlyMap<string, Uint8Array>): Promise<KnownGood | readonly string[]> {
    const { content: older } = await this.read();
    const read = readContent(files, this.#options);
    if (read.problems.length > 0) return read.problems;
    if (read.models.size === 0) return ["it has no model"];
    const content = completed(read, older, true);
    const problem = await this.write(content);
    return problem === null ? content : [problem];
  }

  get status(): LastKnownGoodStatus {
    const source = this.#acting;
    const savedAt = source?.kind === "generation" ? source.saved_at_ms : null;
    return {
      path: this.#options.path,
      source,
      age_ms: savedAt === null ? null : Math.max(0, this.#clock.wall() - savedAt),
      versions: this.#versions,
      is_offline: this.#isOffline,
      problems: [...this.#readProblems, ...(this.#writeProblem === null ? [] : [this.#writeProblem])],
    };
  }

  #found(content: KnownGood | null, source: KnownGoodSource | null, problems: readonly string[]): ReadResult {
    this.#acts(content, source);
    this.#readProblems = problems;
    return { content, source, problems };
  }

  #acts(content: KnownGood<KnownLists> | null, source: KnownGoodSource | null): void {
    this.#acting = source;
    this.#versions = content === null ? null : versionsOf(content);
    this.#isOffline = content?.is_offline === true;
  }

  /** The newest generation that is whole. */
  async #newest(names: readonly string[], problems: string[]): Promise<Found | null> {
    const { path, max_file_bytes } = this.#options;
    for (const number of generationNumbers(names)) {
      const generation = await readGeneration(this.#source, path, number, max_file_bytes);
      if (typeof generation === "string") {
        problems.push(`${path}: ${generationName(number)} was skipped: ${generation}`);
        continue;
      }
      const { manifest, files } = generation;
      const read = readContent(files, this.#options);
      problems.push(...read.problems.map((problem) => `${path}: ${generationName(number)}: ${problem}`));
      return { number, manifest, content: completed(read, null, manifest.is_offline) };
    }
    return null;
  }

  /** Null where the files have no model that can be used. What they lack is that of the generation. */
  #plainContent(plain: PlainFiles, older: KnownGood | null, problems: string[]): KnownGood | null {
    const { path } = this.#options;
    if (plain.damage !== null) {
      const advice =
        "they were passed over; copy all of them again, or remove the manifest to have them as they are";
      problems.push(...plain.problems, `${path}: ${plain.damage}, so ${advice}`);
      return null;
    }
    const read = readContent(plain.files, this.#options);
    problems.push(...plain.problems, ...read.problems.map((problem) => `${path}: ${problem}`));
    if (read.models.size === 0) {
      problems.push(`${path}: the files in it have no model that can be used, so they were passed over`);
      return null;
    }
    // A gateway's own files have no lists with types.
    return completed(read, older, plain.files.has(GLOBAL_FILES.full_lists));
  }

  async #writeAll(): Promise<string | null> {
    while (this.#next !== null) {
      const content = this.#next;
      this.#next = null;
      this.#writeProblem = await this.#writeOne(content);
    }
    return this.#writeProblem;
  }

  /** Returns what went wrong, or null. */
  async #writeOne(content: KnownGood<KnownLists>): Promise<string | null> {
    const { path, generations } = this.#options;
    const bundle = await this.#waitingBundle();
    if (bundle !== null)
      return `${path}: ${bundle} was made offline and waits for the next start, so nothing is written beside it`;
    let isWritten = false;
    try {
      await this.#writeFiles(content);
      isWritten = true;
      await removeOldGenerations(path, generations);
      return null;
    } catch (error) {
      const what = isWritten ? "old generations cannot be removed" : "no generation can be written there";
      return `${path}: ${what}: ${fileErrorWords(error)}`;
    }
  }

  /** Name of a generation that somebody has put there offline since this program has read the folder; or null. */
  async #waitingBundle(): Promise<string | null> {
    const { path } = this.#options;
    const listed = await this.#source.list(path);
    const [number = 0] = "names" in listed ? generationNumbers(listed.names ?? []) : [];
    if (number <= this.#newestNumber) return null;
    const name = generationName(number);
    const found = await this.#source.read(join(path, name, MANIFEST_FILE), MOST_MANIFEST_BYTES);
    const manifest = "bytes" in found ? readManifest(found.bytes) : "is not there";
    return typeof manifest !== "string" && manifest.is_offline ? name : null;
  }

  async #writeFiles(content: KnownGood<KnownLists>): Promise<void> {
    const { path, static_applications, max_file_bytes } = this.#options;
    const savedAtMs = this.#clock.wall();
    const number = await writeGeneration(path, {
      files: filesOf(content, static_applications),
      last: {
        name: MANIFEST_FILE,
        bytes: (written) => manifestBytes(manifestOf(content, written, savedAtMs, this.#taken)),
      },
      max_file_bytes,
    });
    this.#newestNumber = number;
    this.#acts(content, { kind: "generation", number, saved_at_ms: savedAtMs });
    // What was wrong with older ones is no longer of interest.
    this.#readProblems = [];
  }
}

/** What was read, with what it lacks from something older. */
function completed(read: ReadContent, older: KnownGood | null, isOffline: boolean): KnownGood {
  const applications = read.applications ?? older?.applications ?? [];
  const models = new Map(read.models);
  for (const application of applications) {
    const known = older?.models.get(application);
    if (known !== undefined && !models.has(application)) models.set(application, known);
  }
  return {
    applications,
    models,
    lists: read.lists ?? older?.lists ?? { version: 0, lists: [] },
    stacks: read.stacks ?? older?.stacks ?? new Map(),
    settings: read.settings ?? older?.settings ?? null,
    is_offline: isOffline,
  };
}
