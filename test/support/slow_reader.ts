/** A client that reads exactly as many bytes as a test says, through a small receive buffer. */
import { readSync, writeSync } from "node:fs";
import { errno, libc, reserve, setSocketOption } from "../../src/platform/libc.ts";
import { socketAddress } from "../../src/platform/socket_address.ts";

const STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const FIONREAD = 0x541b;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

const target = reserve(112);
const block = Buffer.alloc(64 * 1024);

export class SlowReader {
  readonly #fd: number;
  /** Bytes read so far. */
  received = 0;
  /** The peer has sent FIN, or the connection was reset. */
  ended = false;
  /** Gets what is read. */
  onBytes: (bytes: Buffer) => void = () => {};

  /** Connects to a port of 127.0.0.1 or to a unix socket and sends `request`. */
  constructor(to: number | { path: string }, request: string, receiveBufferBytes = 16 * 1024) {
    const address = socketAddress(
      typeof to === "number" ? { kind: "tcp", host: "127.0.0.1", port: to } : { kind: "unix", ...to },
    );
    this.#fd = libc.socket(address.family, STREAM, 0);
    setSocketOption(this.#fd, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes);
    target.bytes.set(address.bytes);
    if (libc.connect(this.#fd, target.address, address.bytes.length) !== 0)
      throw new Error(`connect: ${errno()}`);
    libc.fcntl(this.#fd, F_SETFL, O_NONBLOCK);
    if (request !== "") writeSync(this.#fd, request);
  }

  write(bytes: Uint8Array): void {
    writeSync(this.#fd, bytes);
  }

  /** Reads up to `bytes` of what has come. */
  read(bytes: number): void {
    while (bytes > 0 && !this.ended) {
      let length: number;
      try {
        length = readSync(this.#fd, block, 0, Math.min(bytes, block.length), null);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return;
        this.ended = true;
        return;
      }
      this.received += length;
      if (length > 0) this.onBytes(Buffer.from(block.subarray(0, length)));
      bytes -= length;
      if (length === 0) this.ended = true;
    }
  }

  /** Bytes that have come and are not read yet. */
  get unread(): number {
    libc.ioctl(this.#fd, FIONREAD, target.address);
    return target.int32[0]!;
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}
