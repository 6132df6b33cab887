/**
 * The http plane: what happens to a request between the client's and the backend's side. Routes, runs the steps, starts
 * the tries, passes the answer on, and keeps the books. On the way of every request: nothing here allocates but the
 * texts of the path and what a route's steps need. Measured by `bun run bench http` on Bun 1.4.5.
 */
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import { matchPath } from "../../core/text/path.ts";
import { dateLine, NO_STORE_LINE } from "../../net/answer_lines.ts";
import {
  NEXT,
  RESPOND,
  UNKNOWN_LENGTH,
  WAIT,
  type BodyStage,
  type Client,
  type Downstream,
  type Step,
  type StepResult,
} from "../../net/exchange.ts";
import type { ClientConnection } from "../../net/h1/client.ts";
import type { Head } from "../../net/head.ts";
import { responseBodyLength, type ExchangeHandler, type HttpExchange } from "../../net/http_exchange.ts";
import type { AccessLog } from "../../observe/access_log.ts";
import { addTo, countError, countRequest, observeHistogram } from "../../observe/counters.ts";
import { methodIndex, statusClass } from "../../observe/label_values.ts";
import type { TimerWheel } from "../../platform/timer_wheel.ts";
import { answerError, localHead } from "./answers.ts";
import { Attempts, type MakeConnector } from "./attempts.ts";
import { ClientBehindProxies } from "./client_behind_proxies.ts";
import { isDeniedPath } from "./denied_paths.ts";
import { isEventStream } from "./event_stream.ts";
import { joinStages } from "./body_stages.ts";
import {
  addTrustedForwarding,
  clientBehindProxies,
  forwardedScheme,
  connectionLines,
  dropIdentityFields,
  dropUnderscoreFields,
  isLoop,
  writeForwarding,
} from "./forwarding.ts";
import { hashOfRequest } from "./request_key.ts";
import { authenticatesConnection, unpin } from "./pinned.ts";
import { RequestView } from "./request_view.ts";
import type { HostTable } from "./router/table.ts";
import type { ListenerRuntime, PlaneRuntime, RouteRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/** What the plane needs of the worker around it. */
export interface PlaneHost {
  /** Default: the machine's network. */
  readonly makeConnector?: MakeConnector | undefined;
  readonly wheel: TimerWheel;
  /** Monotonic milliseconds. */
  now(): number;
  readonly draining: boolean;
  /** Tells the operator something. */
  warn(text: string): void;
}

/** What holds for all requests of a connection while they name one host and one plan acts. */
interface ConnectionCache {
  readonly runtime: PlaneRuntime;
  readonly client: Client;
  readonly host: string;
  readonly authority: string;
  readonly minor: number;
  readonly table: HostTable;
  readonly listener: ListenerRuntime | null;
  readonly trusted: boolean;
  /** The host does not belong to this connection. */
  readonly misdirected: boolean;
  readonly lines: Uint8Array;
}

const ALLOW_LINE = "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";
const VIA_LINE = "Via: 1.1 fairlead\r\n";
/** Fields that decide on this side what the backend must not read once more. */
const READ_BY_US: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "proxy-authorization",
]);

export class HttpPlane implements ExchangeHandler {
  readonly attempts: Attempts;
  accessLog: AccessLog | null = null;
  readonly #host: PlaneHost;
  readonly #view = new RequestView();
  /** A path that is its own normal form, of an earlier request: many ask for the same. */
  #knownPath = "/";
  #runtime: PlaneRuntime | null = null;

  constructor(host: PlaneHost) {
    this.#host = host;
    this.attempts = new Attempts({
      makeConnector: host.makeConnector,
      wheel: host.wheel,
      now: () => host.now(),
      warn: (text) => host.warn(text),
      writeRequest: (exchange, connection, upstream) => this.#writeRequest(exchange, connection, upstream),
    });
  }

  /** The plan that acts for requests that begin from now on. */
  get runtime(): PlaneRuntime {
    if (this.#runtime === null) throw new Error("no plan acts yet");
    return this.#runtime;
  }

  set runtime(runtime: PlaneRuntime) {
    this.#runtime = runtime;
  }

  // The way of a request.

  onRequest(exchange: HttpExchange): void {
    this.attempts.clientEventOf = exchange;
    try {
      this.#request(exchange);
    } finally {
      this.attempts.clientEventOf = null;
    }
  }

  #request(exchange: HttpExchange): void {
    const cache = this.#cacheFor(exchange);
    const { runtime } = cache;
    exchange.route = runtime.noRoute;
    const { path } = exchange;
    const normal = path === this.#knownPath ? path : matchPath(path);
    if (normal === null) {
      this.onFail(exchange, "FL_BAD_TARGET", "malformed path");
      return;
    }
    if (normal === path) this.#knownPath = path;
    if (normal !== path) exchange.matchPath = normal;
    if (cache.misdirected) {
      this.onFail(exchange, "FL_MISDIRECTED", "");
      return;
    }
    if (this.#answersItself(exchange, path)) return;
    if (cache.trusted) this.#resolveClient(exchange, cache);
    else if (exchange.hasIdentityFields) dropIdentityFields(exchange);
    // Also those of trusted peers, which may pass on what they do not know.
    if (exchange.hasUnderscoreFields) dropUnderscoreFields(exchange, READ_BY_US);
    const index = cache.table.find(this.#view.show(exchange, normal));
    if (index < 0) {
      this.onFail(exchange, "FL_NO_ROUTE", "");
      return;
    }
    const route = runtime.routes[index]!;
    exchange.route = route;
    exchange.routeName = route.name;
    if (cache.trusted) addTrustedForwarding(exchange, runtime.plan.forwarding);
    if (route.deniedPaths.length > 0 && isDeniedPath(path, route.deniedPaths)) {
      this.onFail(exchange, "FL_BAD_TARGET", "denied by the route");
      return;
    }
    if (route.steps.length > 0) this.#runSteps(exchange, route);
    else this.#serve(exchange, route);
  }

  #cacheFor(exchange: HttpExchange): ConnectionCache {
    const { down } = exchange;
    const known = down.planeCache as ConnectionCache | null;
    if (
      known !== null &&
      known.runtime === this.#runtime &&
      known.authority === exchange.authority &&
      known.minor === exchange.minor &&
      known.host === exchange.host &&
      known.client === exchange.client
    ) {
      return known;
    }
    const { runtime } = this;
    const listener = runtime.listeners.get(exchange.listenerName) ?? null;
    const { client, host, authority, minor } = exchange;
    const cache: ConnectionCache = {
      runtime,
      client,
      host,
      authority,
      minor,
      table: runtime.router.forHost(host),
      listener,
      trusted: client.trusted && listener !== null,
      misdirected: exchange.hostRule !== null && !exchange.hostRule.allowsHost(host),
      lines: connectionLines(exchange, runtime.plan.forwarding),
    };
    down.planeCache = cache;
    return cache;
  }

  /** What no route may take: loops, TRACE, `OPTIONS *`, and requests whose Max-Forwards is used up. */
  #answersItself(exchange: HttpExchange, path: string): boolean {
    if ((exchange.viaField >= 0 || exchange.cdnLoopField >= 0) && isLoop(exchange)) {
      this.onFail(exchange, "FL_LOOP", "");
      return true;
    }
    const length = exchange.methodTo - exchange.methodFrom;
    // TRACE has five letters and OPTIONS seven: other lengths need no text.
    if (length !== 5 && length !== 7) return false;
    const { method } = exchange;
    if (method === "TRACE") {
      exchange.reason = "FL_METHOD_NOT_ALLOWED";
      exchange.respond(405, `${ALLOW_LINE}${dateLine()}`, "");
      return true;
    }
    if (method !== "OPTIONS") return false;
    if (path === "*" || (exchange.maxForwardsField >= 0 && forwardsLeft(exchange) === 0)) {
      exchange.respond(204, `${ALLOW_LINE}${dateLine()}`, "");
      return true;
    }
    if (exchange.maxForwardsField >= 0) {
      const left = forwardsLeft(exchange);
      if (left > 0) exchange.request.set("Max-Forwards", String(left - 1));
    }
    return false;
  }

  #resolveClient(exchange: HttpExchange, cache: ConnectionCache): void {
    const { trusted } = cache.listener!;
    const address = clientBehindProxies(exchange.request, (candidate) => trusted.has(candidate));
    const { client } = exchange;
    exchange.client = new ClientBehindProxies(
      address ?? client.address,
      address === null ? client.port : 0,
      client,
    );
    const scheme = forwardedScheme(exchange.request);
    if (scheme !== null) exchange.secure = scheme === "https";
  }

  /** Takes in what the steps need of the body. Returns false when they can go on at once. */
  #collects(exchange: HttpExchange, route: RouteRuntime): boolean {
    if (route.collectAll && exchange.requestLength > route.collectBytes) {
      this.onFail(exchange, "FL_BODY_TOO_LARGE", "");
      return true;
    }
    if (!exchange.collect(route.collectAll ? route.collectBytes + 1 : route.collectBytes))
      return this.#hasCollectedTooMuch(exchange, route);
    exchange.down.writeContinue(exchange);
    exchange.down.resumeRequest(exchange);
    return true;
  }

  #hasCollectedTooMuch(exchange: HttpExchange, route: RouteRuntime): boolean {
    if (!route.collectAll || exchange.bodyBytes!.length <= route.collectBytes) return false;
    this.onFail(exchange, "FL_BODY_TOO_LARGE", "");
    return true;
  }

  onCollected(exchange: HttpExchange): void {
    if (exchange.responseStarted) return;
    const route = exchange.route as RouteRuntime;
    if (!this.#hasCollectedTooMuch(exchange, route)) this.#runSteps(exchange, route);
  }

  #runSteps(exchange: HttpExchange, route: RouteRuntime): void {
    const { steps } = route;
    const { serial } = exchange;
    while (exchange.stepIndex < steps.length) {
      if (
        exchange.stepIndex === route.collectAt &&
        exchange.bodyBytes === null &&
        this.#collects(exchange, route)
      )
        return;
      const step = steps[exchange.stepIndex++]!;
      exchange.stepsEntered = exchange.stepIndex;
      if (step.onRequest === undefined) continue;
      let result: StepResult;
      try {
        result = step.onRequest(exchange);
      } catch (error) {
        if (exchange.serial === serial)
          this.onFail(exchange, "FL_STEP_FAILED", `${step.name}: ${String(error)}`);
        return;
      }
      if (result === WAIT || result === RESPOND || exchange.isAnswered(serial)) return;
    }
    this.#serve(exchange, route);
  }

  onWait(exchange: HttpExchange, delayMs: number): void {
    this.#host.wheel.after(exchange, delayMs);
  }

  onResume(exchange: HttpExchange, result: StepResult): void {
    this.#host.wheel.clear(exchange);
    if (result !== NEXT || exchange.responseStarted) return;
    this.#runSteps(exchange, exchange.route as RouteRuntime);
  }

  #serve(exchange: HttpExchange, route: RouteRuntime): void {
    const { pool } = route;
    if (pool === null) {
      this.#respond(exchange, route);
      return;
    }
    if (
      exchange.upgradeToken !== "" &&
      (exchange.requestLength !== 0 || !route.upgrades.has(exchange.upgradeToken))
    ) {
      exchange.upgradeToken = "";
    }
    if (route.requestStageSteps.length > 0) {
      const { serial } = exchange;
      const stage = this.#stages(exchange, route.requestStageSteps, null);
      if (exchange.isAnswered(serial)) return;
      if (stage !== null) {
        if (stage.keepsLength !== true && exchange.requestLength > 0) {
          exchange.request.remove("content-length");
          exchange.requestLength = UNKNOWN_LENGTH;
        }
        exchange.useRequestStage(stage);
        if (exchange.isAnswered(serial)) return;
      }
    }
    // Without steps the request has come in this very event: the clock need not be read again.
    const now = route.steps.length === 0 ? exchange.startedMs : this.#host.now();
    this.attempts.start(exchange, pool, hashOfRequest(exchange, pool.hashKey), now);
  }

  #respond(exchange: HttpExchange, route: RouteRuntime): void {
    const { target } = route.plan!;
    if (target.kind === "respond") {
      const type = target.content_type === "" ? "" : `Content-Type: ${target.content_type}\r\n`;
      exchange.respond(target.status, `${type}${dateLine()}`, target.body);
    } else {
      const ready = !this.#host.draining;
      const fields = `Content-Type: text/plain; charset=utf-8\r\n${NO_STORE_LINE}${dateLine()}`;
      exchange.respond(ready ? 200 : 503, fields, ready ? "ready\n" : "draining\n");
    }
  }

  /** Gives answers of our own what those of backends get: the request's id, and what steps do to them. */
  onRespond(exchange: HttpExchange, status: number, fields: string): string {
    const route = (exchange.route as RouteRuntime | null) ?? this.runtime.noRoute;
    if (route.forwarding.request_id_in_answers) fields += requestIdLine(exchange);
    const steps = route.answerSteps[exchange.stepsEntered];
    if (steps === undefined || steps.length === 0) return fields;
    const head = localHead(fields);
    if (!this.#runResponseSteps(exchange, steps, status, head)) return fields;
    // What steps say of a site's pages must not let caches keep its errors.
    if (fields.includes(NO_STORE_LINE)) head.set("Cache-Control", "no-store");
    return head.appended;
  }

  /**
   * Shows the head to `steps`. Returns false when one has failed or answered instead: that answer has met those that
   * were left.
   */
  #runResponseSteps(exchange: HttpExchange, steps: readonly Step[], status: number, head: Head): boolean {
    const { serial } = exchange;
    exchange.status = status;
    while (exchange.stepsAnswered < steps.length) {
      const step = steps[exchange.stepsAnswered++]!;
      try {
        step.onResponse!(exchange, head);
      } catch (error) {
        if (exchange.serial === serial)
          this.onFail(exchange, "FL_STEP_FAILED", `${step.name}: ${String(error)}`);
        return false;
      }
      if (exchange.isAnswered(serial)) return false;
    }
    exchange.stepsAnswered = 0;
    return true;
  }

  #writeRequest(exchange: HttpExchange, connection: ClientConnection, upstream: Upstream): void {
    const { host_header } = upstream.pool;
    const { request } = exchange;
    if (host_header !== "pass") {
      request.set("Host", host_header === "backend" ? upstream.connections.authority : host_header.name);
    } else if (exchange.authority === "" && request.find("host") < 0) {
      request.set("Host", upstream.connections.authority);
    }
    let end = connection.beginHead(exchange);
    const cache = exchange.down.planeCache as ConnectionCache;
    if (!cache.trusted) end = writeForwarding(exchange, cache.lines, end);
    connection.finishHead(exchange, end);
  }

  #stages(exchange: HttpExchange, steps: RouteRuntime["steps"], head: Head | null): BodyStage | null {
    if (steps.length === 0) return null;
    const stages: BodyStage[] = [];
    for (const step of steps) {
      const stage = head === null ? step.requestStage!(exchange) : step.responseStage!(exchange, head);
      if (stage !== null) stages.push(stage);
    }
    return joinStages(stages);
  }

  // The way of an answer.

  onResponseHead(exchange: HttpExchange, status: number, head: Head, length: number): void {
    const { attempts } = this;
    attempts.heed(exchange, status);
    if (status !== 101 && attempts.retryStatus(exchange, status)) return;
    attempts.answered(exchange);
    if (authenticatesConnection(exchange, status, head)) attempts.pinConnection(exchange);
    const route = exchange.route as RouteRuntime;
    const { forwarding, responseSteps } = route;
    if (forwarding.request_id_in_answers) {
      head.remove("x-request-id");
      head.appended += requestIdLine(exchange);
    }
    if (head.find("date") < 0) head.appended += dateLine();
    if (forwarding.via) head.appended += VIA_LINE;
    if (responseSteps.length > 0 && !this.#runResponseSteps(exchange, responseSteps, status, head)) return;
    if (status === 101) {
      this.#openEnded(exchange);
      exchange.down.openTunnel(exchange, head);
      return;
    }
    if (route.responseStageSteps.length > 0 && responseBodyLength(exchange.isHead, status, length) !== 0) {
      const stage = this.#stages(exchange, route.responseStageSteps, head);
      exchange.responseStage = stage;
      if (stage !== null && stage.keepsLength !== true && length > 0) {
        head.remove("content-length");
        length = UNKNOWN_LENGTH;
      }
    }
    // A length says that there is an end.
    if (length === UNKNOWN_LENGTH && isEventStream(head)) this.#openEnded(exchange);
    exchange.down.writeHead(exchange, status, head, length);
  }

  onUpgraded(exchange: HttpExchange): void {
    this.#openEnded(exchange);
  }

  #openEnded(exchange: HttpExchange): void {
    const { region, fixed } = this.runtime.counters;
    exchange.openEnded = true;
    addTo(region, fixed.tunnels_open, 1);
  }

  /** A client's connection is gone. */
  clientGone(down: Downstream): void {
    if (down.pinned !== null) unpin(down);
    down.planeCache = null;
  }

  onUpstreamFailed(exchange: HttpExchange, code: ErrorCode, detail: string): void {
    this.attempts.failed(exchange, code, detail);
  }

  onFail(exchange: HttpExchange, code: ErrorCode, detail: string): void {
    if (exchange.done) return;
    exchange.stopWaiting();
    exchange.reason = code;
    exchange.reasonDetail = detail;
    if (exchange.responseStarted) {
      exchange.down.cut(exchange);
      return;
    }
    this.attempts.stop(exchange);
    answerError(exchange, code);
  }

  onDeadline(exchange: HttpExchange): void {
    if (exchange.waiting) this.onFail(exchange, "FL_STEP_TIMEOUT", "");
    else this.attempts.onDeadline(exchange);
  }

  onUpstreamDone(exchange: HttpExchange): void {
    this.attempts.upstreamDone(exchange);
  }

  onDone(exchange: HttpExchange): void {
    const now = this.#host.now();
    this.attempts.done(exchange, now);
    const route = (exchange.route as RouteRuntime | null) ?? this.runtime.noRoute;
    const { region, boundsMs, fixed } = route.counters;
    const { slots } = route;
    const { reason } = exchange;
    if (reason !== "") {
      countError(region, fixed, reason);
      if (exchange.status === 0) exchange.status = ERRORS[reason].status;
    }
    const { bytes } = exchange.request;
    const method = methodIndex(bytes, exchange.methodFrom, exchange.methodTo);
    countRequest(region, slots, method, statusClass(exchange.status));
    observeHistogram(region, slots.http_request_duration_seconds, boundsMs, now - exchange.startedMs);
    addTo(region, slots.http_request_bytes_total, exchange.bytesIn);
    addTo(region, slots.http_response_bytes_total, exchange.bytesOut);
    if (exchange.openEnded) {
      const acting = this.runtime.counters;
      addTo(acting.region, acting.fixed.tunnels_open, -1);
    }
    for (let index = exchange.stepsEntered - 1; index >= 0; index--) route.steps[index]!.onDone?.(exchange);
    if (this.accessLog === null) return;
    exchange.isPrivate = exchange.listenerName === this.runtime.privateListener;
    this.accessLog.write(exchange, now);
  }
}

function requestIdLine({ requestId }: HttpExchange): string {
  return `X-Request-ID: ${requestId}\r\n`;
}

/** Value of Max-Forwards, or -1 when it is no number. */
function forwardsLeft(exchange: HttpExchange): number {
  const value = exchange.request.valueAt(exchange.maxForwardsField);
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : -1;
}
