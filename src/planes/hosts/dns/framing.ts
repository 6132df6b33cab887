/** Messages on a stream: each behind its length in two bytes (RFC 1035 4.2.2), which come in pieces of any size. */

const NO_BYTES = Buffer.alloc(0);

/** The message as it goes on a stream. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(2 + message.length);
  frame.writeUInt16BE(message.length, 0);
  frame.set(message, 2);
  return frame;
}

/** Takes a stream apart. Holds what was given and not yet asked for, and at most one message that is not whole. */
export class FrameReader {
  #bytes: Buffer = NO_BYTES;
  #at = 0;
  /** The first byte of a length, -1 = not there yet. */
  #high = -1;
  #message: Buffer | null = null;
  #filled = 0;

  /** Keeps `bytes`: they must not change. */
  push(bytes: Buffer): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    this.#at = 0;
  }

  /** The next whole message, null = there is none yet. */
  next(): Buffer | null {
    const message = (this.#message ??= this.#start());
    if (message === null) return null;
    const part = this.#bytes.subarray(this.#at, this.#at + message.length - this.#filled);
    message.set(part, this.#filled);
    this.#at += part.length;
    this.#filled += part.length;
    if (this.#filled < message.length) return null;
    this.#message = null;
    return message;
  }

  #start(): Buffer | null {
    if (this.#high < 0) this.#high = this.#byte();
    if (this.#high < 0) return null;
    const low = this.#byte();
    if (low < 0) return null;
    const length = this.#high * 256 + low;
    this.#high = -1;
    this.#filled = 0;
    return Buffer.allocUnsafeSlow(length);
  }

  #byte(): number {
    return this.#at < this.#bytes.length ? this.#bytes[this.#at++]! : -1;
  }
}
