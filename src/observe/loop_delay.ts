/** How late an event loop comes to its timers: what keeps it busy keeps every connection waiting. */
import type { Clock } from "../platform/clock.ts";

/** How often it is looked. */
export const LOOK_MS = 100;

/** Calls `observe` with each delay in milliseconds, until the returned function is called. */
export function watchLoop(clock: Clock, observe: (delayMs: number) => void): () => void {
  let due = clock.now() + LOOK_MS;
  return clock.every(LOOK_MS, () => {
    const now = clock.now();
    observe(Math.max(0, now - due));
    due = now + LOOK_MS;
  });
}
