/**
 * The one implementation of an exchange. It joins a client's side and a backend's side, holds what crosses between them
 * while one is not ready, and tells its handler (the http plane) what happens. Codecs call the `request…` and
 * `response…` methods, never each other.
 */
import type { ErrorCode } from "../core/errors.ts";
import { pathOf } from "../core/text/path.ts";
import type { LoggedDecider, LoggedDecision } from "../observe/access_record.ts";
import { Timed } from "../platform/timer_wheel.ts";
import {
  RESPOND,
  type BodySink,
  type BodyStage,
  type Client,
  type Downstream,
  type Exchange,
  type HostRule,
  type StepResult,
  type Upstream,
} from "./exchange.ts";
import { Head } from "./head.ts";
import { newRequestId } from "./request_id.ts";
import { isText, latin1Text } from "./latin1.ts";

/** What the http plane does with exchanges. */
export interface ExchangeHandler {
  /** A request head is there: route it. The exchange may be answered before this returns. */
  onRequest(exchange: HttpExchange): void;
  /** A step's wait is over. */
  onResume(exchange: HttpExchange, result: StepResult): void;
  /** The request body has been taken in as far as `exchange.collect` asked. */
  onCollected(exchange: HttpExchange): void;
  /** The backend's final head. Answers by `exchange.down.writeHead` or starts another attempt. */
  onResponseHead(exchange: HttpExchange, status: number, head: Head, length: number): void;
  /** The backend's side failed before a final head. */
  onUpstreamFailed(exchange: HttpExchange, code: ErrorCode, detail: string): void;
  /** An answer of our own is about to leave with the lines `fields`: returns those that are sent instead. */
  onRespond?(exchange: HttpExchange, status: number, fields: string): string;
  /** A step takes the connection over for another protocol. */
  onUpgraded?(exchange: HttpExchange): void;
  /** The exchange answers with the error `code`. */
  onFail(exchange: HttpExchange, code: ErrorCode, detail: string): void;
  /** A step waits: `onDeadline` is due in `delayMs`, unless the wait ends before. */
  onWait(exchange: HttpExchange, delayMs: number): void;
  /** The deadline of `exchange` has passed. */
  onDeadline(exchange: HttpExchange): void;
  /** The backend's part is over while the client still takes the answer, or sends the rest of its body. */
  onUpstreamDone?(exchange: HttpExchange): void;
  /** Called once, when both sides are through or cut. */
  onDone(exchange: HttpExchange): void;
}

const EMPTY = new Uint8Array(0);
const SWITCHING_LINE = new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n");
const NOBODY: Client = { address: "", port: 0, localPort: 0, peerAddress: "", trusted: false };

/** Largest number of request body bytes kept because no backend takes them yet; then the client is paused. */
export const HOLD_BYTES = 64 * 1024;

const MOST_KNOWN_PATH = 128;
/** The method that most requests have: no text is made for it. */
const GET = "GET";

export class HttpExchange extends Timed implements Exchange {
  down!: Downstream;
  handler!: ExchangeHandler;
  up: Upstream | null = null;
  client: Client = NOBODY;
  secure = false;
  listenerName = "";
  listenerIndex = 0;
  serverName = "";
  tlsVersion = "";
  hostRule: HostRule | null = null;

  readonly request: Head;
  requestLength = 0;
  /** Minor HTTP/1 version of the client, 1 for later protocols. */
  minor = 1;
  takesTrailers = false;
  expectsContinue = false;
  /** The client asked for this protocol by Upgrade, lower case, "" = none. */
  upgradeToken = "";
  /** Positions in `request.bytes`. */
  methodFrom = 0;
  methodTo = 0;
  targetFrom = 0;
  targetTo = 0;
  hostField = -1;
  /** The authority as it came, in `request.bytes`. */
  hostFrom = 0;
  hostTo = 0;
  idFrom = 0;
  idTo = 32;
  viaField = -1;
  cdnLoopField = -1;
  userAgentField = -1;
  maxForwardsField = -1;
  authorizationField = -1;
  requestIdField = -1;
  hasIdentityFields = false;
  hasUnderscoreFields = false;
  isHead = false;

  /** Set by the codec when it is not in the bytes (absolute form); null = read from the bytes when asked. */
  rewrittenTarget: string | null = null;
  authority = "";
  host = "";
  readonly ownIdBytes = new Uint8Array(32);
  idBytes: Uint8Array = this.ownIdBytes;
  #requestIdText = "";
  #method = "";
  #target = "";
  #path = "";
  #matchPath = "";
  /** Path of an earlier request: many ask for the same. */
  #knownPath = "";

  routeName = "";
  /** The plane's own record of the route that took the request. */
  route: unknown = null;
  /** The plane's own record of pool, candidate and tries; kept when the exchange is used again. */
  attempt: unknown = null;
  stepIndex = 0;
  stepsEntered = 0;
  /** Steps that the answer has met so far, while it passes them. */
  stepsAnswered = 0;
  readonly slots: unknown[] = [];
  bodyBytes: Uint8Array | null = null;
  user = "";
  decider: LoggedDecider | null = null;
  decision: LoggedDecision | string | null = null;
  isPrivate = false;
  status = 0;
  /** Why it ended, "" = in order. */
  reason: ErrorCode | "" = "";
  reasonDetail = "";
  backendId = "";
  poolName = "";
  retries = 0;
  startedMs = 0;
  connectMs = 0;
  queueMs = 0;
  firstByteMs = 0;
  bytesIn = 0;
  #writtenBefore = 0;

  /** Grows with every use of this object, so that late events of an earlier use are recognised. */
  serial = 0;
  requestEnded = false;
  responseStarted = false;
  responseEnded = false;
  done = false;
  tunnel = false;
  /** A tunnel or an event stream: it lasts as long as both ends like, so a drain gives it a deadline of its own. */
  openEnded = false;
  requestStage: BodyStage | null = null;
  responseStage: BodyStage | null = null;
  /** The bytes of the answer that are handed on now are its last; a codec that cannot tell leaves it false. */
  responseBodyEnds = false;
  #requestTrailers: Head | null = null;
  #held: Uint8Array[] | null = null;
  #heldBytes = 0;
  #collectLimit = 0;
  #collecting = false;
  #waitToken = 0;
  #waiting = false;
  #requestSink: BodySink | null = null;
  #responseSink: BodySink | null = null;

  constructor(maxFields: number) {
    super();
    this.request = new Head(maxFields);
  }

  /** Makes the object ready for a new request and gives it an id. The codec then sets what the head says. */
  begin(down: Downstream, handler: ExchangeHandler, startedMs: number): void {
    this.serial++;
    this.down = down;
    this.handler = handler;
    this.startedMs = startedMs;
    this.up = null;
    newRequestId(this.ownIdBytes);
    this.idBytes = this.ownIdBytes;
    this.idTo = 32;
    this.requestLength = 0;
    this.upgradeToken = "";
    this.rewrittenTarget = null;
    this.#method = this.#target = this.#path = this.#matchPath = this.#requestIdText = "";
    this.authority = this.host = "";
    this.hostField = this.viaField = this.cdnLoopField = this.userAgentField = this.authorizationField = -1;
    this.methodFrom = this.methodTo = this.targetFrom = this.targetTo = this.hostFrom = this.hostTo = 0;
    this.isHead = this.takesTrailers = this.expectsContinue = false;
    this.routeName = "";
    this.route = null;
    this.stepIndex = this.stepsEntered = this.stepsAnswered = 0;
    this.bodyBytes = null;
    this.bodyUntouched = true;
    this.user = "";
    this.decider = this.decision = null;
    this.isPrivate = false;
    this.status = 0;
    this.reason = "";
    this.reasonDetail = "";
    this.backendId = this.poolName = "";
    this.retries = this.connectMs = this.queueMs = this.firstByteMs = this.bytesIn = 0;
    this.#writtenBefore = down.writtenBytes;
    this.requestEnded = this.responseStarted = this.responseEnded = this.done = false;
    this.tunnel = this.openEnded = false;
    this.responseBodyEnds = false;
    this.requestStage = this.responseStage = null;
    this.#requestSink = this.#responseSink = null;
    this.#requestTrailers = null;
    this.#held = null;
    this.#heldBytes = this.#collectLimit = 0;
    this.#collecting = this.#waiting = false;
  }

  /**
   * True when an answer has begun to the request that had `serial`, or it is over: what a step or a stage does can lead
   * to the next request of the client, and this object may serve that one by then.
   */
  isAnswered(serial: number): boolean {
    return this.serial !== serial || this.responseStarted || this.done;
  }

  get listenerPort(): number {
    return this.client.localPort;
  }

  /** Bytes of the answer that have left, interim answers and framing included. */
  get bytesOut(): number {
    return this.down.writtenBytes - this.#writtenBefore;
  }

  /** Protocol version of the client's side, for the log. */
  get protocol(): string {
    return this.down.protocol === "1.1" && this.minor === 0 ? "1.0" : this.down.protocol;
  }

  get method(): string {
    if (this.#method === "")
      this.#method = isText(this.request.bytes, this.methodFrom, this.methodTo, GET)
        ? GET
        : this.#text(this.methodFrom, this.methodTo);
    return this.#method;
  }

  get requestId(): string {
    if (this.#requestIdText === "") this.#requestIdText = Buffer.from(this.idBytes).latin1Slice();
    return this.#requestIdText;
  }

  /** Gives the exchange an id of another proxy that is trusted. */
  set requestId(id: string) {
    this.#requestIdText = id;
    this.idBytes = Buffer.from(id, "latin1");
    this.idTo = id.length;
  }

  get target(): string {
    if (this.rewrittenTarget !== null) return this.rewrittenTarget;
    if (this.#target === "") this.#target = this.#text(this.targetFrom, this.targetTo);
    return this.#target;
  }

  set target(target: string) {
    this.rewrittenTarget = target;
    this.#path = this.#matchPath = "";
  }

  /** Path part of the target as it came. */
  get path(): string {
    if (this.#path === "") {
      if (this.rewrittenTarget !== null) this.#path = pathOf(this.rewrittenTarget);
      else {
        const { bytes } = this.request;
        let end = this.targetFrom;
        while (end < this.targetTo && bytes[end] !== 63) end++;
        this.#path = this.#pathText(this.targetFrom, end);
      }
    }
    return this.#path;
  }

  #pathText(from: number, to: number): string {
    if (isText(this.request.bytes, from, to, this.#knownPath)) return this.#knownPath;
    const text = this.#text(from, to);
    // What is kept here is kept by all exchanges that wait for a request.
    if (text.length <= MOST_KNOWN_PATH) this.#knownPath = text;
    return text;
  }

  get matchPath(): string {
    return this.#matchPath === "" ? this.path : this.#matchPath;
  }

  /** The plane sets the normal form when it differs from the path. */
  set matchPath(path: string) {
    this.#matchPath = path;
  }

  #text(from: number, to: number): string {
    return latin1Text(this.request.bytes, from, to);
  }

  respond(status: number, fields = "", body: string | Uint8Array = ""): typeof RESPOND {
    if (this.responseStarted || this.done) return RESPOND;
    this.releaseUpstream();
    const { serial } = this;
    const lines = this.handler.onRespond?.(this, status, fields) ?? fields;
    // What looks at the answer may have given another one in its place.
    if (this.isAnswered(serial)) return RESPOND;
    this.responseStarted = true;
    this.status = status;
    this.down.writeLocal(this, status, lines, body);
    return RESPOND;
  }

  upgrade(fields: string, up: Upstream): typeof RESPOND {
    if (this.responseStarted || this.done) return RESPOND;
    this.handler.onUpgraded?.(this);
    const head = new Head(0);
    head.bytes = SWITCHING_LINE;
    head.fieldsStart = head.fieldsEnd = SWITCHING_LINE.length;
    head.appended = fields;
    this.up = up;
    this.down.openTunnel(this, head);
    return RESPOND;
  }

  fail(code: ErrorCode, detail = ""): typeof RESPOND {
    if (!this.done) this.handler.onFail(this, code, detail);
    return RESPOND;
  }

  /** Cuts the backend's side off; nothing looks complete to it. */
  releaseUpstream(): void {
    const { up } = this;
    this.up = null;
    up?.abort();
  }

  wait(deadlineMs: number): number {
    this.#waiting = true;
    this.handler.onWait(this, deadlineMs);
    return ++this.#waitToken;
  }

  get waiting(): boolean {
    return this.#waiting;
  }

  resume(token: number, result: StepResult): void {
    if (!this.#waiting || token !== this.#waitToken || this.done) return;
    this.#waiting = false;
    this.handler.onResume(this, result);
  }

  /** Ends a wait without its result. */
  stopWaiting(): void {
    this.#waiting = false;
    this.#waitToken++;
  }

  override onDeadline(): void {
    if (!this.done) this.handler.onDeadline(this);
  }

  // The client's side calls these.

  /** A part of the request body. Returns false when the client should stop. */
  requestBody(bytes: Uint8Array, from: number, to: number): boolean {
    this.bytesIn += to - from;
    if (this.responseStarted && this.up === null) return true;
    if (this.#collecting) return this.#collect(bytes, from, to);
    if (this.requestStage !== null)
      return this.requestStage.write(this, bytes, from, to, this.#sinkForRequest());
    return this.forwardRequestBody(bytes, from, to);
  }

  /** The end of the request body. */
  requestEnd(trailers: Head | null): void {
    this.requestEnded = true;
    this.#requestTrailers = trailers;
    if (this.#collecting) return this.#finishCollecting();
    if (this.requestStage !== null) this.requestStage.end(this, trailers, this.#sinkForRequest());
    else this.up?.writeEnd(trailers);
  }

  /** Body bytes behind the stages: to the backend, or kept until there is one. */
  forwardRequestBody(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.up !== null) {
      this.bodyUntouched = false;
      return this.up.writeBody(bytes, from, to);
    }
    if (this.responseStarted) return true;
    (this.#held ??= []).push(bytes.subarray(from, to));
    this.#heldBytes += to - from;
    return this.#heldBytes < HOLD_BYTES;
  }

  /**
   * Takes in up to `limit` body bytes (all of them when the body is shorter) before `onCollected` is called. Returns
   * false when they are here already: `bodyBytes` holds them.
   */
  collect(limit: number): boolean {
    if (this.requestLength === 0 || this.requestEnded || this.#heldBytes >= limit) {
      this.bodyBytes = this.#held === null ? EMPTY : Buffer.concat(this.#held);
      return false;
    }
    this.#collecting = true;
    this.#collectLimit = limit;
    return true;
  }

  #collect(bytes: Uint8Array, from: number, to: number): boolean {
    (this.#held ??= []).push(bytes.subarray(from, to));
    this.#heldBytes += to - from;
    if (this.#heldBytes < this.#collectLimit) return true;
    this.#finishCollecting();
    return this.up !== null;
  }

  #finishCollecting(): void {
    this.#collecting = false;
    this.bodyBytes = this.#held === null ? EMPTY : Buffer.concat(this.#held);
    this.handler.onCollected(this);
  }

  /** Sends the body through `stage` from now on, and what is held already too. Call it before a backend is attached. */
  useRequestStage(stage: BodyStage): void {
    this.requestStage = stage;
    const held = this.#held;
    this.#held = null;
    this.#heldBytes = 0;
    const { serial } = this;
    if (held !== null) {
      for (const bytes of held) {
        stage.write(this, bytes, 0, bytes.length, this.#sinkForRequest());
        if (this.isAnswered(serial)) return;
      }
    }
    if (this.requestEnded && this.requestLength !== 0)
      stage.end(this, this.#requestTrailers, this.#sinkForRequest());
  }

  /** True while nothing of the request body has left for a backend, so that another one can get all of it. */
  bodyUntouched = true;

  /** A backend takes the request: what was kept goes there. */
  attach(up: Upstream): void {
    this.up = up;
    const held = this.#held;
    let open = true;
    if (held !== null) {
      this.#held = null;
      this.#heldBytes = 0;
      this.bodyUntouched = false;
      for (const bytes of held) open = up.writeBody(bytes, 0, bytes.length);
    }
    if (this.requestEnded && this.requestLength !== 0) up.writeEnd(this.#requestTrailers);
    else if (this.requestLength !== 0 && open) this.down.resumeRequest(this);
  }

  /** The backend takes body bytes again. */
  upstreamWritable(): void {
    if (!this.requestEnded) this.down.resumeRequest(this);
  }

  /** The client takes bytes again. */
  clientWritable(): void {
    this.up?.resumeResponse();
  }

  /** The client is gone. */
  clientAborted(code: ErrorCode, detail = ""): void {
    if (this.done) return;
    if (this.reason === "") this.reason = code;
    this.reasonDetail = detail;
    this.finish();
  }

  // The backend's side calls these.

  responseBody(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.responseStage !== null)
      return this.responseStage.write(this, bytes, from, to, this.#sinkForResponse());
    return this.down.writeBody(this, bytes, from, to);
  }

  responseEnd(trailers: Head | null): void {
    if (this.responseStage !== null) this.responseStage.end(this, trailers, this.#sinkForResponse());
    else this.endResponse(trailers);
  }

  /** The answer is complete behind the stages. */
  endResponse(trailers: Head | null): void {
    this.responseEnded = true;
    this.up = null;
    this.down.writeEnd(this, trailers);
  }

  /** The backend's side broke after the final head: the client must notice. */
  responseBroken(code: ErrorCode, detail = ""): void {
    this.reason = code;
    this.reasonDetail = detail;
    this.up = null;
    this.down.cut(this);
  }

  /** Ends the exchange: the codec calls it when the client's side is through or cut. */
  finish(): void {
    if (this.done) return;
    this.done = true;
    this.stopWaiting();
    this.#held = null;
    this.releaseUpstream();
    this.handler.onDone(this);
  }

  /** Lets go of what may be large, while the object waits for its next request: bodies, buffers of stages, a plan. */
  forget(): void {
    this.bodyBytes = null;
    this.requestStage = this.responseStage = null;
    this.#requestTrailers = null;
    this.#held = null;
    this.route = null;
    this.decider = this.decision = null;
    this.up = null;
  }

  // A stage may keep its sink longer than the request lasts: then nothing goes through it any more.

  #sinkForRequest(): BodySink {
    const { serial } = this;
    return (this.#requestSink ??= {
      write: (bytes, from, to) => (this.#isAtWork(serial) ? this.forwardRequestBody(bytes, from, to) : true),
      end: (trailers) => {
        if (this.#isAtWork(serial)) this.up?.writeEnd(trailers);
      },
    });
  }

  #sinkForResponse(): BodySink {
    const { serial } = this;
    return (this.#responseSink ??= {
      write: (bytes, from, to) =>
        this.#isAtWork(serial) ? this.down.writeBody(this, bytes, from, to) : true,
      end: (trailers) => {
        if (this.#isAtWork(serial)) this.endResponse(trailers);
      },
    });
  }

  #isAtWork(serial: number): boolean {
    return this.serial === serial && !this.done;
  }
}

/** Length of an answer's body as the status and the request method allow it; 0 where none may follow. */
export function responseBodyLength(isHead: boolean, status: number, length: number): number {
  if (isHead || status === 204 || status === 304 || status < 200) return 0;
  return length;
}

/** Most exchanges that are kept for the next requests. */
const KEEP_FREE = 4_096;

/**
 * Exchanges that are used again. One pool per timer wheel: an exchange may stay in the wheel from one use to the next,
 * and would upset another one.
 */
export class ExchangePool {
  readonly #free: HttpExchange[] = [];

  /** An exchange for the next request. `maxFields` is the limit of header fields at this time. */
  take(maxFields: number): HttpExchange {
    for (;;) {
      const exchange = this.#free.pop();
      if (exchange === undefined) return new HttpExchange(maxFields);
      if (exchange.request.dropped.length === maxFields) return exchange;
    }
  }

  /** Puts an exchange back. Its deadline must have been cleared. */
  give(exchange: HttpExchange): void {
    exchange.request.reset();
    exchange.forget();
    if (exchange.slots.length > 0) exchange.slots.length = 0;
    if (this.#free.length < KEEP_FREE) this.#free.push(exchange);
  }
}
