/** What is about to be written in place, kept until it is: a program that dies meanwhile leaves it to the next one. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./hosts_target.ts";
import { stateName } from "./state_name.ts";

export class Journal {
  readonly #folder: string;
  readonly #path: string;

  constructor(stateDir: string, hostsFile: string) {
    this.#folder = stateDir;
    this.#path = join(stateDir, `${stateName(hostsFile)}.journal`);
  }

  /** Resolves when it lasts that `bytes` take the place of `before` (latin1). */
  async begin(before: string, bytes: Uint8Array): Promise<void> {
    const content = JSON.stringify({
      before: Buffer.from(before, "latin1").toString("base64"),
      after: Buffer.from(bytes).toString("base64"),
    });
    await mkdir(this.#folder, { recursive: true, mode: 0o750 });
    const fresh = `${this.#path}.new`;
    const file = await open(fresh, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, this.#path);
    await syncDirectory(this.#folder);
  }

  /** It is written, or will not be. */
  async end(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** What must be written for the file not to stay torn, or null: it is whole, or somebody has edited it since. */
  async unfinished(now: string): Promise<Buffer | null> {
    const kept = await this.#read();
    if (kept === null) return null;
    const [before, after] = [kept.before.toString("latin1"), kept.after.toString("latin1")];
    return isTorn(now, before, after) ? kept.after : null;
  }

  async #read(): Promise<{ readonly before: Buffer; readonly after: Buffer } | null> {
    try {
      const { before, after } = JSON.parse(await readFile(this.#path, "utf8")) as Record<string, unknown>;
      if (typeof before !== "string" || typeof after !== "string") return null;
      return { before: Buffer.from(before, "base64"), after: Buffer.from(after, "base64") };
    } catch {
      // None, or one whose own write was not complete: then the hosts file was not touched yet.
      return null;
    }
  }
}

/** True for a text that begins as `after` and goes on as `before`: the write had begun and not ended. */
export function isTorn(now: string, before: string, after: string): boolean {
  if (now === before || now === after) return false;
  // Grown behind the old end: all of it is new.
  if (now.length > before.length) return after.startsWith(now);
  // Up to its own end before the truncation, the old text follows in place of what is not written yet.
  if (now.length < before.length) return false;
  let written = 0;
  while (written < now.length && now[written] === after[written]) written++;
  return now.slice(written) === before.slice(written);
}
