/** A backend that records what it receives byte by byte and answers as a test says. */
import { createServer, type Server, type Socket } from "node:net";
import { readChunked } from "./raw_client.ts";

export interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly trailers: readonly (readonly [string, string])[];
  readonly raw: Buffer;
  get(name: string): string | null;
  all(name: string): string[];
}

/** One connection at the origin. */
export class OriginConnection {
  readonly socket: Socket;
  readonly index: number;
  received: Buffer = Buffer.alloc(0);
  /** Everything that came, also what has been read as requests. */
  everything: Buffer = Buffer.alloc(0);
  ended = false;
  closed = false;
  reset = false;

  constructor(socket: Socket, index: number) {
    this.socket = socket;
    this.index = index;
  }

  send(data: string | Uint8Array): void {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  end(data: string | Uint8Array = ""): void {
    this.socket.end(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  resetNow(): void {
    this.socket.resetAndDestroy();
  }
}

/** What the origin does with a request that is complete: return text to send, or do it all itself. */
export type OriginHandler = (
  request: ReceivedRequest,
  connection: OriginConnection,
) => string | Uint8Array | void | Promise<string | Uint8Array | void>;

export interface RawOriginOptions {
  /** Called for each connection, before a byte has come. */
  readonly onConnection?: (connection: OriginConnection) => void;
  /** Called as bytes come; returning true keeps them from being read as requests. */
  readonly onData?: (connection: OriginConnection, bytes: Buffer) => boolean | void;
  /** Listens there: a port of 127.0.0.1 (0 = any) or the path of a unix socket. */
  readonly listen?: number | string;
}

export class RawOrigin {
  readonly server: Server;
  readonly requests: ReceivedRequest[] = [];
  readonly connections: OriginConnection[] = [];
  port = 0;

  constructor(handler: OriginHandler, options: RawOriginOptions) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new OriginConnection(socket, this.connections.length);
      this.connections.push(connection);
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ECONNRESET") connection.reset = true;
      });
      socket.on("close", () => (connection.closed = true));
      socket.on("end", () => {
        connection.ended = true;
        if (options.onData === undefined) socket.end();
      });
      socket.on("data", (bytes: Buffer) => {
        connection.everything = Buffer.concat([connection.everything, bytes]);
        if (options.onData?.(connection, bytes) === true) return;
        connection.received = Buffer.concat([connection.received, bytes]);
        void this.#serve(connection, handler);
      });
      options.onConnection?.(connection);
    });
  }

  async #serve(connection: OriginConnection, handler: OriginHandler): Promise<void> {
    for (;;) {
      const found = readRequest(connection.received);
      if (found === null) return;
      connection.received = connection.received.subarray(found.raw.length);
      this.requests.push(found);
      const answer = await handler(found, connection);
      if (answer !== undefined) connection.send(answer as string | Uint8Array);
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): OriginConnection[] {
    return this.connections.filter(({ closed }) => !closed);
  }

  /** Stops to listen and cuts all connections. */
  close(): void {
    this.server.close();
    for (const { socket } of this.connections) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Starts an origin. The default answers 200 with `ok`. */
export async function rawOrigin(
  handler: OriginHandler = () => answerText("ok"),
  options: RawOriginOptions = {},
): Promise<RawOrigin> {
  const origin = new RawOrigin(handler, options);
  const { listen = 0 } = options;
  await new Promise<void>((resolve, reject) => {
    origin.server.once("error", reject);
    if (typeof listen === "string") origin.server.listen(listen, resolve);
    else origin.server.listen(listen, "127.0.0.1", resolve);
  });
  const address = origin.server.address();
  if (typeof address === "object" && address !== null) origin.port = address.port;
  return origin;
}

/** A complete answer with its length. */
export function answerText(body: string, status = 200, fields = ""): string {
  return `HTTP/1.1 ${status} Status\r\n${fields}Content-Length: ${Buffer.byteLength(body, "latin1")}\r\n\r\n${body}`;
}

/** Reads one request from the start of `bytes`; null when it is not complete. Throws when it is malformed. */
export function readRequest(bytes: Buffer): ReceivedRequest | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const lines = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const start = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP\/(1\.1)$/.exec(lines[0]!);
  if (start === null) throw new Error(`malformed request line ${JSON.stringify(lines[0])}`);
  const fields = lines.slice(1).map((line): [string, string] => {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new Error(`malformed field ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
  });
  const values = (name: string) =>
    fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const coding = values("transfer-encoding");
  const lengths = values("content-length");
  if (coding.length + lengths.length > 1) throw new Error("ambiguous framing reached the origin");
  let end = headEnd + 4;
  let body: Buffer = Buffer.alloc(0);
  let trailers: [string, string][] = [];
  if (coding.length === 1) {
    if (coding[0] !== "chunked") throw new Error(`transfer-encoding ${coding[0]} reached the origin`);
    const chunked = readChunked(bytes, end);
    if (chunked === null) return null;
    ({ body, trailers, length: end } = chunked);
  } else if (lengths.length === 1) {
    if (!/^\d+$/.test(lengths[0]!)) throw new Error(`content-length ${lengths[0]} reached the origin`);
    const length = Number(lengths[0]);
    if (bytes.length < end + length) return null;
    body = Buffer.from(bytes.subarray(end, end + length));
    end += length;
  }
  return {
    method: start[1]!,
    target: start[2]!,
    version: start[3]!,
    fields,
    body,
    trailers,
    raw: Buffer.from(bytes.subarray(0, end)),
    get: (name) => values(name)[0] ?? null,
    all: values,
  };
}
