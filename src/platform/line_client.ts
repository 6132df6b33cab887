/**
 * A client of a unix stream socket that speaks in lines and may send descriptors with them (`sendDescriptorLines`). By
 * system calls, because Bun's sockets drop descriptors. It looks for answers by timer, every few milliseconds: for the
 * few words between processes that relieve each other, not for traffic.
 */
import { checked, errno, libc, reserve, SystemCallError } from "./libc.ts";
import { receiveWithDescriptors } from "./fd_passing.ts";
import { AF_UNIX, socketAddress } from "./socket_address.ts";
import { closeDescriptor } from "./sockets.ts";

/** SOCK_STREAM with SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM = 1 | 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const LINE_BYTES = 4_096;
const LOOK_MS = 2;

const name = reserve(112);
const line = reserve(LINE_BYTES);

export interface LineAnswer {
  readonly text: string;
  /** They belong to the caller. */
  readonly descriptors: readonly number[];
}

export class LineClient {
  readonly #fd: number;
  readonly #decoder = new TextDecoder();
  #text = "";
  #descriptors: number[] = [];
  #closed = false;
  #ended = false;

  /** Connects. Throws SystemCallError when nobody listens there, RangeError for a path that is too long. */
  constructor(path: string) {
    const target = socketAddress({ kind: "unix", path });
    this.#fd = checked("socket", libc.socket(AF_UNIX, STREAM, 0));
    name.bytes.set(target.bytes);
    if (libc.connect(this.#fd, name.address, target.bytes.length) === 0) return;
    const code = errno();
    closeDescriptor(this.#fd);
    throw new SystemCallError("connect", code);
  }

  /** Sends one line. Throws SystemCallError when the other side is gone, or reads so little that it does not fit. */
  say(text: string): void {
    const bytes = new TextEncoder().encode(`${text}\n`);
    for (let from = 0; from < bytes.length;) {
      const piece = bytes.subarray(from, from + LINE_BYTES);
      line.bytes.set(piece);
      const sent = Number(libc.send(this.#fd, line.address, piece.length, MSG_NOSIGNAL));
      if (sent < 0) throw new SystemCallError("send", errno());
      from += sent;
    }
  }

  /** The next line with the descriptors before it, or null when the other side is gone or has said nothing for `limitMs`. */
  async next(limitMs: number): Promise<LineAnswer | null> {
    const end = performance.now() + limitMs;
    for (;;) {
      const answer = this.#take();
      if (answer !== null) return answer;
      if (!this.#receive()) return null;
      const complete = this.#take();
      if (complete !== null) return complete;
      if (performance.now() >= end) return null;
      await Bun.sleep(LOOK_MS);
    }
  }

  /** True while the other side has not closed; what it says meanwhile is kept for `next`. */
  get connected(): boolean {
    return this.#receive();
  }

  #receive(): boolean {
    if (this.#ended || this.#closed) return false;
    for (;;) {
      let received;
      try {
        received = receiveWithDescriptors(this.#fd);
      } catch {
        this.#ended = true;
        return false;
      }
      this.#descriptors.push(...received.descriptors);
      this.#text += this.#decoder.decode(received.bytes, { stream: true });
      if (received.ended) this.#ended = true;
      if (received.bytes.length === 0) return !this.#ended;
    }
  }

  #take(): LineAnswer | null {
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      const text = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      if (text === "") continue;
      const descriptors = this.#descriptors;
      this.#descriptors = [];
      return { text, descriptors };
    }
    return null;
  }

  /** Closes the connection and every descriptor that nobody has taken. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const fd of this.#descriptors) closeDescriptor(fd);
    closeDescriptor(this.#fd);
  }
}
