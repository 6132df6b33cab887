/**
 * Who may write to `state_dir`: one supervisor at a time, and during an upgrade the two that know of each other. Two programs
 * there would lose what they keep: the last one that writes wins, and the next start of the other finds what it never set.
 */
import { ftruncateSync, mkdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/text/message_of.ts";
import { lockFile } from "../platform/file_lock.ts";
import { closeDescriptor } from "../platform/sockets.ts";
import { checkOwnDirectory } from "./own_directory.ts";

/** How often a successor looks whether its predecessor has given the lock up. */
const LOOK_MS = 100;

export interface StateLockOptions {
  /** The holder is a program that we relieve: the lock is taken when it gives that up. */
  readonly succeeds: boolean;
  /** Told when nothing can be kept there, which is no reason not to serve. */
  readonly warn: (text: string) => void;
}

export class StateLock {
  /** Holds the lock; -1 = it is the predecessor's still, or nothing can be written there by anybody. */
  #fd = -1;
  #looking: Timer | null = null;

  /** Throws Error in words for the operator when another program has the directory, or others may write there. */
  constructor(directory: string, { succeeds, warn }: StateLockOptions) {
    const path = join(directory, "lock");
    const useless = (error: unknown): void =>
      warn(`cannot write to state_dir ${directory}, so nothing outlives a restart: ${messageOf(error)}`);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
    } catch (error) {
      useless(error);
      return;
    }
    checkOwnDirectory("state_dir", directory);
    try {
      if (this.#take(path)) return;
    } catch (error) {
      useless(error);
      return;
    }
    if (!succeeds)
      throw new Error(`state_dir ${directory} is in use by ${holderOf(path)}; give one of them another`);
    this.#looking = setInterval(() => this.#look(path), LOOK_MS).unref();
  }

  #look(path: string): void {
    try {
      if (!this.#take(path)) return;
    } catch {
      // As much as nobody's.
    }
    this.#stopLooking();
  }

  #take(path: string): boolean {
    const fd = lockFile(path);
    if (fd === null) return false;
    this.#fd = fd;
    try {
      ftruncateSync(fd);
      writeSync(fd, `${process.pid}\n`);
    } catch {
      // The pid is for people; a full disk is told when something is to be kept.
    }
    return true;
  }

  #stopLooking(): void {
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#looking = null;
  }

  release(): void {
    this.#stopLooking();
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}

function holderOf(path: string): string {
  try {
    const pid = readFileSync(path, "utf8").trim();
    return /^\d+$/.test(pid) ? `pid ${pid}` : "another program";
  } catch {
    return "another program";
  }
}
