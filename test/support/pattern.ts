/** Bodies of any size made of one block: every byte has a value that its position tells, and is compared with it. */

/** A prime, so that no buffer size divides it and bytes that got lost or doubled show at once. */
const PERIOD = 1_048_573;

const block = Buffer.alloc(2 * PERIOD);
for (let index = 0, value = 1; index < PERIOD; index++) {
  value = (Math.imul(value, 1_103_515_245) + 12_345) >>> 0;
  block[index] = block[index + PERIOD] = value >>> 16;
}

/** Bytes of the body from `position`, up to `length` and at most a period. */
function bytesAt(position: number, length: number): Buffer {
  const from = position % PERIOD;
  return block.subarray(from, from + Math.min(length, PERIOD));
}

/** Checks a body as it comes. */
export class PatternReader {
  received = 0;
  /** Position of the first byte that is not what it should be, -1 = none. */
  faultAt = -1;

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const expected = bytesAt(this.received, bytes.length - at);
      const part = bytes.subarray(at, at + expected.length);
      if (this.faultAt < 0 && Buffer.compare(part, expected) !== 0)
        this.faultAt = this.received + part.findIndex((byte, index) => byte !== expected[index]);
      this.received += part.length;
      at += part.length;
    }
  }
}

interface PatternSocket {
  write(bytes: Uint8Array, offset: number, length: number): number;
}

/** Sends a body as fast as its socket takes it: call `go` at first and whenever the socket has drained. */
export class PatternWriter {
  sent = 0;
  readonly total: number;
  readonly #socket: PatternSocket;

  constructor(socket: PatternSocket, total: number) {
    this.#socket = socket;
    this.total = total;
  }

  /** Returns true when all of it has been taken. */
  go(): boolean {
    while (this.sent < this.total) {
      const bytes = bytesAt(this.sent, Math.min(this.total - this.sent, 262_144));
      const taken = this.#socket.write(bytes, 0, bytes.length);
      if (taken > 0) this.sent += taken;
      if (taken < bytes.length) return false;
    }
    return true;
  }
}
