/** Answers of our own to errors: a small page or JSON by Accept, with nothing of our inside. */
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import { REASON_PHRASES } from "../../core/reason_phrases.ts";
import { dateLine, NO_STORE_LINE } from "../../net/answer_lines.ts";
import type { Exchange, RESPOND } from "../../net/exchange.ts";
import { Head } from "../../net/head.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";

/** Statuses after which a client may try again soon. */
const RETRY_AFTER_SECONDS: Readonly<Record<number, number>> = { 429: 1, 503: 1 };

/** A head of our own that holds nothing but the lines `fields`, for steps that change answers. */
export function localHead(fields: string): Head {
  const head = new Head(0);
  head.appended = fields;
  return head;
}

/** Answers with what `code` stands for, or cuts where no answer is possible. */
export function answerError(exchange: HttpExchange, code: ErrorCode): void {
  const { status, text } = ERRORS[code];
  if (status === 0 || status === 499) {
    exchange.down.cut(exchange);
    return;
  }
  answerPage(exchange, status, text);
}

/** Answers with a small page about an error. `lines` are further fields, each with its line end. */
export function answerPage(exchange: Exchange, status: number, text: string, lines = ""): typeof RESPOND {
  const accept = exchange.request.count === 0 ? null : exchange.request.get("accept");
  const { type, body } = errorBody(accept, status, text, exchange.requestId);
  const retryAfter = RETRY_AFTER_SECONDS[status];
  const retry = retryAfter === undefined ? "" : `Retry-After: ${retryAfter}\r\n`;
  const fields = `Content-Type: ${type}\r\n${NO_STORE_LINE}${dateLine()}${retry}${lines}`;
  return exchange.respond(status, fields, body);
}

/** The body of an error answer in the form that the client asks for. */
export function errorBody(
  accept: string | null,
  status: number,
  text: string,
  requestId: string,
): { readonly type: string; readonly body: string } {
  const title = REASON_PHRASES[status] ?? "Error";
  const wanted = accept?.toLowerCase() ?? "";
  if (wanted.includes("json")) {
    return {
      type: "application/json",
      body: `${JSON.stringify({ status, title, detail: text, request_id: requestId })}\n`,
    };
  }
  if (wanted.includes("html")) {
    return {
      type: "text/html; charset=utf-8",
      body: `<!doctype html><html lang="en"><title>${status} ${title}</title><body><h1>${title}</h1><p>${text}</p><p><small>${requestId.replace(/[^0-9A-Za-z_-]/g, "")}</small></p></body></html>\n`,
    };
  }
  return { type: "text/plain; charset=utf-8", body: `${status} ${title}: ${text}\n` };
}
