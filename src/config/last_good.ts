/**
 * The last configuration that was good as a whole, kept in `state_dir`: a start with a bad one uses it and says so. The
 * copy holds the files as they were, not the plan, so that a newer version of the program can read it. It does not hold
 * the files that settings name: keys stay where their owner has put them.
 */
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { DEFAULT_STATE_DIR } from "../core/defaults.ts";
import {
  contentHash,
  realFiles,
  type FileContent,
  type Files,
  type FolderContent,
} from "../platform/files.ts";
import { ConfigCache, extraFolder } from "./config_files.ts";
import { loadConfig, type LoadOptions, type LoadResult } from "./load.ts";
import type { Problem } from "./problem.ts";

/** Configurations with more than that in all their files are not kept. */
const MAX_COPY_BYTES = 64 * 2 ** 20;
/** Base64 and names make a copy longer than what it holds. */
const MAX_COPY_FILE_BYTES = 2 * MAX_COPY_BYTES;

const copySchema = z.object({
  version: z.literal(1),
  saved_at: z.iso.datetime(),
  /** Absolute name of the main file: a copy of another configuration is not ours. */
  main: z.string(),
  /** Content of the main file and of those of `conf.d/`, in base64, by absolute name. */
  files: z.record(z.string(), z.base64()),
});

type Copy = z.output<typeof copySchema>;

/** What a load gave that was good as a whole. */
interface Good {
  readonly stateDir: string;
  readonly fileHashes: Readonly<Record<string, string>>;
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

/** Loads one configuration again and again, keeps its last good copy, and turns to that where the first load fails. */
export class LastGoodLoader {
  readonly #options: LoadOptions;
  readonly #files: Files;
  readonly #main: string;
  readonly #now: () => number;
  #cache = new ConfigCache();
  #isFirst = true;
  /** Of the last load, until it is kept. */
  #good: Good | null = null;
  /** Hashes of the files in the copy that this process has written. */
  #saved = "";

  /** `now` gives milliseconds since 1970. */
  constructor(options: Omit<LoadOptions, "cache">, now: () => number) {
    this.#options = options;
    this.#files = options.files ?? realFiles;
    this.#main = resolve(options.file);
    this.#now = now;
  }

  async load(): Promise<LoadResult> {
    const recorded = new ConfigFilesView(this.#files, this.#main, null);
    const result = await loadConfig({ ...this.#options, files: recorded, cache: this.#cache });
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const { plan, problems, fileHashes } = result;
    this.#good = null;
    if (plan !== null && problems.length === 0) {
      this.#good = { stateDir: plan.state_dir, fileHashes, contents: recorded.contents };
      return result;
    }
    return isFirst ? this.#recover(result, recorded.contents) : result;
  }

  /** What `load` would give now; nothing is remembered of it. */
  preview(): Promise<LoadResult> {
    return loadConfig({ ...this.#options, files: this.#files, cache: this.#cache.copy() });
  }

  /**
   * What was loaded last acts: it is kept when it is good as a whole. Not before, because what is good may still be
   * refused, by a port that is taken for example, and a start could then do nothing with the copy. Returns what went
   * wrong, or null; nothing is told twice.
   */
  async acts(): Promise<Problem | null> {
    const good = this.#good;
    this.#good = null;
    if (good === null) return null;
    const hashes = JSON.stringify([good.stateDir, good.fileHashes]);
    if (hashes === this.#saved) return null;
    this.#saved = hashes;
    const path = copyPath(good.stateDir);
    const problem = await this.#write(path, good.contents);
    return problem === null ? null : warningAt(path, `no copy can be kept there: ${problem}`);
  }

  /** Returns what went wrong, or null. */
  #write(path: string, contents: ReadonlyMap<string, Uint8Array>): Promise<string | null> {
    const total = [...contents.values()].reduce((sum, { length }) => sum + length, 0);
    if (total > MAX_COPY_BYTES)
      return Promise.resolve(`the configuration is larger than ${MAX_COPY_BYTES} bytes`);
    const copy: Copy = {
      version: 1,
      saved_at: new Date(this.#now()).toISOString(),
      main: this.#main,
      files: Object.fromEntries(
        [...contents].map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]),
      ),
    };
    return this.#files.replace(path, new TextEncoder().encode(`${JSON.stringify(copy)}\n`));
  }

  /**
   * What a start does with a bad configuration: bad files of `conf.d/` take their content of the copy, and where that is
   * not enough the copy counts as a whole. Without a copy that can be used the result stays as it is.
   */
  async #recover(result: LoadResult, contents: ReadonlyMap<string, Uint8Array>): Promise<LoadResult> {
    const main = this.#main;
    const path = copyPath(stateDirOf(result, main, contents.get(main)));
    const copy = copyFrom(await this.#files.read(path, MAX_COPY_FILE_BYTES), main);
    if (copy === null) return result;
    const copied = Object.entries(copy.files).map(
      ([name, text]) => [name, Buffer.from(text, "base64")] as const,
    );
    const files = new ConfigFilesView(this.#files, main, new Map(copied));
    const cache = new ConfigCache();
    const kept = await loadConfig({ ...this.#options, files, cache });
    if (kept.plan === null) return result;
    const mixed = await loadConfig({ ...this.#options, files: this.#files, cache });
    this.#cache = cache;
    if (mixed.plan !== null)
      return mixed.problems.length === 0
        ? mixed
        : withWarning(mixed, path, `bad files keep the content that was saved at ${copy.saved_at}`);
    const { problems, degradedFiles, fileHashes } = mixed;
    return withWarning(
      { ...kept, problems, degradedFiles, fileHashes },
      path,
      `the configuration is bad; the last good one, saved at ${copy.saved_at}, is used`,
    );
  }
}

function copyPath(stateDir: string): string {
  return join(stateDir, "last-good.json");
}

/** `state_dir` as far as a bad configuration still says it. */
function stateDirOf({ stateDir }: LoadResult, main: string, bytes: Uint8Array | undefined): string {
  if (stateDir !== null) return stateDir;
  // The main file is no YAML, so all that can be done is to look for the line.
  const line = /^state_dir:[ \t]+(["']?)([^"'#\n]+?)\1[ \t]*(?:#.*)?$/m.exec(new TextDecoder().decode(bytes));
  return line === null ? DEFAULT_STATE_DIR : resolve(dirname(main), line[2]!);
}

/** The copy, or null where there is none of the configuration with this main file. */
function copyFrom(content: FileContent, main: string): Copy | null {
  if ("problem" in content) return null;
  try {
    const { data } = copySchema.safeParse(JSON.parse(new TextDecoder().decode(content.bytes)));
    return data?.main === main ? data : null;
  } catch {
    return null;
  }
}

function withWarning(result: LoadResult, source: string, message: string): LoadResult {
  return { ...result, warnings: [...result.warnings, warningAt(source, message)] };
}

function warningAt(source: string, message: string): Problem {
  return { source, line: 0, column: 0, path: "", message, suggestion: null };
}

/** Files of which those of the configuration are remembered when they are read, or are those of a copy. */
class ConfigFilesView implements Files {
  /** Content of the main file and of those of `conf.d/`, by absolute name. */
  readonly contents: Map<string, Uint8Array>;
  readonly #files: Files;
  readonly #main: string;
  readonly #isCopy: boolean;

  /** `copy` null = the real ones, which are remembered. */
  constructor(files: Files, main: string, copy: ReadonlyMap<string, Uint8Array> | null) {
    this.#files = files;
    this.#main = main;
    this.#isCopy = copy !== null;
    this.contents = new Map(copy);
  }

  async read(path: string, maxBytes: number): Promise<FileContent> {
    const isOurs = path === this.#main || dirname(path) === extraFolder(this.#main);
    if (!isOurs) return this.#files.read(path, maxBytes);
    if (this.#isCopy) {
      const bytes = this.contents.get(path);
      return bytes === undefined ? { problem: "no such file" } : { bytes, hash: contentHash(bytes) };
    }
    const content = await this.#files.read(path, maxBytes);
    if ("bytes" in content) this.contents.set(path, content.bytes);
    return content;
  }

  list(folder: string): Promise<FolderContent> {
    if (!this.#isCopy) return this.#files.list(folder);
    const paths = [...this.contents.keys()].filter((path) => dirname(path) === folder);
    return Promise.resolve({ names: paths.map((path) => basename(path)).toSorted() });
  }

  resolve(path: string): Promise<string | null> {
    return this.#files.resolve(path);
  }

  replace(path: string, bytes: Uint8Array): Promise<string | null> {
    return this.#files.replace(path, bytes);
  }

  watchFolder(folder: string, changed: () => void): (() => void) | null {
    return this.#files.watchFolder(folder, changed);
  }
}
