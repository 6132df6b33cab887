/** A lock that the kernel gives up with the last process that holds it. */
import { closeSync, openSync } from "node:fs";
import { checked, libc, SystemCallError } from "./libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

/**
 * Locks the file `path`, which is made where it is missing (flock(2)). Gives back the descriptor that holds the lock: closing
 * it, and every copy of it in other processes, gives it up. Null when another program holds it. Throws what the system says
 * when the file cannot be opened or locked.
 */
export function lockFile(path: string): number | null {
  const fd = openSync(path, "a+", 0o600);
  try {
    checked("flock", libc.flock(fd, LOCK_EX | LOCK_NB));
    return fd;
  } catch (error) {
    closeSync(fd);
    if (error instanceof SystemCallError && error.code === EWOULDBLOCK) return null;
    throw error;
  }
}
