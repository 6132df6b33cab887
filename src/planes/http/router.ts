/**
 * Which route takes a request? The answer is always that of trying all routes in order of priority (the number a route
 * gives, else the length of its rule; the earlier of equals), but hosts and paths are looked up, not compared one by
 * one. Nothing is allocated for routes of literal hosts and prefixes.
 *
 * A router is built in slices beside live traffic and never changes afterwards.
 */
import { hostKey } from "../../core/rules/matchers/host.ts";
import { RegexCache } from "../../core/rules/linear_regex.ts";
import { compileRule, type Rule } from "../../core/rules/rule.ts";
import { alternativesOf, type Alternative } from "./router_guards.ts";
import { routerCounter } from "./router_counter.ts";
import { HostTable, RouteTable } from "./router_table.ts";
import type { HostPattern } from "../../core/rules/matcher.ts";
import type { MatchRequest } from "../../core/rules/request.ts";
import type { RoutePlan } from "../../core/plan.ts";
import type { Entry } from "./router_entry.ts";

/** What the router reads of a route. */
export type RouteRule = Pick<RoutePlan, "match" | "priority" | "listeners">;

/** Hosts or routes that are worked on between two pauses. */
const SLICE = 16;
/** Routes that are ranked between two pauses. */
const RANK_SLICE = 512;

export class Router {
  /** Distinct patterns of rules that run in the regex engine (see `regexWarning`). */
  readonly regexCount: number;
  private readonly literal: ReadonlyMap<string, HostTable>;
  private readonly oneLabel: ReadonlyMap<string, HostTable>;
  private readonly labels: ReadonlyMap<string, HostTable>;
  private readonly otherHost: HostTable;
  private readonly noHost: HostTable;

  constructor(parts: {
    readonly regexCount: number;
    readonly literal: ReadonlyMap<string, HostTable>;
    readonly oneLabel: ReadonlyMap<string, HostTable>;
    readonly labels: ReadonlyMap<string, HostTable>;
    readonly otherHost: HostTable;
    readonly noHost: HostTable;
  }) {
    this.regexCount = parts.regexCount;
    this.literal = parts.literal;
    this.oneLabel = parts.oneLabel;
    this.labels = parts.labels;
    this.otherHost = parts.otherHost;
    this.noHost = parts.noHost;
  }

  /** Index of the route that takes the request, in the list that the router was built from, or -1. */
  find(request: MatchRequest): number {
    return this.forHost(request.host).find(request);
  }

  /** The routes that may take requests for `host` (lower case, without port and trailing dot; "" = none named). */
  forHost(host: string): HostTable {
    if (host === "") return this.noHost;
    const key = hostKey(host);
    routerCounter.comparisons++;
    return this.literal.get(key) ?? this.forOtherHost(key);
  }

  private forOtherHost(key: string): HostTable {
    if (this.oneLabel.size === 0 && this.labels.size === 0) return this.otherHost;
    const dot = key.indexOf(".");
    // `.example.com` has no first label.
    if (dot > 0) {
      routerCounter.comparisons++;
      const table = this.oneLabel.get(key.slice(dot + 1));
      if (table !== undefined) return table;
    }
    return (this.labels.size === 0 ? null : longestSuffix(this.labels, key)) ?? this.otherHost;
  }
}

/** The value of the longest suffix of `key` that stands behind at least one label, or null. */
function longestSuffix<Value>(values: ReadonlyMap<string, Value>, key: string): Value | null {
  for (let dot = key.indexOf(".", 1); dot > 0; dot = key.indexOf(".", dot + 1)) {
    routerCounter.comparisons++;
    const value = values.get(key.slice(dot + 1));
    if (value !== undefined) return value;
  }
  return null;
}

/** Builds a router for `routes` at once. Throws RuleError for a rule that cannot be read. */
export function compileRouter(routes: readonly RouteRule[]): Router {
  const builder = new RouterBuilder(routes);
  for (;;) {
    const router = builder.step(Number.POSITIVE_INFINITY, () => 0);
    if (router !== null) return router;
  }
}

/** Builds a router in slices. */
export class RouterBuilder {
  private readonly work: Generator<void, Router>;

  constructor(routes: readonly RouteRule[]) {
    this.work = build(routes);
  }

  /**
   * Works for about `budget_ms` and returns the router when it is complete, else null. `now` gives milliseconds. The
   * smallest piece is one rule, which takes longer than a millisecond only when it holds a very large regex.
   * Throws RuleError for a rule that cannot be read.
   */
  step(budget_ms: number, now: () => number): Router | null {
    const end = now() + budget_ms;
    do {
      const result = this.work.next();
      if (result.done === true) return result.value;
    } while (now() < end);
    return null;
  }
}

function* build(routes: readonly RouteRule[]): Generator<void, Router> {
  const regexes = new RegexCache();
  const rules: Rule[] = [];
  for (const route of routes) {
    rules.push(compileRule(route.match, regexes));
    yield;
  }
  const tables = new Tables();
  const { ranks, routeByRank } = yield* rankRoutes(routes, rules);
  for (const [index, route] of routes.entries()) {
    const rule = rules[index]!;
    const listeners = route.listeners.length === 0 ? null : route.listeners;
    for (const alternative of alternativesOf(rule.compiled)) {
      const entry: Entry = { rank: ranks[index]!, residual: alternative.residual, listeners };
      tables.add(entry, alternative, rule.needsHost);
    }
    yield;
  }
  yield* tables.finish();
  return yield* tables.join(routeByRank, regexes.count);
}

/** The place of each route, and the route of each place. Equal priorities keep the order of the list. */
function* rankRoutes(
  routes: readonly RouteRule[],
  rules: readonly Rule[],
): Generator<void, { ranks: Int32Array; routeByRank: Int32Array }> {
  const priorities = routes.map((route, index) =>
    route.priority === 0 ? rules[index]!.priority : route.priority,
  );
  const counts = new Map<number, number>();
  for (const [index, priority] of priorities.entries()) {
    counts.set(priority, (counts.get(priority) ?? 0) + 1);
    if (index % RANK_SLICE === 0) yield;
  }
  const nextPlace = new Map<number, number>();
  let places = 0;
  // Most priorities are lengths of rules, so there are far fewer of them than routes.
  for (const priority of Float64Array.from(counts.keys()).sort().reverse()) {
    nextPlace.set(priority, places);
    places += counts.get(priority)!;
  }
  const ranks = new Int32Array(routes.length);
  const routeByRank = new Int32Array(routes.length);
  for (const [index, priority] of priorities.entries()) {
    const place = nextPlace.get(priority)!;
    nextPlace.set(priority, place + 1);
    ranks[index] = place;
    routeByRank[place] = index;
    if (index % RANK_SLICE === 0) yield;
  }
  return { ranks, routeByRank };
}

/** Route tables by host pattern, while a router is being built. */
class Tables {
  private readonly literal = new Map<string, RouteTable>();
  private readonly oneLabel = new Map<string, RouteTable>();
  private readonly labels = new Map<string, RouteTable>();
  /** Rules that name `*`: any host, but a host. */
  private readonly anyHost = new RouteTable();
  /** Rules that name no host. */
  private readonly general = new RouteTable();
  /** Those of them that do not read the host in any way. */
  private readonly noHost = new RouteTable();

  add(entry: Entry, { hosts, paths }: Alternative, needsHost: boolean): void {
    if (hosts === null) {
      this.general.add(entry, paths);
      if (!needsHost) this.noHost.add(entry, paths);
    } else {
      for (const pattern of hosts) this.tableOf(pattern).add(entry, paths);
    }
  }

  private tableOf(pattern: HostPattern): RouteTable {
    switch (pattern.kind) {
      case "literal":
        return tableAt(this.literal, pattern.host);
      case "one_label":
        return tableAt(this.oneLabel, pattern.suffix);
      case "labels":
        return tableAt(this.labels, pattern.suffix);
      case "any":
        return this.anyHost;
    }
  }

  *finish(): Generator<void, void> {
    for (const map of [this.literal, this.oneLabel, this.labels]) {
      for (const table of map.values()) {
        yield* table.finish();
        yield;
      }
    }
    for (const table of [this.anyHost, this.general, this.noHost]) yield* table.finish();
  }

  /** Puts together, for each host pattern, the tables of all patterns that take the same hosts. */
  *join(routeByRank: Int32Array, regexCount: number): Generator<void, Router> {
    const always = [this.anyHost, this.general];
    const joined = (tables: readonly (RouteTable | undefined)[]): HostTable =>
      new HostTable([...tables.filter((table) => table !== undefined), ...always], routeByRank);
    return new Router({
      regexCount,
      literal: yield* mapSlowly(this.literal, (table, host) =>
        joined([table, this.oneLabel.get(afterFirstLabel(host)), ...this.labelTables(host)]),
      ),
      oneLabel: yield* mapSlowly(this.oneLabel, (table, suffix) =>
        joined([table, this.labels.get(suffix), ...this.labelTables(suffix)]),
      ),
      labels: yield* mapSlowly(this.labels, (table, suffix) => joined([table, ...this.labelTables(suffix)])),
      otherHost: joined([]),
      noHost: new HostTable([this.noHost], routeByRank),
    });
  }

  /** Tables of `**.` patterns that take `name`. */
  private labelTables(name: string): RouteTable[] {
    const tables: RouteTable[] = [];
    if (this.labels.size === 0) return tables;
    for (let dot = name.indexOf(".", 1); dot > 0; dot = name.indexOf(".", dot + 1)) {
      const table = this.labels.get(name.slice(dot + 1));
      if (table !== undefined) tables.push(table);
    }
    return tables;
  }
}

function tableAt(tables: Map<string, RouteTable>, key: string): RouteTable {
  let table = tables.get(key);
  if (table === undefined) tables.set(key, (table = new RouteTable()));
  return table;
}

/** What follows the first dot, or "" when there is none. */
function afterFirstLabel(name: string): string {
  const dot = name.indexOf(".");
  return dot > 0 ? name.slice(dot + 1) : "";
}

function* mapSlowly<From, To>(
  from: ReadonlyMap<string, From>,
  convert: (value: From, key: string) => To,
): Generator<void, Map<string, To>> {
  const to = new Map<string, To>();
  for (const [key, value] of from) {
    to.set(key, convert(value, key));
    if (to.size % SLICE === 0) yield;
  }
  return to;
}
