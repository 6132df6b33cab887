/** What the kernel still holds of what was written to a socket. */
import { libc, reserve } from "./libc.ts";

const SIOCOUTQ = 0x5411;

const queued = reserve(16);

/**
 * Bytes written to `socket` that its peer has not acknowledged yet (SIOCOUTQ, tcp(7)); with TLS those of its records. A
 * send buffer holds megabytes, so what a slow peer takes shows here long before the socket takes more. 0 when the
 * socket has no descriptor or the kernel refuses.
 */
export function unacknowledgedBytes(socket: object | null): number {
  const { fd } = (socket ?? {}) as { readonly fd?: number };
  if (fd === undefined || fd < 0) return 0;
  return libc.ioctl(fd, SIOCOUTQ, queued.address) === 0 ? queued.int32[0]! : 0;
}
