/** What tells this machine apart from others. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { hashText } from "../core/strategies/hash.ts";

/** The id that systemd and D-Bus keep, or the host's name where there is none. */
export function machineId(path = "/etc/machine-id"): string {
  try {
    const id = readFileSync(path, "latin1").trim();
    if (id !== "") return id;
  } catch {
    // Images without one are common.
  }
  return hostname();
}

/** A hash of it, as an unsigned 32-bit number. */
export function machineHash(): number {
  return hashText(machineId());
}
