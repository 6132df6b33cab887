/** Targets that name the server too (RFC 9112 3.2.2). */
import type { ErrorCode } from "../../core/errors.ts";
import type { Head } from "../head.ts";
import type { HttpExchange } from "../http_exchange.ts";
import { latin1Bytes } from "./bytes.ts";
import { isAuthority, routingHost } from "./framing.ts";
import { validPercents } from "./parse.ts";

/**
 * `http://host/path`: the authority of the target wins over the Host field, and what goes on is the origin form. Returns
 * why the target is refused, or null.
 */
export function takeAbsoluteForm(exchange: HttpExchange, head: Head): ErrorCode | null {
  const match = /^https?:\/\/([^/?]*)(.*)$/is.exec(exchange.target);
  if (match === null) return "FL_BAD_TARGET";
  const authority = match[1]!;
  if (authority === "" || authority.includes("@") || !isAuthority(authority)) return "FL_BAD_TARGET";
  const rest = match[2]!;
  // A URI without a path is the whole server to OPTIONS (RFC 9112 3.2.4).
  const wholeServer = rest === "" && exchange.method === "OPTIONS";
  const path = wholeServer ? "*" : rest.startsWith("/") ? rest : `/${rest}`;
  const pathBytes = latin1Bytes(path.split("?")[0]!);
  if (!validPercents(pathBytes, 0, pathBytes.length)) return "FL_BAD_TARGET";
  const authorityAt = exchange.targetFrom + exchange.target.indexOf("//") + 2;
  exchange.hostFrom = authorityAt;
  exchange.hostTo = authorityAt + authority.length;
  exchange.target = path;
  exchange.authority = authority;
  exchange.host = routingHost(authority);
  head.remove("host");
  head.add("Host", authority);
  exchange.hostField = -1;
  return null;
}
