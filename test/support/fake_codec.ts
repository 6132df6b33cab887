/**
 * A second codec beside HTTP/1, for tests alone: requests and answers are objects in memory. It shows that the http
 * plane, its steps and the backend's side know nothing of the protocol that clients speak.
 */
import type { Downstream } from "../../src/net/exchange.ts";
import { FIELD_STRIDE, type Head } from "../../src/net/head.ts";
import { ExchangePool, type HttpExchange } from "../../src/net/http_exchange.ts";
import type { HttpPlane } from "../../src/planes/http/plane.ts";

export interface FakeRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly fields?: readonly (readonly [string, string])[];
  /** Bytes of the body, 0 = none, UNKNOWN_LENGTH = until `end`. */
  readonly length?: number;
}

const CLIENT = { address: "192.0.2.7", port: 1234, localPort: 1, peerAddress: "192.0.2.7", trusted: false };

/** One exchange over the fake codec. */
export class FakeStream implements Downstream {
  readonly protocol = "2";
  planeCache: unknown = null;
  pinned: unknown = null;
  writtenBytes = 0;
  readonly #pool = new ExchangePool();
  exchange: HttpExchange | null;
  status = 0;
  fields: [string, string][] = [];
  body = "";
  interim: number[] = [];
  trailers: [string, string][] = [];
  ended = false;
  wasCut = false;
  requestPaused = false;
  continued = 0;
  /** The client takes no more body while this is true; set it to false and call `takeAgain`. */
  full = false;

  constructor(plane: HttpPlane, request: FakeRequest, listenerName = "web") {
    const exchange = this.#pool.take(plane.runtime.plan.limits.header_fields);
    this.exchange = exchange;
    exchange.begin(this, plane, performance.now());
    exchange.client = CLIENT;
    exchange.listenerName = listenerName;
    exchange.minor = 1;
    exchange.takesTrailers = true;
    exchange.isHead = request.method === "HEAD";
    exchange.requestLength = request.length ?? 0;
    exchange.requestEnded = exchange.requestLength === 0;
    fillHead(exchange, request);
    plane.onRequest(exchange);
    exchange.up?.flush();
  }

  send(text: string): boolean {
    const bytes = Buffer.from(text, "latin1");
    const open = this.exchange?.requestBody(bytes, 0, bytes.length) ?? false;
    this.exchange?.up?.flush();
    return open;
  }

  end(): void {
    this.exchange?.requestEnd(null);
  }

  /** The client goes away. */
  abort(): void {
    this.exchange?.clientAborted("FL_CLIENT_ABORT");
    this.#leave();
  }

  takeAgain(): void {
    this.full = false;
    this.exchange?.clientWritable();
  }

  writeInformational(exchange: HttpExchange, status: number): void {
    if (status !== 100 || exchange.expectsContinue) this.interim.push(status);
  }

  writeHead(exchange: HttpExchange, status: number, head: Head): void {
    exchange.responseStarted = true;
    exchange.status = status;
    this.status = status;
    this.fields = head.fields();
  }

  writeBody(_exchange: HttpExchange, bytes: Uint8Array, from: number, to: number): boolean {
    this.writtenBytes += to - from;
    this.body += Buffer.from(bytes.subarray(from, to)).toString("latin1");
    return !this.full;
  }

  writeEnd(_exchange: HttpExchange, trailers: Head | null): void {
    this.trailers = trailers === null ? [] : trailers.fields();
    this.#finish();
  }

  writeLocal(_exchange: HttpExchange, status: number, fields: string, body: string | Uint8Array): void {
    this.status = status;
    this.fields = fields
      .split("\r\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]);
    this.body = typeof body === "string" ? body : Buffer.from(body).toString("latin1");
    this.#finish();
  }

  openTunnel(exchange: HttpExchange): void {
    exchange.responseStarted = true;
    exchange.tunnel = true;
    exchange.status = this.status = 101;
  }

  cut(exchange: HttpExchange): void {
    this.wasCut = true;
    exchange.finish();
    this.#leave();
  }

  pauseRequest(): void {
    this.requestPaused = true;
  }

  resumeRequest(): void {
    this.requestPaused = false;
  }

  flush(): boolean {
    return !this.full;
  }

  writeContinue(): void {
    this.continued++;
  }

  endTunnelOutput(): void {
    this.#finish();
  }

  noteProgress(): void {}

  #finish(): void {
    this.ended = true;
    this.exchange?.finish();
    this.#leave();
  }

  #leave(): void {
    const { exchange } = this;
    this.exchange = null;
    if (exchange === null) return;
    exchange.deadline = Infinity;
    this.#pool.give(exchange);
  }
}

/** Puts the request into the exchange as any codec must: bytes, positions and what rules and log read. */
function fillHead(exchange: HttpExchange, request: FakeRequest): void {
  const head = exchange.request;
  const fields: (readonly [string, string])[] = [["Host", request.host], ...(request.fields ?? [])];
  if ((request.length ?? 0) > 0) fields.push(["Content-Length", String(request.length)]);
  let text = `${request.method} ${request.target} HTTP/1.1\r\n`;
  exchange.methodFrom = 0;
  exchange.methodTo = request.method.length;
  exchange.targetFrom = request.method.length + 1;
  exchange.targetTo = exchange.targetFrom + request.target.length;
  head.fieldsStart = text.length;
  for (const [index, [name, value]] of fields.entries()) {
    const at = index * FIELD_STRIDE;
    head.positions[at] = text.length;
    head.positions[at + 1] = text.length + name.length;
    head.positions[at + 2] = text.length + name.length + 2;
    head.positions[at + 3] = text.length + name.length + 2 + value.length;
    text += `${name}: ${value}\r\n`;
  }
  head.count = fields.length;
  head.fieldsEnd = text.length;
  head.bytes = Buffer.from(`${text}\r\n`, "latin1");
  exchange.hostField = 0;
  exchange.hostFrom = head.positions[2]!;
  exchange.hostTo = head.positions[3]!;
  exchange.authority = request.host;
  exchange.host = request.host.toLowerCase().replace(/:\d+$/, "");
}
