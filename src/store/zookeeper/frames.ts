/** Frames out of the bytes of a connection: a length of four bytes, then so many. */
import { JuteError } from "./jute.ts";

const LENGTH_BYTES = 4;
const NO_BYTES = Buffer.alloc(0);

export class FrameReader {
  readonly #maxBytes: number;
  /** What has come and is not a whole frame yet, in the order it came. */
  #parts: Uint8Array[] = [];
  #size = 0;
  /** Bytes of the next frame; null while its length is not known. */
  #wanted: number | null = null;

  /** A frame longer than `maxBytes` is refused. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes what has come, and gives back the frames that are whole now. Memory is taken for what came, not for what a length
   * announces. Throws JuteError for a length that is negative or above the limit; then the connection is of no use.
   */
  push(bytes: Uint8Array): Buffer[] {
    if (bytes.length > 0) this.#parts.push(bytes);
    this.#size += bytes.length;
    const frames: Buffer[] = [];
    while (this.#isReady()) {
      const frame = this.#take(this.#wanted!);
      this.#wanted = null;
      frames.push(frame);
    }
    return frames;
  }

  #isReady(): boolean {
    if (this.#wanted === null) {
      if (this.#size < LENGTH_BYTES) return false;
      const length = this.#take(LENGTH_BYTES).readInt32BE(0);
      if (length < 0 || length > this.#maxBytes)
        throw new JuteError(`a frame of ${length} bytes; at most ${this.#maxBytes} are taken`);
      this.#wanted = length;
    }
    return this.#size >= this.#wanted;
  }

  /** The next `size` bytes, which have come. */
  #take(size: number): Buffer {
    this.#size -= size;
    const first = this.#parts[0] ?? NO_BYTES;
    if (first.length >= size) {
      if (first.length > size) this.#parts[0] = first.subarray(size);
      else this.#parts.shift();
      return Buffer.from(first.buffer, first.byteOffset, size);
    }
    const whole = Buffer.concat(this.#parts);
    this.#parts = whole.length > size ? [whole.subarray(size)] : [];
    return whole.subarray(0, size);
  }
}
