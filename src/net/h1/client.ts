/**
 * The backend's side of HTTP/1: one object per connection to a backend. It writes request heads, delimits answers, and
 * tells its owner when it can serve again. A byte that nobody asked for ends the connection (RFC 9112 9.2).
 * Protocol state machine: longer than usual on purpose. Measured by `bun run bench http` on Bun 1.4.5.
 */
import type { ErrorCode } from "../../core/errors.ts";
import { Attempt } from "../../platform/connect.ts";
import { unacknowledgedBytes } from "../../platform/socket_queue.ts";
import { Deadline, type TimerWheel } from "../../platform/timer_wheel.ts";
import { UNKNOWN_LENGTH, type Upstream } from "../exchange.ts";
import { Head } from "../head.ts";
import { responseBodyLength, type HttpExchange } from "../http_exchange.ts";
import { latin1Bytes, writeBytes, writeText } from "./bytes.ts";
import { ChunkRelay, sendChunk, sendLastChunk } from "./chunk_relay.ts";
import { spans } from "./chunks.ts";
import { framing, judgeResponse } from "./framing.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { compactHead } from "./head_writer.ts";
import { dropOutput, flushStaged, send, sendWaiting, stage, type ByteSocket, type Writer } from "./output.ts";
import { INCOMPLETE, parsed, parseResponse } from "./parse.ts";
import { FIRST_LOOK_BYTES, scratch } from "./scratch.ts";
import { keptTrailers, trailerLines } from "./trailers.ts";
import type { ServerConnection } from "./server.ts";

/** Who keeps the connections to one backend. */
export interface ConnectionOwner {
  readonly wheel: TimerWheel;
  readonly maxHeaderBytes: number;
  readonly maxFields: number;
  readonly chunkExtensionBytes: number;
  /** The connection has served an exchange and can take another. */
  idle(connection: ClientConnection): void;
  /** The connection is gone; called once. */
  gone(connection: ClientConnection): void;
}

const CHUNKED_LINE = latin1Bytes("Transfer-Encoding: chunked\r\n");
const TE_LINE = latin1Bytes("TE: trailers\r\nConnection: TE\r\n");
const LF = 10;
const UPGRADE_LINE = "Connection: Upgrade\r\nUpgrade: ";

/** The head that answers are parsed into: used within one event, so one serves all connections. */
const sharedHeads = new Map<number, Head>();
function sharedHead(maxFields: number): Head {
  let head = sharedHeads.get(maxFields);
  if (head === undefined) sharedHeads.set(maxFields, (head = new Head(maxFields)));
  return head;
}

/** For so long a backend may take to read what is left when both ends of a tunnel are over. */
const LAST_BYTES_MS = 30_000;

const IDLE = 0;
const HEAD = 1;
const LENGTH = 2;
const CHUNKED = 3;
const UNTIL_CLOSE = 4;
const TUNNEL = 5;

export class ClientConnection extends Attempt implements Upstream, Writer {
  readonly owner: ConnectionOwner;
  exchange: HttpExchange | null = null;
  /** The exchange that waits for this connection to stand. */
  claimant: HttpExchange | null = null;
  waiting: Uint8Array[] | null = null;
  writtenBytes = 0;
  /** A backend's answer is still to come when its request is written. */
  readonly closingFd = -1;
  readonly plainFd = -1;
  /** Exchanges served before the present one. */
  served = 0;
  /** Coarse time of the last byte from the backend or for it, of the end of a request body, or of becoming idle. */
  progressAt = 0;
  /** Any byte of an answer to the present exchange has come. */
  answering = false;
  closed = false;
  /** It serves one client alone. */
  isPrivate = false;
  /** Coarse time at which the object was made. */
  readonly createdAt: number;
  /** 0.9 to 1: what part of its limits a connection makes use of, so that those of one moment do not end together. */
  readonly share = 0.9 + Math.random() * 0.1;

  #mode = IDLE;
  #remaining = 0;
  #relay: ChunkRelay | null = null;
  #raw = false;
  /** A head that comes in parts. */
  #partial: GrowingBytes | null = null;
  #keep = true;
  #paused = false;
  #requestChunked = false;
  #requestEnded = true;

  constructor(owner: ConnectionOwner) {
    super();
    this.owner = owner;
    this.createdAt = owner.wheel.coarseNow;
  }

  get byteSocket(): ByteSocket | null {
    return this.socket as ByteSocket | null;
  }

  // Sending a request.

  /**
   * Puts the request line and the kept fields into the scratch block, and returns the end; the caller appends lines
   * and calls `finishHead`. Nothing else may use the scratch block in between.
   */
  beginHead(exchange: HttpExchange): number {
    const head = exchange.request;
    let end = compactHead(head, head.fieldsEnd);
    // The version's last digit stands before the line end: whatever came, we speak 1.1.
    scratch[head.fieldsStart - 3] = 49;
    if (exchange.rewrittenTarget !== null) end = this.#rewriteLine(exchange, head, end);
    else this.#lineStart = exchange.methodFrom;
    if (head.appended !== "") end = writeText(scratch, end, head.appended);
    return end;
  }

  #lineStart = 0;

  #rewriteLine(exchange: HttpExchange, head: Head, end: number): number {
    const line = `${exchange.method} ${exchange.target} HTTP/1.1\r\n`;
    if (line.length <= head.fieldsStart) {
      this.#lineStart = head.fieldsStart - line.length;
      writeText(scratch, this.#lineStart, line);
      return end;
    }
    scratch.copyWithin(line.length, head.fieldsStart, end);
    writeText(scratch, 0, line);
    this.#lineStart = 0;
    return end + line.length - head.fieldsStart;
  }

  /** Ends the head at `end`, stages it, and takes the exchange. Body bytes of the same event leave with it. */
  finishHead(exchange: HttpExchange, end: number): void {
    this.exchange = exchange;
    this.answering = false;
    this.#mode = HEAD;
    this.#keep = true;
    this.#requestChunked = exchange.requestLength === UNKNOWN_LENGTH;
    this.#requestEnded = exchange.requestLength === 0;
    if (this.#requestChunked) end = writeBytes(scratch, end, CHUNKED_LINE);
    if (exchange.upgradeToken !== "")
      end = writeText(scratch, end, `${UPGRADE_LINE}${exchange.upgradeToken}\r\n`);
    else if (exchange.takesTrailers) end = writeBytes(scratch, end, TE_LINE);
    scratch[end++] = 13;
    scratch[end++] = 10;
    stage(this, this.#lineStart, end);
  }

  writeBody(bytes: Uint8Array, from: number, to: number): boolean {
    this.progressAt = this.owner.wheel.coarseNow;
    if (this.#mode === TUNNEL) send(this, bytes, from, to);
    else if (this.#requestChunked) sendChunk(this, bytes, from, to);
    else send(this, bytes, from, to);
    return this.waiting === null;
  }

  writeEnd(trailers: Head | null): void {
    if (this.#mode === TUNNEL) {
      this.#outputEnded = true;
      if (this.waiting === null) this.socket?.shutdown();
      else this.#shutWhenSent = true;
      return;
    }
    if (this.#requestChunked) sendLastChunk(this, trailers === null ? "" : trailerLines(trailers));
    this.#requestEnded = true;
    this.progressAt = this.owner.wheel.coarseNow;
    flushStaged(this);
  }

  #shutWhenSent = false;
  /** Directions of a tunnel that have ended in order. */
  #outputEnded = false;
  #inputOver = false;

  flush(): void {
    flushStaged(this);
  }

  abort(): void {
    this.exchange = null;
    this.#end();
  }

  pauseResponse(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket?.pause();
  }

  resumeResponse(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.progressAt = this.owner.wheel.coarseNow;
    this.socket?.resume();
  }

  get paused(): boolean {
    return this.#paused;
  }

  #takenBytes = 0;

  /** For how long the backend has neither sent nor taken a byte, in milliseconds; as exact as it is asked often. */
  silentFor(now: number): number {
    if (this.waiting !== null) {
      const taken = this.writtenBytes - unacknowledgedBytes(this.socket);
      if (taken > this.#takenBytes) this.progressAt = now;
      this.#takenBytes = taken;
    }
    return now - this.progressAt;
  }

  // Events of the socket.

  onDrain(): void {
    this.progressAt = this.owner.wheel.coarseNow;
    if (!sendWaiting(this)) return;
    if (this.#lastBytes !== null) this.#end();
    else if (this.#shutWhenSent) this.socket?.shutdown();
    else this.exchange?.upstreamWritable();
  }

  onData(bytes: Uint8Array): void {
    const { exchange } = this;
    this.progressAt = this.owner.wheel.coarseNow;
    if (exchange === null) {
      this.#end();
      return;
    }
    switch (this.#mode) {
      case HEAD:
        this.#readHead(exchange, bytes);
        break;
      case TUNNEL:
        exchange.down.noteProgress();
        if (!exchange.down.writeBody(exchange, bytes, 0, bytes.length)) this.pauseResponse();
        break;
      default:
        this.#readBody(exchange, bytes, 0);
        break;
    }
  }

  #readHead(exchange: HttpExchange, input: Uint8Array): void {
    let bytes = input;
    this.answering = true;
    const { owner } = this;
    let partial = this.#partial;
    if (partial !== null) {
      bytes = partial.add(input);
      // Without a line end a head that was not complete still is not.
      if (bytes.length < owner.maxHeaderBytes && !input.includes(LF)) return;
      this.#partial = null;
    }
    for (;;) {
      const head = sharedHead(owner.maxFields);
      const length = Math.min(bytes.length, owner.maxHeaderBytes);
      let end = parseResponse(head, bytes, Math.min(length, FIRST_LOOK_BYTES));
      if (end === INCOMPLETE && length > FIRST_LOOK_BYTES) end = parseResponse(head, bytes, length);
      if (end === INCOMPLETE) {
        if (length >= owner.maxHeaderBytes) this.#fail(exchange, "FL_RESPONSE_HEADER_TOO_LARGE");
        else {
          if (partial === null) {
            partial = new GrowingBytes();
            partial.add(bytes);
          }
          this.#partial = partial;
        }
        return;
      }
      partial = null;
      if (end < 0 || judgeResponse(head) !== null) {
        this.#fail(exchange, "FL_BAD_RESPONSE");
        return;
      }
      const { status } = parsed;
      if (status >= 200 || status === 101) {
        this.#takeHead(exchange, head, status, bytes, end);
        return;
      }
      head.remove("content-length");
      exchange.down.writeInformational(exchange, status, head);
      if (exchange.done || this.exchange !== exchange) return;
      // There is no limit to their number, so they wait at the backend for a client that does not read.
      if (!exchange.down.flush(exchange)) this.pauseResponse();
      if (end === bytes.length) return;
      bytes = bytes.subarray(end);
    }
  }

  #takeHead(exchange: HttpExchange, head: Head, status: number, bytes: Uint8Array, end: number): void {
    if (status === 101) {
      this.#switchProtocol(exchange, head, bytes, end);
      return;
    }
    if (framing.close) this.#keep = false;
    const { length } = framing;
    const chunked = parsed.transferEncoding >= 0;
    const bodyLength = responseBodyLength(exchange.isHead, status, length);
    if (status === 204) head.remove("content-length");
    this.#remaining = bodyLength;
    this.#raw = false;
    if (bodyLength === UNKNOWN_LENGTH && chunked) {
      this.#mode = CHUNKED;
      this.#relay = new ChunkRelay(this.owner.chunkExtensionBytes, this.owner.maxHeaderBytes);
    } else if (bodyLength === UNKNOWN_LENGTH) {
      this.#mode = UNTIL_CLOSE;
      this.#keep = false;
    } else this.#mode = LENGTH;
    exchange.handler.onResponseHead(exchange, status, head, length);
    if (this.exchange !== exchange) return;
    this.#raw =
      this.#mode === CHUNKED &&
      exchange.responseStage === null &&
      (exchange.down as Partial<ServerConnection>).takesRawChunks === true;
    if (this.#mode === LENGTH && this.#remaining === 0)
      this.#complete(exchange, null, bytes.length > end, false);
    else if (end < bytes.length) this.#readBody(exchange, bytes, end);
    else if (!exchange.down.flush(exchange)) this.pauseResponse();
  }

  #switchProtocol(exchange: HttpExchange, head: Head, bytes: Uint8Array, end: number): void {
    const token = parsed.upgrade >= 0 ? head.valueAt(parsed.upgrade).toLowerCase() : "";
    if (exchange.upgradeToken === "" || token !== exchange.upgradeToken || !framing.upgrade) {
      this.#fail(exchange, "FL_UNEXPECTED_UPGRADE");
      return;
    }
    this.#keep = false;
    head.remove("content-length");
    head.add("Connection", "Upgrade");
    head.add("Upgrade", head.valueAt(parsed.upgrade));
    this.#mode = TUNNEL;
    exchange.handler.onResponseHead(exchange, 101, head, 0);
    if (this.exchange !== exchange) return;
    if (end < bytes.length && !exchange.down.writeBody(exchange, bytes, end, bytes.length))
      this.pauseResponse();
  }

  #readBody(exchange: HttpExchange, bytes: Uint8Array, from: number): void {
    if (this.#mode === CHUNKED) {
      this.#readChunks(exchange, bytes, from);
      return;
    }
    const untilClose = this.#mode === UNTIL_CLOSE;
    const take = untilClose ? bytes.length - from : Math.min(this.#remaining, bytes.length - from);
    if (!untilClose) {
      this.#remaining -= take;
      exchange.responseBodyEnds = this.#remaining === 0;
    }
    const open = exchange.responseBody(bytes, from, from + take);
    if (this.exchange !== exchange) return;
    if (!untilClose && this.#remaining === 0)
      this.#complete(exchange, null, from + take < bytes.length, false);
    // A stage may keep the bytes for now: the head leaves all the same.
    else if (!exchange.down.flush(exchange) || !open) this.pauseResponse();
  }

  #readChunks(exchange: HttpExchange, bytes: Uint8Array, from: number): void {
    const relay = this.#relay!;
    const { reader } = relay;
    let after: number;
    if (this.#raw) {
      after = (exchange.down as ServerConnection).writeRawChunks(exchange, relay, bytes, from, bytes.length);
    } else {
      after = reader.read(bytes, from, bytes.length);
      if (after >= 0) reader.joinSmallSpans(bytes);
      for (let index = 0; index < reader.spanCount && this.exchange === exchange; index++) {
        exchange.responseBody(bytes, spans[index * 2]!, spans[index * 2 + 1]!);
      }
      if (this.exchange !== exchange) return;
    }
    if (after < 0) {
      this.#broken(exchange, "FL_BAD_RESPONSE");
      return;
    }
    if (!reader.done) {
      if (!exchange.down.flush(exchange)) this.pauseResponse();
      return;
    }
    let trailers: Head | null = null;
    if (reader.trailer !== null) {
      trailers = keptTrailers(reader.trailer, this.owner.maxFields);
      if (trailers === null) {
        this.#broken(exchange, "FL_BAD_RESPONSE");
        return;
      }
    }
    this.#complete(exchange, trailers, after < bytes.length, this.#raw && relay.sentEnd);
  }

  /** The answer is complete. `stray`: bytes followed that belong to nobody. */
  #complete(exchange: HttpExchange, trailers: Head | null, stray: boolean, endSent: boolean): void {
    this.exchange = null;
    exchange.up = null;
    this.#mode = IDLE;
    this.served++;
    const reusable = this.#keep && !stray && this.#requestEnded && this.waiting === null && !this.closed;
    if (reusable) {
      this.resumeResponse();
      this.owner.idle(this);
    } else this.#end();
    if (endSent) (exchange.down as ServerConnection).rawEnd(exchange);
    else exchange.responseEnd(trailers);
  }

  /** No sound final head. */
  #fail(exchange: HttpExchange, code: ErrorCode, detail = ""): void {
    this.exchange = null;
    exchange.up = null;
    this.#end();
    exchange.handler.onUpstreamFailed(exchange, code, detail);
  }

  /** The answer broke after its head had been passed on. */
  #broken(exchange: HttpExchange, code: ErrorCode): void {
    this.exchange = null;
    this.#end();
    exchange.responseBroken(code);
  }

  /** The backend has sent FIN. */
  onEnd(): void {
    const { exchange } = this;
    if (exchange === null) {
      this.#end();
      return;
    }
    if (this.#mode === TUNNEL) {
      this.#inputOver = true;
      exchange.down.endTunnelOutput(exchange);
      return;
    }
    this.#inputEnded(exchange, false);
  }

  onClosed(code: number): void {
    const { exchange } = this;
    this.#leave();
    if (exchange === null) return;
    if (this.#mode === TUNNEL) {
      this.exchange = null;
      exchange.up = null;
      exchange.down.endTunnelOutput(exchange);
      if (!exchange.requestEnded) exchange.down.cut(exchange);
      return;
    }
    this.#inputEnded(exchange, code !== 0);
  }

  #inputEnded(exchange: HttpExchange, reset: boolean): void {
    if (this.#mode === HEAD) this.#fail(exchange, reset ? "FL_UPSTREAM_RESET" : "FL_UPSTREAM_CLOSED");
    else if (this.#mode === UNTIL_CLOSE && !reset) this.#complete(exchange, null, false, false);
    else this.#broken(exchange, "FL_UPSTREAM_TRUNCATED");
  }

  /** Ends the connection: RST when an exchange was cut, which is what tells the backend. */
  #end(): void {
    const { socket } = this;
    if (this.#leavesBytes()) {
      this.#sendLastBytes();
      return;
    }
    const unsent = this.waiting !== null;
    dropOutput(this);
    if (socket !== null && !this.closed) {
      const inOrder =
        this.#mode === TUNNEL
          ? this.#outputEnded && this.#inputOver && !unsent
          : this.#mode === IDLE && this.#requestEnded && !unsent;
      if (inOrder) this.#closeSocket(socket);
      else socket.terminate();
    }
    this.#leave();
  }

  /** Both ends of a tunnel are over, but the backend has not taken all that came before. */
  #leavesBytes(): boolean {
    return (
      this.#mode === TUNNEL &&
      this.#outputEnded &&
      this.#inputOver &&
      this.waiting !== null &&
      this.socket !== null &&
      this.#lastBytes === null
    );
  }

  #lastBytes: Deadline | null = null;

  /** Goes on without an exchange until they are sent, or the time is over. */
  #sendLastBytes(): void {
    this.#lastBytes = new Deadline(() => this.#end());
    this.owner.wheel.after(this.#lastBytes, LAST_BYTES_MS);
  }

  /** With TLS `end()` alone would wait for the backend's own end and keep the descriptor as long. */
  #closeSocket(socket: Bun.Socket<unknown>): void {
    if (this.attemptTls === null) socket.close();
    else {
      socket.shutdown();
      socket.end();
    }
  }

  /** Ends an idle connection. */
  close(): void {
    this.#end();
  }

  #leave(): void {
    if (this.closed) return;
    this.closed = true;
    dropOutput(this);
    if (this.#lastBytes !== null) this.owner.wheel.remove(this.#lastBytes);
    this.owner.gone(this);
  }
}
