/** Waiting until what the kernel has queued on listening sockets has been accepted by somebody. */

const POLL_MS = 20;
/** A queue counts as empty when it was so for this long: a handshake may still be on its way. */
const QUIET_MS = 300;
/** A connection that was kept back for its first byte is in the queue after at most this time. */
const KEPT_BACK_MS = 1_500;
/** Longest wait: a process that accepts nothing any more must not hold up the rest. */
const LIMIT_MS = 5_000;

export interface QueueLook {
  /** Connections that wait to be accepted. */
  queued(socket: number): number;
  /** Connections of all these sockets whose handshake has begun and that are in no queue yet. */
  handshakes(sockets: readonly number[]): number;
  pause?(ms: number): Promise<void>;
  now?(): number;
}

/**
 * Resolves when all queues were empty for 300 ms in a row and no handshake is under way, or after 5 s; true = they were
 * empty. Handshakes are waited for no longer than 1.5 s: a flood has some that never end.
 */
export async function queuesEmpty(sockets: readonly number[], look: QueueLook): Promise<boolean> {
  if (sockets.length === 0) return true;
  const now = look.now ?? (() => performance.now());
  const pause = look.pause ?? Bun.sleep;
  const start = now();
  let quietSince = start;
  for (;;) {
    if (sockets.some((socket) => look.queued(socket) > 0)) quietSince = now();
    const quiet = now() - quietSince >= QUIET_MS;
    if (quiet && (now() - start >= KEPT_BACK_MS || look.handshakes(sockets) === 0)) return true;
    if (now() - start >= LIMIT_MS) return false;
    // What comes out of a handshake is a new connection: it gets the quiet time again.
    if (quiet) quietSince = now();
    await pause(POLL_MS);
  }
}
