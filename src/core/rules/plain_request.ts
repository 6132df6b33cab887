/** A request made of plain values: for tests, benchmarks and questions such as "which route would take this?". */
import { parseQuery } from "./query.ts";
import type { MatchRequest } from "./request.ts";

export interface RequestValues {
  readonly host?: string;
  /** In normal form. */
  readonly path?: string;
  readonly method?: string;
  readonly listener?: string;
  readonly clientAddress?: string;
  /** Field lines in order. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Raw query without `?`. */
  readonly query?: string;
}

export class PlainRequest implements MatchRequest {
  host: string;
  path: string;
  method: string;
  listener: string;
  clientAddress: string;
  private readonly headers: readonly (readonly [name: string, value: string])[];
  private readonly pairs: readonly string[];

  constructor(values: RequestValues) {
    this.host = values.host ?? "";
    this.path = values.path ?? "/";
    this.method = values.method ?? "GET";
    this.listener = values.listener ?? "web";
    this.clientAddress = values.clientAddress ?? "192.0.2.1";
    this.headers = values.headers ?? [];
    this.pairs = parseQuery(values.query ?? "");
  }

  header(name: string): readonly string[] {
    return this.headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  }

  query(): readonly string[] {
    return this.pairs;
  }
}
