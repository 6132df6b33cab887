/**
 * A plane that decides about one request as the real one does, by the same code, and tells what it saw. It acts on copies
 * of what a request could leave a trace in: counters, queues, the picker and the steps that keep something.
 */
import type { ExplainedMiddleware } from "../../../core/explain/answer.ts";
import type { ErrorCode } from "../../../core/errors.ts";
import type { MatchRequest } from "../../../core/rules/request.ts";
import { queryOf } from "../../../core/rules/query.ts";
import { PlainRequest } from "../../../core/rules/plain_request.ts";
import { matchPath } from "../../../core/text/path.ts";
import { NEXT, RESPOND, type Client, type Foreseen, type Step } from "../../../net/exchange.ts";
import type { HttpExchange } from "../../../net/http_exchange.ts";
import { HttpPlane, type PlaneHost } from "../plane.ts";
import { keyText } from "../request_key.ts";
import type { Router } from "../router/router.ts";
import type { PlaneRuntime, PoolRuntime, RouteRuntime } from "../runtime.ts";

/** An answer that Fairlead would give by itself. */
export interface LocalAnswer {
  readonly status: number;
  readonly code: ErrorCode | null;
  readonly detail: string;
  readonly location: string | null;
}

/** What is asked of the pool. */
export interface PoolQuestion {
  readonly pool: PoolRuntime;
  readonly hash: number;
  readonly hashText: string | null;
  readonly method: string;
  readonly target: string;
  readonly authority: string;
}

/** The request as it was understood. */
interface Understood {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly path: string;
}

export class Witness extends HttpPlane {
  /** Null: the request was refused before. */
  understood: Understood | null = null;
  /** Who the client was taken for when a route was looked for; null: none was. */
  client: Pick<Client, "address"> | null = null;
  secure: boolean;
  /** What rules were asked about; null: no route was looked for. */
  asked: MatchRequest | null = null;
  /** Index of the route, -1 = none. */
  routeIndex = -1;
  readonly middlewares: ExplainedMiddleware[] = [];
  answer: LocalAnswer | null = null;
  poolQuestion: PoolQuestion | null = null;

  readonly #acting: PlaneRuntime;
  #exchange: HttpExchange | null = null;

  /** `acting` is looked at and not changed. */
  constructor(host: PlaneHost, acting: PlaneRuntime, secure: boolean) {
    super(host);
    this.#acting = acting;
    this.secure = secure;
    this.runtime = this.#copyOf(acting);
  }

  override onRequest(exchange: HttpExchange): void {
    this.#exchange = exchange;
    const { method, target, host, path } = exchange;
    this.understood = { method, target, host, path: matchPath(path) ?? path };
    super.onRequest(exchange);
  }

  override onRespond(exchange: HttpExchange, status: number, fields: string): string {
    const lines = super.onRespond(exchange, status, fields);
    // Once the pool has been asked, what the copy answers is not what the real one would.
    if (this.poolQuestion !== null || exchange.responseStarted) return lines;
    const { reason, reasonDetail } = exchange;
    const location = /^location: (.*)\r$/im.exec(lines)?.[1] ?? null;
    this.answer = { status, code: reason === "" ? null : reason, detail: reasonDetail, location };
    return lines;
  }

  #copyOf(acting: PlaneRuntime): PlaneRuntime {
    const { counters } = acting;
    const scratch = { ...counters, region: new Float64Array(counters.region.length) };
    const routes: RouteRuntime[] = [];
    const found = (index: number, request: MatchRequest): number => {
      this.#noteRoute(index, request);
      if (index < 0) return -1;
      routes[0] = this.#copyOfRoute(acting.routes[index]!, scratch);
      return 0;
    };
    const forHost = (host: string) => {
      const table = acting.router.forHost(host);
      return { find: (request: MatchRequest) => found(table.find(request), request) };
    };
    return {
      ...acting,
      counters: scratch,
      router: { forHost } as unknown as Router,
      routes,
      noRoute: { ...acting.noRoute, counters: scratch },
    };
  }

  #noteRoute(index: number, request: MatchRequest): void {
    const exchange = this.#exchange!;
    this.routeIndex = index;
    this.client = { address: exchange.client.address };
    this.secure = exchange.secure;
    this.asked = copyOf(request, exchange);
  }

  #copyOfRoute(route: RouteRuntime, counters: RouteRuntime["counters"]): RouteRuntime {
    const names = namesOf(route);
    const isTooLarge = route.collectAll && this.#exchange!.requestLength > route.collectBytes;
    return {
      ...route,
      counters,
      pool: route.pool === null ? null : this.#copyOfPool(route.pool, counters),
      steps: route.steps.map((step, index) => this.#copyOfStep(step, names[index]!)),
      responseSteps: [],
      answerSteps: route.answerSteps.map((steps) => steps.filter(({ pure }) => pure === true)),
      requestStageSteps: [],
      responseStageSteps: [],
      // There is no body to wait for.
      collectAt: isTooLarge ? route.collectAt : -1,
    };
  }

  /** A step in the place of `step` that leaves no trace. */
  #copyOfStep(step: Step, name: string): Step {
    const { name: kind, stage = "rewrite" } = step;
    const entry = {
      name,
      kind,
      stage,
      verdict: "not_reached",
      effects: [],
      detail: "",
    } as ExplainedMiddleware;
    this.middlewares.push(entry);
    return {
      name: kind,
      stage,
      onRequest(exchange) {
        const before = stateOf(exchange as HttpExchange);
        const { serial } = exchange as HttpExchange;
        // Also when it throws: the plane answers then.
        entry.verdict = "answers";
        const { result, detail } = foreseen(step, exchange as HttpExchange);
        const answers = result === RESPOND || (exchange as HttpExchange).isAnswered(serial);
        entry.verdict = result === null ? "unknown" : answers ? "answers" : "passes";
        entry.detail = detail;
        if (!answers) entry.effects = changes(before, stateOf(exchange as HttpExchange));
        return result ?? NEXT;
      },
    };
  }

  #copyOfPool(pool: PoolRuntime, counters: RouteRuntime["counters"]): PoolRuntime {
    return {
      ...pool,
      counters,
      state: { acting: null, queue: [], active: 0, retrying: 0, isServed: false, slowStart: null },
      upstreams: [],
      picker: {
        pick: (hash) => {
          this.#notePool(pool, hash);
          return null;
        },
      },
    };
  }

  #notePool(pool: PoolRuntime, hash: number): void {
    const exchange = this.#exchange!;
    const { method, target, authority } = exchange;
    const hashText =
      pool.hashKey === null ? null : (keyText(exchange, pool.hashKey) ?? exchange.client.address);
    this.poolQuestion = {
      pool: this.#acting.pools.get(pool.plan.name)!,
      hash,
      hashText,
      method,
      target,
      authority,
    };
  }
}

function foreseen(step: Step, exchange: HttpExchange): Foreseen {
  if (step.onRequest === undefined) return { result: NEXT, detail: "" };
  if (step.pure === true) {
    const result = step.onRequest(exchange);
    return { result, detail: result === RESPOND ? exchange.reasonDetail : "" };
  }
  return step.foresee?.(exchange) ?? { result: null, detail: "" };
}

/** Names of the steps of a route in the order of the steps: those of one kind keep the order of the list. */
function namesOf({ plan, steps }: RouteRuntime): string[] {
  const left = [...(plan?.middlewares ?? [])];
  return steps.map(({ name }) => {
    const at = left.findIndex(({ kind }) => kind === name);
    return at < 0 ? name : left.splice(at, 1)[0]!.name;
  });
}

/** The request for a time after the event: bytes of the codec do not last longer. */
function copyOf(request: MatchRequest, exchange: HttpExchange): MatchRequest {
  const { host, path, listener, clientAddress } = request;
  const { method } = exchange;
  const query = queryOf(exchange.target);
  return new PlainRequest({
    host,
    path,
    method,
    listener,
    clientAddress,
    headers: exchange.request.fields(),
    query,
  });
}

interface RequestState {
  readonly target: string;
  readonly user: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

function stateOf({ target, user, request }: HttpExchange): RequestState {
  return { target, user, fields: request.fields() };
}

/** What differs, in words. Values of fields may be secrets, and are left out. */
function changes(before: RequestState, after: RequestState): string[] {
  const found: string[] = [];
  if (before.target !== after.target) found.push(`target ${before.target} -> ${after.target}`);
  if (before.user !== after.user) found.push(`user ${after.user}`);
  const [old, now] = [valuesByName(before), valuesByName(after)];
  for (const name of now.keys())
    if (!old.has(name)) found.push(`sets ${name}`);
    else if (old.get(name) !== now.get(name)) found.push(`changes ${name}`);
  for (const name of old.keys()) if (!now.has(name)) found.push(`removes ${name}`);
  return found;
}

function valuesByName({ fields }: RequestState): Map<string, string> {
  const values = new Map<string, string>();
  for (const [written, value] of fields) {
    const name = written.toLowerCase();
    values.set(name, `${values.get(name) ?? ""}\n${value}`);
  }
  return values;
}
