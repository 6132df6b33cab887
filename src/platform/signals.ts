/**
 * Signals of the process. Import this module before any other: without a handler SIGHUP, SIGUSR1 and SIGUSR2 end the
 * process, also in the moment before the program is ready for them.
 *
 * Until `onSignals` is called SIGTERM and SIGINT end the process, SIGHUP is kept for later and the others do nothing.
 */
import { constants } from "node:os";

export type SignalName = "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGTERM" | "SIGINT";

const NAMES: readonly SignalName[] = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGINT"];

let handler: ((name: SignalName) => void) | null = null;
let hangUpWaits = false;

function received(name: SignalName): void {
  if (handler !== null) handler(name);
  else if (name === "SIGTERM" || name === "SIGINT") process.exit(128 + constants.signals[name]);
  else if (name === "SIGHUP") hangUpWaits = true;
}

for (const name of NAMES) process.on(name, () => received(name));

/** Sends all signals to `handle` from now on, a SIGHUP that came before too. Replaces an earlier handler. */
export function onSignals(handle: (name: SignalName) => void): void {
  handler = handle;
  if (!hangUpWaits) return;
  hangUpWaits = false;
  queueMicrotask(() => handle("SIGHUP"));
}
