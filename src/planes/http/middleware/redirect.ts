/** Answers that send a client elsewhere. */
import { dateLine } from "../../../net/answer_lines.ts";
import type { Exchange, RESPOND } from "../../../net/exchange.ts";

/**
 * Sends the client to `location`, which holds visible ASCII alone. GET gets 301 or 302; other methods get 308 or 307,
 * which do not let the client turn them into a GET (RFC 9110 15.4).
 */
export function redirect(exchange: Exchange, location: string, permanent: boolean): typeof RESPOND {
  const isGet = exchange.method === "GET";
  const status = permanent ? (isGet ? 301 : 308) : isGet ? 302 : 307;
  return exchange.respond(status, `Location: ${location}\r\n${dateLine()}`);
}

/** The whole URL that the client asked for, as far as it is known: `https://host:port/path?query`. */
export function requestUrl(exchange: Exchange): string {
  return `${exchange.secure ? "https" : "http"}://${exchange.authority}${exchange.target}`;
}

const PORT = /:\d*$/;

/** An authority without its port; brackets of IPv6 addresses stay. The codec has checked it. */
export function withoutPort(authority: string): string {
  return authority.replace(PORT, "");
}
