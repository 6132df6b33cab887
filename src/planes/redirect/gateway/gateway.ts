/**
 * The gateway in a worker: what it knows of each application, and the step that answers clients. A new model or other hosts are one
 * assignment, so every decision is of exactly one version.
 */
import type { Decider } from "../../../core/redirect/decider.ts";
import { type BodyUse, type Exchange, NEXT, type Step, type StepResult } from "../../../net/exchange.ts";
import { dateLine, NO_STORE_LINE } from "../../../net/answer_lines.ts";
import type { AppFeedback } from "../feedback/app_feedback.ts";
import { answerDecision, answerFeedback, type AnswerOptions, answerRefusal } from "./answers.ts";
import { isJsonType, readBodyParameters } from "./body_parameters.ts";
import { ClientParameters, type TrustedSources } from "./client_parameters.ts";

export const DECISION_PATH = "/serviceDirect/";
/** Behind the name of an application. */
export const FEEDBACK_PATH = "/feedback";
export const HEALTH_PATH = "/healthCheck";

/** Bytes of the largest body that a client may send. */
export const MAX_BODY_BYTES = 65_536;

export interface GatewayApp {
  /** Null while no model is known: clients are told to come again. */
  readonly decider: Decider | null;
  /** Of the model. */
  readonly version: number;
  readonly options: AnswerOptions;
  /** Null where clients may not say how they fared. */
  readonly feedback: AppFeedback | null;
}

export interface GatewayState {
  readonly apps: ReadonlyMap<string, GatewayApp>;
  readonly trusted: TrustedSources;
}

export class Gateway {
  #state: GatewayState = { apps: new Map(), trusted: new Map() };
  #parameters = new ClientParameters(this.#state.trusted);

  /** Another state acts from the next request on. */
  setState(state: GatewayState): void {
    if (state.trusted !== this.#state.trusted) this.#parameters = new ClientParameters(state.trusted);
    this.#state = state;
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
    if (path.startsWith(DECISION_PATH))
      return this.#decide(exchange, path.slice(DECISION_PATH.length), takesBody);
    if (path === HEALTH_PATH) return this.#health(exchange);
    return NEXT;
  }

  #decide(exchange: Exchange, name: string, takesBody: boolean): StepResult {
    const app = this.#state.apps.get(nameOf(name));
    if (app === undefined && takesBody && name.endsWith(FEEDBACK_PATH)) return this.#feedback(exchange, name);
    if (app === undefined) return answerRefusal(exchange, "unknown_application");
    if (app.decider === null) return answerRefusal(exchange, "no_model");
    if (!takesBody) return this.#decideWith(exchange, app, app.decider, null);
    if (!isJsonType(exchange.request.get("content-type")))
      return answerRefusal(exchange, "unsupported_media_type");
    const read = readBodyParameters(exchange.bodyBytes!);
    if ("problem" in read) return answerRefusal(exchange, "bad_parameters", read.problem);
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
    { version, options, feedback }: GatewayApp,
    decider: Decider,
    body: ReadonlyMap<string, string> | null,
  ): StepResult {
    const parameters = this.#parameters;
    parameters.begin(exchange, body);
    const decision = decider.decide(parameters.context);
    parameters.end();
    if (typeof decision === "string") return answerRefusal(exchange, decision);
    return answerDecision(exchange, decision, options, version, feedback?.token(decision) ?? null);
  }

  /** Ready as soon as one application can be decided for. */
  #health(exchange: Exchange): StepResult {
    const isReady = [...this.#state.apps.values()].some(({ decider }) => decider !== null);
    const fields = `Content-Type: text/plain\r\n${NO_STORE_LINE}${dateLine()}`;
    return exchange.respond(isReady ? 200 : 503, fields, isReady ? "OK" : "no model yet");
  }
}

function nameOf(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
