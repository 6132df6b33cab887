/** Files as the configuration sees them: read whole, listed, watched by folder. */
import { watch } from "node:fs";
import { mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** What reading gave: the bytes and their hash, or why there are none, in words such as "no such file". */
export type FileContent =
  { readonly bytes: Uint8Array; readonly hash: string } | { readonly problem: string };

/** What listing gave: names in byte order, null where there is no such folder, or why they are not known. */
export type FolderContent = { readonly names: readonly string[] | null } | { readonly problem: string };

export interface Files {
  /** Reads a regular file of at most `maxBytes`. Never throws. */
  read(path: string, maxBytes: number): Promise<FileContent>;
  /** The names in a folder. Never throws. */
  list(folder: string): Promise<FolderContent>;
  /** The file behind all symbolic links, or null where there is none. */
  resolve(path: string): Promise<string | null>;
  /**
   * Puts `bytes` in the place of a file as a whole, so that no reader sees half of it; only its owner may read it. Folders
   * are made. Returns what went wrong, in words, or null. Never throws.
   */
  replace(path: string, bytes: Uint8Array): Promise<string | null>;
  /**
   * Calls `changed` after something in the folder was made, written, renamed or removed; calls may be many, late or
   * spurious. Returns the function that ends it, or null where the folder cannot be watched.
   */
  watchFolder(folder: string, changed: () => void): (() => void) | null;
}

/** A hash that two different contents never share in practice (SHA-256, in hexadecimal). */
export function contentHash(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
};

/** What the system said, in words such as "no space is left". */
export function fileErrorWords(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return WORDS[code ?? ""] ?? code ?? message ?? String(error);
}

/** The machine's files. */
export const realFiles: Files = {
  async read(path, maxBytes) {
    try {
      const { size, isFile } = await stat(path).then((found) => ({
        size: found.size,
        isFile: found.isFile(),
      }));
      // A device or a pipe could go on for ever.
      if (!isFile) return { problem: "not a regular file" };
      if (size > maxBytes) return { problem: `larger than ${maxBytes} bytes` };
      const bytes = new Uint8Array(await readFile(path));
      return { bytes, hash: contentHash(bytes) };
    } catch (error) {
      return { problem: fileErrorWords(error) };
    }
  },
  async list(folder) {
    try {
      return { names: (await readdir(folder)).toSorted() };
    } catch (error) {
      const { code } = error as { code?: string };
      // Only these say that there is nothing: behind any other error the files may well be there.
      return code === "ENOENT" || code === "ENOTDIR" ? { names: null } : { problem: fileErrorWords(error) };
    }
  },
  async resolve(path) {
    try {
      return await realpath(path);
    } catch {
      return null;
    }
  },
  async replace(path, bytes) {
    const fresh = `${path}.${process.pid}.new`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await writeFile(fresh, bytes, { mode: 0o600, flush: true });
      await rename(fresh, path);
      return null;
    } catch (error) {
      await rm(fresh, { force: true }).catch(() => undefined);
      return fileErrorWords(error);
    }
  },
  watchFolder(folder, changed) {
    try {
      // The folder and not the file: a watch on a file goes deaf when the file is replaced.
      const watcher = watch(folder, { persistent: false }, () => changed());
      watcher.on("error", () => watcher.close());
      return () => watcher.close();
    } catch {
      return null;
    }
  },
};

/** Files in memory, for tests. Paths are absolute; folders exist while something stands in them. */
export class MemoryFiles implements Files {
  readonly #contents = new Map<string, Uint8Array>();
  readonly #problems = new Map<string, string>();
  readonly #watchers = new Map<string, Set<() => void>>();
  /** Reads by path, for tests that count them. */
  readonly reads = new Map<string, number>();

  constructor(texts: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(texts)) this.write(path, text);
  }

  write(path: string, content: string | Uint8Array): void {
    this.#contents.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    this.#problems.delete(path);
    this.#notify(path);
  }

  remove(path: string): void {
    this.#contents.delete(path);
    this.#notify(path);
  }

  /** Reading or listing `path` fails with these words until it is allowed or written. */
  refuse(path: string, problem: string): void {
    this.#problems.set(path, problem);
    this.#notify(path);
  }

  allow(path: string): void {
    this.#problems.delete(path);
    this.#notify(path);
  }

  read(path: string, maxBytes: number): Promise<FileContent> {
    this.reads.set(path, (this.reads.get(path) ?? 0) + 1);
    return Promise.resolve(this.#readNow(path, maxBytes));
  }

  #readNow(path: string, maxBytes: number): FileContent {
    const problem = this.#problems.get(path);
    const bytes = this.#contents.get(path);
    if (problem !== undefined) return { problem };
    if (bytes === undefined) return { problem: "no such file" };
    return bytes.length > maxBytes
      ? { problem: `larger than ${maxBytes} bytes` }
      : { bytes, hash: contentHash(bytes) };
  }

  list(folder: string): Promise<FolderContent> {
    const problem = this.#problems.get(folder);
    if (problem !== undefined) return Promise.resolve({ problem });
    const names = [...this.#contents.keys(), ...this.#problems.keys()]
      .filter((path) => dirname(path) === folder)
      .map((path) => path.slice(folder.length + 1));
    return Promise.resolve({ names: names.length === 0 ? null : [...new Set(names)].toSorted() });
  }

  resolve(path: string): Promise<string | null> {
    return Promise.resolve(this.#contents.has(path) ? path : null);
  }

  replace(path: string, bytes: Uint8Array): Promise<string | null> {
    const problem = this.#problems.get(path) ?? null;
    if (problem === null) this.write(path, bytes);
    return Promise.resolve(problem);
  }

  watchFolder(folder: string, changed: () => void): () => void {
    const set = this.#watchers.get(folder) ?? new Set();
    this.#watchers.set(folder, set.add(changed));
    return () => set.delete(changed);
  }

  #notify(path: string): void {
    for (const changed of this.#watchers.get(dirname(path)) ?? []) changed();
  }
}
