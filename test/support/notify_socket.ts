/** A service manager's socket: takes the datagrams of sd_notify(3). */
import { rmSync } from "node:fs";
import { receiveWithDescriptors } from "../../src/platform/fd_passing.ts";
import { checked, libc, reserve } from "../../src/platform/libc.ts";
import { socketAddress } from "../../src/platform/socket_address.ts";
import { closeDescriptor } from "../../src/platform/sockets.ts";

const AF_UNIX = 1;
/** SOCK_DGRAM with SOCK_NONBLOCK and SOCK_CLOEXEC. */
const DATAGRAM = 2 | 0o4000 | 0o2000000;
const name = reserve(112);

export class NotifySocket {
  readonly path: string;
  readonly #fd: number;
  readonly #said: string[] = [];

  constructor(path: string) {
    this.path = path;
    const target = socketAddress({ kind: "unix", path });
    this.#fd = checked("socket", libc.socket(AF_UNIX, DATAGRAM, 0));
    name.bytes.set(target.bytes);
    checked("bind", libc.bind(this.#fd, name.address, target.bytes.length));
  }

  /** All messages so far, each as its lines joined by a space. */
  get said(): readonly string[] {
    for (;;) {
      const { bytes } = receiveWithDescriptors(this.#fd);
      if (bytes.length === 0) return this.#said;
      this.#said.push(new TextDecoder().decode(bytes).replaceAll("\n", " "));
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
    rmSync(this.path, { force: true });
  }
}
