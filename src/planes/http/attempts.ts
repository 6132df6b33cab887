/**
 * Getting an answer from a pool: choose a candidate, get a connection, send, and try elsewhere when that is safe.
 * What may be tried again is decided by the error table's retry class, the method, and what has already left.
 */
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import type { Timeouts } from "../../core/plan.ts";
import { IDEMPOTENT_METHODS, SAFE_METHODS } from "../../core/model.ts";
import { mayTake, usable } from "../../core/strategies/contract.ts";
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
import { createConnector, TLS_FAILED, type Connector } from "../../platform/connect.ts";
import { upstreamTlsProblem } from "../../platform/tls_upstream.ts";
import type { TimerWheel } from "../../platform/timer_wheel.ts";
import { answerError } from "./answers.ts";
import { pin, pinnedFor } from "./pinned.ts";
import { AttemptState, type PoolRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

const ECONNREFUSED = 111;
const ENOENT = 2;
/** Within the time that a backend may be silent we look so often whether it takes what its kernel has. */
const LOOKS_WHILE_IDLE = 4;
/** Of those who wait and can go to no free candidate so many are passed over for the next ones. */
const MOST_PASSED_OVER = 64;

/** What the tries need of the plane around them. */
export interface AttemptHost {
  readonly wheel: TimerWheel;
  now(): number;
  warn(text: string): void;
  /** Writes the request's head into the connection (staged). */
  writeRequest(exchange: HttpExchange, connection: ClientConnection, upstream: Upstream): void;
}

export class Attempts {
  readonly connector: Connector<ClientConnection>;
  readonly #host: AttemptHost;
  /** The exchange whose client's event is handled: what is staged for it is flushed at the end of the event. */
  clientEventOf: HttpExchange | null = null;

  constructor(host: AttemptHost) {
    this.#host = host;
    this.connector = createConnector<ClientConnection>({
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
  start(exchange: HttpExchange, pool: PoolRuntime, hash: number, now: number): void {
    const state = stateOf(exchange);
    state.begin(pool, hash, now);
    exchange.poolName = pool.plan.name;
    pool.state.active++;
    this.#next(exchange, state, "FL_NO_BACKEND");
  }

  /** Chooses a candidate and sends; `lastError` is answered when there is none. */
  #next(exchange: HttpExchange, state: AttemptState, lastError: ErrorCode): void {
    const pool = state.pool!;
    const pinned = exchange.down.pinned === null ? null : pinnedFor(exchange, pool.upstreams);
    if (pinned?.binding === true) {
      this.#usePinned(exchange, state, pinned.upstream, pinned.connection);
      return;
    }
    const chosen = pool.picker.pick!(state.hash, state.tried) as Upstream | null;
    if (chosen !== null) {
      this.#use(exchange, state, chosen);
      return;
    }
    if (hasFullCandidate(pool, state)) this.#enqueue(exchange, state);
    else this.#giveUp(exchange, lastError);
  }

  #use(exchange: HttpExchange, state: AttemptState, upstream: Upstream): void {
    takePlace(exchange, state, upstream);
    state.phaseStart = this.#host.wheel.coarseNow;
    const kept = state.freshConnection ? null : this.#keptConnection(exchange, upstream);
    state.freshConnection = false;
    if (kept !== null) {
      this.#send(exchange, state, kept);
      return;
    }
    this.#dial(exchange, state, upstream);
  }

  /** A connection that stands and may serve this client. A PROXY header speaks for one client alone. */
  #keptConnection(exchange: HttpExchange, upstream: Upstream): ClientConnection | null {
    if (upstream.pool.proxy_protocol === "none") return upstream.connections.takeIdle();
    return pinnedFor(exchange, [upstream])?.connection ?? null;
  }

  #usePinned(
    exchange: HttpExchange,
    state: AttemptState,
    upstream: Upstream,
    connection: ClientConnection,
  ): void {
    takePlace(exchange, state, upstream);
    this.#send(exchange, state, connection);
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
    this.#host.warn(`a connection to a backend was cut because of a fault: ${error.stack ?? error.message}`);
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
    if (state.pool!.plan.proxy_protocol !== "none") pin(exchange, state.upstream!, connection, false);
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
    const { connection } = state;
    const wasKept = connection !== null && connection.served > 0 && !connection.answering;
    this.release(exchange, 0);
    exchange.reasonDetail = detail;
    const other = otherAddress(exchange, state, code);
    if (other !== null) {
      state.tried.push(state.upstream!);
      this.#use(exchange, state, other);
      return;
    }
    if (this.#mayTryAgain(exchange, state, code, wasKept)) {
      if (ERRORS[code].retry === "reused") state.freshConnection = true;
      else state.tried.push(state.upstream!);
      this.#retry(exchange, state, code, code);
      return;
    }
    this.#giveUp(exchange, code);
  }

  /** An answer whose status the pool retries. Returns false when the answer must go to the client. */
  retryStatus(exchange: HttpExchange, status: number): boolean {
    const state = stateOf(exchange);
    const pool = state.pool!;
    const { retries } = pool.plan;
    if (!retries.on_status.includes(status) || state.triesLeft === 0 || !this.#repeatable(exchange, pool))
      return false;
    if (
      !pool.upstreams.some(
        (other) => other !== state.upstream && usable(other) && !state.tried.includes(other),
      )
    ) {
      return false;
    }
    if (!this.#withinBudget(pool)) return false;
    this.release(exchange, status);
    exchange.releaseUpstream();
    state.tried.push(state.upstream!);
    this.#retry(exchange, state, "status", "FL_NO_BACKEND");
    return true;
  }

  #retry(exchange: HttpExchange, state: AttemptState, reason: RetryReason, lastError: ErrorCode): void {
    const pool = state.pool!;
    countRetry(pool.counters.region, pool.slots, reason);
    exchange.retries++;
    if (!state.isRetry) {
      state.isRetry = true;
      pool.state.retrying++;
    }
    if (state.freshConnection && usable(state.upstream!)) this.#use(exchange, state, state.upstream!);
    else {
      state.triesLeft--;
      this.#next(exchange, state, lastError);
    }
  }

  #mayTryAgain(exchange: HttpExchange, state: AttemptState, code: ErrorCode, wasKept: boolean): boolean {
    const pool = state.pool!;
    const { retry } = ERRORS[code];
    if (exchange.responseStarted || exchange.done || retry === "no") return false;
    // A kept connection that the backend closed meanwhile: one silent try on a new one (RFC 9112 9.3.1).
    if (retry === "reused") return wasKept && this.#repeatable(exchange, pool);
    if (retry === "safe") {
      if (state.retriedTimeout || !SAFE_METHODS.has(exchange.method) || !exchange.bodyUntouched) return false;
      state.retriedTimeout = true;
    }
    // Nothing has been sent to a backend that could not be reached: every method may go elsewhere.
    if (state.triesLeft === 0 || !exchange.bodyUntouched || !hasOtherCandidate(pool, state)) return false;
    return this.#withinBudget(pool);
  }

  #repeatable(exchange: HttpExchange, pool: PoolRuntime): boolean {
    if (!exchange.bodyUntouched) return false;
    return pool.plan.retries.non_idempotent || IDEMPOTENT_METHODS.has(exchange.method);
  }

  #withinBudget(pool: PoolRuntime): boolean {
    const { budget, budget_min } = pool.plan.retries;
    if (pool.state.retrying < Math.max(budget_min, pool.state.active * budget)) return true;
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

  #leaveQueue(exchange: HttpExchange, state: AttemptState): void {
    const pool = state.pool!;
    const index = pool.state.queue.indexOf(exchange);
    if (index < 0) return;
    pool.state.queue.splice(index, 1);
    addTo(pool.counters.region, pool.slots.queue_length, -1);
    state.phase = "none";
    exchange.queueMs += this.#host.now() - state.phaseStart;
  }

  /** Those who wait for a pool of the plan before wait for `pool` from now on. */
  adoptQueue(pool: PoolRuntime): void {
    for (const exchange of pool.state.queue) stateOf(exchange).pool = pool;
    this.wakeQueue(pool);
  }

  /**
   * Serves those who wait as far as candidates are free. Called when one has become free or available. Who has tried the
   * free ones already is passed over.
   */
  wakeQueue({ state: waiting }: PoolRuntime): void {
    // A try that fails at once gives its candidate back in here: the loop goes on with it, not one inside the other.
    if (waiting.isServed) return;
    waiting.isServed = true;
    try {
      this.#serveQueue(waiting.queue);
    } finally {
      waiting.isServed = false;
    }
  }

  #serveQueue(queue: readonly HttpExchange[]): void {
    let passed = 0;
    while (passed < queue.length && passed < MOST_PASSED_OVER) {
      const exchange = queue[passed]!;
      const state = stateOf(exchange);
      // Its own pool, as the one that was released may belong to the plan before.
      const chosen = state.pool!.picker.pick!(state.hash, state.tried) as Upstream | null;
      if (chosen !== null) {
        this.#leaveQueue(exchange, state);
        this.#use(exchange, state, chosen);
      } else if (state.tried.length > 0) passed++;
      else return;
    }
  }

  /** The backend's final head has come: from now on nothing is tried again. */
  answered(exchange: HttpExchange): void {
    const state = stateOf(exchange);
    state.phase = "answering";
    const sinceStart = this.#host.now() - state.startedAt;
    exchange.firstByteMs = Math.max(0, sinceStart - exchange.connectMs - exchange.queueMs);
    this.#armCoarse(exchange, state, state.pool!.plan.timeouts.idle_progress);
  }

  /** The backend has sent all of its answer: the client may be slow to take it without keeping its place there. */
  upstreamDone(exchange: HttpExchange): void {
    const state = stateOf(exchange);
    if (state.phase !== "answering") return;
    state.connection = null;
    this.#givePlaceBack(state, exchange.status, this.#host.now());
  }

  /** Ends the try: gives the place at the candidate or in the queue back. `status` of the candidate's answer, 0 = none. */
  release(exchange: HttpExchange, status: number, now: number = this.#host.now()): void {
    const state = stateOf(exchange);
    const { connection } = state;
    if (connection !== null && connection.claimant === exchange) {
      connection.claimant = null;
      this.connector.cancel(connection);
      connection.close();
    }
    state.connection = null;
    if (state.phase === "queued") this.#leaveQueue(exchange, state);
    state.phase = "none";
    this.#givePlaceBack(state, status, now);
  }

  #givePlaceBack(state: AttemptState, status: number, now: number): void {
    if (!state.holdsPlace) return;
    const upstream = state.upstream!;
    state.holdsPlace = false;
    upstream.in_flight--;
    const { region, boundsMs } = upstream.counters;
    countBackendRequest(region, upstream.slots, statusClass(status));
    observeHistogram(
      region,
      upstream.slots.backend_request_duration_seconds,
      boundsMs,
      Math.max(0, now - state.startedAt),
    );
    if (state.pool!.state.queue.length > 0) this.wakeQueue(state.pool!);
  }

  /** The exchange is answered by us: it waits for no backend any more. */
  stop(exchange: HttpExchange): void {
    if (exchange.attempt === null) return;
    const state = stateOf(exchange);
    if (state.pool !== null) this.release(exchange, 0);
  }

  /** The exchange has ended, however. */
  done(exchange: HttpExchange, now: number): void {
    const state = stateOf(exchange);
    const { pool } = state;
    if (pool === null) return;
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
        this.#leaveQueue(exchange, state);
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

function takePlace(exchange: HttpExchange, state: AttemptState, upstream: Upstream): void {
  state.upstream = upstream;
  state.holdsPlace = true;
  upstream.in_flight++;
  exchange.backendId = upstream.key;
}

function stateOf(exchange: HttpExchange): AttemptState {
  return (exchange.attempt ??= new AttemptState()) as AttemptState;
}

/**
 * Another address of a backend whose address could not be reached, or null. Going on there is no retry: a server may
 * listen on one of the addresses of its name alone, as with `localhost`.
 */
function otherAddress(exchange: HttpExchange, state: AttemptState, code: ErrorCode): Upstream | null {
  if (code !== "FL_CONNECT_REFUSED" && code !== "FL_CONNECT_FAILED") return null;
  if (exchange.responseStarted || exchange.done || !exchange.bodyUntouched) return null;
  const failed = state.upstream!;
  const isOther = (upstream: Upstream) =>
    upstream !== failed && upstream.backend.id === failed.backend.id && mayTake(upstream, state.tried);
  return state.pool!.upstreams.find(isOther) ?? null;
}

/** True when there is a candidate that has not been tried, whether it is free or at its limit. */
function hasOtherCandidate(pool: PoolRuntime, state: AttemptState): boolean {
  return pool.upstreams.some(
    (other) =>
      other !== state.upstream && other.available && other.weight > 0 && !state.tried.includes(other),
  );
}

/** True when a candidate is passed over only because it is at its limit. */
function hasFullCandidate(pool: PoolRuntime, state: AttemptState): boolean {
  return pool.upstreams.some(
    (upstream) =>
      upstream.available && upstream.weight > 0 && !usable(upstream) && !state.tried.includes(upstream),
  );
}
