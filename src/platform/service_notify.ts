/** Messages to the service manager (sd_notify(3)): datagrams to the unix socket that NOTIFY_SOCKET names. */
import { checked, errno, libc, reserve, SystemCallError } from "./libc.ts";
import { AF_UNIX, socketAddress } from "./socket_address.ts";
import { closeDescriptor } from "./sockets.ts";

/** SOCK_DGRAM with SOCK_NONBLOCK and SOCK_CLOEXEC. */
const DATAGRAM = 2 | 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MESSAGE_BYTES = 2_048;

const name = reserve(112);
const message = reserve(MESSAGE_BYTES);

/**
 * Sends lines such as `READY=1` to the socket at `path` (an abstract one begins with `@`). Throws SystemCallError when
 * nobody takes them, RangeError for more than 2 KiB and for a path that is too long.
 */
export function notifyService(path: string, lines: readonly string[]): void {
  const bytes = new TextEncoder().encode(lines.join("\n"));
  if (bytes.length > MESSAGE_BYTES) throw new RangeError(`message of ${bytes.length} bytes is too long`);
  const target = socketAddress({ kind: "unix", path });
  const fd = checked("socket", libc.socket(AF_UNIX, DATAGRAM, 0));
  try {
    name.bytes.set(target.bytes);
    checked("connect", libc.connect(fd, name.address, target.bytes.length));
    message.bytes.set(bytes);
    if (Number(libc.send(fd, message.address, bytes.length, MSG_NOSIGNAL)) < 0)
      throw new SystemCallError("send", errno());
  } finally {
    closeDescriptor(fd);
  }
}
