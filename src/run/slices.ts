/** Longest time in milliseconds that prepared work holds the event loop. */
const SLICE_MS = 1;

/** Lets the event loop serve its sockets once. */
export function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs `work` to its end in slices of about 1 ms, with the event loop in between. Passes on what it throws. */
export async function runInSlices(
  work: Iterator<void>,
  now: () => number = () => performance.now(),
): Promise<void> {
  for (;;) {
    const end = now() + SLICE_MS;
    do if (work.next().done === true) return;
    while (now() < end);
    await loopTurn();
  }
}
