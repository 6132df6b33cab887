/** What a keyed strategy hashes of a request. A request that lacks the key is spread by its client's address. */
import { queryValue } from "../../core/rules/query.ts";
import type { HashKey } from "../../core/schema/hash_key.ts";
import { hashText } from "../../core/strategies/hash.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";

/** The unsigned 32-bit hash of the request's key, 0 for a strategy without one. */
export function hashOfRequest(exchange: HttpExchange, key: HashKey | null): number {
  if (key === null) return 0;
  return hashText(keyText(exchange, key) ?? exchange.client.address);
}

/** The text of the key in the request, null when it lacks the key. */
export function keyText(exchange: HttpExchange, key: HashKey): string | null {
  switch (key.kind) {
    case "address":
      return exchange.client.address;
    case "path":
      return exchange.matchPath;
    case "header":
      return exchange.request.get(key.name);
    case "cookie":
      return cookieValue(exchange.request.getAll("cookie"), key.name);
    case "query":
      return queryValue(exchange.target, key.name);
  }
}

/** The first cookie with this name (RFC 6265 5.4), or null. */
export function cookieValue(lines: readonly string[], name: string): string | null {
  for (const line of lines) {
    for (const pair of line.split(";")) {
      const equals = pair.indexOf("=");
      if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
    }
  }
  return null;
}
