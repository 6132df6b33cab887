/** A socket that keeps what is written to it, for connections without a network. */
import type { ByteSocket } from "../../../src/net/h1/output.ts";

export class MemorySocket implements ByteSocket {
  readonly parts: Uint8Array[] = [];
  /** Bytes that it takes before `drain` must be called; Infinity = all. */
  window: number;
  paused = false;
  /** FIN was sent: by `shutdown` or `close`. */
  finished = false;
  /** No further reading: `close` or `terminate` was called. */
  ended = false;
  /** RST was sent. */
  reset = false;

  constructor(window = Infinity) {
    this.window = window;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.finished || this.reset) return -1;
    const taken = Math.min(length, this.window);
    if (taken > 0) this.parts.push(bytes.slice(offset, offset + taken));
    this.window -= taken;
    return taken;
  }

  /** Everything that has been written. */
  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  shutdown(): void {
    this.finished = true;
  }

  close(): void {
    this.finished = this.ended = true;
  }

  terminate(): void {
    this.reset = this.ended = true;
  }
}
