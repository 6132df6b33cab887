/** One program at a time writes to a hosts file: a lock beside it, which the kernel gives up with its holder. */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { lockFile } from "../../platform/file_lock.ts";
import { HostsFileError } from "./hosts_file_error.ts";
import { stateName } from "./state_name.ts";

const LOOK_MS = 50;
/** Folders of these kinds cannot hold a lock: the state directory does. */
const NO_ROOM: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOENT", "ENOSPC", "EDQUOT"]);

export class HostsLock {
  readonly #hostsFile: string;
  readonly #stateDir: string;
  #held: { readonly path: string; readonly fd: number } | null = null;

  constructor(hostsFile: string, stateDir: string) {
    this.#hostsFile = hostsFile;
    this.#stateDir = stateDir;
  }

  /** Takes it, waiting up to `waitMs`. Throws HostsFileError that names the holder. */
  async take(waitMs: number): Promise<void> {
    const file = await realpath(this.#hostsFile).catch(() => this.#hostsFile);
    const beside = join(dirname(file), `.${basename(file)}.fairlead.lock`);
    for (const end = performance.now() + waitMs; ; await Bun.sleep(LOOK_MS)) {
      const holder = this.#tryBoth(beside);
      if (holder === null) return;
      if (performance.now() < end) continue;
      throw new HostsFileError(
        `${this.#hostsFile} is kept by another program${holder === "" ? "" : ` (pid ${holder})`}; stop it first`,
        "locked",
      );
    }
  }

  /** Null when the lock is ours now, else the pid of its holder. */
  #tryBoth(beside: string): string | null {
    try {
      return this.#try(beside);
    } catch (error) {
      if (!NO_ROOM.has((error as { code?: string }).code ?? "")) throw error;
    }
    mkdirSync(this.#stateDir, { recursive: true, mode: 0o750 });
    return this.#try(join(this.#stateDir, `${stateName(this.#hostsFile)}.lock`));
  }

  #try(path: string): string | null {
    for (;;) {
      const fd = lockFile(path);
      if (fd === null) return holderOf(path);
      // Whoever held it has taken the file away when it ended: then this lock is one of nothing.
      if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) {
        this.#held = { path, fd };
        nameHolder(fd);
        return null;
      }
      closeSync(fd);
    }
  }

  release(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    if (held !== null) {
      // While it is locked: nobody else can hold this file.
      rmSync(held.path, { force: true });
      closeSync(held.fd);
    }
    return Promise.resolve();
  }
}

/** A full disk has room for a lock, and none for a name: whoever is refused hears of no pid then. */
function nameHolder(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch {
    // It is locked all the same.
  }
}

function holderOf(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}
