/** Longest time in milliseconds that prepared work holds the event loop. */
const SLICE_MS = 1;

/** Lets the event loop serve its sockets once. */
export function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Runs `work` to its end in slices of about 1 ms, with the event loop in between. Resolves with what it returns, and
 * passes on what it throws.
 */
export async function runInSlices<Result>(
  work: Iterator<void, Result>,
  now: () => number = () => performance.now(),
): Promise<Result> {
  for (;;) {
    const end = now() + SLICE_MS;
    do {
      const { done, value } = work.next();
      if (done === true) return value;
    } while (now() < end);
    await loopTurn();
  }
}
