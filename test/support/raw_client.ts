/** A client that sends bytes as they are and reads answers with a parser of its own, written for clarity. */
import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  /** In order, names as they came. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly trailers: readonly (readonly [string, string])[];
  /** The whole answer as it came. */
  readonly raw: Buffer;
  /** How the body ended: by its length, its last chunk, or the end of the connection. */
  readonly delimited: "length" | "chunked" | "close" | "none";
  /** First value of a field, or null; `name` in any case. */
  get(name: string): string | null;
  /** All values of a field. */
  all(name: string): string[];
}

export class RawClient {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  /** The peer has sent FIN. */
  ended = false;
  /** The connection is gone; `reset` says how. */
  closed = false;
  reset = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.#changed();
    });
    socket.on("end", () => {
      this.ended = true;
      this.#changed();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") this.reset = true;
    });
    socket.on("close", () => {
      this.closed = true;
      this.#changed();
    });
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  send(data: string | Uint8Array): void {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  /** Waits until `ready` holds. Throws after `timeoutMs` with what has come so far. */
  async until(ready: () => boolean, timeoutMs = 5_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!ready()) {
      const left = end - performance.now();
      if (left <= 0)
        throw new Error(
          `waited ${timeoutMs} ms in vain; received: ${JSON.stringify(this.received.toString("latin1").slice(0, 2_000))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** The next answer; interim ones (1xx but 101) are returned like others. `head` = it answers a HEAD request. */
  async answer(options: { head?: boolean; timeoutMs?: number } = {}): Promise<Answer> {
    let found: { answer: Answer; length: number } | null = null;
    await this.until(() => {
      found = readAnswer(this.received, options.head === true, this.ended || this.closed);
      return found !== null || this.closed;
    }, options.timeoutMs ?? 5_000);
    if (found === null)
      throw new Error(
        `closed before an answer; received: ${JSON.stringify(this.received.toString("latin1"))}`,
      );
    const { answer, length } = found as { answer: Answer; length: number };
    this.received = this.received.subarray(length);
    return answer;
  }

  /** Sends a request and reads its answer. */
  async ask(
    request: string | Uint8Array,
    options: { head?: boolean; timeoutMs?: number } = {},
  ): Promise<Answer> {
    this.send(request);
    return await this.answer(options);
  }

  /** Waits for the peer to end the connection, by FIN or RST. */
  async end(timeoutMs = 5_000): Promise<void> {
    await this.until(() => this.ended || this.closed, timeoutMs);
  }

  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Connects to a port of 127.0.0.1, another address, or a unix socket. */
export async function rawClient(
  target: number | { host: string; port: number; localAddress?: string } | { path: string },
): Promise<RawClient> {
  const options = typeof target === "number" ? { host: "127.0.0.1", port: target } : target;
  const socket = connect({ ...options, allowHalfOpen: true, noDelay: true } as never);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return new RawClient(socket);
}

/** Connects with TLS; certificates are not verified unless `options` say so. */
export async function tlsClient(port: number, options: ConnectionOptions = {}): Promise<RawClient> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  return new RawClient(socket);
}

/** One request on a connection of its own. */
export async function askOnce(
  port: number,
  request: string | Uint8Array,
  options: { head?: boolean } = {},
): Promise<Answer> {
  using client = await rawClient(port);
  return await client.ask(request, options);
}

/** Reads one answer from the start of `bytes`; null when it is not complete. Throws when it is malformed. */
export function readAnswer(
  bytes: Buffer,
  head: boolean,
  ended: boolean,
): { answer: Answer; length: number } | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const lines = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const start = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/s.exec(lines[0]!);
  if (start === null) throw new Error(`malformed status line ${JSON.stringify(lines[0])}`);
  const fields = lines.slice(1).map(readField);
  const values = (name: string) =>
    fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const status = Number(start[2]);
  const bodyAt = headEnd + 4;
  const done = (
    body: Buffer,
    length: number,
    delimited: Answer["delimited"],
    trailers: [string, string][] = [],
  ) => ({
    answer: {
      status,
      reason: start[3] ?? "",
      version: start[1]!,
      fields,
      body,
      trailers,
      raw: Buffer.from(bytes.subarray(0, length)),
      delimited,
      get: (name: string) => values(name)[0] ?? null,
      all: values,
    },
    length,
  });
  const nothing = Buffer.alloc(0);
  if (head || status === 204 || status === 304 || status < 200) return done(nothing, bodyAt, "none");
  if (values("transfer-encoding").length > 0) {
    if (values("transfer-encoding").join() !== "chunked") throw new Error("unexpected transfer-encoding");
    const chunked = readChunked(bytes, bodyAt);
    return chunked === null ? null : done(chunked.body, chunked.length, "chunked", chunked.trailers);
  }
  const lengths = values("content-length");
  if (lengths.length > 1) throw new Error("several Content-Length fields");
  if (lengths.length === 1) {
    const end = bodyAt + Number(lengths[0]);
    return bytes.length < end ? null : done(Buffer.from(bytes.subarray(bodyAt, end)), end, "length");
  }
  return ended ? done(Buffer.from(bytes.subarray(bodyAt)), bytes.length, "close") : null;
}

function readField(line: string): [string, string] {
  const colon = line.indexOf(":");
  if (colon <= 0) throw new Error(`malformed field ${JSON.stringify(line)}`);
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
}

/** Reads a chunked body from `at`; null when it is not complete. */
export function readChunked(
  bytes: Buffer,
  at: number,
): { body: Buffer; length: number; trailers: [string, string][] } | null {
  const parts: Buffer[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = /^([0-9a-fA-F]+)(?:;.*)?$/.exec(bytes.subarray(at, lineEnd).toString("latin1"));
    if (size === null)
      throw new Error(
        `malformed chunk size ${JSON.stringify(bytes.subarray(at, lineEnd).toString("latin1"))}`,
      );
    const length = Number.parseInt(size[1]!, 16);
    at = lineEnd + 2;
    if (length === 0) break;
    if (bytes.length < at + length + 2) return null;
    parts.push(bytes.subarray(at, at + length));
    if (bytes.subarray(at + length, at + length + 2).toString() !== "\r\n")
      throw new Error("chunk without its line end");
    at += length + 2;
  }
  const trailers: [string, string][] = [];
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const line = bytes.subarray(at, lineEnd).toString("latin1");
    at = lineEnd + 2;
    if (line === "") break;
    trailers.push(readField(line));
  }
  return { body: Buffer.concat(parts), length: at, trailers };
}
