/**
 * A client's TCP connection: any number of queries, answered as their answers come (RFC 7766 6.2.1.1, 7). What the client
 * does not take holds up its further queries, so that no more than the answers under way waits in memory.
 */
import { Timed, type TimerWheel } from "../../../platform/timer_wheel.ts";
import { FrameReader, framed } from "./framing.ts";

/** A connection on which no query comes, and no answer is taken, for so long is closed. */
export const IDLE_MS = 10_000;

const NO_BYTES = Buffer.alloc(0);

export interface ConnectionHost {
  readonly wheel: TimerWheel;
  /** Answers a message at once or later, by one call of `reply`; null = not at all. */
  handle(message: Buffer, reply: (answer: Buffer | null) => void): void;
}

type Socket = Bun.Socket<DnsConnection | null>;

export class DnsConnection extends Timed {
  readonly #host: ConnectionHost;
  readonly #reader = new FrameReader();
  /** Null after the end. */
  #socket: Socket | null;
  /** What the socket has not taken. */
  #waiting: Buffer = NO_BYTES;
  /** Queries without an answer yet. */
  #open = 0;
  #clientEnded = false;
  #working = false;

  constructor(socket: Socket, host: ConnectionHost) {
    super();
    this.#socket = socket;
    this.#host = host;
    host.wheel.after(this, IDLE_MS);
  }

  onData(bytes: Buffer): void {
    this.#reader.push(bytes);
    this.#work();
  }

  onDrain(): void {
    const rest = this.#waiting;
    this.#waiting = NO_BYTES;
    this.#send(rest);
    if (this.#waiting.length > 0) return;
    this.#socket?.resume();
    this.#work();
  }

  /** The client sends no more, and may wait for answers. */
  onEnd(): void {
    this.#clientEnded = true;
    this.#closeWhenDone();
  }

  onClosed(): void {
    this.#socket = null;
    this.#host.wheel.remove(this);
  }

  override onDeadline(): void {
    if (this.#waiting.length > 0) this.cut();
    else if (this.#open > 0) this.#host.wheel.after(this, IDLE_MS);
    else this.#socket?.close();
  }

  /** Ends the connection with what is under way. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Bytes of a query that is not whole move no deadline: a client could hold the connection by one byte at a time. */
  #work(): void {
    this.#working = true;
    while (this.#socket !== null && this.#waiting.length === 0) {
      const message = this.#reader.next();
      if (message === null) break;
      this.#host.wheel.after(this, IDLE_MS);
      this.#open++;
      this.#host.handle(message, (answer) => this.#reply(answer));
    }
    this.#working = false;
    this.#closeWhenDone();
  }

  #reply(answer: Buffer | null): void {
    this.#open--;
    if (answer !== null) this.#send(framed(answer));
    this.#closeWhenDone();
  }

  #send(bytes: Buffer): void {
    if (this.#socket === null) return;
    if (this.#waiting.length > 0) {
      this.#waiting = Buffer.concat([this.#waiting, bytes]);
      return;
    }
    const taken = this.#socket.write(bytes);
    // Below 0 the connection is gone, and `onClosed` follows.
    if (taken < 0) return;
    this.#host.wheel.after(this, IDLE_MS);
    if (taken === bytes.length) return;
    this.#waiting = bytes.subarray(taken);
    this.#socket.pause();
  }

  #closeWhenDone(): void {
    // There may be further queries in what has come.
    if (this.#working) return;
    if (this.#clientEnded && this.#open === 0 && this.#waiting.length === 0) this.#socket?.close();
  }
}
