/**
 * The hosts file: read anew for each change, changed as a whole, everything outside our block left as it is, whoever edits
 * it meanwhile. One program at a time writes to it, by a lock.
 */
import type { FileHandle } from "node:fs/promises";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { HostsPlan } from "../../core/plan.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { copyAttributes } from "../../platform/file_extras.ts";
import { errnoName, SystemCallError } from "../../platform/libc.ts";
import { findBlock, released, wantedLines, withLines, withoutBlock } from "./block.ts";
import { exchangeUnlessEdited } from "./exchange.ts";
import { HostsFileError } from "./hosts_file_error.ts";
import { isMountPoint, readTarget, syncDirectory, targetOf, type TargetContent } from "./hosts_target.ts";
import { Journal } from "./journal.ts";
import type { HostsLine, WantedName } from "./lines.ts";
import { HostsLock } from "./hosts_lock.ts";
import { FirstBackup } from "./first_backup.ts";
import type { HostsEvent } from "./words.ts";

export { HostsFileError } from "./hosts_file_error.ts";

/** Edits of others that come between look and write are merged so often; nobody edits faster for long. */
const MAX_TRIES = 20;
/** The file systems and mounts that cannot exchange or rename say so by these. */
const CANNOT_EXCHANGE: ReadonlySet<string> = new Set(["EINVAL", "ENOSYS", "EOPNOTSUPP"]);
/** Somebody else has made the file, or taken it away. */
const MADE_OR_GONE: ReadonlySet<string> = new Set(["EEXIST", "ENOENT"]);
const MUST_BE_IN_PLACE: ReadonlySet<string> = new Set(["EBUSY", "EXDEV"]);

export type WritingWay = "rename" | "in_place";

/** What is taken back: our block, our markers, or everything since the first write. */
export type Restoration = "remove" | "release" | "first_backup";

/** What of the plan says how the file is read and written. */
export type HostsFileRules = Pick<HostsPlan, "file" | "write" | "allowed_roots" | "create">;

export interface UpdateResult {
  readonly changed: boolean;
  readonly bytesWritten: number;
}

/** What a file holds now and would hold. */
export interface Preview {
  readonly before: string;
  readonly after: string;
}

const NOTHING: UpdateResult = { changed: false, bytesWritten: 0 };

export class HostsFile {
  /** How it is written; null before `open` has found out. */
  way: WritingWay | null = null;
  /** We have the lock. */
  isOpen = false;
  #rules: HostsFileRules;
  readonly #report: (event: HostsEvent) => void;
  readonly #journal: Journal;
  readonly #backup: FirstBackup;
  readonly #lock: HostsLock;
  #temporary = 0;
  #queue: Promise<unknown> = Promise.resolve();

  /** `stateDir`: for the first backup and, in place, for what is about to be written. */
  constructor(rules: HostsFileRules, stateDir: string, report: (event: HostsEvent) => void = () => {}) {
    const { file } = rules;
    this.#rules = rules;
    this.#report = report;
    this.#journal = new Journal(stateDir, file);
    this.#backup = new FirstBackup(stateDir, file);
    this.#lock = new HostsLock(file, stateDir);
  }

  /** Other rules for the same file. A file that cannot be found is no failure here: the next change tells it. */
  async follow(rules: HostsFileRules): Promise<void> {
    this.#rules = rules;
    await this.#findWay().catch(() => undefined);
  }

  /**
   * Takes the lock, for which it waits up to `waitMs`, and clears up after a program that died. Throws HostsFileError that names
   * the holder. A file that cannot be read or written is no failure here: the first change tells it.
   */
  async open({ waitMs = 0 }: { readonly waitMs?: number } = {}): Promise<void> {
    await this.#lock.take(waitMs);
    this.isOpen = true;
    try {
      await this.#clearUp();
      await this.#findWay();
    } catch {
      // What is wrong with the file, the first change tells.
    }
  }

  /** Gives the lock up, after what is under way. */
  async close(): Promise<void> {
    await this.#queue;
    this.isOpen = false;
    await this.#lock.release();
  }

  /** The lines of our block, or of the original's. Throws HostsFileError. */
  async read(): Promise<{ readonly lines: readonly HostsLine[] }> {
    const { text } = await this.#target();
    return { lines: findBlock(text, this.#rules.file)?.lines ?? [] };
  }

  /** Brings our block to what is wanted. An equal file is not written. Throws HostsFileError. */
  update(wanted: readonly WantedName[]): Promise<UpdateResult> {
    return this.#change(this.#withWanted(wanted));
  }

  /** What `update` would do. */
  preview(wanted: readonly WantedName[]): Promise<Preview> {
    return this.#preview(this.#withWanted(wanted));
  }

  #withWanted(wanted: readonly WantedName[]): Edit {
    return (text) => {
      const block = findBlock(text, this.#rules.file);
      return withLines(text, block, wantedLines(wanted, block));
    };
  }

  /** Takes our block out, and leaves the rest as it is. */
  remove(): Promise<UpdateResult> {
    return this.restore("remove");
  }

  async restore(what: Restoration): Promise<UpdateResult> {
    return this.#change(await this.#restored(what));
  }

  async previewRestore(what: Restoration): Promise<Preview> {
    return this.#preview(await this.#restored(what));
  }

  async #restored(what: Restoration): Promise<Edit> {
    if (what === "first_backup") {
      const first = await this.#backup.read();
      if (first === null)
        throw new HostsFileError(`there is no first backup of ${this.#rules.file}`, "no backup");
      return () => first;
    }
    return (text) => {
      const block = findBlock(text, this.#rules.file);
      if (block === null) return text;
      return what === "remove" ? withoutBlock(text, block) : released(text, block);
    };
  }

  async #preview(edit: Edit): Promise<Preview> {
    const { text } = await this.#target();
    const after = edit(text);
    const shown = (latin1: string): string => Buffer.from(latin1, "latin1").toString();
    return { before: shown(text), after: shown(after) };
  }

  /** One change after the other. */
  #change(edit: Edit): Promise<UpdateResult> {
    const result = this.#queue.then(() => this.#changeNow(edit));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #changeNow(edit: Edit): Promise<UpdateResult> {
    const { file: path } = this.#rules;
    if (this.way === "in_place") await this.#complete(path);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const target = await this.#target();
      const after = edit(target.text);
      if (after === target.text) return NOTHING;
      const bytes = Buffer.from(after, "latin1");
      try {
        await this.#keepFirst(target.text);
        if (await this.#put(target, bytes)) return { changed: true, bytesWritten: bytes.length };
      } catch (error) {
        throw this.#inWords(error);
      }
    }
    throw new HostsFileError(`${path} is edited by others all the time: nothing was written`, "edited");
  }

  async #keepFirst(text: string): Promise<void> {
    try {
      await this.#backup.keep(text);
    } catch (error) {
      const { code, words } = reason(error);
      const message = `the first backup cannot be kept in ${this.#backup.folder}: ${words}`;
      throw new HostsFileError(message, `backup ${code}`, error);
    }
  }

  #inWords(error: unknown): Error {
    if (error instanceof HostsFileError) return error;
    const { code, words } = reason(error);
    return new HostsFileError(`${this.#rules.file} cannot be written: ${words}`, `write ${code}`, error);
  }

  /** Writes, unless somebody has edited the file since it was read: then nothing has changed, and false is returned. */
  async #put(target: TargetContent, bytes: Buffer): Promise<boolean> {
    if ((this.way ?? (await this.#findWay())) === "in_place") return this.#putInPlace(target, bytes);
    try {
      return await this.#putByRename(target, bytes);
    } catch (error) {
      if (this.#rules.write !== "auto" || !MUST_BE_IN_PLACE.has(codeOf(error))) throw error;
      this.#goesInPlace();
      return this.#putInPlace(target, bytes);
    }
  }

  #goesInPlace(): void {
    if (this.way === "in_place") return;
    this.way = "in_place";
    const { file: path } = this.#rules;
    const text = `${path} is a mount point, so it is written in place: readers may see a part of it for a moment`;
    this.#report({ event: "hosts_in_place", level: "warning", text, fields: { path } });
  }

  async #findWay(): Promise<WritingWay> {
    const { write, file: path } = this.#rules;
    if (write !== "auto") return (this.way = write);
    const target = await targetOf(path, this.#rules);
    if (await isMountPoint(target)) this.#goesInPlace();
    else this.way = "rename";
    return this.way ?? "rename";
  }

  #target(): Promise<TargetContent> {
    return readTarget(this.#rules.file, this.#rules);
  }

  // By rename.

  async #putByRename(target: TargetContent, bytes: Buffer): Promise<boolean> {
    const fresh = join(
      dirname(target.path),
      `${temporaryPrefix(target.path)}${process.pid}-${++this.#temporary}`,
    );
    try {
      await this.#writeFresh(fresh, target, bytes);
      return await this.#swap(fresh, target);
    } finally {
      await rm(fresh, { force: true });
    }
  }

  /** A file beside the target that has everything of it but the content. */
  async #writeFresh(fresh: string, { path, stat }: TargetContent, bytes: Buffer): Promise<void> {
    const file = await open(fresh, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      if (stat !== null) {
        await giveOwner(file, stat);
        copyAttributes(path, fresh);
      }
      // Last: a change of the owner takes special bits away.
      await file.chmod(stat === null ? 0o644 : stat.mode & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #swap(fresh: string, target: TargetContent): Promise<boolean> {
    const { path } = target;
    try {
      // A new one by a link: not over a file that somebody has made meanwhile.
      if (target.stat === null) await link(fresh, path);
      else if (!exchangeUnlessEdited(fresh, path, target)) return false;
    } catch (error) {
      if (MADE_OR_GONE.has(codeOf(error))) return false;
      if (!CANNOT_EXCHANGE.has(codeOf(error))) throw error;
      return this.#renameOver(fresh, target);
    }
    await syncDirectory(dirname(path));
    return true;
  }

  /** Where files cannot be exchanged: look once more, then rename. */
  async #renameOver(fresh: string, target: TargetContent): Promise<boolean> {
    if (!(await this.#isUnchanged(target))) return false;
    await rename(fresh, target.path);
    await syncDirectory(dirname(target.path));
    return true;
  }

  async #isUnchanged({ text, stat }: TargetContent): Promise<boolean> {
    const now = await this.#target();
    return now.text === text && now.stat?.ino === stat?.ino;
  }

  // In place.

  async #putInPlace(target: TargetContent, bytes: Buffer): Promise<boolean> {
    if (target.stat === null) return this.#putByRename(target, bytes);
    await this.#journal.begin(target.text, bytes);
    if (!(await this.#isUnchanged(target))) {
      await this.#journal.end();
      return false;
    }
    try {
      await overwrite(target.path, bytes);
    } catch (error) {
      // What was there has its room still, and comes back. If not, the next change completes what was begun.
      await overwrite(target.path, Buffer.from(target.text, "latin1"));
      await this.#journal.end();
      throw error;
    }
    await this.#journal.end();
    return true;
  }

  // After a crash.

  async #clearUp(): Promise<void> {
    const path = await targetOf(this.#rules.file, this.#rules);
    const folder = dirname(path);
    const names = await readdir(folder).catch((): string[] => []);
    // Whoever made them is dead: we have the lock.
    for (const name of names)
      if (name.startsWith(temporaryPrefix(path)))
        await rm(join(folder, name), { force: true }).catch(() => undefined);
    await this.#complete(path);
    await this.#journal.end();
  }

  /** Ends a write in place that was begun: its program has died, or it has failed and could not be taken back. */
  async #complete(path: string): Promise<void> {
    const { text, path: target } = await this.#target();
    const unfinished = await this.#journal.unfinished(text);
    if (unfinished === null) return;
    await overwrite(target, unfinished);
    const words = `${this.#rules.file} was written by halves when a program died: it is complete now`;
    this.#report({ event: "hosts_completed", level: "warning", text: words, fields: { path } });
  }
}

/** Makes a new text of one. Throws HostsFileError when it needs our block and that is damaged. */
type Edit = (text: string) => string;

/** `.hosts.fairlead-`: never a name that anybody else reads. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.fairlead-`;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left",
  EDQUOT: "no space is left",
  EBUSY: "it is a mount point, which hosts.write: rename cannot replace",
};

function reason(error: unknown): { readonly code: string; readonly words: string } {
  const code = codeOf(error);
  return { code, words: WORDS[code] ?? messageOf(error) };
}

function codeOf(error: unknown): string {
  if (error instanceof SystemCallError) return errnoName(error.code);
  return (error as { readonly code?: string } | null)?.code ?? "";
}

/** Only root may give a file away; an owner that is the same already needs no right. */
async function giveOwner(
  file: FileHandle,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const now = await file.stat();
  if (now.uid !== uid || now.gid !== gid) await file.chown(uid, gid);
}

/** In one call where the file system lets it, so that the time in which a reader may see a part is short. */
async function overwrite(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  try {
    // A full disk takes a part, and refuses the rest.
    for (let at = 0; at < bytes.length;)
      at += (await file.write(bytes, at, bytes.length - at, at)).bytesWritten;
    await file.truncate(bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
}
