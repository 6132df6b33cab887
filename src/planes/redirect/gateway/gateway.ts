/**
 * The gateway in a worker: what it knows of each application, and the step that answers clients. A new model or other hosts are one
 * assignment, so every decision is of exactly one version.
 */
import { acceptance } from "../../../core/redirect/checks/acceptance.ts";
import type { Decider } from "../../../core/redirect/decider.ts";
import type { Decision, NoDecision } from "../../../core/redirect/decision.ts";
import { type BodyUse, type Exchange, NEXT, type Step, type StepResult } from "../../../net/exchange.ts";
import { dateLine, NO_STORE_LINE } from "../../../net/answer_lines.ts";
import { webSocketHandshake } from "../../../net/websocket/handshake.ts";
import {
  answerFeedback,
  answerLocations,
  answerRedirect,
  answerRefusal,
  decisionText,
  redirectFields,
} from "./answers.ts";
import { isJsonType, readBodyParameters, readParameters } from "./body_parameters.ts";
import { ClientParameters, type TrustedSources } from "./client_parameters.ts";
import { DecisionSocket, type DecisionSocketHost } from "./decision_socket.ts";
import { GatewayCounts, NO_APPLICATION } from "./gateway_counts.ts";
import { refusal, type RefusalCode } from "./refusals.ts";
import type { GatewayApp } from "./gateway_app.ts";
import { SharedAnswer } from "./shared_answer.ts";
import { SessionTraces } from "./session_traces.ts";
import { versionFacts, versionPage } from "./version_page.ts";

export const DECISION_PATH = "/serviceDirect/";
/** Behind the name of an application. */
export const FEEDBACK_PATH = "/feedback";
export const HEALTH_PATH = "/healthCheck";
export const VERSION_PATH = "/version";

const FACTS = versionFacts("redirectorGateway");
const WEBSOCKET = "websocket";
const READING_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Bytes of the largest body that a client may send. */
export const MAX_BODY_BYTES = 65_536;

export interface GatewayState {
  readonly apps: ReadonlyMap<string, GatewayApp>;
  readonly trusted: TrustedSources;
  /** So many are kept at most; 0 = requests are not traced. */
  readonly traced_sessions: number;
}

/** What a gateway needs of the program around it. */
export interface GatewayHost extends Pick<DecisionSocketHost, "later" | "after"> {
  /** Milliseconds since 1970-01-01 UTC. */
  wall(): number;
}

export class Gateway {
  #state: GatewayState = { apps: new Map(), trusted: new Map(), traced_sessions: 0 };
  #parameters = new ClientParameters(this.#state.trusted);
  /** The application of the path of an earlier request: many ask for the same. */
  #knownPath = "";
  #knownApp: GatewayApp | null = null;
  readonly counts = new GatewayCounts();
  /** Null = requests are not traced. */
  traces: SessionTraces | null = null;
  readonly #host: GatewayHost;
  readonly #sockets = new Set<DecisionSocket>();
  #isDraining = false;

  constructor(host: GatewayHost) {
    this.#host = host;
  }

  /** Another state acts from the next request on. */
  setState(state: GatewayState): void {
    if (state.trusted !== this.#state.trusted) this.#parameters = new ClientParameters(state.trusted);
    const { traced_sessions } = state;
    if (traced_sessions === 0) this.traces = null;
    else if (this.traces === null) this.traces = new SessionTraces(traced_sessions);
    else this.traces.most = traced_sessions;
    this.#state = state;
    this.#knownApp = null;
  }

  /** The step for requests without a body, or with one that is taken in as a whole. */
  step(takesBody: boolean): Step {
    const body: { readonly body?: BodyUse } = takesBody
      ? { body: { kind: "buffer", bytes: MAX_BODY_BYTES } }
      : {};
    return { name: "redirect", ...body, onRequest: (exchange) => this.#answer(exchange, takesBody) };
  }

  #answer(exchange: Exchange, takesBody: boolean): StepResult {
    const path = exchange.matchPath;
    const known = path === this.#knownPath ? this.#knownApp : null;
    if (known !== null) return this.#decideFor(exchange, known, takesBody);
    if (path.startsWith(DECISION_PATH))
      return this.#decide(exchange, path.slice(DECISION_PATH.length), takesBody);
    if (path === HEALTH_PATH) return this.#health(exchange);
    if (path === VERSION_PATH) return answerVersion(exchange);
    return NEXT;
  }

  #decide(exchange: Exchange, name: string, takesBody: boolean): StepResult {
    const app = this.#state.apps.get(nameOf(name));
    if (app === undefined && takesBody && name.endsWith(FEEDBACK_PATH)) return this.#feedback(exchange, name);
    if (app === undefined) return this.#refuse(exchange, null, "unknown_application");
    this.#knownPath = exchange.matchPath;
    this.#knownApp = app;
    return this.#decideFor(exchange, app, takesBody);
  }

  #decideFor(exchange: Exchange, app: GatewayApp, takesBody: boolean): StepResult {
    if (!takesBody && !READING_METHODS.has(exchange.method))
      return this.#refuse(exchange, app, "method_not_allowed");
    if (app.decider === null) return this.#refuse(exchange, app, "no_model");
    if (exchange.upgradeToken === WEBSOCKET && exchange.method === "GET")
      return this.#openSocket(exchange, app);
    if (!takesBody) return this.#decideWith(exchange, app, app.decider, null);
    if (!isJsonType(exchange.request.get("content-type")))
      return this.#refuse(exchange, app, "unsupported_media_type");
    const read = readBodyParameters(exchange.bodyBytes!);
    if ("problem" in read) return this.#refuse(exchange, app, "bad_parameters", read.problem);
    return this.#decideWith(exchange, app, app.decider, read.values);
  }

  #feedback(exchange: Exchange, name: string): StepResult {
    const app = this.#state.apps.get(nameOf(name.slice(0, -FEEDBACK_PATH.length)));
    if (app === undefined) return answerRefusal(exchange, "unknown_application");
    if (app.feedback === null) return answerRefusal(exchange, "no_feedback");
    return answerFeedback(exchange, app.feedback.take(exchange.client.address, exchange.bodyBytes!));
  }

  #decideWith(
    exchange: Exchange,
    app: GatewayApp,
    decider: Decider,
    body: ReadonlyMap<string, string> | null,
  ): StepResult {
    const decision = this.#decision(exchange, app, decider, body);
    if (typeof decision === "string") return this.#refuse(exchange, app, decision);
    const { options, version } = app;
    const shared = SharedAnswer.of(app, decision);
    this.counts.decided(app.name, decision);
    exchange.decider = app;
    exchange.decision = shared === null ? decision : shared.logged;
    const token = app.feedback?.token(decision) ?? null;
    if (options.answer === "locations") return answerLocations(exchange, decision, options, version, token);
    const date = dateLine();
    const fields = shared === null ? redirectFields(decision, options, version) + date : shared.fields(date);
    return answerRedirect(exchange, fields, token);
  }

  #decision(
    exchange: Exchange,
    app: GatewayApp,
    decider: Decider,
    body: ReadonlyMap<string, string> | null,
  ): Decision | NoDecision {
    const parameters = this.#parameters;
    parameters.begin(exchange, body);
    const decision = decider.decide(parameters.context);
    this.traces?.add(app, parameters.context, decision, this.#host.wall());
    parameters.end();
    const dropped = parameters.takeDropped();
    if (dropped > 0) this.counts.dropped(dropped);
    return decision;
  }

  // Decisions over WebSockets.

  #openSocket(exchange: Exchange, app: GatewayApp): StepResult {
    if (this.#isDraining) return this.#refuse(exchange, app, "draining");
    const handshake = webSocketHandshake((name) => exchange.request.get(name));
    if ("problem" in handshake)
      return this.#refuse(
        exchange,
        app,
        handshake.problem === "key" ? "bad_handshake" : "wrong_websocket_version",
      );
    const socket = new DecisionSocket(exchange, {
      maxMessageBytes: MAX_BODY_BYTES,
      answer: (asking, message) => this.#answerMessage(asking, app.name, message),
      later: this.#host.later,
      after: this.#host.after,
      closed: (one) => this.#sockets.delete(one),
    });
    this.#sockets.add(socket);
    return exchange.upgrade(`${handshake.fields}${dateLine()}`, socket);
  }

  /** `name`: the application may have another model by now, or be gone. */
  #answerMessage(exchange: Exchange, name: string, message: string): string {
    const app = this.#state.apps.get(name);
    const refused = (code: RefusalCode, detail = ""): string => {
      this.counts.refused(app === undefined ? NO_APPLICATION : name, code);
      return JSON.stringify(refusal(code, detail).answer);
    };
    if (app === undefined) return refused("unknown_application");
    if (app.decider === null) return refused("no_model");
    const read = readParameters(message);
    if ("problem" in read) return refused("bad_parameters", read.problem);
    const decision = this.#decision(exchange, app, app.decider, read.values);
    if (typeof decision === "string") return refused(decision);
    this.counts.decided(name, decision);
    return decisionText(decision, app.version, app.feedback?.token(decision) ?? null);
  }

  /** Clients of WebSockets are told to go elsewhere, and new ones are refused. */
  drain(): void {
    this.#isDraining = true;
    for (const socket of [...this.#sockets]) socket.drain();
  }

  #refuse(exchange: Exchange, app: GatewayApp | null, code: RefusalCode, detail = ""): StepResult {
    this.counts.refused(app?.name ?? NO_APPLICATION, code);
    exchange.decider = app;
    exchange.decision = code;
    return answerRefusal(exchange, code, detail);
  }

  /** Ready as soon as one application has a model that can be used: its default server leads somewhere. */
  #health(exchange: Exchange): StepResult {
    const isReady = [...this.#state.apps.values()].some(({ decider }) => isUsable(decider));
    const fields = `Content-Type: text/plain\r\n${NO_STORE_LINE}${dateLine()}`;
    return exchange.respond(isReady ? 200 : 503, fields, isReady ? "OK" : "no usable model yet");
  }
}

function isUsable(decider: Decider | null): boolean {
  return decider !== null && acceptance(decider.model, decider.stacks, 1).code === "SUCCESS";
}

function answerVersion(exchange: Exchange): StepResult {
  const accepted = exchange.request.getAll("accept");
  const page = versionPage(FACTS, accepted.length === 0 ? null : accepted.join(","));
  const fields = `Content-Type: ${page.content_type}\r\nVary: Accept\r\n${NO_STORE_LINE}${dateLine()}`;
  return exchange.respond(200, fields, page.text);
}

function nameOf(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
