/** A client that reads exactly as many bytes as a test says, through a small receive buffer. */
import { readSync, writeSync } from "node:fs";
import { errno, libc, reserve, setSocketOption } from "../../src/platform/libc.ts";
import { socketAddress } from "../../src/platform/socket_address.ts";

const STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
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

  /** Connects to a port of 127.0.0.1 and sends `request`. */
  constructor(port: number, request: string, receiveBufferBytes = 16 * 1024) {
    const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port });
    this.#fd = libc.socket(address.family, STREAM, 0);
    setSocketOption(this.#fd, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes);
    target.bytes.set(address.bytes);
    if (libc.connect(this.#fd, target.address, address.bytes.length) !== 0)
      throw new Error(`connect: ${errno()}`);
    libc.fcntl(this.#fd, F_SETFL, O_NONBLOCK);
    writeSync(this.#fd, request);
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
      bytes -= length;
      if (length === 0) this.ended = true;
    }
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}
