/**
 * One request and its answer, whatever protocol carries them. A codec on the client's side makes exchanges, the http
 * plane routes them and runs their steps, a codec on the backend's side fills in the answer. Steps see an exchange
 * and never a socket, so HTTP/1, HTTP/2 and HTTP/3 share every step.
 *
 * Flow control is a credit of one: every `write…` takes all it is given and returns false when the writer should stop
 * until the matching `on…Writable` call.
 */
import type { ErrorCode } from "../core/errors.ts";
import type { LoggedDecider, LoggedDecision } from "../observe/access_record.ts";
import type { LimitName } from "../observe/label_values.ts";
import type { Head } from "./head.ts";

/** What a step says: go on, an answer has been given, or wait for `resume`. */
export const NEXT = 0;
export const RESPOND = 1;
export const WAIT = 2;
export type StepResult = typeof NEXT | typeof RESPOND | typeof WAIT;

/** Body length that is not known before its end. */
export const UNKNOWN_LENGTH = -1;

/** Who sent the request, with PROXY protocol and trusted forwarding fields already taken into account. */
export interface Client {
  /** Address of the client as text without brackets; IPv4-mapped addresses appear as IPv4; "" for a unix socket. */
  readonly address: string;
  readonly port: number;
  /** Port that was connected to, 0 for a unix socket. Reading it may cost a system call the first time. */
  readonly localPort: number;
  /** Address that was connected to, "" for a unix socket; absent where it is not known. */
  readonly localAddress?: string;
  /** Address of the peer that holds the connection (a proxy in front of us, or the client itself). */
  readonly peerAddress: string;
  /** True when forwarding fields of this peer are believed. */
  readonly trusted: boolean;
}

/** Which hosts a connection may be asked for. */
export interface HostRule {
  /** False when a request for `host` (lower case, without port) does not belong to this connection. */
  allowsHost(host: string): boolean;
}

/** The client's side of an exchange: what a codec offers. */
export interface Downstream {
  /** `1.0`, `1.1`, `2` or `3`. */
  readonly protocol: string;
  /** Kept here by the http plane: what it knows of this connection. Null at first. */
  planeCache: unknown;
  /** Kept here by the http plane: a connection to a backend that serves this client alone. Null at first. */
  pinned: unknown;
  /** Bytes that have left for the client so far, those of earlier exchanges of the connection included. */
  readonly writtenBytes: number;
  /** Sends an informational answer (100, 103). Ignored where the protocol or the client cannot take one. */
  writeInformational(exchange: Exchange, status: number, head: Head): void;
  /** Sends the head of the final answer. `length` in bytes, or UNKNOWN_LENGTH. Staged until body, end or flush. */
  writeHead(exchange: Exchange, status: number, head: Head, length: number): void;
  writeBody(exchange: Exchange, bytes: Uint8Array, from: number, to: number): boolean;
  writeEnd(exchange: Exchange, trailers: Head | null): void;
  /** A complete answer of our own. */
  writeLocal(exchange: Exchange, status: number, fields: string, body: string | Uint8Array): void;
  /** Switches to a byte tunnel after a 101 (HTTP/1) or a 2xx (extended CONNECT). */
  openTunnel(exchange: Exchange, head: Head): void;
  /** Ends the exchange so that the client can notice that the answer is not complete. */
  cut(exchange: Exchange): void;
  pauseRequest(exchange: Exchange): void;
  resumeRequest(exchange: Exchange): void;
  /** Sends what is staged; called at the end of an event. Returns false to ask for a pause. */
  flush(exchange: Exchange): boolean;
  /** Tells a client that waits for it (Expect: 100-continue) to send the body. */
  writeContinue(exchange: Exchange): void;
  /** The backend ended its direction of a tunnel. */
  endTunnelOutput(exchange: Exchange): void;
  /** Bytes moved in a tunnel's other direction: not idle. */
  noteProgress(): void;
}

/** The backend's side of an exchange. */
export interface Upstream {
  writeBody(bytes: Uint8Array, from: number, to: number): boolean;
  writeEnd(trailers: Head | null): void;
  /** Sends what is staged; called at the end of an event of the client's side. */
  flush(): void;
  /** The exchange is over before its end: nothing may look complete to the backend. */
  abort(): void;
  pauseResponse(): void;
  resumeResponse(): void;
}

/** Consumer of a request or response body on its way: a transformer, a tee, a buffer, a counter. */
export interface BodyStage {
  /** True: every byte goes on as it came, so the length that was declared stays. */
  readonly keepsLength?: boolean;
  /** Returns false to ask for a pause; `next` is called for what goes on. */
  write(exchange: Exchange, bytes: Uint8Array, from: number, to: number, next: BodySink): boolean;
  end(exchange: Exchange, trailers: Head | null, next: BodySink): void;
}

export interface BodySink {
  write(bytes: Uint8Array, from: number, to: number): boolean;
  end(trailers: Head | null): void;
}

/** How a step uses the request body, declared at plan time. */
export type BodyUse =
  | { readonly kind: "none" }
  | { readonly kind: "stream" }
  | { readonly kind: "peek"; readonly bytes: number }
  | { readonly kind: "buffer"; readonly bytes: number };

/** When a step runs: first by stage, and within a stage in the order of the configuration. */
export const STEP_STAGES = ["access", "redirect", "limit", "auth", "body", "rewrite"] as const;
export type StepStage = (typeof STEP_STAGES)[number];

/**
 * A prepared middleware of one route. All functions are optional; a step without `onResponse` costs nothing on the
 * way back.
 */
export interface Step {
  readonly name: string;
  /**
   * `onRequest` and `onResponse` read and change nothing but the exchange and never wait: what they do to a request can be
   * found out by running them on one that nobody has sent.
   */
  readonly pure?: true;
  /**
   * For a step that is not: what `onRequest` would do, without a trace outside of the exchange, and as if nobody else came
   * meanwhile. It may answer. Called for requests that nobody has sent.
   */
  foresee?(exchange: Exchange): Foreseen;
  /** Without one: `rewrite`, the last. */
  readonly stage?: StepStage;
  readonly body?: BodyUse;
  /** Called with the request head (and the peeked or buffered body in `exchange.bodyBytes` where it is declared). */
  onRequest?(exchange: Exchange): StepResult;
  /**
   * Called with the final answer's head before it is sent; may change it. Answers of our own (errors, and what steps
   * respond) come here as well, when this step was entered before. An answer that is given in here takes the place of
   * the other and meets the steps that are left.
   */
  onResponse?(exchange: Exchange, head: Head): void;
  /**
   * `onResponse` needs nothing of `onRequest`: it is called too for answers of steps that the configuration lists behind
   * this one and that an earlier stage runs before it.
   */
  readonly wraps?: boolean;
  /** A stage for the request body or null for this exchange. */
  requestStage?(exchange: Exchange): BodyStage | null;
  /** A stage for the response body or null. Its length is then unknown unless the stage keeps it. */
  responseStage?(exchange: Exchange, head: Head): BodyStage | null;
  /** Called once at the end of every exchange for which `onRequest` ran, whatever the outcome. */
  onDone?(exchange: Exchange): void;
}

/** What a step would do. */
export interface Foreseen {
  /** Null = that cannot be known without doing it. */
  readonly result: StepResult | null;
  /** What it depends on, in a few words without secrets; "" = nothing to say. */
  readonly detail: string;
}

/** What the http plane gives to a step that is being prepared. */
export interface StepContext {
  readonly routeName: string;
  /** Allots a slot of `exchange.slots` for this step. */
  slot(): number;
  /** Monotonic milliseconds, for steps whose result depends on how much time has passed. */
  now(): number;
  /** The step files a warning that `check` and the log show. */
  warn(text: string): void;
  /** Text content of a file that a setting names; read by the process that may (the supervisor). */
  readFile(path: string): string;
  /** Counts that a limit has been hit. */
  limitHit(limit: LimitName): void;
  /**
   * State that outlives a reload: steps that ask for the same `id`, in this plan and the one before it, get the same
   * object. What is not asked for again is forgotten. An id begins with the kind of the step, and names all settings
   * that matter to the state.
   */
  state<State>(id: string, create: () => State): State;
  readonly sharedCounts: SharedCounts;
}

/** Counts by key over all workers of the machine. They outlive reloads; what a worker has entered goes when it dies. */
export interface SharedCounts {
  /**
   * Adds one to the count of `key` (a positive whole number below 2^53) and returns true, or returns false where the
   * count stands at `limit`. Workers that enter at once may pass the limit by one each.
   */
  enter(key: number, limit: number): boolean;
  /** Takes back one `enter` that returned true. */
  leave(key: number): void;
  /** How many have entered and not left. */
  count(key: number): number;
}

export interface Exchange {
  readonly down: Downstream;
  /** The backend's side while one is at work. */
  up: Upstream | null;
  readonly client: Client;
  /** The request came over TLS (or the PROXY header / a trusted field says so). */
  readonly secure: boolean;
  readonly listenerName: string;
  /** Port that the client connected to, 0 for a unix socket. */
  readonly listenerPort: number;

  /** Request line and fields. `method`, `target`, `host` are latin1 text, decoded on first use. */
  readonly request: Head;
  readonly method: string;
  /** The raw request target in origin form (path and query), as it will be sent. Assigning it rewrites it. */
  target: string;
  /** Where the target stands in `request.bytes` as it came, */
  readonly targetFrom: number;
  readonly targetTo: number;
  /** and what it is instead where it was rewritten, or came in the absolute form; else null. */
  readonly rewrittenTarget: string | null;
  /** Path part of `target`, normalised for matching (dot segments resolved, slashes merged, %2f kept). */
  readonly matchPath: string;
  /** Lower-case host without port and trailing dot, "" when none. */
  readonly host: string;
  /** Host field or authority as it came, with port. */
  readonly authority: string;
  readonly requestId: string;
  /** Bytes, 0 = no body, UNKNOWN_LENGTH = chunked. */
  readonly requestLength: number;

  routeName: string;
  /** Values that steps keep for an exchange, by the index that `StepContext.slot` gave. */
  readonly slots: unknown[];
  /** The body where a step declared `peek` or `buffer`. */
  bodyBytes: Uint8Array | null;
  /** Name of the authenticated user for the log, or "". */
  user: string;
  /** Where a client was told to go, and by whom, for the log; see AccessRecord. */
  decider: LoggedDecider | null;
  decision: LoggedDecision | string | null;
  /** Status sent to the client, 0 before. */
  status: number;
  /** Why it ended, "" = in order. A step that answers by itself sets it. */
  reason: ErrorCode | "";

  /** Ends the request with an answer of our own. Returns RESPOND so that a step can `return exchange.respond(…)`. */
  respond(status: number, fields?: string, body?: string | Uint8Array): typeof RESPOND;
  /** Protocol that the client asks for by Upgrade, lower case; "" = none. */
  readonly upgradeToken: string;
  /**
   * Answers 101 with the lines `fields`; what the client sends from now on goes to `up`, which writes by `down.writeBody` and
   * ends by `down.endTunnelOutput`. For requests without a body.
   */
  upgrade(fields: string, up: Upstream): typeof RESPOND;
  /** Ends the request with the answer that an error code stands for. */
  fail(code: ErrorCode, detail?: string): typeof RESPOND;
  /** Registers a wait; call before returning WAIT. `deadlineMs` from now; later: FL_STEP_TIMEOUT. Returns a token. */
  wait(deadlineMs: number): number;
  /** Goes on after a wait: `result` is what the step would have returned. A stale token is ignored. */
  resume(token: number, result: StepResult): void;
}
