/** Answers of the gateway: where to go, or why nobody can say. */
import type { Decision, Location } from "../../../core/redirect/decision.ts";
import { inUrl } from "../../../core/redirect/url.ts";
import { dateLine, NO_STORE_LINE } from "../../../net/answer_lines.ts";
import type { Exchange, RESPOND } from "../../../net/exchange.ts";
import { VERSION_LINE } from "../../../net/websocket/handshake.ts";
import type { FeedbackResult } from "../feedback/reports.ts";
import { refusal, type RefusalCode } from "./refusals.ts";

export interface AnswerOptions {
  /** `redirect`: 302 with the place; `locations`: 200 with a list of places. */
  readonly answer: "redirect" | "locations";
  /** `origin`: of a redirect only scheme, host and port, which is what the original gives. */
  readonly location: "full" | "origin";
  /** Tell rule, stack, version and type in fields of their own. */
  readonly answer_headers: boolean;
}

/** Lines beside those that all refusals have, by status. */
const FURTHER_LINES: Readonly<Record<number, string>> = {
  // It names the scheme (RFC 9110, 11.6.1).
  401: "WWW-Authenticate: Fairlead-Feedback\r\n",
  405: "Allow: GET, POST\r\n",
  426: `Upgrade: websocket\r\n${VERSION_LINE}`,
  // A client reports too often.
  429: "Retry-After: 60\r\n",
  // Seconds after which a client should ask again where there is nobody to go to.
  503: "Retry-After: 1\r\n",
};
const JSON_TYPE = "Content-Type: application/json\r\n";

export function answerRefusal(exchange: Exchange, code: RefusalCode, detail = ""): typeof RESPOND {
  const { status } = refusal(code);
  const fields = `${JSON_TYPE}${NO_STORE_LINE}${FURTHER_LINES[status] ?? ""}${dateLine()}`;
  return exchange.respond(status, fields, `${JSON.stringify(refusal(code, detail).answer)}\n`);
}

export function answerFeedback(exchange: Exchange, result: FeedbackResult): typeof RESPOND {
  if (result !== "accepted") return answerRefusal(exchange, `feedback_${result}`);
  return exchange.respond(204, `${NO_STORE_LINE}${dateLine()}`);
}

/** The decision as JSON, for answers that have no fields to tell the rest. */
export function decisionText(
  { locations, type, rule, stack, flavor }: Decision,
  version: number,
  feedback: string | null,
): string {
  const token = feedback === null ? {} : { feedback };
  return JSON.stringify({ location: locations, type, rule, stack, flavor, version, ...token });
}

/** A list of places. */
export function answerLocations(
  exchange: Exchange,
  decision: Decision,
  options: AnswerOptions,
  version: number,
  feedback: string | null,
): typeof RESPOND {
  const told = options.answer_headers ? decisionLines(decision, version) : "";
  const token = feedback === null ? {} : { feedback };
  const body = `${JSON.stringify({ location: decision.locations, ...token })}\n`;
  return exchange.respond(200, `${JSON_TYPE}${NO_STORE_LINE}${told}${dateLine()}`, body);
}

/** A redirect with what `redirectFields` has made. */
export function answerRedirect(exchange: Exchange, fields: string, feedback: string | null): typeof RESPOND {
  return exchange.respond(302, feedback === null ? fields : `X-Fairlead-Feedback: ${feedback}\r\n${fields}`);
}

/** The fields of a redirect but for its Date. */
export function redirectFields(decision: Decision, options: AnswerOptions, version: number): string {
  const [first] = decision.locations;
  const url = options.location === "full" ? first!.url : originOf(first!);
  const told = options.answer_headers ? decisionLines(decision, version) : "";
  return `Location: ${visibleAscii(url)}\r\n${NO_STORE_LINE}${told}`;
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
export function visibleAscii(text: string): string {
  return /^[\x21-\x7e]*$/.test(text)
    ? text
    : text.toWellFormed().replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
}
