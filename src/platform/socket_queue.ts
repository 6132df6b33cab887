/** What the kernel holds for a socket, in both directions. */
import { libc, reserve } from "./libc.ts";

const SIOCOUTQ = 0x5411;
const SIOCINQ = 0x541b;

const queued = reserve(16);

/**
 * Bytes written to `socket` that its peer has not acknowledged yet (SIOCOUTQ, tcp(7)); with TLS those of its records. A
 * send buffer holds megabytes, so what a slow peer takes shows here long before the socket takes more. 0 when the
 * socket has no descriptor or the kernel refuses.
 */
export function unacknowledgedBytes(socket: object | null): number {
  const { fd } = (socket ?? {}) as { readonly fd?: number };
  return fd === undefined || fd < 0 ? 0 : bytesHeld(fd, SIOCOUTQ);
}

/** Bytes that came for the socket `fd` and have not been read from the kernel (SIOCINQ, tcp(7)); 0 = none, or refused. */
export function unreadBytes(fd: number): number {
  return bytesHeld(fd, SIOCINQ);
}

function bytesHeld(fd: number, request: number): number {
  return libc.ioctl(fd, request, queued.address) === 0 ? queued.int32[0]! : 0;
}
