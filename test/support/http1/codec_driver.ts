/**
 * Both sides of the HTTP/1 codec joined in memory: bytes of a client go in, bytes for a backend and for the client come
 * out. No socket, no route, no step: what a request becomes by the codec alone, at the cost of microseconds, so that
 * every way to cut a text into segments can be tried.
 */
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../../src/core/defaults.ts";
import { ERRORS, type ErrorCode } from "../../../src/core/errors.ts";
import { matchPath } from "../../../src/core/text/path.ts";
import { ClientConnection, type ConnectionOwner } from "../../../src/net/h1/client.ts";
import { ServerConnection } from "../../../src/net/h1/server.ts";
import type { ServerHost } from "../../../src/net/h1/server_host.ts";
import type { Head } from "../../../src/net/head.ts";
import { ExchangePool, type ExchangeHandler, type HttpExchange } from "../../../src/net/http_exchange.ts";
import { ManualClock } from "../../../src/platform/clock.ts";
import { TimerWheel } from "../../../src/platform/timer_wheel.ts";
import { MemorySocket } from "./memory_socket.ts";

/** Answers a request when all of it has been sent to the backend; bytes of one or more segments. */
export type Answerer = (received: Buffer) => readonly Uint8Array[];

/** One of each for all drivers, as they serve all connections of a worker: exchanges are used again. */
const clock = new ManualClock();
const wheel = new TimerWheel(clock);
const exchanges = new ExchangePool();

const OK = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

/** One connection to the backend. */
export interface BackendSide {
  readonly connection: ClientConnection;
  readonly socket: MemorySocket;
}

export class CodecDriver implements ExchangeHandler {
  readonly clientSocket = new MemorySocket();
  readonly backends: BackendSide[] = [];
  readonly server: ServerConnection;
  /** Codes of the exchanges that ended with an error, in order. */
  readonly errors: ErrorCode[] = [];
  exchangesDone = 0;
  /** Bytes that a new connection to the backend takes at first. */
  backendWindow = Infinity;
  readonly #answer: Answerer;
  readonly #owner: ConnectionOwner;
  #idle: BackendSide | null = null;
  #answered: HttpExchange | null = null;
  #answeredSerial = -1;

  constructor(answer: Answerer = () => [OK]) {
    this.#answer = answer;
    const host: ServerHost<ServerConnection> = {
      handler: this,
      wheel,
      exchanges,
      now: () => clock.now(),
      limits: DEFAULT_LIMITS,
      timeouts: DEFAULT_TIMEOUTS,
      draining: false,
      connectionClosed() {},
      limitHit() {},
    };
    this.server = new ServerConnection(this.clientSocket, host, {
      client: { address: "192.0.2.1", port: 1, localPort: 0, peerAddress: "192.0.2.1", trusted: false },
      secure: false,
      listenerName: "web",
      listenerIndex: 0,
      hostRule: null,
      serverName: "",
      tlsVersion: "",
      abortsHalfClosed: false,
    });
    this.#owner = {
      wheel,
      maxHeaderBytes: DEFAULT_LIMITS.header_bytes,
      maxFields: DEFAULT_LIMITS.header_fields,
      chunkExtensionBytes: DEFAULT_LIMITS.chunk_extension_bytes,
      idle: (connection) => (this.#idle = this.#sideOf(connection)),
      gone: (connection) => {
        if (this.#idle?.connection === connection) this.#idle = null;
      },
    };
  }

  #sideOf(connection: ClientConnection): BackendSide | null {
    return this.backends.find((side) => side.connection === connection) ?? null;
  }

  /** A segment from the client. Like a socket, it is not delivered after the end of the connection. */
  feed(bytes: Uint8Array): void {
    if (this.clientSocket.ended) return;
    // A segment is a block of its own: the codec may keep and change it.
    this.server.onData(Buffer.from(bytes));
    this.#answerAll();
  }

  /** FIN from the client. */
  finish(): void {
    if (this.clientSocket.ended) return;
    this.server.onEnd();
    this.#answerAll();
  }

  /** The answers for all requests that are complete at the backend. */
  #answerAll(): void {
    // Each turn ends an exchange; a text of n bytes has fewer than n requests.
    for (;;) {
      const { exchange } = this.server;
      if (exchange === null || !exchange.requestEnded || exchange.up === null) return;
      if (exchange === this.#answered && exchange.serial === this.#answeredSerial) return;
      this.#answered = exchange;
      this.#answeredSerial = exchange.serial;
      const side = this.#sideOf(exchange.up as ClientConnection)!;
      for (const segment of this.#answer(side.socket.bytes)) {
        if (side.connection.closed) break;
        side.connection.onData(Buffer.from(segment));
      }
    }
  }

  /** FIN from the backend that serves the exchange at work. */
  finishBackend(): void {
    const up = this.server.exchange?.up;
    if (up != null) (up as ClientConnection).onEnd();
  }

  /** To be called in the end: the wheel would hold every driver for ever, as nobody moves its clock. */
  dispose(): void {
    wheel.remove(this.server);
  }

  // What the http plane does, without routes and steps.

  onRequest(exchange: HttpExchange): void {
    if (matchPath(exchange.path) === null) {
      this.onFail(exchange, "FL_BAD_TARGET");
      return;
    }
    if (exchange.path === "*" || exchange.method === "TRACE") {
      exchange.respond(exchange.path === "*" ? 204 : 405);
      return;
    }
    if (exchange.requestLength !== 0) exchange.upgradeToken = "";
    if (exchange.upgradeToken !== "websocket") exchange.upgradeToken = "";
    if (exchange.authority === "" && exchange.request.find("host") < 0)
      exchange.request.set("Host", "backend.example");
    const { connection } = this.#connect();
    connection.finishHead(exchange, connection.beginHead(exchange));
    exchange.attach(connection);
  }

  #connect(): BackendSide {
    const idle = this.#idle;
    this.#idle = null;
    if (idle !== null) return idle;
    const side = {
      connection: new ClientConnection(this.#owner),
      socket: new MemorySocket(this.backendWindow),
    };
    side.connection.socket = side.socket as never;
    this.backends.push(side);
    return side;
  }

  onResponseHead(exchange: HttpExchange, status: number, head: Head, length: number): void {
    if (status === 101) exchange.down.openTunnel(exchange, head);
    else exchange.down.writeHead(exchange, status, head, length);
  }

  onFail(exchange: HttpExchange, code: ErrorCode): void {
    if (exchange.done) return;
    exchange.reason = code;
    if (exchange.responseStarted || ERRORS[code].status === 0) exchange.down.cut(exchange);
    else exchange.respond(ERRORS[code].status);
  }

  onUpstreamFailed(exchange: HttpExchange, code: ErrorCode): void {
    this.onFail(exchange, code);
  }

  onDone(exchange: HttpExchange): void {
    this.exchangesDone++;
    if (exchange.reason !== "") this.errors.push(exchange.reason);
  }

  onResume(): void {}
  onCollected(): void {}
  onWait(): void {}
  onDeadline(): void {}
}

/** Cuts `bytes` at the given positions. */
export function segmentsOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const segments: Uint8Array[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > at) segments.push(bytes.subarray(at, cut));
    at = Math.max(at, cut);
  }
  return segments;
}

/** Feeds segments and then, with `finish`, FIN. */
export function driveCodec(segments: readonly Uint8Array[], answer?: Answerer, finish = false): CodecDriver {
  const driver = new CodecDriver(answer);
  for (const segment of segments) driver.feed(segment);
  if (finish) driver.finish();
  driver.dispose();
  return driver;
}
