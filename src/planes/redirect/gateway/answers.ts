/** Answers of the gateway: where to go, or why nobody can say. */
import type { Decision, Location, NoDecision } from "../../../core/redirect/decider.ts";
import { inUrl } from "../../../core/redirect/url.ts";
import { dateLine, NO_STORE_LINE } from "../../../net/answer_lines.ts";
import type { Exchange, RESPOND } from "../../../net/exchange.ts";

import type { FeedbackResult } from "../feedback/reports.ts";

export interface AnswerOptions {
  /** `redirect`: 302 with the place; `locations`: 200 with a list of places. */
  readonly answer: "redirect" | "locations";
  /** `origin`: of a redirect only scheme, host and port, which is what the original gives. */
  readonly location: "full" | "origin";
  /** Tell rule, stack, version and type in fields of their own. */
  readonly answer_headers: boolean;
}

/** Why a request gets no decision, for clients that are programs. */
export type RefusalCode =
  | NoDecision
  | "unknown_application"
  | "no_model"
  | "bad_parameters"
  | "unsupported_media_type"
  | "method_not_allowed"
  | "no_feedback"
  | Exclude<`feedback_${FeedbackResult}`, "feedback_accepted">;

const REFUSALS: Readonly<Record<RefusalCode, { readonly status: number; readonly message: string }>> = {
  unknown_application: { status: 404, message: "there is no such application" },
  no_model: { status: 503, message: "the application has no model yet" },
  no_default_server: { status: 503, message: "the model has no default server" },
  no_host: { status: 503, message: "no host is there" },
  wrong_family: { status: 503, message: "no host has an address of the wanted family" },
  malformed_url: { status: 503, message: "the rule's URL is malformed" },
  bad_parameters: { status: 400, message: "the parameters cannot be read" },
  unsupported_media_type: { status: 415, message: "expected application/json" },
  method_not_allowed: { status: 405, message: "expected GET or POST" },
  no_feedback: { status: 404, message: "the application takes no feedback" },
  feedback_malformed: { status: 400, message: 'expected {"token": "…", "ok": true or false}' },
  feedback_forged: { status: 401, message: "the token is none of this application" },
  feedback_expired: { status: 401, message: "the token is too old" },
  feedback_replayed: { status: 409, message: "the token has been used" },
  feedback_limited: { status: 429, message: "too much feedback" },
};

/** Seconds after which a client should ask again where there is nobody to go to. */
const RETRY_AFTER = "Retry-After: 1\r\n";
/** The same where a client reports too often. */
const RETRY_FEEDBACK = "Retry-After: 60\r\n";
/** A 401 names the scheme (RFC 9110, 11.6.1). */
const AUTHENTICATE = "WWW-Authenticate: Fairlead-Feedback\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";

const LINES_OF_STATUS: Readonly<Record<number, string>> = {
  401: AUTHENTICATE,
  405: "Allow: GET, POST\r\n",
  429: RETRY_FEEDBACK,
  503: RETRY_AFTER,
};

export function answerRefusal(exchange: Exchange, code: RefusalCode, detail = ""): typeof RESPOND {
  const { status, message } = REFUSALS[code];
  const body = `${JSON.stringify({ code, message: detail === "" ? message : `${message}: ${detail}` })}\n`;
  const more = LINES_OF_STATUS[status] ?? "";
  return exchange.respond(status, `${JSON_TYPE}${NO_STORE_LINE}${more}${dateLine()}`, body);
}

export function answerFeedback(exchange: Exchange, result: FeedbackResult): typeof RESPOND {
  if (result !== "accepted") return answerRefusal(exchange, `feedback_${result}`);
  return exchange.respond(204, `${NO_STORE_LINE}${dateLine()}`);
}

export function answerDecision(
  exchange: Exchange,
  decision: Decision,
  options: AnswerOptions,
  version: number,
  feedback: string | null = null,
): typeof RESPOND {
  const told = options.answer_headers ? decisionLines(decision, version) : "";
  const fields = `${NO_STORE_LINE}${told}${dateLine()}`;
  if (options.answer === "locations") {
    const token = feedback === null ? {} : { feedback };
    const body = `${JSON.stringify({ location: decision.locations, ...token })}\n`;
    return exchange.respond(200, `${JSON_TYPE}${fields}`, body);
  }
  const [first] = decision.locations;
  const url = options.location === "full" ? first!.url : originOf(first!);
  const token = feedback === null ? "" : `X-Fairlead-Feedback: ${feedback}\r\n`;
  return exchange.respond(302, `Location: ${visibleAscii(url)}\r\n${token}${fields}`);
}

function originOf({ protocol, destination, port }: Location): string {
  return `${protocol}://${inUrl(destination)}${port === "" ? "" : `:${port}`}`;
}

function decisionLines({ rule, stack, flavor, type }: Decision, version: number): string {
  const lines = [`X-Fairlead-Type: ${type}\r\nX-Fairlead-Version: ${version}\r\n`];
  if (rule !== null) lines.push(`X-Fairlead-Rule: ${visibleAscii(rule)}\r\n`);
  if (stack !== null) lines.push(`X-Fairlead-Stack: ${visibleAscii(`${stack}/${flavor}`)}\r\n`);
  return lines.join("");
}

/** What a field of an answer may hold: everything else is encoded as in URLs. */
function visibleAscii(text: string): string {
  return /^[\x21-\x7e]*$/.test(text)
    ? text
    : text.toWellFormed().replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
}
