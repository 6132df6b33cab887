import type { Clock } from "../platform/clock.ts";

/** Calls `run` once after `delayMs` (at least 1), unless the returned function is called before. */
export function once(clock: Clock, delayMs: number, run: () => void): () => void {
  const stop = clock.every(Math.max(1, delayMs), () => {
    stop();
    run();
  });
  return stop;
}
