/** The last bytes of a TCP connection, in one segment with the FIN behind them. */
import { libc } from "./libc.ts";

/** MSG_DONTWAIT and MSG_NOSIGNAL (send(2)). */
const FLAGS = 0x40 | 0x4000;
const MSG_MORE = 0x8000;
const SHUT_WR = 1;

/**
 * Sends `length` bytes at `address` on a socket whose output the caller ends (shutdown(2)) before it returns to
 * the event loop: the kernel keeps the last segment back until then (MSG_MORE), so that one segment less crosses the
 * network and the receiver wakes once. Not for TLS. Returns the bytes taken; what is left over, and any error, is for an
 * ordinary write to find.
 */
export function sendBeforeFin(fd: number, address: number, length: number): number {
  return Math.max(0, Number(libc.send(fd, address, length, FLAGS | MSG_MORE)));
}

/** Sends `length` bytes at `address`. Returns the bytes taken; any error is for an ordinary write to find. */
export function sendNoWait(fd: number, address: number, length: number): number {
  return Math.max(0, Number(libc.send(fd, address, length, FLAGS)));
}

/**
 * Sends the FIN with what was kept back. Unlike `socket.shutdown()` of Bun it changes nothing in the event loop, which
 * would cost a system call: for sockets that are closed right after.
 */
export function sendFin(fd: number): void {
  libc.shutdown(fd, SHUT_WR);
}
