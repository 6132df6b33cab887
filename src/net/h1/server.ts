/**
 * The client's side of HTTP/1: one object per connection, from its first byte to its last. It parses heads, delimits
 * bodies, keeps pipelined requests in order, and writes answers. Protocol state machine: longer than usual on purpose.
 * Measured by `bun run bench http` on Bun 1.4.5.
 */
import type { ErrorCode } from "../../core/errors.ts";
import type { Limits } from "../../core/plan.ts";
import { sendFin } from "../../platform/send_before_fin.ts";
import { unacknowledgedBytes, unreadBytes } from "../../platform/socket_queue.ts";
import { Timed } from "../../platform/timer_wheel.ts";
import { UNKNOWN_LENGTH, type Downstream } from "../exchange.ts";
import { FIELD_STRIDE, type Head } from "../head.ts";
import type { HttpExchange } from "../http_exchange.ts";
import { takeAbsoluteForm } from "./absolute_form.ts";
import { latin1Bytes, writeBytes, writeDecimal, writeLatin1, writeText } from "./bytes.ts";
import { ChunkRelay, sendChunk, sendLastChunk } from "./chunk_relay.ts";
import { framing, isAuthority, judgeRequest, routingHost } from "./framing.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { statusLine } from "./status_line.ts";
import { mostOfHead, tooLarge } from "./head_limits.ts";
import { compactHead } from "./head_writer.ts";
import {
  dropOutput,
  flushAnyStaged,
  flushStaged,
  send,
  sendWaiting,
  stage,
  type ByteSocket,
  type Writer,
} from "./output.ts";
import {
  BAD_FIELD,
  BAD_LINE,
  BAD_TARGET,
  BAD_VERSION,
  INCOMPLETE,
  parsed,
  parseRequest,
  TOO_MANY_FIELDS,
  validPercents,
} from "./parse.ts";
import { LINGER_MS, UNREAD_MS } from "./end_times.ts";
import { ProgressWatch } from "./progress_watch.ts";
import { FIRST_LOOK_BYTES, JOIN_BYTES, scratch } from "./scratch.ts";
import type { ConnectionOrigin, ServerHost } from "./server_host.ts";
import { dropNominated, keptTrailers, trailerLines } from "./trailers.ts";
import { spanBytes, spans } from "./chunks.ts";

type State = "head" | "body" | "answer" | "tunnel" | "discard" | "closed";

const CLOSE_LINE = latin1Bytes("Connection: close\r\n");
const KEEP_ALIVE_LINE = latin1Bytes("Connection: keep-alive\r\n");
const LENGTH_NAME = latin1Bytes("Content-Length: ");
const CHUNKED_LINE = latin1Bytes("Transfer-Encoding: chunked\r\n");
const CONTINUE = latin1Bytes("HTTP/1.1 100 Continue\r\n\r\n");
const NO_BODY = new Uint8Array(0);
const LF = 10;

/** How often a body's rate is looked at. */
const RATE_CHECK_MS = 1_000;

const PARSE_ERRORS: Readonly<Record<number, ErrorCode>> = {
  [BAD_LINE]: "FL_BAD_REQUEST_LINE",
  [BAD_TARGET]: "FL_BAD_TARGET",
  [BAD_VERSION]: "FL_BAD_VERSION",
  [BAD_FIELD]: "FL_BAD_HEADER",
  [TOO_MANY_FIELDS]: "FL_HEADER_TOO_LARGE",
};

export class ServerConnection extends Timed implements Downstream, Writer {
  readonly protocol = "1.1";
  byteSocket: ByteSocket | null;
  waiting: Uint8Array[] | null = null;
  writtenBytes = 0;
  readonly host: ServerHost<ServerConnection>;
  readonly origin: ConnectionOrigin;

  state: State = "head";
  exchange: HttpExchange | null = null;
  /** Bytes that came and are not looked at yet. */
  #pending: Uint8Array | null = null;
  /** The same while they are a head that comes in parts. */
  #partial: GrowingBytes | null = null;
  #paused = false;
  #readingHead = false;
  /** Bytes that begin with the next head while one is being read. */
  #nextHead: Uint8Array | null = null;
  /** The connection ends after the answer at work. */
  #close = false;
  /** The client sends no more. */
  inputEnded = false;
  /** Body bytes still to come for a length-delimited request. */
  #remaining = 0;
  #chunks: ChunkRelay | null = null;
  /** How the answer's body is delimited. */
  #answerChunked = false;
  #answerOpen = false;
  requests = 0;
  /** Made with the first phase that is watched: most connections have none. */
  #watch: ProgressWatch | null = null;
  #headDeadline = 0;
  /** When the first byte of a head came that is not complete, 0 = there is none. */
  #headBegun = 0;
  #discarded = 0;
  readonly #createdAt: number;
  readonly #share = 0.9 + Math.random() * 0.1;

  /** Routing facts of the last Host bytes, which a client seldom changes within a connection. */
  #hostBytes: Uint8Array | null = null;
  #authority = "";
  #routingHost = "";
  /** The plane's own cache for this connection (route table of the host, forwarding lines). */
  planeCache: unknown = null;
  pinned: unknown = null;

  constructor(socket: ByteSocket, host: ServerHost<ServerConnection>, origin: ConnectionOrigin) {
    super();
    this.byteSocket = socket;
    this.host = host;
    this.origin = origin;
    this.#createdAt = host.now();
    host.wheel.afterCoarse(this, host.timeouts.client_idle);
  }

  get closingFd(): number {
    return this.#close && this.state !== "closed" ? this.plainFd : -1;
  }

  get plainFd(): number {
    return this.origin.secure ? -1 : (this.byteSocket?.fd ?? -1);
  }

  // Events of the socket.

  onData(bytes: Uint8Array): void {
    switch (this.state) {
      case "head":
        if (this.#pending === null) this.#readHead(bytes);
        else this.#addToHead(bytes);
        break;
      case "body":
        this.noteProgress();
        this.#readBody(bytes, 0);
        break;
      case "answer":
        this.#pending = this.#pending === null ? bytes : Buffer.concat([this.#pending, bytes]);
        this.#pause();
        break;
      case "tunnel":
        this.noteProgress();
        if (!this.exchange!.requestBody(bytes, 0, bytes.length)) this.#pause();
        break;
      case "discard":
        this.#discard(bytes.length);
        break;
      case "closed":
        break;
    }
  }

  onDrain(): void {
    const sent = sendWaiting(this);
    this.noteProgress();
    if (!sent) return;
    const { exchange } = this;
    if (exchange !== null && !exchange.responseEnded) exchange.clientWritable();
    else if (exchange !== null && this.#answerOpen) this.#answerSent(exchange);
    else if (this.state === "closed") this.byteSocket?.close();
  }

  /** The client has sent FIN. */
  onEnd(): void {
    this.inputEnded = true;
    const { exchange } = this;
    switch (this.state) {
      case "head":
        // Its last line has perhaps not been looked at: what is malformed gets its answer.
        if (this.#partial !== null) this.#readPending();
        else {
          this.#abandonHead();
          this.#shut();
        }
        break;
      case "body":
        if (exchange !== null && this.#isAnsweredEarly) {
          this.#close = true;
          this.#finish(exchange);
          break;
        }
        exchange?.clientAborted("FL_CLIENT_ABORT");
        this.cutConnection();
        break;
      case "answer":
        // What was pipelined before the FIN is answered too.
        if (this.#pending === null) this.#close = true;
        // A half-closed client still gets its answer (RFC 9112 9.6), unless the listener takes it as gone.
        if (this.origin.abortsHalfClosed) {
          exchange?.clientAborted("FL_CLIENT_ABORT");
          this.cutConnection();
        }
        break;
      case "tunnel":
        if (exchange === null) break;
        exchange.requestEnd(null);
        if (exchange.responseEnded && this.waiting === null) this.#closeTunnelOutput(exchange);
        break;
      case "discard":
        this.#shut();
        break;
      case "closed":
        break;
    }
  }

  onClose(): void {
    this.byteSocket = null;
    if (this.state === "head") this.#abandonHead();
    const isAnswered = this.#isAnsweredEarly;
    this.state = "closed";
    dropOutput(this);
    this.#pending = null;
    this.host.wheel.remove(this);
    const { exchange } = this;
    if (exchange !== null && !exchange.done) {
      if (exchange.tunnel && exchange.responseEnded) {
        // Both sides have ended: in order, although the socket tells of the second FIN by its end alone.
        if (!exchange.requestEnded) exchange.requestEnd(null);
        exchange.finish();
      } else if (isAnswered) exchange.finish();
      else exchange.clientAborted("FL_CLIENT_ABORT");
    }
    this.#releaseExchange();
    this.host.connectionClosed(this);
  }

  /** The whole answer is out before the request was complete: the rest of the request matters to nobody. */
  get #isAnsweredEarly(): boolean {
    return this.state === "body" && this.exchange?.responseEnded === true && !this.#answerOpen;
  }

  // Reading requests.

  /**
   * More of a head that was not complete. Without a line end it still is not, and to parse it again for each byte would
   * cost the square of its length.
   */
  #addToHead(bytes: Uint8Array): void {
    if (this.#partial === null) {
      this.#partial = new GrowingBytes();
      this.#partial.add(this.#pending!);
    }
    this.#pending = this.#partial.add(bytes);
    if (bytes.includes(LF) || this.#pending.length >= mostOfHead(this.host.limits)) this.#readPending();
  }

  #readPending(): void {
    const pending = this.#pending!;
    this.#pending = null;
    this.#readHead(pending);
  }

  /**
   * Reads a head and what follows it. A request that is answered at once leads to the next in the same bytes: those are
   * taken in turn and not one inside the other, because a segment holds thousands of them.
   */
  #readHead(bytes: Uint8Array): void {
    if (this.#readingHead) {
      this.#nextHead = bytes;
      return;
    }
    this.#readingHead = true;
    try {
      for (let next: Uint8Array | null = bytes; next !== null; next = this.#nextHead) {
        this.#nextHead = null;
        this.#readOneHead(next);
      }
    } finally {
      this.#readingHead = false;
    }
  }

  #readOneHead(bytes: Uint8Array): void {
    const { host } = this;
    const { limits } = host;
    const exchange = host.exchanges.take(limits.header_fields);
    const most = mostOfHead(limits);
    const length = bytes.length < most ? bytes.length : most;
    let end = parseRequest(exchange.request, bytes, Math.min(length, FIRST_LOOK_BYTES));
    if (end === INCOMPLETE && length > FIRST_LOOK_BYTES) end = parseRequest(exchange.request, bytes, length);
    if (end === INCOMPLETE && length < most) {
      host.exchanges.give(exchange);
      this.#keepPartial(bytes);
      return;
    }
    this.#partial = null;
    this.requests++;
    exchange.begin(this, host.handler, this.#headBegun === 0 ? host.now() : this.#headBegun);
    this.#headBegun = 0;
    exchange.bytesIn = end > 0 ? end : bytes.length;
    this.#fillOrigin(exchange);
    this.exchange = exchange;
    this.#close = false;
    if (end <= 0) {
      const code = end === INCOMPLETE ? tooLarge(bytes, limits) : PARSE_ERRORS[end]!;
      this.#refuse(code, end === TOO_MANY_FIELDS);
      return;
    }
    const code = this.#takeHead(exchange, limits);
    if (code !== null) {
      this.#refuse(code);
      return;
    }
    this.#startBody(exchange, bytes, end);
  }

  #fillOrigin(exchange: HttpExchange): void {
    const { origin } = this;
    exchange.client = origin.client;
    exchange.secure = origin.secure;
    exchange.listenerName = origin.listenerName;
    exchange.listenerIndex = origin.listenerIndex;
    exchange.serverName = origin.serverName;
    exchange.tlsVersion = origin.tlsVersion;
    exchange.hostRule = origin.hostRule;
  }

  #keepPartial(bytes: Uint8Array): void {
    if (this.#headDeadline === 0) {
      this.#headBegun = this.host.now();
      this.#headDeadline = this.#headBegun + this.host.timeouts.request_header;
      this.host.wheel.after(this, this.host.timeouts.request_header);
    }
    this.#pending = bytes;
    if (!this.inputEnded) return;
    this.#abandonHead();
    this.#shut();
  }

  /** Copies what the parser found into the exchange and applies the rules. Returns why not, or null. */
  #takeHead(exchange: HttpExchange, limits: Limits): ErrorCode | null {
    const head = exchange.request;
    exchange.methodFrom = parsed.start;
    exchange.methodTo = parsed.methodEnd;
    exchange.targetFrom = parsed.targetStart;
    exchange.targetTo = parsed.targetEnd;
    exchange.minor = parsed.minor;
    exchange.hostField = parsed.host;
    if (parsed.host >= 0) {
      exchange.hostFrom = head.positions[parsed.host * FIELD_STRIDE + 2]!;
      exchange.hostTo = head.positions[parsed.host * FIELD_STRIDE + 3]!;
    }
    exchange.viaField = parsed.via;
    exchange.cdnLoopField = parsed.cdnLoop;
    exchange.userAgentField = parsed.userAgent;
    exchange.maxForwardsField = parsed.maxForwards;
    exchange.authorizationField = parsed.authorization;
    exchange.requestIdField = parsed.requestId;
    exchange.hasIdentityFields = parsed.identity;
    exchange.hasUnderscoreFields = parsed.underscore;
    exchange.isHead =
      parsed.methodEnd - parsed.start === 4 &&
      scratch[parsed.start] === 72 &&
      scratch[parsed.start + 1] === 69 &&
      scratch[parsed.start + 2] === 65 &&
      scratch[parsed.start + 3] === 68;
    if (parsed.targetEnd - parsed.targetStart > limits.target_bytes) return "FL_TARGET_TOO_LONG";
    if (parsed.end - head.fieldsStart > limits.header_bytes) return "FL_HEADER_TOO_LARGE";
    const code = judgeRequest(head);
    if (code !== null) return code;
    exchange.requestLength = framing.length;
    exchange.takesTrailers = framing.takesTrailers;
    exchange.expectsContinue = framing.expectsContinue;
    if (framing.upgrade) exchange.upgradeToken = head.valueAt(parsed.upgrade).toLowerCase();
    if (framing.close) this.#close = true;
    if (this.host.draining || this.#isWorn(limits)) this.#close = true;
    return this.#takeTarget(exchange, head);
  }

  /** The connection has served for as long or as often as it may; each has a share of its own of these limits. */
  #isWorn({ requests_per_connection: requests }: Limits): boolean {
    if (requests > 0 && this.requests >= requests * this.#share) return true;
    const { client_age: age } = this.host.timeouts;
    return age > 0 && this.host.now() - this.#createdAt >= age * this.#share;
  }

  /** The four forms of a target (RFC 9112 3.2) and the Host field. */
  #takeTarget(exchange: HttpExchange, head: Head): ErrorCode | null {
    const { targetStart, targetEnd } = parsed;
    if (parsed.host >= 0 && !this.#takeHost(head, parsed.host)) return "FL_BAD_HOST";
    exchange.authority = parsed.host >= 0 ? this.#authority : "";
    exchange.host = parsed.host >= 0 ? this.#routingHost : "";
    // CONNECT has seven letters: other lengths need no text. A backend might tunnel it whatever its target is.
    if (parsed.methodEnd - parsed.start === 7 && exchange.method === "CONNECT")
      return "FL_CONNECT_REFUSED_BY_POLICY";
    if (scratch[targetStart] === 47) {
      if (!parsed.targetPercent) return null;
      let end = targetStart;
      while (end < targetEnd && scratch[end] !== 63) end++;
      return validPercents(scratch, targetStart, end) ? null : "FL_BAD_TARGET";
    }
    if (targetEnd - targetStart === 1 && scratch[targetStart] === 42) {
      return exchange.method === "OPTIONS" ? null : "FL_BAD_TARGET";
    }
    return takeAbsoluteForm(exchange, head);
  }

  /** Reads the Host field unless its bytes are those of the request before. */
  #takeHost(head: Head, field: number): boolean {
    const at = field * FIELD_STRIDE;
    const from = head.positions[at + 2]!;
    const length = head.positions[at + 3]! - from;
    const known = this.#hostBytes;
    if (known !== null && known.length === length) {
      let k = 0;
      while (k < length && known[k] === scratch[from + k]) k++;
      if (k === length) return true;
    }
    const text = head.valueAt(field);
    if (!isAuthority(text)) return false;
    this.#hostBytes = scratch.slice(from, from + length);
    this.#authority = text;
    this.#routingHost = routingHost(text);
    return true;
  }

  #startBody(exchange: HttpExchange, bytes: Uint8Array, end: number): void {
    this.#headDeadline = 0;
    this.#chunks = null;
    this.#remaining = exchange.requestLength;
    this.state = exchange.requestLength === 0 ? "answer" : "body";
    if (this.state === "body") this.#startPhase();
    else this.host.wheel.clear(this);
    if (end < bytes.length && this.state === "answer") {
      this.#pending = bytes.subarray(end);
      this.#pause();
    }
    if (this.state === "answer") {
      exchange.requestEnded = true;
      if (this.inputEnded && this.#pending === null) this.#close = true;
    }
    if (exchange.requestLength === UNKNOWN_LENGTH) {
      this.#chunks = new ChunkRelay(this.host.limits.chunk_extension_bytes, this.host.limits.header_bytes);
    }
    exchange.handler.onRequest(exchange);
    if (this.state === "body" && end < bytes.length && this.exchange === exchange) this.#readBody(bytes, end);
    if (this.inputEnded && this.#isReadingBody(exchange)) {
      exchange.clientAborted("FL_CLIENT_ABORT");
      this.cutConnection();
    }
    this.#flushUpstream(exchange);
  }

  /** The rest of the body is still to come. */
  #isReadingBody(exchange: HttpExchange): boolean {
    return this.state === "body" && this.exchange === exchange;
  }

  #flushUpstream(exchange: HttpExchange): void {
    if (this.exchange === exchange && exchange.up !== null) exchange.up.flush();
  }

  #readBody(bytes: Uint8Array, from: number): void {
    const exchange = this.exchange!;
    let after: number;
    let open = true;
    if (this.#chunks !== null) {
      const { reader } = this.#chunks;
      after = reader.read(bytes, from, bytes.length);
      if (after < 0) {
        exchange.bytesIn += bytes.length - from;
        this.#brokenBody(exchange);
        return;
      }
      exchange.bytesIn += after - from - spanBytes(reader.spanCount);
      reader.joinSmallSpans(bytes);
      for (let index = 0; index < reader.spanCount && !exchange.done; index++) {
        open = exchange.requestBody(bytes, spans[index * 2]!, spans[index * 2 + 1]!);
      }
      if (exchange.done || this.exchange !== exchange) return;
      if (reader.done) this.#endBody(exchange, reader.trailer);
    } else {
      const take = Math.min(this.#remaining, bytes.length - from);
      after = from + take;
      this.#remaining -= take;
      open = exchange.requestBody(bytes, from, after);
      if (exchange.done || this.exchange !== exchange) return;
      if (this.#remaining === 0) this.#endBody(exchange, null);
    }
    if (after < bytes.length && this.state !== "discard") {
      this.#pending = bytes.subarray(after);
      this.#pause();
      if (this.state === "head") this.#next();
    } else if (!open && this.state === "body") this.#pause();
  }

  #endBody(exchange: HttpExchange, trailer: Uint8Array | null): void {
    let trailers: Head | null = null;
    if (trailer !== null) {
      trailers = keptTrailers(trailer, this.host.limits.header_fields);
      if (trailers === null) {
        this.#brokenBody(exchange);
        return;
      }
    }
    // A backend takes trailers when the client says that trailers are taken on its way (RFC 9110 6.5.1).
    if (!exchange.takesTrailers) trailers = null;
    else if (trailers !== null) dropNominated(trailers, exchange.request);
    const early = this.#isAnsweredEarly;
    this.state = "answer";
    // Who does not read the answer that has begun is watched on.
    if (this.waiting === null) this.host.wheel.clear(this);
    else this.#startPhase();
    exchange.requestEnd(trailers);
    // While some of the answer waits for the socket, its drain ends the exchange.
    if (early && this.exchange === exchange) this.#answerSent(exchange);
  }

  #brokenBody(exchange: HttpExchange): void {
    this.#close = true;
    if (exchange.responseStarted) this.cut(exchange);
    else exchange.fail("FL_BAD_CHUNK");
  }

  /** Refuses a request whose head is not sound; the connection ends. */
  #refuse(code: ErrorCode, tooManyFields = false): void {
    const exchange = this.exchange!;
    this.#close = true;
    this.state = "body";
    this.#remaining = UNKNOWN_LENGTH;
    if (code === "FL_HEADER_TOO_LARGE") this.host.limitHit(tooManyFields ? "header_fields" : "header_bytes");
    else if (code === "FL_TARGET_TOO_LONG") this.host.limitHit("target_bytes");
    exchange.fail(code);
  }

  // Writing answers.

  writeInformational(exchange: HttpExchange, status: number, head: Head): void {
    if (exchange.minor === 0 || exchange.responseStarted) return;
    if (status === 100) {
      if (!exchange.expectsContinue) return;
      this.#expectBody(exchange);
    }
    let end = compactHead(head, head.fieldsEnd);
    scratch[7] = 49;
    end = writeText(scratch, end, head.appended);
    scratch[end++] = 13;
    scratch[end++] = 10;
    stage(this, 0, end);
    flushStaged(this);
  }

  /** Tells the client to send the body that it holds back. */
  writeContinue(exchange: HttpExchange): void {
    if (!exchange.expectsContinue) return;
    this.#expectBody(exchange);
    send(this, CONTINUE, 0, CONTINUE.length);
  }

  /** The client is told to send its body: from now on it has to. */
  #expectBody(exchange: HttpExchange): void {
    exchange.expectsContinue = false;
    if (this.state === "body") this.#startPhase();
  }

  writeHead(exchange: HttpExchange, status: number, head: Head, length: number): void {
    exchange.responseStarted = true;
    exchange.status = status;
    this.#answerOpen = true;
    let end = compactHead(head, head.fieldsEnd);
    scratch[7] = 49;
    end = writeText(scratch, end, head.appended);
    this.#answerChunked = false;
    if (length === UNKNOWN_LENGTH && !exchange.isHead && status !== 204 && status !== 304) {
      if (exchange.minor === 0) this.#close = true;
      else {
        this.#answerChunked = true;
        end = writeBytes(scratch, end, CHUNKED_LINE);
      }
    }
    end = this.#connectionLine(exchange, end);
    scratch[end++] = 13;
    scratch[end++] = 10;
    stage(this, 0, end);
  }

  #connectionLine(exchange: HttpExchange, end: number): number {
    // An answer before the end of the request's body: what follows cannot be told from garbage quickly. A client that
    // still waits for 100 may even leave the body out and send its next request (RFC 9110 10.1.1).
    if (this.state === "body" && (this.host.draining || exchange.expectsContinue)) this.#close = true;
    if (this.#close) return writeBytes(scratch, end, CLOSE_LINE);
    return exchange.minor === 0 ? writeBytes(scratch, end, KEEP_ALIVE_LINE) : end;
  }

  get takesRawChunks(): boolean {
    return this.#answerChunked;
  }

  writeBody(exchange: HttpExchange, bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#answerChunked) sendChunk(this, bytes, from, to);
    else {
      // With a stage the end of the answer is the stage's to tell.
      const untouched = exchange.responseStage === null;
      send(this, bytes, from, to, untouched, untouched && exchange.responseBodyEnds);
    }
    return this.#wrote();
  }

  /** Relays bytes of a chunked answer through `relay`; returns the position after them or -1. */
  writeRawChunks(
    _exchange: HttpExchange,
    relay: ChunkRelay,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): number {
    return relay.relay(this, bytes, from, to);
  }

  #wrote(): boolean {
    if (this.waiting === null) return true;
    if (this.deadline === Infinity) this.#startPhase();
    return false;
  }

  /** Sends what is staged; called at the end of an event of the backend's side. Returns false to ask for a pause. */
  flush(): boolean {
    flushStaged(this);
    return this.#wrote();
  }

  writeEnd(exchange: HttpExchange, trailers: Head | null): void {
    if (this.#answerChunked)
      sendLastChunk(this, trailers === null || !exchange.takesTrailers ? "" : trailerLines(trailers));
    this.rawEnd(exchange);
  }

  /** The answer is complete and its end has been sent. */
  rawEnd(exchange: HttpExchange): void {
    exchange.responseEnded = true;
    flushStaged(this, true);
    if (this.waiting === null) this.#answerSent(exchange);
    else {
      this.#wrote();
      exchange.handler.onUpstreamDone?.(exchange);
    }
  }

  writeLocal(exchange: HttpExchange, status: number, fields: string, body: string | Uint8Array): void {
    const bytes = body === "" ? NO_BODY : typeof body === "string" ? Buffer.from(body, "utf8") : body;
    const bodyless = status === 204 || status === 304 || status < 200;
    if (this.state === "body" && exchange.requestLength !== 0) this.#close = true;
    this.#answerOpen = true;
    this.#answerChunked = false;
    flushAnyStaged();
    let end = this.#putFields(writeBytes(scratch, 0, statusLine(status)), fields);
    if (!bodyless) {
      end = writeDecimal(scratch, writeBytes(scratch, end, LENGTH_NAME), bytes.length);
      scratch[end++] = 13;
      scratch[end++] = 10;
    }
    end = this.#connectionLine(exchange, end);
    scratch[end++] = 13;
    scratch[end++] = 10;
    stage(this, 0, end);
    if (!exchange.isHead && !bodyless && bytes.length > 0) send(this, bytes, 0, bytes.length);
    this.rawEnd(exchange);
  }

  /** Puts lines behind the first one, which ends at `end`; they leave at once where they are too long to wait for the rest. */
  #putFields(end: number, fields: string): number {
    if (fields.length <= JOIN_BYTES) return writeLatin1(scratch, end, fields);
    stage(this, 0, end);
    flushStaged(this);
    send(this, latin1Bytes(fields), 0, fields.length);
    return 0;
  }

  openTunnel(exchange: HttpExchange, head: Head): void {
    exchange.responseStarted = true;
    exchange.status = 101;
    exchange.tunnel = true;
    // The request had no body; what the client sends from now on has an end of its own.
    exchange.requestEnded = false;
    let end = compactHead(head, head.fieldsEnd);
    scratch[7] = 49;
    end = writeText(scratch, end, head.appended);
    scratch[end++] = 13;
    scratch[end++] = 10;
    this.#answerOpen = true;
    this.#answerChunked = false;
    this.#close = true;
    stage(this, 0, end);
    flushStaged(this);
    this.state = "tunnel";
    this.#startPhase();
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null) exchange.requestBody(pending, 0, pending.length);
    this.#resume();
    if (this.inputEnded) exchange.requestEnd(null);
  }

  /** The backend ended its direction of a tunnel. */
  endTunnelOutput(exchange: HttpExchange): void {
    exchange.responseEnded = true;
    if (this.waiting === null) this.#closeTunnelOutput(exchange);
  }

  #closeTunnelOutput(exchange: HttpExchange): void {
    this.#answerOpen = false;
    if (this.inputEnded) this.#finish(exchange);
    else this.byteSocket?.shutdown();
  }

  cut(exchange: HttpExchange): void {
    dropOutput(this);
    exchange.finish();
    this.cutConnection();
  }

  /** RST: the client can tell that nothing is complete. */
  cutConnection(): void {
    const socket = this.byteSocket;
    this.state = "closed";
    dropOutput(this);
    socket?.terminate();
  }

  pauseRequest(): void {
    if (this.state === "body" || this.state === "tunnel") this.#pause();
  }

  resumeRequest(): void {
    if (this.state === "body" || this.state === "tunnel") this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.byteSocket?.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.state === "body" || this.state === "tunnel") this.#startPhase();
    this.byteSocket?.resume();
  }

  // The end of an exchange and of the connection.

  /** All bytes of the answer are with the kernel. */
  #answerSent(exchange: HttpExchange): void {
    this.#answerOpen = false;
    if (exchange.tunnel) {
      this.#closeTunnelOutput(exchange);
      return;
    }
    if (this.state === "body") {
      if (!this.#close && this.#fewBytesLeft()) {
        // The rest of the request is read and dropped, so that the connection can stay.
        exchange.releaseUpstream();
        this.#resume();
        exchange.handler.onUpstreamDone?.(exchange);
        return;
      }
      this.#linger(exchange);
      return;
    }
    this.#finish(exchange);
  }

  #fewBytesLeft(): boolean {
    return this.#chunks === null && this.#remaining <= this.host.limits.early_answer_drain_bytes;
  }

  #finish(exchange: HttpExchange): void {
    exchange.finish();
    this.#releaseExchange();
    if (this.#close || this.host.draining) {
      this.#endInOrder();
      return;
    }
    this.#next();
  }

  /**
   * FIN behind the last answer. Input that nobody has read, here or in the kernel, would make close(2) send RST and drop
   * what has not left: so the answer is pushed out first, and where there is such input it is waited for.
   */
  #endInOrder(): void {
    if (this.#pending !== null) {
      this.#lingerOn();
      return;
    }
    const fd = this.plainFd;
    if (fd >= 0) sendFin(fd);
    if (fd >= 0 && unreadBytes(fd) > 0) this.#lingerOn();
    else this.#shut();
  }

  #releaseExchange(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.exchange = null;
    this.host.wheel.clear(exchange);
    this.host.exchanges.give(exchange);
  }

  #next(): void {
    this.state = "head";
    const pending = this.#pending;
    if (pending === null) {
      if (this.inputEnded) {
        this.#shut();
        return;
      }
      this.#resume();
      this.host.wheel.afterCoarse(this, this.host.timeouts.client_idle);
      return;
    }
    this.#pending = null;
    this.#resume();
    this.#readHead(pending);
  }

  /** The answer is out while the client still sends: FIN, then input is dropped for a while (RFC 9112 9.6). */
  #linger(exchange: HttpExchange): void {
    exchange.finish();
    this.#releaseExchange();
    this.#lingerOn();
  }

  #lingerOn(): void {
    this.state = "discard";
    this.#pending = null;
    this.byteSocket?.shutdown();
    this.#resume();
    if (this.inputEnded) this.#shut();
    else this.host.wheel.after(this, LINGER_MS);
  }

  /** Over the limit nothing more is read, but the client keeps its time: RST now would take the answer from it. */
  #discard(length: number): void {
    this.#discarded += length;
    if (this.#discarded > this.host.limits.early_answer_drain_bytes) this.#pause();
  }

  /** Ends the connection in order. */
  #shut(): void {
    this.state = "closed";
    this.#pending = null;
    if (this.waiting === null) this.byteSocket?.close();
  }

  /**
   * No request after the one at work. An idle connection ends after `idleMs`: a request may be on its way, and one that came
   * behind our FIN would be lost (RFC 9112 9.5). It is answered with `Connection: close`.
   */
  drain(idleMs: number): void {
    this.#close = true;
    if (this.idle) this.host.wheel.after(this, idleMs);
  }

  /** The drain's deadline has come: the client can tell that nothing is complete. */
  cutForDrain(): void {
    if (this.idle) return this.#shut();
    const { exchange } = this;
    if (exchange !== null && !exchange.done) exchange.clientAborted("FL_DRAINED");
    this.cutConnection();
  }

  get idle(): boolean {
    return this.state === "head" && this.exchange === null && this.#pending === null;
  }

  /** Ends a connection that waits for a request, at once and for good. */
  endIdle(): void {
    this.state = "closed";
    this.byteSocket?.close();
    this.host.connectionClosed(this);
  }

  // Deadlines.

  #startPhase(): void {
    const { wheel, timeouts } = this.host;
    // First, as it wakes a wheel that sleeps: until then the coarse time is an old one.
    wheel.afterCoarse(this, this.state === "tunnel" ? timeouts.tunnel_idle : RATE_CHECK_MS);
    this.#watch ??= new ProgressWatch();
    this.#watch.begin(wheel.coarseNow, this.#movedBytes());
  }

  /** Bytes that came from the client, and those that it has taken. */
  #movedBytes(): number {
    const untaken = this.waiting === null ? 0 : unacknowledgedBytes(this.byteSocket);
    return (this.exchange?.bytesIn ?? 0) + this.writtenBytes - untaken;
  }

  override onDeadline(now: number): void {
    const { exchange } = this;
    switch (this.state) {
      case "head":
        if (this.#headDeadline !== 0) this.#refuseSlowHead();
        else if (this.plainFd >= 0 && unreadBytes(this.plainFd) > 0) this.host.wheel.after(this, UNREAD_MS);
        else this.#shut();
        break;
      case "body":
      case "answer":
        if (exchange !== null && (this.state === "body" || this.waiting !== null))
          this.#checkProgress(exchange, now);
        break;
      case "tunnel":
        if (exchange === null) break;
        this.#checkTunnel(exchange, now);
        break;
      case "discard":
        this.cutConnection();
        break;
      case "closed":
        this.byteSocket?.terminate();
        break;
    }
  }

  #checkTunnel(exchange: HttpExchange, now: number): void {
    const { wheel, timeouts } = this.host;
    if (timeouts.tunnel_idle === 0) return;
    const left = timeouts.tunnel_idle - (this.#watch?.silentFor(now) ?? 0);
    if (left > 0) wheel.after(this, left);
    else {
      exchange.clientAborted("FL_TUNNEL_IDLE");
      this.cutConnection();
    }
  }

  /** Something moved; also called for the other direction of a tunnel. */
  noteProgress(): void {
    this.#watch?.note(this.host.wheel.coarseNow);
  }

  #refuseSlowHead(): void {
    this.#takeUnfinished();
    this.#refuse("FL_HEADER_TIMEOUT");
  }

  /** The client has gone before its request was complete. */
  #abandonHead(): void {
    if (this.#pending === null) return;
    this.#takeUnfinished().clientAborted("FL_CLIENT_ABORT");
    this.#releaseExchange();
  }

  /** An exchange for a head that will not become complete: it has its line in the log like any other. */
  #takeUnfinished(): HttpExchange {
    const { host } = this;
    const exchange = host.exchanges.take(host.limits.header_fields);
    exchange.begin(this, host.handler, this.#headBegun);
    exchange.bytesIn = this.#pending?.length ?? 0;
    this.#fillOrigin(exchange);
    this.exchange = exchange;
    this.#pending = this.#partial = null;
    this.#headDeadline = this.#headBegun = 0;
    return exchange;
  }

  #checkProgress(exchange: HttpExchange, now: number): void {
    const { limits, timeouts, wheel } = this.host;
    const writing = this.waiting !== null;
    // While the backend does not take the body, its own deadline watches that.
    if (this.#watch === null || (this.#paused && !writing)) {
      this.#startPhase();
      return;
    }
    const progress = this.#watch.judge(now, this.#movedBytes(), exchange.expectsContinue, limits, timeouts);
    if (progress === "fine") {
      wheel.after(this, RATE_CHECK_MS);
      return;
    }
    const tooSlow = progress === "too_slow";
    if (tooSlow) this.host.limitHit("minimum_rate");
    if (this.#isAnsweredEarly) {
      this.#linger(exchange);
      return;
    }
    if (writing || exchange.responseStarted) {
      const taking: ErrorCode = tooSlow ? "FL_CLIENT_TOO_SLOW" : "FL_CLIENT_IDLE";
      exchange.clientAborted(writing ? taking : "FL_BODY_TOO_SLOW");
      this.cutConnection();
      return;
    }
    this.#close = true;
    exchange.fail("FL_BODY_TOO_SLOW");
  }
}
