/** A request as rules see it: one object per worker, pointed at one exchange after the other. */
import { parseQuery, queryOf } from "../../core/rules/query.ts";
import type { MatchRequest } from "../../core/rules/request.ts";
import type { HttpExchange } from "../../net/http_exchange.ts";

const NO_PAIRS: readonly string[] = [];

export class RequestView implements MatchRequest {
  host = "";
  path = "";
  listener = "";
  clientAddress = "";
  #exchange: HttpExchange | null = null;

  /** `path` in normal form. Valid until the next call. */
  show(exchange: HttpExchange, path: string): this {
    this.#exchange = exchange;
    this.host = exchange.host;
    this.path = path;
    this.listener = exchange.listenerName;
    this.clientAddress = exchange.client.address;
    return this;
  }

  get method(): string {
    return this.#exchange?.method ?? "";
  }

  header(name: string): readonly string[] {
    return this.#exchange?.request.getAll(name) ?? NO_PAIRS;
  }

  query(): readonly string[] {
    return parseQuery(queryOf(this.#exchange?.target ?? ""));
  }
}
