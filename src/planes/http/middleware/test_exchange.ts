/** Exchanges for tests of steps: a request goes through the real codec, on a socket that only keeps what is written. */
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../../core/defaults.ts";
import type { ErrorCode } from "../../../core/errors.ts";
import {
  NEXT,
  WAIT,
  type Client,
  type Step,
  type StepContext,
  type StepResult,
} from "../../../net/exchange.ts";
import { ServerConnection } from "../../../net/h1/server.ts";
import { Head } from "../../../net/head.ts";
import { ExchangePool, type ExchangeHandler, type HttpExchange } from "../../../net/http_exchange.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { TimerWheel } from "../../../platform/timer_wheel.ts";
import { answerError } from "../answers.ts";
import type { MiddlewarePart } from "./contract.ts";
import { middlewareByName } from "./all.ts";
import { MachineCounts, SHARED_COUNT_NUMBERS } from "./shared_counts.ts";

/** Shared, so that an exchange serves one request after the other as in a worker. */
const wheel = new TimerWheel(new ManualClock());
const exchanges = new ExchangePool();

export interface TestRequest {
  /** Default: `GET`. */
  readonly method?: string;
  /** Default: `/`. */
  readonly target?: string;
  /** Default: `Host: a.example`. */
  readonly fields?: readonly string[];
  readonly body?: string;
  readonly client?: Partial<Client>;
  readonly secure?: boolean;
}

/** What a step made of a request. */
export class TestRun {
  readonly exchange: HttpExchange;
  readonly connection: ServerConnection;
  result: StepResult | null = null;
  /** What the client has received. */
  written = "";
  /** What became of the exchange: by `fail`, and of a wait. */
  failed: ErrorCode | "" = "";
  resumed: StepResult | null = null;
  isDone = false;
  aborted = false;

  constructor(exchange: HttpExchange, connection: ServerConnection) {
    this.exchange = exchange;
    this.connection = connection;
  }

  /** Status of the answer, 0 without one. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.written)?.[1] ?? 0);
  }

  /** First value of a field of the answer, or null. */
  answerField(name: string): string | null {
    return new RegExp(`^${name}: (.*?)\\r$`, "im").exec(this.written)?.[1] ?? null;
  }

  /** The fields that the backend would get, as `Name: value`. */
  get sent(): string[] {
    return this.exchange.request.fields().map(([name, value]) => `${name}: ${value}`);
  }
}

/** Limits and counts of a context, for tests to look at. */
export interface TestContext extends StepContext {
  readonly limits: string[];
  readonly warnings: string[];
  readonly counts: MachineCounts;
}

export function testContext(files: Readonly<Record<string, string>> = {}): TestContext {
  let slots = 0;
  const limits: string[] = [];
  const warnings: string[] = [];
  const states = new Map<string, unknown>();
  const counts = new MachineCounts();
  counts.moveTo({
    limits: new Float64Array(SHARED_COUNT_NUMBERS),
    limitRow: 0,
    limitRows: 1,
    stride: SHARED_COUNT_NUMBERS,
    base: 0,
  });
  return {
    limits,
    warnings,
    counts,
    routeName: "route",
    slot: () => slots++,
    now: () => 0,
    warn: (text) => warnings.push(text),
    readFile(path) {
      const content = files[path];
      if (content === undefined) throw new Error(`${path} was not read`);
      return content;
    },
    limitHit: (limit) => limits.push(limit),
    state<State>(id: string, create: () => State): State {
      if (!states.has(id)) states.set(id, create());
      return states.get(id) as State;
    },
    sharedCounts: counts,
  };
}

/** Makes a step as the program does: from options as a user writes them. */
export function testStep(
  part: MiddlewarePart<never> | MiddlewarePart,
  options: unknown,
  context: StepContext = testContext(),
): Step {
  const parsed = JSON.parse(JSON.stringify(part.schema.parse(options))) as unknown;
  return middlewareByName(part.name)!.create(parsed, context);
}

/** Sends a request up to the step and runs its `onRequest`. */
export function runStep(step: Step, request: TestRequest = {}): TestRun {
  const run = receive(
    request,
    (exchange) => {
      exchange.stepsEntered = 1;
      return step.onRequest?.(exchange) ?? NEXT;
    },
    step,
  );
  return run;
}

/** The step with what it foresees in the place of what it does, so that `runStep` shows that. */
export function foreseeing(step: Step): Step {
  return { name: step.name, onRequest: (exchange) => step.foresee!(exchange).result ?? WAIT };
}

function receive(
  request: TestRequest,
  onRequest: (exchange: HttpExchange) => StepResult,
  step: Step,
): TestRun {
  let run: TestRun | null = null;
  const handler: ExchangeHandler = {
    onRequest(exchange) {
      run = new TestRun(exchange, connection);
      run.written = written;
      run.result = onRequest(exchange);
    },
    onResume(_exchange, result) {
      run!.resumed = result;
    },
    onFail(exchange, code) {
      run!.failed = exchange.reason = code;
      answerError(exchange, code);
    },
    onDone(exchange) {
      run!.isDone = true;
      step.onDone?.(exchange);
    },
    onCollected() {},
    onResponseHead() {},
    onUpstreamFailed() {},
    onWait() {},
    onDeadline() {},
  };
  let written = "";
  const socket = {
    write(bytes: Uint8Array, offset: number, length: number): number {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString("latin1");
      written += text;
      if (run !== null) run.written = written;
      return length;
    },
    pause() {},
    resume() {},
    shutdown() {},
    close() {},
    terminate() {},
  };
  const client: Client = {
    address: "192.0.2.1",
    port: 1_234,
    localPort: 0,
    peerAddress: "192.0.2.1",
    trusted: false,
    ...request.client,
  };
  const connection: ServerConnection = new ServerConnection(
    socket,
    {
      handler,
      wheel,
      exchanges,
      now: () => 0,
      limits: DEFAULT_LIMITS,
      timeouts: DEFAULT_TIMEOUTS,
      draining: false,
      connectionClosed() {},
      limitHit() {},
    },
    {
      client,
      secure: request.secure ?? false,
      listenerName: "web",
      listenerIndex: 0,
      hostRule: null,
      serverName: "",
      tlsVersion: "",
      abortsHalfClosed: false,
    },
  );
  connection.onData(new Uint8Array(Buffer.from(headText(request), "latin1")));
  if (run === null) throw new Error(`the codec refused the request: ${written}`);
  return run;
}

function headText({
  method = "GET",
  target = "/",
  fields = ["Host: a.example"],
  body = "",
}: TestRequest): string {
  return `${[`${method} ${target} HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n${body}`;
}

/** A backend's head with these lines. */
export function responseHead(lines: readonly string[]): Head {
  const head = new Head(0);
  head.appended = lines.map((line) => `${line}\r\n`).join("");
  return head;
}
