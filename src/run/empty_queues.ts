/** Waiting until what the kernel has queued on listening sockets has been accepted by somebody. */

const POLL_MS = 20;
/** A queue counts as empty when it was so for this long: a handshake may still be on its way. */
const QUIET_MS = 300;
/** Longest wait: a process that accepts nothing any more must not hold up the rest. */
const LIMIT_MS = 5_000;

/** Resolves when all queues were empty for 300 ms in a row, or after 5 s; true = they were empty. */
export async function queuesEmpty(
  sockets: readonly number[],
  queued: (socket: number) => number,
  pause: (ms: number) => Promise<void> = Bun.sleep,
  now: () => number = () => performance.now(),
): Promise<boolean> {
  if (sockets.length === 0) return true;
  const end = now() + LIMIT_MS;
  let quietSince = now();
  while (now() - quietSince < QUIET_MS) {
    if (sockets.some((socket) => queued(socket) > 0)) quietSince = now();
    if (now() >= end) return false;
    await pause(POLL_MS);
  }
  return true;
}
