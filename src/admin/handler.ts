/** What the admin server answers. Nothing here changes anything: two pages that are read. */
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import type { ExchangeHandler, HttpExchange } from "../net/http_exchange.ts";
import { EXPOSITION_FORMATS, expositionFor, type ExpositionFormat } from "../observe/exposition_format.ts";
import type { Clock } from "../platform/clock.ts";
import type { TimerWheel } from "../platform/timer_wheel.ts";
import { isAdminHost } from "./address.ts";
import { healthStatus, type HealthReport } from "./health.ts";
import { RestedText } from "./rested.ts";

/** What the pages show. */
export interface AdminPages {
  /** All metrics in a format. */
  metrics(format: ExpositionFormat): string;
  health(): HealthReport;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type PageName = "/health" | "/metrics";

const PLAIN = "text/plain; charset=utf-8";
const ALLOWED_METHODS: readonly string[] = ["GET", "HEAD"];

export class AdminHandler implements ExchangeHandler {
  readonly #pages: AdminPages;
  readonly #metrics: ReadonlyMap<ExpositionFormat, RestedText>;
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  /** A name from outside leads to a unix socket by no way. */
  readonly #checksHost: boolean;

  constructor(pages: AdminPages, clock: Clock, wheel: TimerWheel, checksHost: boolean) {
    this.#pages = pages;
    this.#metrics = new Map(
      EXPOSITION_FORMATS.map((format) => [format, new RestedText(() => pages.metrics(format), clock)]),
    );
    this.#clock = clock;
    this.#wheel = wheel;
    this.#checksHost = checksHost;
  }

  onRequest(exchange: HttpExchange): void {
    if (this.#checksHost && !isAdminHost(exchange.host)) {
      this.onFail(exchange, "FL_MISDIRECTED");
      return;
    }
    const { path } = exchange;
    if (path !== "/health" && path !== "/metrics") {
      this.#answer(exchange, { status: 404, type: PLAIN, body: "here are /health and /metrics\n" });
    } else if (ALLOWED_METHODS.includes(exchange.method)) {
      this.#show(exchange, path);
    } else {
      const body = `${ERRORS.FL_METHOD_NOT_ALLOWED.text}\n`;
      this.#answer(exchange, { status: 405, type: PLAIN, body }, `Allow: ${ALLOWED_METHODS.join(", ")}\r\n`);
    }
  }

  #show(exchange: HttpExchange, name: PageName): void {
    if (name === "/health") {
      const report = this.#pages.health();
      const body = `${JSON.stringify(report)}\n`;
      this.#answer(exchange, { status: healthStatus(report), type: "application/json", body });
      return;
    }
    const askedAt = exchange.startedMs;
    const format = expositionFor(exchange.request.get("accept"));
    const metrics = this.#metrics.get(format)!;
    const wait = metrics.waitMs(askedAt);
    if (wait > 0) this.#wheel.after(exchange, wait);
    else this.#answer(exchange, { status: 200, type: format.contentType, body: metrics.text(askedAt) });
  }

  /** The rest that `/metrics` had to wait for is over. */
  onDeadline(exchange: HttpExchange): void {
    this.#show(exchange, "/metrics");
  }

  #answer(exchange: HttpExchange, { status, type, body }: Page, more = ""): void {
    const date = new Date(this.#clock.wall()).toUTCString();
    const fields = `Content-Type: ${type}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nDate: ${date}\r\n`;
    exchange.respond(status, `${fields}${more}`, body);
  }

  onFail(exchange: HttpExchange, code: ErrorCode): void {
    if (exchange.done) return;
    const { status, text } = ERRORS[code];
    exchange.reason = code;
    if (exchange.responseStarted || status === 0 || status === 499) exchange.down.cut(exchange);
    else this.#answer(exchange, { status, type: PLAIN, body: `${text}\n` });
  }

  // No page has a backend, reads a body or runs steps: the codec calls none of these.
  onResume(): void {}
  onCollected(): void {}
  onResponseHead(): void {}
  onUpstreamFailed(): void {}
  onWait(): void {}
  onDone(): void {}
}
