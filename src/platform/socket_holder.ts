/** Who holds a listening port: for error messages only. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { processName } from "./processes.ts";

const LISTEN = "0A";

/** Inodes of the sockets that listen on a TCP port, on any address of this machine. */
function listeningInodes(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let lines: string[];
    try {
      lines = readFileSync(file, "latin1").split("\n");
    } catch {
      continue;
    }
    for (const line of lines) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state === LISTEN && local.endsWith(`:${wanted}`)) inodes.add(inode);
    }
  }
  return inodes;
}

/** True when `pid` has one of the sockets open; false too when we may not look. */
function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false;
  }
}

/** `nginx (pid 812)` for the first process found that listens on the TCP port, or null when none can be seen. */
export function portHolder(port: number): string | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && holds(name, inodes));
  return pid === undefined ? null : `${processName(Number(pid))} (pid ${pid})`;
}
