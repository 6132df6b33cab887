/** Descriptors that logs are written to: opened by the process that may, passed on to the others. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { duplicate, libc } from "../platform/libc.ts";

const F_GETFL = 3;
const F_SETFL = 4;
/** How a description is opened that one process alone writes to: an inherited file never has both. */
const OWN_FLAGS = constants.O_APPEND | constants.O_NONBLOCK;
const LOG_FILE_MODE = 0o640;
const LOG_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Standard output and standard error. */
export const STDOUT = 1;
export const STDERR = 2;

/** An operating system error in words such as "permission denied". */
export function systemErrorWords(error: unknown): string {
  const { errno, code, message } = error as { errno?: number; code?: string; message?: string };
  return getSystemErrorMap().get(-Math.abs(errno ?? 0))?.[1] ?? code ?? message ?? String(error);
}

/**
 * Opens a log: a file that is made where there is none (0640) and appended to, a named pipe that has a reader, or `-`
 * for standard output. Whoever reads it slowly never stalls the writer. The descriptor is the caller's.
 * Throws an Error with one sentence.
 */
export function openLogFile(path: string): number {
  if (path === "-") return nonBlockingCopy(STDOUT);
  try {
    return openSync(path, LOG_FLAGS | constants.O_CREAT, LOG_FILE_MODE);
  } catch (error) {
    const noReader = (error as { code?: string }).code === "ENXIO";
    const words = noReader ? "it is a pipe that nobody reads" : systemErrorWords(error);
    throw new Error(`cannot open the log ${path}: ${words}`, { cause: error });
  }
}

/**
 * A descriptor of its own for what `fd` refers to, on which writes never wait. Files need no such care. A pipe or a
 * terminal is opened again, because the flag would otherwise act on everybody who has inherited it (a shell).
 */
export function nonBlockingCopy(fd: number): number {
  const kind = fstatSync(fd);
  if (!kind.isFile() && !kind.isSocket()) {
    try {
      return openSync(`/proc/self/fd/${fd}`, LOG_FLAGS);
    } catch {
      // Not ours to open again (other user, no /proc): go on with the shared one.
    }
  }
  const copy = duplicate(fd);
  // A socket (systemd's journal) cannot be opened again, and only this service holds it.
  if (!kind.isFile()) setNonBlocking(copy);
  return copy;
}

/**
 * A descriptor for a worker to write to: of a file that is appended to it has a position of its own, so that the worker
 * knows what it has written itself (`logPosition`). Everything else is shared. The descriptor is the caller's.
 */
export function workerLogDescriptor(fd: number): number {
  if (fstatSync(fd).isFile() && (descriptionOf(fd).flags & constants.O_APPEND) !== 0) {
    try {
      return openSync(`/proc/self/fd/${fd}`, LOG_FLAGS);
    } catch {
      // Shared then, and it says so.
      libc.fcntl(fd, F_SETFL, descriptionOf(fd).flags & ~constants.O_NONBLOCK);
    }
  }
  return duplicate(fd);
}

/** End of what was written last to a file by this process, or -1 where others share its description. */
export function logPosition(fd: number): number {
  const { position, flags } = descriptionOf(fd);
  return (flags & OWN_FLAGS) === OWN_FLAGS ? position : -1;
}

function descriptionOf(fd: number): { readonly position: number; readonly flags: number } {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
  const [, position = "0", flags = "0"] = /^pos:\s*(\d+)\nflags:\s*([0-7]+)/.exec(text) ?? [];
  return { position: Number(position), flags: parseInt(flags, 8) };
}

/** Sets O_NONBLOCK on everything that shares the open file of `fd`. */
export function setNonBlocking(fd: number): void {
  const flags = libc.fcntl(fd, F_GETFL, 0);
  if (flags >= 0 && (flags & constants.O_NONBLOCK) === 0)
    libc.fcntl(fd, F_SETFL, flags | constants.O_NONBLOCK);
}

/** Closes a log's descriptor; one that is closed already does not matter. */
export function closeLogFile(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Nothing can be done about it.
  }
}
