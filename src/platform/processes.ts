/** What the operating system knows of processes and users: identity, limits, privileges. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { checked, libc, reserve } from "./libc.ts";

const RLIMIT_NOFILE = 7;
const limit = reserve(16);

/** A process that can be told apart from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process (field 22 of /proc/PID/stat). */
  readonly start_time: number;
}

/** CPUs that this process may use. */
export function cpuCount(): number {
  return availableParallelism();
}

/** Identity of a living process, or null when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : { pid, start_time: Number(fields[19]) };
  } catch {
    return null;
  }
}

/** True while that very process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.start_time === identity.start_time;
}

/** Short name of a process (`nginx`), or "" when it cannot be read. */
export function processName(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

/** Gives this process the short name of its parent: the kernel has named it by the file that it was started from. */
export function takeNameOfParent(): void {
  try {
    writeFileSync("/proc/self/comm", processName(process.ppid));
  } catch {
    // It is for the eyes of people alone.
  }
}

/** Raises the soft limit of open files to the hard one. Returns the limit that now holds. */
export function raiseOpenFileLimit(): number {
  checked("getrlimit", libc.getrlimit(RLIMIT_NOFILE, limit.address));
  const soft = limit.view.getBigUint64(0, true);
  const hard = limit.view.getBigUint64(8, true);
  limit.view.setBigUint64(0, hard, true);
  return libc.setrlimit(RLIMIT_NOFILE, limit.address) === 0 ? Number(hard) : Number(soft);
}

/** Field `index` of the line of `file` whose first field is `name`, or null. */
function lookUp(file: string, name: string, index: number): number | null {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`${name}:`));
  const value = Number(line?.split(":")[index]);
  return Number.isInteger(value) ? value : null;
}

/** Numeric id of a user given by name or number. Throws Error when there is no such user. */
export function userId(user: string): number {
  const id = /^\d+$/.test(user) ? Number(user) : lookUp("/etc/passwd", user, 2);
  if (id === null) throw new Error(`no user named ${user}`);
  return id;
}

/** Numeric id of a group given by name or number. Throws Error when there is no such group. */
export function groupId(group: string): number {
  const id = /^\d+$/.test(group) ? Number(group) : lookUp("/etc/group", group, 2);
  if (id === null) throw new Error(`no group named ${group}`);
  return id;
}

/** Primary group of a user given by name or number, or null when /etc/passwd does not list the user. */
function primaryGroup(user: string): number | null {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((text) => text.split(":"))
    .find((fields) => fields[0] === user || fields[2] === user);
  return line === undefined ? null : Number(line[3]);
}

/**
 * Gives up root for good: no supplementary groups, `group` (default: the user's primary group), `user`. Acts on all
 * threads of the process. Does nothing when both are null. Throws when a name is unknown or the kernel refuses.
 */
export function dropPrivileges(user: string | null, group: string | null): void {
  if (user === null && group === null) return;
  const uid = user === null ? null : userId(user);
  const gid = group !== null ? groupId(group) : primaryGroup(user ?? "");
  if (process.getuid?.() === 0) checked("setgroups", libc.setgroups(0, null));
  if (gid !== null && gid !== process.getgid?.()) checked("setgid", libc.setgid(gid));
  if (uid !== null && uid !== process.getuid?.()) checked("setuid", libc.setuid(uid));
}
