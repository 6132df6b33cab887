/** One WebSocket, or one stream of events, that a client keeps open: what it sends and gets is checked byte by byte. */
import { machineNow } from "./machine_clock.ts";
import type { StreamEnd } from "./messages.ts";

const PING_EVERY_MS = 250;
const AGAIN_MS = 100;

const REQUESTS = {
  websocket:
    "GET /ws HTTP/1.1\r\nHost: streams.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  events: "GET /events HTTP/1.1\r\nHost: streams.example\r\nAccept: text/event-stream\r\n\r\n",
} as const;
const STATUSES = { websocket: "101", events: "200" } as const;

type Ended = (end: StreamEnd) => void;

export class KeptStream {
  readonly kind: StreamEnd["kind"];
  readonly #port: number;
  readonly #ended: Ended;
  #socket: Bun.Socket<undefined> | null = null;
  #received = "";
  #head = true;
  /** Of the frames that were sent, or the events that have come. */
  #count = 0;
  /** The last frame has not come back. */
  #awaited = false;
  #opened = 0;
  #openedAt = 0;
  #how = "cut";
  #stopped = false;
  readonly #timer: Timer;

  constructor(kind: StreamEnd["kind"], port: number, ended: Ended) {
    this.kind = kind;
    this.#port = port;
    this.#ended = ended;
    this.#timer = setInterval(() => this.#ping(), PING_EVERY_MS);
    void this.#open();
  }

  async #open(): Promise<void> {
    if (this.#stopped) return;
    this.#received = "";
    this.#head = true;
    this.#awaited = false;
    this.#count = 0;
    this.#how = "cut";
    this.#openedAt = machineNow();
    try {
      this.#socket = await Bun.connect<undefined>({
        hostname: "127.0.0.1",
        port: this.#port,
        socket: {
          open: (socket) => void socket.write(REQUESTS[this.kind]),
          data: (socket, bytes) => this.#receive(socket, bytes.toString("latin1")),
          close: () => this.#closed(),
          error: () => {},
        },
      });
    } catch {
      this.#how = "refused";
      this.#closed();
    }
  }

  #receive(socket: Bun.Socket<undefined>, text: string): void {
    this.#received += text;
    if (this.#head) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const status = this.#received.slice(9, 12);
      if (status !== STATUSES[this.kind]) return this.#wrong(socket, `status ${status}`);
      this.#head = false;
      this.#opened++;
      this.#received = this.#received.slice(end + 4);
    }
    if (this.kind === "websocket") this.#takeEcho(socket);
    else this.#takeEvents(socket);
  }

  #takeEcho(socket: Bun.Socket<undefined>): void {
    const wanted = frame(this.#count);
    if (this.#received === "" || (this.#awaited && this.#received === wanted)) {
      if (this.#received !== "") this.#awaited = false;
      this.#received = "";
    } else if (!this.#awaited || !wanted.startsWith(this.#received)) this.#wrongBytes(socket);
  }

  #takeEvents(socket: Bun.Socket<undefined>): void {
    for (;;) {
      const event = `data: ${this.#count + 1}\n\n`;
      const chunk = `${event.length.toString(16)}\r\n${event}\r\n`;
      if (!this.#received.startsWith(chunk)) {
        if (!chunk.startsWith(this.#received)) this.#wrongBytes(socket);
        return;
      }
      this.#received = this.#received.slice(chunk.length);
      this.#count++;
    }
  }

  #wrongBytes(socket: Bun.Socket<undefined>): void {
    this.#wrong(socket, `wrong bytes: ${JSON.stringify(this.#received.slice(0, 60))}`);
  }

  #wrong(socket: Bun.Socket<undefined>, how: string): void {
    this.#how = how;
    socket.terminate();
  }

  /** One frame at a time: the next one leaves when the last one has come back. */
  #ping(): void {
    if (this.kind !== "websocket" || this.#head || this.#awaited) return;
    this.#awaited = true;
    this.#socket?.write(Buffer.from(frame(++this.#count), "latin1"));
  }

  #closed(): void {
    this.#socket = null;
    if (this.#stopped) return;
    this.#ended({ at: machineNow(), kind: this.kind, openedAt: this.#openedAt, how: this.#how });
    setTimeout(() => void this.#open(), AGAIN_MS);
  }

  /** Ends it and returns how often it was opened. */
  stop(): number {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#socket?.end();
    return this.#opened;
  }
}

/** A masked text frame (RFC 6455 5.2) with a mask of zeros. */
function frame(count: number): string {
  const text = `ping ${String(count).padStart(8, "0")}`;
  return `\x81${String.fromCharCode(128 | text.length)}\0\0\0\0${text}`;
}
