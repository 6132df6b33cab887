/**
 * The way of a request through the admin server: host, token, path, method, page of another site, body, operation. What
 * is refused on the way has changed nothing.
 */
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import type { MountedAnswer, MountedService } from "../core/mounted_service.ts";
import { messageOf } from "../core/text/message_of.ts";
import type { Client } from "../net/exchange.ts";
import type { ExchangeHandler, HttpExchange } from "../net/http_exchange.ts";
import type { Clock } from "../platform/clock.ts";
import type { TimerWheel } from "../platform/timer_wheel.ts";
import { expectSameSite, type Access } from "./access.ts";
import { etagOf } from "./etag.ts";
import { admitMounted, isMountedWork, mountAt, type MountedWork } from "./mount.ts";
import type { Answer, Operation } from "./operation.ts";
import type { AdminRequest } from "./request.ts";
import { Paths, type PathMatch } from "./paths.ts";
import { AdminError, PROBLEM_TYPE } from "./problem.ts";
import { expectJson, MAX_BODY_BYTES, readBody, readQuery } from "./request_body.ts";
import type { AdminServices } from "./services.ts";

/** A body must have come within this time; one for a mounted service may be larger. */
const BODY_MS = 10_000;
const MOUNTED_BODY_MS = 60_000;

/** A client with the name that the log gives it. */
export interface AdminClient extends Client {
  readonly name: string;
}

/** A request that is admitted and waits for its body. */
interface Admitted {
  readonly operation: Operation;
  readonly request: Omit<AdminRequest, "body">;
}

export interface AdminHandlerOptions {
  readonly operations: readonly Operation[];
  readonly services: AdminServices;
  readonly mounts: () => readonly MountedService[];
  readonly access: Access;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Tells of a defect. */
  readonly failed: (text: string) => void;
}

export class AdminHandler implements ExchangeHandler {
  /** Changes with a reload. */
  access: Access;
  readonly #paths: Paths;
  readonly #services: AdminServices;
  readonly #mounts: () => readonly MountedService[];
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #failed: (text: string) => void;

  constructor({ operations, services, mounts, access, clock, wheel, failed }: AdminHandlerOptions) {
    this.access = access;
    this.#paths = new Paths(operations);
    this.#services = services;
    this.#mounts = mounts;
    this.#clock = clock;
    this.#wheel = wheel;
    this.#failed = failed;
  }

  onRequest(exchange: HttpExchange): void {
    try {
      if (!this.access.allowsHost(exchange.host)) {
        exchange.reason = "FL_MISDIRECTED";
        throw new AdminError(
          421,
          `the host ${JSON.stringify(exchange.host)} is not known here; expected an IP address, localhost or a name of admin.hosts`,
        );
      }
      const mount = mountAt(this.#mounts(), exchange.path);
      if (mount === null) this.#admitted(exchange);
      else this.#mounted(exchange, mount);
    } catch (error) {
      this.#refuse(exchange, error);
    }
  }

  #mounted(exchange: HttpExchange, mount: MountedService): void {
    const { serial } = exchange;
    void admitMounted(mount, exchange, this.access).then((admission) => {
      if (exchange.isAnswered(serial)) return;
      if ("answer" in admission) this.#answerMounted(exchange, admission.answer);
      else this.#collectMounted(exchange, { admission });
    });
  }

  #collectMounted(exchange: HttpExchange, work: MountedWork): void {
    const { max_bytes: maxBytes } = work.admission;
    exchange.route = work;
    if (exchange.requestLength > maxBytes) this.#refuse(exchange, tooLarge(maxBytes));
    else if (exchange.collect(maxBytes + 1)) this.#awaitBody(exchange, MOUNTED_BODY_MS);
    else this.#workMounted(exchange, work);
  }

  #workMounted(exchange: HttpExchange, { admission }: MountedWork): void {
    const { serial, bodyBytes } = exchange;
    if (bodyBytes!.length > admission.max_bytes) {
      this.#refuse(exchange, tooLarge(admission.max_bytes));
      return;
    }
    void admission.handle(bodyBytes!).then((answer) => {
      if (!exchange.isAnswered(serial)) this.#answerMounted(exchange, answer);
    });
  }

  #answerMounted(exchange: HttpExchange, { status, type, body, fields = "" }: MountedAnswer): void {
    if (type === "") exchange.respond(status, `${this.#commonLines()}${fields}`);
    else this.#send(exchange, status, type, body, fields);
  }

  #admitted(exchange: HttpExchange): void {
    const { path, method } = exchange;
    const found = this.#paths.at(path);
    const { name } = exchange.client as AdminClient;
    if (!found.some(({ operation }) => operation.isOpen === true))
      this.access.admit(exchange.request.getAll("authorization"), name);
    if (found.length === 0) throw new AdminError(404, notFound(path));
    const match = found.find(({ operation }) => operation.method === (method === "HEAD" ? "GET" : method));
    if (match !== undefined) this.#take(exchange, match, name);
    else if (method === "OPTIONS") exchange.respond(204, `${allowLine(found)}${this.#commonLines()}`);
    else throw new AdminError(405, `expected ${allowed(found).join(", ")}`, {}, allowLine(found));
  }

  #take(exchange: HttpExchange, { operation, parameters }: PathMatch, name: string): void {
    // The head is gone when the body is there: what is needed of it is read now.
    const { request: head, startedMs, serial } = exchange;
    const changes = operation.method === "POST";
    if (changes) expectSameSite(head.get("origin"), head.get("sec-fetch-site"), exchange.authority);
    const request = {
      parameters,
      query: operation.ignoresQuery === true ? {} : readQuery(exchange.target, operation.query),
      accept: listOf(head.getAll("accept")),
      ifMatch: listOf(head.getAll("if-match")),
      by: `admin API, ${name}${this.access.needsToken ? ", token" : ""}`,
      askedAt: startedMs,
      isGone: () => exchange.isAnswered(serial),
    };
    if (!changes) {
      this.#run(exchange, operation, { ...request, body: {} });
      return;
    }
    expectJson(head.get("content-type"), exchange.requestLength !== 0);
    if (exchange.requestLength > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    exchange.route = { operation, request } satisfies Admitted;
    if (!exchange.collect(MAX_BODY_BYTES + 1)) {
      this.onCollected(exchange);
      return;
    }
    this.#awaitBody(exchange, BODY_MS);
  }

  #awaitBody(exchange: HttpExchange, limitMs: number): void {
    this.#wheel.after(exchange, limitMs);
    exchange.down.writeContinue(exchange);
    exchange.down.resumeRequest(exchange);
  }

  /** The body is there, or too much of it. */
  onCollected(exchange: HttpExchange): void {
    if (exchange.responseStarted || exchange.done) return;
    this.#wheel.clear(exchange);
    if (isMountedWork(exchange.route)) {
      this.#workMounted(exchange, exchange.route);
      return;
    }
    const { operation, request } = exchange.route as Admitted;
    try {
      const body = readBody(exchange.bodyBytes!, operation.body);
      this.#run(exchange, operation, { ...request, body });
    } catch (error) {
      this.#refuse(exchange, error);
    }
  }

  /** The body has not come in time. */
  onDeadline(exchange: HttpExchange): void {
    if (exchange.responseStarted) return;
    exchange.reason = "FL_BODY_TOO_SLOW";
    this.#refuse(exchange, new AdminError(408, `expected the body within ${bodyMsOf(exchange) / 1_000} s`));
  }

  #run(exchange: HttpExchange, operation: Operation, request: AdminRequest): void {
    const { serial } = exchange;
    const result = operation.handle(request, this.#services);
    if (!(result instanceof Promise)) {
      this.#answer(exchange, result);
      return;
    }
    // The client may be gone by then, and the object serve another request.
    result.then(
      (answer) => {
        if (!exchange.isAnswered(serial)) this.#answer(exchange, answer);
      },
      (error: unknown) => {
        if (!exchange.isAnswered(serial)) this.#refuse(exchange, error);
      },
    );
  }

  #answer(exchange: HttpExchange, answer: Answer): void {
    if ("text" in answer) {
      this.#send(exchange, answer.status, answer.type, answer.text);
      return;
    }
    const etag = answer.isResource === true ? `ETag: ${etagOf(answer.body)}\r\n` : "";
    this.#send(exchange, answer.status, "application/json", `${JSON.stringify(answer.body)}\n`, etag);
  }

  #refuse(exchange: HttpExchange, error: unknown): void {
    if (!(error instanceof AdminError)) this.#failed(messageOf(error));
    const problem =
      error instanceof AdminError ? error : new AdminError(500, "this is a defect; the log says more");
    this.#send(exchange, problem.status, PROBLEM_TYPE, `${JSON.stringify(problem.body)}\n`, problem.fields);
  }

  #send(exchange: HttpExchange, status: number, type: string, body: string | Uint8Array, more = ""): void {
    exchange.respond(status, `Content-Type: ${type}\r\n${this.#commonLines()}${more}`, body);
  }

  #commonLines(): string {
    const date = new Date(this.#clock.wall()).toUTCString();
    return `X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nDate: ${date}\r\n`;
  }

  onFail(exchange: HttpExchange, code: ErrorCode): void {
    if (exchange.done) return;
    const { status, text } = ERRORS[code];
    exchange.reason = code;
    if (exchange.responseStarted || status === 0 || status === 499) exchange.down.cut(exchange);
    else this.#refuse(exchange, new AdminError(status, text, { code }));
  }

  // No operation has a backend or runs steps: the codec calls none of these.
  onResume(): void {}
  onResponseHead(): void {}
  onUpstreamFailed(): void {}
  onWait(): void {}
  onDone(): void {}
}

const tooLarge = (maxBytes: number) => new AdminError(413, `expected a body of at most ${maxBytes} bytes`);

const bodyMsOf = ({ route }: HttpExchange): number => (isMountedWork(route) ? MOUNTED_BODY_MS : BODY_MS);

/** Several fields of one name are one list (RFC 9110 5.3). */
const listOf = (values: readonly string[]): string | null => (values.length === 0 ? null : values.join(", "));

function allowed(found: readonly PathMatch[]): string[] {
  const methods = new Set(found.map(({ operation }) => operation.method));
  return [
    ...(methods.has("GET") ? ["GET", "HEAD"] : []),
    ...(methods.has("POST") ? ["POST"] : []),
    "OPTIONS",
  ];
}

const allowLine = (found: readonly PathMatch[]): string => `Allow: ${allowed(found).join(", ")}\r\n`;

function notFound(path: string): string {
  const hint = path.length > 1 && path.endsWith("/") ? "; expected no slash at the end" : "";
  return `nothing stands at ${JSON.stringify(path)}${hint}`;
}
