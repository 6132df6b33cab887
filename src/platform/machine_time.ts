/** A time that all programs of this machine share. */
import { readFileSync } from "node:fs";

/** Milliseconds since the machine was started, sleep included, in steps of ten (proc_uptime(5)). Is never set back. */
export function machineTime(): number {
  const [seconds = ""] = readFileSync("/proc/uptime", "latin1").split(" ", 1);
  return Math.round(Number(seconds) * 1_000);
}

/** Changes with every start of the machine, and with it the zero of `machineTime`. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}
