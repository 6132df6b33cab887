/**
 * Jute, the encoding of ZooKeeper's records (zookeeper-jute, BinaryOutputArchive): big-endian integers, buffers and texts with
 * a length before them (-1 = null), vectors with a count.
 */

/** A record that is not what it should be: too short, or with a length that cannot be. */
export class JuteError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "JuteError";
  }
}

const FIRST_BYTES = 256;

/** Writes one frame: its length and a record. */
export class JuteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #end = 4;

  int(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  long(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
    return this;
  }

  boolean(value: boolean): this {
    const at = this.#room(1);
    this.#bytes[at] = value ? 1 : 0;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.int(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  text(value: string): this {
    const size = Buffer.byteLength(value);
    this.int(size);
    const at = this.#room(size);
    this.#bytes.write(value, at);
    return this;
  }

  /** The frame with its length in front. The writer is not used again. */
  frame(): Buffer {
    this.#bytes.writeInt32BE(this.#end - 4, 0);
    return this.#bytes.subarray(0, this.#end);
  }

  /** Where the next `size` bytes go. */
  #room(size: number): number {
    const at = this.#end;
    this.#end += size;
    if (this.#end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#end));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads one record. Every method throws JuteError where the bytes do not reach, before anything of that size is made. */
export class JuteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes that have not been read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  long(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  boolean(): boolean {
    return this.#bytes[this.#take(1)] !== 0;
  }

  /** A copy, because the frame may be a part of something larger. Null = -1. */
  bytes(): Uint8Array | null {
    const size = this.#size();
    if (size === -1) return null;
    const at = this.#take(size);
    return new Uint8Array(this.#bytes.subarray(at, at + size));
  }

  /** Null reads as "". */
  text(): string {
    const size = this.#size();
    if (size === -1) return "";
    const at = this.#take(size);
    return this.#bytes.toString("utf8", at, at + size);
  }

  /** A vector of records that take at least `smallest` bytes each. Null reads as an empty one. */
  vector<Item>(smallest: number, item: () => Item): Item[] {
    const count = this.int();
    if (count < -1 || count * smallest > this.left)
      throw new JuteError(`a vector of ${count} items in ${this.left} bytes`);
    const items: Item[] = [];
    for (let index = 0; index < count; index++) items.push(item());
    return items;
  }

  #size(): number {
    const size = this.int();
    if (size < -1 || size > this.left)
      throw new JuteError(`a length of ${size} where ${this.left} bytes are left`);
    return size;
  }

  #take(size: number): number {
    if (size > this.left) throw new JuteError(`a record ends ${size - this.left} bytes too early`);
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
