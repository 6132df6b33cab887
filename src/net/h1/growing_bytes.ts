/** Bytes that come in parts. Room for as much again is taken when more is needed, so that each byte is copied a few times. */

const FIRST_BLOCK_BYTES = 512;

export class GrowingBytes {
  #block = new Uint8Array(FIRST_BLOCK_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Appends `bytes` and returns all so far. What was returned before stays as it is. */
  add(bytes: Uint8Array): Uint8Array {
    const length = this.#length + bytes.length;
    if (length > this.#block.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#block.subarray(0, this.#length));
      this.#block = larger;
    }
    this.#block.set(bytes, this.#length);
    this.#length = length;
    return this.#block.subarray(0, length);
  }
}
