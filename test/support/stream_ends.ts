/** A client and a backend for bodies that are too large to be kept: bytes are made and checked on the way. */
import { PatternReader, PatternWriter } from "./pattern.ts";

/** What goes through a connection: heads as text, bodies as patterns. */
class StreamEnd {
  head = "";
  length = 0;
  reader = new PatternReader();
  writer: PatternWriter | null = null;
  socket!: Bun.Socket<StreamEnd>;
  closed = false;
  readonly #headEnded: (end: StreamEnd) => void;

  constructor(headEnded: (end: StreamEnd) => void) {
    this.#headEnded = headEnded;
  }

  data(bytes: Buffer): void {
    if (this.head.endsWith("\r\n\r\n")) {
      this.reader.take(bytes);
      return;
    }
    const end = bytes.indexOf("\r\n\r\n");
    this.head += bytes.toString("latin1", 0, end < 0 ? bytes.length : end + 4);
    if (end < 0) return;
    this.length = Number(/content-length: (\d+)/i.exec(this.head)?.[1] ?? 0);
    this.reader = new PatternReader();
    this.reader.take(bytes.subarray(end + 4));
    this.#headEnded(this);
  }

  /** All of the body is here. */
  get complete(): boolean {
    return this.head.endsWith("\r\n\r\n") && this.reader.received >= this.length;
  }
}

const handlers = (after: (end: StreamEnd) => void): Bun.SocketHandler<StreamEnd> => ({
  open(socket) {
    socket.data.socket = socket;
  },
  data({ data }, bytes) {
    data.data(bytes);
    after(data);
  },
  drain({ data }) {
    data.writer?.go();
  },
  close({ data }) {
    data.closed = true;
    after(data);
  },
});

/**
 * A backend: takes the body of a request, then answers with as many bytes as the target says (`GET /1000000`). Tells of
 * the first body that was not what it should be.
 */
export class StreamOrigin {
  readonly #listener: Bun.TCPSocketListener<StreamEnd>;
  readonly connections: StreamEnd[] = [];
  /** Body bytes of requests so far. */
  bodyBytes = 0;
  faultAt = -1;

  constructor() {
    const socket = handlers((end) => this.#served(end));
    this.#listener = Bun.listen<StreamEnd>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        ...socket,
        open: (opened) => {
          opened.data = new StreamEnd(() => {});
          opened.data.socket = opened;
          this.connections.push(opened.data);
        },
      },
    });
  }

  #served(end: StreamEnd): void {
    if (!end.complete || end.closed) return;
    const { reader, head, socket } = end;
    this.bodyBytes += reader.received;
    if (reader.faultAt >= 0) this.faultAt = reader.faultAt;
    end.head = "";
    end.reader = new PatternReader();
    const length = Number(/^\S+ \/(\d+)/.exec(head)?.[1] ?? 0);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
    end.writer = new PatternWriter(socket, length);
    end.writer.go();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

export interface StreamAnswer {
  readonly status: number;
  readonly bytes: number;
  readonly faultAt: number;
}

/** One connection that sends and takes bodies. */
export class StreamClient {
  readonly #end: StreamEnd;
  #wake: () => void = () => {};

  private constructor() {
    this.#end = new StreamEnd(() => {});
  }

  static async connect(port: number, tls = false): Promise<StreamClient> {
    const client = new StreamClient();
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = handlers(() => client.#wake());
    await Bun.connect<StreamEnd>({
      hostname: "127.0.0.1",
      port,
      data: client.#end,
      ...(tls ? { tls: { rejectUnauthorized: false } } : {}),
      socket: { ...socket, handshake: () => resolve() },
    });
    if (tls) await promise;
    return client;
  }

  /** Sends a request with a body of `sends` bytes and takes an answer of `takes` bytes. */
  async ask(sends: number, takes: number): Promise<StreamAnswer> {
    const end = this.#end;
    end.head = "";
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (end.complete || end.closed) resolve();
    };
    end.socket.write(`POST /${takes} HTTP/1.1\r\nHost: a\r\nContent-Length: ${sends}\r\n\r\n`);
    end.writer = new PatternWriter(end.socket, sends);
    end.writer.go();
    await promise;
    const { received: bytes, faultAt } = end.reader;
    return { status: Number(end.head.slice(9, 12)), bytes, faultAt };
  }

  /** Asks for `takes` bytes and reads none of them. */
  stare(takes: number): void {
    this.#end.socket.pause();
    this.#end.socket.write(`GET /${takes} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }

  [Symbol.dispose](): void {
    this.#end.socket.terminate();
  }
}
