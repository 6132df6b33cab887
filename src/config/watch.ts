/**
 * Notices when the configuration on disk is no longer the one that was loaded: the main file, `conf.d/`, and the
 * certificates and secrets that they name. Folders are watched, events are joined for a moment, and only a different
 * content counts, so rewriting a file with the same bytes is no change. A slow poll covers file systems without events.
 */
import { dirname, join, resolve } from "node:path";
import { realFiles, type Files } from "../platform/files.ts";
import { extraFolder, isConfigFile, listExtras, MAX_CONFIG_BYTES } from "./config_files.ts";
import { MAX_INPUT_BYTES } from "./inputs.ts";

const DEBOUNCE_MS = 100;
/** Events that never stop are cut off after this time. */
const MAX_DEBOUNCE_MS = 1_000;
const POLL_MS = 5_000;

/** Calls `run` once after `ms`; returns the function that prevents it. */
export type Schedule = (ms: number, run: () => void) => () => void;

const realSchedule: Schedule = (ms, run) => {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

export interface WatchOptions {
  /** The main file, as it was given to `loadConfig`. */
  readonly file: string;
  /** Called when the content differs from what was last told by `loaded`. */
  readonly onChange: () => void;
  /** Further files that are loaded now, absolute: one that `loaded` did not tell of is a change. */
  readonly alsoLoaded?: () => Promise<readonly string[]>;
  readonly files?: Files;
  readonly schedule?: Schedule;
  readonly debounceMs?: number;
  readonly pollMs?: number;
}

export interface ConfigWatch {
  /** Tells which contents are loaded now (`LoadResult.fileHashes`), also after a load that failed. */
  loaded(fileHashes: Readonly<Record<string, string>>): void;
  close(): void;
}

/** Starts to watch; nothing is reported before the first `loaded`. */
export function watchConfig(options: WatchOptions): ConfigWatch {
  return new Watch(options);
}

class Watch implements ConfigWatch {
  readonly #options: WatchOptions;
  readonly #files: Files;
  readonly #schedule: Schedule;
  readonly #folders = new Map<string, () => void>();
  #hashes: Readonly<Record<string, string>> | null = null;
  /** Counts what was told by `loaded`, so that a check that started before is not believed. */
  #generation = 0;
  #cancelDebounce: (() => void) | null = null;
  #cancelPoll: (() => void) | null = null;
  #waitedMs = 0;
  #checking = false;
  #again = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#files = options.files ?? realFiles;
    this.#schedule = options.schedule ?? realSchedule;
    this.#poll();
  }

  loaded(fileHashes: Readonly<Record<string, string>>): void {
    this.#hashes = fileHashes;
    this.#generation++;
    // Something may have changed between reading and now.
    this.#event();
  }

  close(): void {
    this.#closed = true;
    this.#cancelDebounce?.();
    this.#cancelPoll?.();
    for (const close of this.#folders.values()) close();
    this.#folders.clear();
  }

  #poll(): void {
    this.#cancelPoll = this.#schedule(this.#options.pollMs ?? POLL_MS, () => {
      void this.#check();
      this.#poll();
    });
  }

  /** Waits until no event has come for a moment, but not for ever. */
  #event(): void {
    if (this.#closed) return;
    const debounce = this.#options.debounceMs ?? DEBOUNCE_MS;
    if (this.#cancelDebounce !== null) {
      if (this.#waitedMs >= MAX_DEBOUNCE_MS) return;
      this.#cancelDebounce();
    }
    this.#waitedMs += debounce;
    this.#cancelDebounce = this.#schedule(debounce, () => {
      this.#cancelDebounce = null;
      this.#waitedMs = 0;
      void this.#check();
    });
  }

  /** Compares what is on disk with what is loaded. One check at a time. */
  async #check(): Promise<void> {
    if (this.#hashes === null || this.#closed) return;
    if (this.#checking) {
      this.#again = true;
      return;
    }
    this.#checking = true;
    const generation = this.#generation;
    const hashes = this.#hashes;
    // Watched first, so that no change falls between the two.
    await this.#watchFolders(hashes);
    const differs = await this.#differs(hashes);
    this.#checking = false;
    if (this.#closed) return;
    if (differs && generation === this.#generation) this.#options.onChange();
    if (this.#again) {
      this.#again = false;
      this.#event();
    }
  }

  async #differs(hashes: Readonly<Record<string, string>>): Promise<boolean> {
    const { file } = this.#options;
    const folder = resolve(extraFolder(file));
    const { names, problem } = await listExtras(file, this.#files);
    if ((hashes[folder] || null) !== problem) return true;
    if (names?.some((name) => !Object.hasOwn(hashes, join(folder, name))) === true) return true;
    const more = (await this.#options.alsoLoaded?.()) ?? [];
    if (more.some((path) => !Object.hasOwn(hashes, path))) return true;
    for (const [path, known] of Object.entries(hashes)) {
      if (path === folder) continue;
      // The limit of loading: a file above it has no hash there, and would differ here for ever.
      const limit = isConfigFile(path, file) ? MAX_CONFIG_BYTES : MAX_INPUT_BYTES;
      const content = await this.#files.read(path, limit);
      if (("hash" in content ? content.hash : "") !== known) return true;
    }
    return false;
  }

  async #isGone(folder: string): Promise<boolean> {
    const content = await this.#files.list(folder);
    return "names" in content && content.names === null;
  }

  /**
   * Watches the folders of all files, and those of the files behind links: a ConfigMap is a link into a folder that is
   * replaced as a whole, a link elsewhere changes where it points.
   */
  async #watchFolders(hashes: Readonly<Record<string, string>>): Promise<void> {
    const main = resolve(this.#options.file);
    const wanted = new Set([dirname(main), extraFolder(main)]);
    for (const path of Object.keys(hashes)) {
      wanted.add(dirname(path));
      const target = await this.#files.resolve(path);
      if (target !== null) wanted.add(dirname(target));
    }
    for (const [folder, close] of this.#folders) {
      // The watch on a folder that is gone would stay silent if it came again.
      if (wanted.has(folder) && !(await this.#isGone(folder))) continue;
      close();
      this.#folders.delete(folder);
    }
    if (this.#closed) return;
    for (const folder of wanted) {
      if (this.#folders.has(folder)) continue;
      const close = this.#files.watchFolder(folder, () => {
        this.#event();
      });
      if (close !== null) this.#folders.set(folder, close);
    }
  }
}
