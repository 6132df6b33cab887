/**
 * Getting an answer from a pool: choose a candidate, get a connection, send, and try elsewhere when that is safe.
 * What may be tried again is decided by the error table's retry class, the method, and what has already left.
 */
import { stackOf } from "../../core/text/message_of.ts";
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import type { Timeouts } from "../../core/plan.ts";
import { IDEMPOTENT_METHODS, SAFE_METHODS } from "../../core/model.ts";
import { writeProxyHeader } from "../../net/proxy_header_writer.ts";
import { ClientConnection } from "../../net/h1/client.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";
import {
  addTo,
  countBackendRequest,
  countLimit,
  countRetry,
  observeHistogram,
} from "../../observe/counters.ts";
import { statusClass, type RetryReason } from "../../observe/label_values.ts";
import { createConnector, TLS_FAILED, type ConnectHandlers, type Connector } from "../../platform/connect.ts";
import { upstreamTlsProblem } from "../../platform/tls_upstream.ts";
import type { TimerWheel } from "../../platform/timer_wheel.ts";
import { answerError } from "./answers.ts";
import { settle } from "./balance.ts";
import { hasFullCandidate, hasOtherCandidate, isElsewhere, otherAddress } from "./attempt_candidates.ts";
import { OutlierWatch } from "./outliers.ts";
import { boundTo, isBound, pin, pinnedFor } from "./pinned.ts";
import { AttemptState, type PoolRuntime, type PoolState } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

const ECONNREFUSED = 111;
const ENOENT = 2;
/** Within the time that a backend may be silent we look so often whether it takes what its kernel has. */
const LOOKS_WHILE_IDLE = 4;
/** Of those who wait and can go to no free candidate so many are passed over for the next ones. */
const MOST_PASSED_OVER = 64;

/** Makes what connects to backends; a network of a test has one of its own. */
export type MakeConnector = (handlers: ConnectHandlers<ClientConnection>) => Connector<ClientConnection>;

/** What the tries need of the plane around them. */
export interface AttemptHost {
  /** Default: the machine's network. */
  readonly makeConnector?: MakeConnector | undefined;
  readonly wheel: TimerWheel;
  now(): number;
  warn(text: string): void;
  /** Writes the request's head into the connection (staged). */
  writeRequest(exchange: HttpExchange, connection: ClientConnection, upstream: Upstream): void;
}

export class Attempts {
  readonly connector: Connector<ClientConnection>;
  readonly #host: AttemptHost;
  readonly #outliers: OutlierWatch;
  /** The exchange whose client's event is handled: what is staged for it is flushed at the end of the event. */
  clientEventOf: HttpExchange | null = null;

  constructor(host: AttemptHost) {
    this.#host = host;
    this.#outliers = new OutlierWatch({
      now: () => host.now(),
      warn: (text) => host.warn(text),
      changed: (pool) => {
        settle(host, pool);
        this.wakeQueue(pool);
      },
    });
    this.connector = (host.makeConnector ?? createConnector)({
      connected: (connection) => this.#connected(connection),
      failed: (connection, code, reason) => this.#connectFailed(connection, code, reason),
      data: (connection, bytes) => connection.onData(bytes),
      drain: (connection) => connection.onDrain(),
      end: (connection) => connection.onEnd(),
      closed: (connection, code) => connection.onClosed(code),
      error: (connection, error) => this.#broke(connection, error),
    });
  }

  /** Starts the first try of an exchange. `now` is monotonic. */
  start(exchange: HttpExchange, routed: PoolRuntime, hash: number, now: number): void {
    const state = stateOf(exchange);
    // A step may have waited while another plan began to act: its backends and its queue are those that count.
    const pool = routed.state.acting ?? routed;
    state.begin(pool, hash, now);
    exchange.poolName = pool.plan.name;
    pool.state.active++;
    this.#next(exchange, state, "FL_NO_BACKEND", now);
  }

  /** Chooses a candidate and sends; `lastError` is answered when there is none. */
  #next(exchange: HttpExchange, state: AttemptState, lastError: ErrorCode, now: number): void {
    const chosen = this.#choose(exchange, state);
    if (chosen !== null) this.#use(exchange, state, chosen, now);
    else if (hasFullCandidate(state)) this.#enqueue(exchange, state);
    else this.#giveUp(exchange, lastError);
  }

  /** Who may take the request now, or null. A client with a connection of its own comes back to that. */
  #choose(exchange: HttpExchange, state: AttemptState): Upstream | null {
    const { picker, upstreams } = state.pool!;
    const bound = exchange.down.pinned === null ? null : boundTo(exchange, upstreams);
    if (bound !== null) return bound.hasRoom ? bound : null;
    return picker.pick!(state.hash, state.tried) as Upstream | null;
  }

  #use(exchange: HttpExchange, state: AttemptState, upstream: Upstream, now: number): void {
    takePlace(exchange, state, upstream, now);
    const kept = this.#keptConnection(exchange, upstream);
    if (kept !== null) this.#send(exchange, state, kept);
    else this.#dial(exchange, state, upstream);
  }

  /** A connection that stands and may serve this client. A PROXY header speaks for one client alone. */
  #keptConnection(exchange: HttpExchange, upstream: Upstream): ClientConnection | null {
    const own = exchange.down.pinned === null ? null : pinnedFor(exchange, upstream);
    if (own !== null || upstream.pool.proxy_protocol !== "none") return own;
    return upstream.connections.takeIdle();
  }

  /** The backend authenticates the connection of `exchange`: it becomes the client's own. */
  pinConnection(exchange: HttpExchange): void {
    const { upstream, connection } = stateOf(exchange);
    if (upstream !== null && connection !== null) pin(exchange, upstream, connection, true);
  }

  #dial(exchange: HttpExchange, state: AttemptState, upstream: Upstream): void {
    const { connections } = upstream;
    const connection = connections.create();
    connection.claimant = exchange;
    state.connection = connection;
    state.phase = "connecting";
    state.phaseStart = this.#host.now();
    this.#arm(exchange, state, upstream.pool.timeouts.connect);
    const { proxy_protocol: proxy } = upstream.pool;
    const prelude = proxy === "none" ? null : proxyHeader(exchange, proxy);
    this.connector.connect(connections.address, connection, connections.tls, prelude);
  }

  /** TLS broke (then `closed` follows), or a fault of ours: nobody may wait for what will not come. */
  #broke(connection: ClientConnection, error: Error): void {
    const { exchange } = connection;
    if (isSystemError(error)) return;
    this.#host.warn(`a connection to a backend was cut because of a fault: ${stackOf(error)}`);
    connection.abort();
    if (exchange !== null && !exchange.done) exchange.down.cut(exchange);
  }

  #connected(connection: ClientConnection): void {
    const exchange = connection.claimant;
    connection.claimant = null;
    if (exchange === null) {
      connection.close();
      return;
    }
    const state = stateOf(exchange);
    exchange.connectMs = this.#host.now() - state.phaseStart;
    if (state.upstream!.pool.proxy_protocol !== "none") pin(exchange, state.upstream!, connection, false);
    this.#send(exchange, state, connection);
  }

  #connectFailed(connection: ClientConnection, code: number, reason: string): void {
    const exchange = connection.claimant;
    connection.claimant = null;
    connection.close();
    if (exchange === null) return;
    const error: ErrorCode =
      code === TLS_FAILED
        ? "FL_UPSTREAM_TLS"
        : code === ECONNREFUSED || code === ENOENT
          ? "FL_CONNECT_REFUSED"
          : "FL_CONNECT_FAILED";
    this.failed(exchange, error, code === TLS_FAILED ? upstreamTlsProblem(reason) : `errno ${code}`);
  }

  #send(exchange: HttpExchange, state: AttemptState, connection: ClientConnection): void {
    const upstream = state.upstream!;
    state.connection = connection;
    state.phase = "waiting";
    this.#host.writeRequest(exchange, connection, upstream);
    exchange.attach(connection);
    const { timeouts } = upstream.pool;
    this.#armCoarse(exchange, state, exchange.requestEnded ? timeouts.first_byte : uploadLook(timeouts));
    if (this.clientEventOf !== exchange) connection.flush();
  }

  /** The try at work has failed before a final head. Tries elsewhere or answers. */
  failed(exchange: HttpExchange, code: ErrorCode, detail: string): void {
    const state = stateOf(exchange);
    const now = this.#host.now();
    const isDeadKept = this.#isDeadKept(exchange, state, code);
    exchange.reasonDetail = detail;
    if (!isDeadKept) this.#tryFailed(exchange, state.upstream!, code, now - state.chosenAt);
    if (isDeadKept && state.upstream!.serves) {
      this.#reconnect(exchange, state, code, now);
      return;
    }
    this.release(exchange, 0, now);
    state.useActingPool();
    const other = otherAddress(exchange, state, code);
    if (other !== null) {
      state.tried.push(state.upstream!);
      this.#use(exchange, state, other, now);
      return;
    }
    if (this.#mayTryElsewhere(exchange, state, code, isDeadKept))
      this.#retry(exchange, state, code, code, now);
    else this.#giveUp(exchange, code);
  }

  #tryFailed(exchange: HttpExchange, { connections }: Upstream, code: ErrorCode, afterMs: number): void {
    if (ERRORS[code].source !== "backend") return;
    connections.answeredAfter(afterMs, true);
    this.#outliers.failed(stateOf(exchange));
  }

  /** An answer whose status the pool retries. Returns false when the answer must go to the client. */
  retryStatus(exchange: HttpExchange, status: number): boolean {
    const state = stateOf(exchange);
    if (!state.pool!.plan.retries.on_status.includes(status)) return false;
    const pool = state.useActingPool();
    if (state.triesLeft <= 0 || !this.#repeatable(exchange, pool)) return false;
    if (!pool.upstreams.some((other) => other.free && isElsewhere(other, state))) return false;
    if (!this.#withinBudget(pool, state)) return false;
    const now = this.#host.now();
    this.#outliers.retried(state);
    this.release(exchange, status, now);
    exchange.releaseUpstream();
    this.#retry(exchange, state, "status", "FL_NO_BACKEND", now);
    return true;
  }

  /** Tries a candidate that has not been tried. */
  #retry(
    exchange: HttpExchange,
    state: AttemptState,
    reason: RetryReason,
    lastError: ErrorCode,
    now: number,
  ): void {
    this.#countRetry(exchange, state, reason);
    if (!state.isRetry) {
      state.isRetry = true;
      state.pool!.state.retrying++;
    }
    state.triesLeft--;
    state.tried.push(state.upstream!);
    this.#next(exchange, state, lastError, now);
  }

  /** A kept connection that the backend has closed meanwhile, with a request that may be sent twice. */
  #isDeadKept(exchange: HttpExchange, { connection, pool }: AttemptState, code: ErrorCode): boolean {
    if (ERRORS[code].retry !== "reused" || exchange.responseStarted || exchange.done) return false;
    const isKept = connection !== null && connection.served > 0 && !connection.answering;
    return isKept && this.#repeatable(exchange, pool!);
  }

  /**
   * One silent try on a new connection to the same backend (RFC 9112 9.3.1). No load that the budget is there for: each
   * kept connection dies once. The place stays the exchange's own, so none of those who wait is woken for it.
   */
  #reconnect(exchange: HttpExchange, state: AttemptState, code: RetryReason, now: number): void {
    const upstream = state.upstream!;
    this.#countRetry(exchange, state, code);
    this.#endTry(exchange, state, 0, now);
    takePlace(exchange, state, upstream, now);
    this.#dial(exchange, state, upstream);
  }

  #countRetry(exchange: HttpExchange, { pool }: AttemptState, reason: RetryReason): void {
    countRetry(pool!.counters.region, pool!.slots, reason);
    exchange.retries++;
  }

  #mayTryElsewhere(
    exchange: HttpExchange,
    state: AttemptState,
    code: ErrorCode,
    isDeadKept: boolean,
  ): boolean {
    const pool = state.pool!;
    const { retry } = ERRORS[code];
    if (exchange.responseStarted || exchange.done || retry === "no") return false;
    if (retry === "reused" && !isDeadKept) {
      // The backend has died, or the request is what it dies of: one other is enough to tell.
      if (state.retriedOnce || !this.#repeatable(exchange, pool)) return false;
      state.retriedOnce = true;
    }
    if (retry === "safe") {
      if (state.retriedOnce || !SAFE_METHODS.has(exchange.method) || !exchange.bodyUntouched) return false;
      state.retriedOnce = true;
    }
    // Nothing has been sent to a backend that could not be reached: every method may go elsewhere.
    if (state.triesLeft <= 0 || !exchange.bodyUntouched || !hasOtherCandidate(state)) return false;
    return this.#withinBudget(pool, state);
  }

  #repeatable(exchange: HttpExchange, pool: PoolRuntime): boolean {
    if (!exchange.bodyUntouched) return false;
    return pool.plan.retries.non_idempotent || IDEMPOTENT_METHODS.has(exchange.method);
  }

  #withinBudget(pool: PoolRuntime, { isRetry }: AttemptState): boolean {
    const { budget, budget_min } = pool.plan.retries;
    const { active, retrying } = pool.state;
    // A request does not stand in its own way.
    const others = isRetry ? retrying - 1 : retrying;
    if (others < Math.max(budget_min, active * budget)) return true;
    addTo(pool.counters.region, pool.slots.retry_budget_exhausted_total, 1);
    return false;
  }

  #giveUp(exchange: HttpExchange, code: ErrorCode): void {
    exchange.reason = code;
    if (exchange.responseStarted) exchange.down.cut(exchange);
    else answerError(exchange, code);
  }

  #enqueue(exchange: HttpExchange, state: AttemptState): void {
    const pool = state.pool!;
    const { region, fixed } = pool.counters;
    if (pool.state.queue.length >= pool.plan.queue.size) {
      countLimit(region, fixed, "queue");
      this.#giveUp(exchange, "FL_QUEUE_FULL");
      return;
    }
    state.phase = "queued";
    state.phaseStart = this.#host.now();
    pool.state.queue.push(exchange);
    addTo(region, pool.slots.queue_length, 1);
    this.#arm(exchange, state, pool.plan.queue.timeout_ms);
  }

  #leaveQueue(exchange: HttpExchange, state: AttemptState, now: number): void {
    const pool = state.pool!;
    const index = pool.state.queue.indexOf(exchange);
    if (index < 0) return;
    pool.state.queue.splice(index, 1);
    addTo(pool.counters.region, pool.slots.queue_length, -1);
    state.phase = "none";
    exchange.queueMs += now - state.phaseStart;
  }

  /** `pool` acts from now on, also for those who wait for the one of the plan before. */
  adoptQueue(pool: PoolRuntime): void {
    pool.state.acting = pool;
    for (const exchange of pool.state.queue) stateOf(exchange).pool = pool;
    this.wakeQueue(pool);
  }

  /**
   * Serves those who wait as far as candidates are free. Called when one has become free or available. Who has tried the
   * free ones already, or needs another one, is passed over.
   */
  wakeQueue({ state: waiting }: PoolRuntime): void {
    // A try that fails at once gives its candidate back in here: the loop goes on with it, not one inside the other.
    if (waiting.isServed) return;
    waiting.isServed = true;
    try {
      this.#serveQueue(waiting);
    } finally {
      waiting.isServed = false;
    }
  }

  #serveQueue({ queue }: PoolState): void {
    let passed = 0;
    while (passed < queue.length && passed < MOST_PASSED_OVER) {
      const exchange = queue[passed]!;
      const state = stateOf(exchange);
      // All who wait have the pool that acts: what one of them finds full is full for each that has the same choice.
      const chosen = this.#choose(exchange, state);
      if (chosen !== null) {
        const now = this.#host.now();
        this.#leaveQueue(exchange, state, now);
        this.#use(exchange, state, chosen, now);
      } else if (state.tried.length > 0 || isBound(exchange.down)) passed++;
      else return;
    }
  }

  /** The backend has answered with this status, whether that goes to the client or is tried again. */
  heed(exchange: HttpExchange, status: number): void {
    this.#outliers.answered(stateOf(exchange), status);
  }

  /** The backend's final head has come: from now on nothing is tried again. */
  answered(exchange: HttpExchange): void {
    const state = stateOf(exchange);
    state.phase = "answering";
    const now = this.#host.now();
    const sinceStart = now - state.startedAt;
    state.upstream!.connections.answeredAfter(now - state.chosenAt, false);
    exchange.firstByteMs = Math.max(0, sinceStart - exchange.connectMs - exchange.queueMs);
    this.#armCoarse(exchange, state, state.pool!.plan.timeouts.idle_progress);
  }

  /** The backend has sent all of its answer: the client may be slow to take it without keeping its place there. */
  upstreamDone(exchange: HttpExchange): void {
    const state = stateOf(exchange);
    if (state.phase !== "answering") return;
    state.connection = null;
    this.#outliers.answerEnded(exchange, state);
    if (this.#leavePlace(state, exchange.status, this.#host.now())) this.#wakeNext(state);
  }

  /** Ends the try: gives the place at the candidate or in the queue back. `status` of the candidate's answer, 0 = none. */
  release(exchange: HttpExchange, status: number, now: number = this.#host.now()): void {
    const state = stateOf(exchange);
    if (this.#endTry(exchange, state, status, now)) this.#wakeNext(state);
  }

  /** Returns true when somebody may have the place now. */
  #endTry(exchange: HttpExchange, state: AttemptState, status: number, now: number): boolean {
    const { connection } = state;
    if (connection !== null && connection.claimant === exchange) {
      connection.claimant = null;
      this.connector.cancel(connection);
      connection.close();
    }
    state.connection = null;
    if (state.phase === "queued") this.#leaveQueue(exchange, state, now);
    state.phase = "none";
    return this.#leavePlace(state, status, now);
  }

  /** Returns true when there was a place. */
  #leavePlace(state: AttemptState, status: number, now: number): boolean {
    if (!state.holdsPlace) return false;
    const upstream = state.upstream!;
    state.holdsPlace = false;
    upstream.in_flight--;
    const { region, boundsMs } = upstream.counters;
    countBackendRequest(region, upstream.slots, statusClass(status));
    observeHistogram(
      region,
      upstream.slots.backend_request_duration_seconds,
      boundsMs,
      Math.max(0, now - state.chosenAt),
    );
    return true;
  }

  #wakeNext({ pool }: AttemptState): void {
    if (pool!.state.queue.length > 0) this.wakeQueue(pool!);
  }

  /** The exchange is answered by us: it waits for no backend any more. */
  stop(exchange: HttpExchange): void {
    if (exchange.attempt === null) return;
    const state = stateOf(exchange);
    if (state.pool !== null) this.release(exchange, 0);
  }

  /** The backend is not to do any more: what it has begun ends with `code`, or goes on elsewhere where that is safe. */
  cut(exchange: HttpExchange, code: ErrorCode): void {
    const state = stateOf(exchange);
    // Without a connection the backend has done its part, or has none.
    if (state.connection === null || state.phase === "queued") return;
    exchange.releaseUpstream();
    if (exchange.tunnel) {
      exchange.reason = code;
      exchange.down.cut(exchange);
    } else if (state.phase === "answering") exchange.responseBroken(code);
    else this.failed(exchange, code, "");
  }

  /** The exchange has ended, however. */
  done(exchange: HttpExchange, now: number): void {
    const state = stateOf(exchange);
    const { pool } = state;
    if (pool === null) return;
    this.#outliers.answerEnded(exchange, state);
    this.release(exchange, exchange.status, now);
    pool.state.active--;
    if (state.isRetry) pool.state.retrying--;
    state.pool = null;
    state.upstream = null;
    if (state.tried.length > 0) state.tried.length = 0;
  }

  /** The deadline of a phase, or that of the whole when it is nearer. */
  #arm(exchange: HttpExchange, state: AttemptState, delayMs: number): void {
    const { wheel } = this.#host;
    if (state.endsAt === Infinity) wheel.after(exchange, delayMs);
    else {
      const left = Math.max(1, state.endsAt - this.#host.now());
      wheel.after(exchange, delayMs > 0 ? Math.min(delayMs, left) : left);
    }
  }

  #armCoarse(exchange: HttpExchange, state: AttemptState, delayMs: number): void {
    if (state.endsAt === Infinity) this.#host.wheel.afterCoarse(exchange, delayMs);
    else this.#arm(exchange, state, delayMs);
  }

  #outOfTime(exchange: HttpExchange): void {
    exchange.releaseUpstream();
    this.release(exchange, 0);
    if (exchange.responseStarted) exchange.responseBroken("FL_TOTAL_TIMEOUT");
    else this.#giveUp(exchange, "FL_TOTAL_TIMEOUT");
  }

  /** A request with a body ended after it was sent: its time counts from there. */
  #firstByteDue(exchange: HttpExchange, state: AttemptState, firstByteMs: number): void {
    const waited = this.#host.wheel.coarseNow - state.connection!.progressAt;
    if (exchange.requestLength !== 0 && (firstByteMs === 0 || waited < firstByteMs)) {
      this.#arm(exchange, state, firstByteMs === 0 ? 0 : firstByteMs - waited);
      return;
    }
    exchange.releaseUpstream();
    this.failed(exchange, "FL_FIRST_BYTE_TIMEOUT", "");
  }

  /** A body that the client does not send has its deadline there; one that the backend does not take has it here. */
  #watchUpload(exchange: HttpExchange, state: AttemptState, timeouts: Timeouts): void {
    const connection = state.connection!;
    const { idle_progress: idle } = timeouts;
    const silentMs = connection.silentFor(this.#host.wheel.coarseNow);
    if (connection.waiting === null || idle === 0 || silentMs < idle) {
      this.#arm(exchange, state, uploadLook(timeouts));
      return;
    }
    exchange.releaseUpstream();
    this.failed(exchange, "FL_UPSTREAM_IDLE", "");
  }

  #watchAnswer(exchange: HttpExchange, state: AttemptState, idleMs: number): void {
    const { connection } = state;
    // Without `up` the backend has sent all of it: the rest is between us and the client.
    if (connection === null || exchange.up === null || idleMs === 0) {
      this.#arm(exchange, state, 0);
      return;
    }
    const silentMs = connection.paused ? 0 : connection.silentFor(this.#host.wheel.coarseNow);
    if (silentMs < idleMs) {
      this.#arm(exchange, state, idleMs - silentMs);
      return;
    }
    exchange.releaseUpstream();
    exchange.responseBroken("FL_UPSTREAM_IDLE");
  }

  /** A deadline of the try at work has passed. */
  onDeadline(exchange: HttpExchange): void {
    const state = stateOf(exchange);
    const { timeouts } = state.pool!.plan;
    if (state.endsAt <= this.#host.now() && state.phase !== "none" && !exchange.tunnel) {
      this.#outOfTime(exchange);
      return;
    }
    switch (state.phase) {
      case "none":
        break;
      case "queued":
        addTo(state.pool!.counters.region, state.pool!.slots.queue_timeouts_total, 1);
        this.#leaveQueue(exchange, state, this.#host.now());
        this.#giveUp(exchange, "FL_QUEUE_TIMEOUT");
        break;
      case "connecting":
        this.failed(exchange, "FL_CONNECT_TIMEOUT", "");
        break;
      case "waiting":
        if (exchange.requestEnded) this.#firstByteDue(exchange, state, timeouts.first_byte);
        else this.#watchUpload(exchange, state, timeouts);
        break;
      case "answering":
        if (!exchange.tunnel) this.#watchAnswer(exchange, state, timeouts.idle_progress);
        break;
    }
  }
}

/** How long a body goes to a backend unwatched: it may end meanwhile, or the backend may have stopped to take it. */
function uploadLook({ first_byte: firstByte, idle_progress: idle }: Timeouts): number {
  const look = idle / LOOKS_WHILE_IDLE;
  return look === 0 || firstByte === 0 ? look + firstByte : Math.min(look, firstByte);
}

/** Errors of sockets and of TLS have a code; faults of ours have none. */
function isSystemError(error: Error): boolean {
  return (error as { code?: unknown }).code !== undefined;
}

/** The header that tells a backend who the client is. */
function proxyHeader({ client }: HttpExchange, version: "v1" | "v2"): Uint8Array {
  return writeProxyHeader(version, client.address, client.port, client.localAddress ?? "", client.localPort);
}

function takePlace(exchange: HttpExchange, state: AttemptState, upstream: Upstream, now: number): void {
  state.upstream = upstream;
  state.chosenAt = now;
  state.holdsPlace = true;
  upstream.in_flight++;
  exchange.backendId = upstream.key;
}

function stateOf(exchange: HttpExchange): AttemptState {
  return (exchange.attempt ??= new AttemptState()) as AttemptState;
}
