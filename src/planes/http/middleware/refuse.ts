import { type ErrorCode, ERRORS } from "../../../core/errors.ts";
import { dateLine, NO_STORE_LINE } from "../../../net/answer_lines.ts";
import type { Exchange, RESPOND } from "../../../net/exchange.ts";
import { answerPage } from "../answers.ts";

/** Answers with the page of an error and further fields, each line of `lines` with its end. */
export function refuse(exchange: Exchange, code: ErrorCode, lines = ""): typeof RESPOND {
  exchange.reason = code;
  return answerPage(exchange, ERRORS[code].status, ERRORS[code].text, lines);
}

/** Ends the request for the reason `code` with another status and without a word about why. */
export function refuseSilently(exchange: Exchange, code: ErrorCode, status: number): typeof RESPOND {
  exchange.reason = code;
  return exchange.respond(status, `${NO_STORE_LINE}${dateLine()}`);
}
