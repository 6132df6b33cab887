/** HTTP/1.1 as the simulated programs read it, and bodies whose every byte tells whose it is. */

/** How a body ends. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

export interface MessageEvents {
  /** Returns the length of the body, CHUNKED or UNTIL_CLOSE; null = there is nothing to read any more. */
  head(startLine: string, fields: ReadonlyMap<string, string>): number | null;
  body(bytes: Uint8Array): void;
  /** `rest`: bytes that follow in the same segment. */
  end(): void;
}

/** Reads one message after another. */
export class MessageReader {
  readonly #events: MessageEvents;
  #bytes: Buffer = Buffer.alloc(0);
  #state: "head" | "length" | "size" | "chunk" | "trailers" | "until_close" | "stopped" = "head";
  #left = 0;

  constructor(events: MessageEvents) {
    this.#events = events;
  }

  /** Bytes of a message that is not complete have come. */
  get isInside(): boolean {
    return this.#state !== "stopped" && (this.#state !== "head" || this.#bytes.length > 0);
  }

  get isUntilClose(): boolean {
    return this.#state === "until_close";
  }

  push(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#bytes, bytes]);
    while (this.#step());
  }

  /** Throws when a line is malformed. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#head();
      case "size": {
        const line = this.#line();
        if (line === null) return false;
        if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`malformed chunk size ${JSON.stringify(line)}`);
        this.#left = Number.parseInt(line, 16);
        this.#state = this.#left === 0 ? "trailers" : "chunk";
        return true;
      }
      case "trailers": {
        const line = this.#line();
        if (line === null) return false;
        if (line === "") this.#end();
        return true;
      }
      case "chunk":
        if (this.#left > 0) return this.#body();
        if (this.#bytes.length < 2) return false;
        if (this.#line() !== "") throw new Error("malformed end of a chunk");
        this.#state = "size";
        return true;
      case "length":
        if (!this.#body()) return false;
        if (this.#left === 0) this.#end();
        return true;
      case "until_close":
        this.#left = Infinity;
        return this.#body();
      case "stopped":
        this.#bytes = Buffer.alloc(0);
        return false;
    }
  }

  #head(): boolean {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [start = "", ...lines] = this.#bytes.latin1Slice(0, end).split("\r\n");
    this.#bytes = this.#bytes.subarray(end + 4);
    const fields = new Map(
      lines.map((line) => [
        line.slice(0, line.indexOf(":")).toLowerCase(),
        line.slice(line.indexOf(":") + 2),
      ]),
    );
    const length = this.#events.head(start, fields);
    if (this.#state === "stopped" || length === null) {
      this.#state = "stopped";
      return true;
    }
    this.#left = length;
    this.#state = length === CHUNKED ? "size" : length === UNTIL_CLOSE ? "until_close" : "length";
    if (length === 0) this.#end();
    return true;
  }

  #line(): string | null {
    const end = this.#bytes.indexOf("\r\n");
    if (end < 0) return null;
    const line = this.#bytes.latin1Slice(0, end);
    this.#bytes = this.#bytes.subarray(end + 2);
    return line;
  }

  #body(): boolean {
    const length = Math.min(this.#left, this.#bytes.length);
    if (length === 0) return false;
    const part = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    this.#left -= length;
    this.#events.body(part);
    return true;
  }

  #end(): void {
    if (this.#state === "stopped") return;
    this.#state = "head";
    this.#events.end();
  }

  stop(): void {
    this.#state = "stopped";
  }
}

/** A prime above every number of keys, so that two keys have two places in the block. */
const PERIOD = 131_071;
export const MOST_BODY_BYTES = PERIOD;

const block = Buffer.alloc(2 * PERIOD);
for (let index = 0, value = 1; index < PERIOD; index++) {
  value = (Math.imul(value, 1_103_515_245) + 12_345) >>> 0;
  block[index] = block[index + PERIOD] = value >>> 16;
}

/** The body of `key`; up to MOST_BODY_BYTES. */
export function bodyOf(key: number, length: number): Buffer {
  const from = (key * 7_919) % PERIOD;
  return block.subarray(from, from + length);
}

/** The body as it is sent, in chunks of sizes that `size` draws or as it is. */
export function framed(body: Buffer, chunked: boolean, size: () => number): Buffer {
  if (!chunked) return body;
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const part = body.subarray(at, at + size());
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}

/** Compares a body with what it should be, as it comes. */
export class BodyCheck {
  received = 0;
  isSound = true;
  readonly #key: number;

  constructor(key: number) {
    this.#key = key;
  }

  take(bytes: Uint8Array): void {
    const expected = bodyOf(this.#key, this.received + bytes.length).subarray(this.received);
    if (Buffer.compare(bytes, expected) !== 0) this.isSound = false;
    this.received += bytes.length;
  }
}
