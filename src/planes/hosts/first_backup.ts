/** The hosts file as it was before the first write, kept for ever. */
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "./hosts_target.ts";
import { stateName } from "./state_name.ts";

export class FirstBackup {
  readonly folder: string;
  readonly #path: string;
  #isKept = false;

  constructor(stateDir: string, hostsFile: string) {
    this.folder = stateDir;
    this.#path = join(stateDir, `${stateName(hostsFile)}.first`);
  }

  /** Keeps `text` (latin1) unless there is a backup already. */
  async keep(text: string): Promise<void> {
    if (this.#isKept) return;
    await mkdir(this.folder, { recursive: true, mode: 0o750 });
    // Always the same name, under the lock: the next program takes away what a killed one has left.
    const fresh = `${this.#path}.new`;
    const file = await open(fresh, "w", 0o600);
    try {
      await file.writeFile(Buffer.from(text, "latin1"));
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(fresh, this.#path);
      await syncDirectory(this.folder);
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
    } finally {
      await rm(fresh, { force: true });
    }
    this.#isKept = true;
  }

  /** The text (latin1), or null where there was no write yet. */
  async read(): Promise<string | null> {
    try {
      return (await readFile(this.#path)).toString("latin1");
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return null;
      throw error;
    }
  }
}
