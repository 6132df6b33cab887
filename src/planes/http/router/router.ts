/**
 * Which route takes a request? The answer is always that of trying all routes in order of priority (the number a route
 * gives, else the length of its rule; the earlier of equals), but hosts and paths are looked up, not compared one by
 * one. Nothing is allocated for routes of literal hosts and prefixes.
 *
 * A router is built in slices beside live traffic and never changes afterwards.
 */
import { hostKey } from "../../../core/rules/matchers/host.ts";
import { RegexCache } from "../../../core/rules/linear_regex.ts";
import { CompiledRules, ownText, type CompiledRule } from "./compiled_rules.ts";
import type { Alternative } from "./guards.ts";
import { NO_RANK, type Entry } from "./entry.ts";
import { HostTable, RouteTable } from "./table.ts";
import { TextMap } from "./text_map.ts";
import type { HostPattern } from "../../../core/rules/matcher.ts";
import type { MatchRequest } from "../../../core/rules/request.ts";
import type { RoutePlan } from "../../../core/plan.ts";

/** What the router reads of a route. */
export type RouteRule = Pick<RoutePlan, "match" | "priority" | "listeners">;

/** Routes that are ranked between two pauses. */
const RANK_SLICE = 512;
/** Routes of known rules that are looked at between two pauses, and entered into tables. */
const SLICE = 16;

export class Router {
  /** Distinct patterns of rules that run in the regex engine (see `regexWarning`). */
  readonly regexCount: number;
  /** Indexes of the routes in the order in which they are tried. */
  readonly routeByRank: Int32Array;
  /** What it was made from, for the next one. */
  readonly routes: readonly RouteRule[];
  readonly rules: CompiledRules;
  private readonly literal: TextMap<HostTable>;
  private readonly oneLabel: TextMap<HostTable>;
  private readonly labels: TextMap<HostTable>;
  private readonly otherHost: HostTable;
  private readonly noHost: HostTable;

  constructor(parts: {
    readonly regexCount: number;
    readonly routeByRank: Int32Array;
    readonly routes: readonly RouteRule[];
    readonly rules: CompiledRules;
    readonly literal: TextMap<HostTable>;
    readonly oneLabel: TextMap<HostTable>;
    readonly labels: TextMap<HostTable>;
    readonly otherHost: HostTable;
    readonly noHost: HostTable;
  }) {
    this.regexCount = parts.regexCount;
    this.routeByRank = parts.routeByRank;
    this.routes = parts.routes;
    this.rules = parts.rules;
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
    return this.literal.get(key) ?? this.forOtherHost(key);
  }

  private forOtherHost(key: string): HostTable {
    if (this.oneLabel.size === 0 && this.labels.size === 0) return this.otherHost;
    const dot = key.indexOf(".");
    // `.example.com` has no first label.
    const table = dot > 0 ? this.oneLabel.get(key, dot + 1) : undefined;
    if (table !== undefined) return table;
    return (this.labels.size === 0 ? null : longestSuffix(this.labels, key)) ?? this.otherHost;
  }
}

/** The value of the longest suffix of `key` that stands behind at least one label, or null. */
function longestSuffix<Value>(values: TextMap<Value>, key: string): Value | null {
  for (let dot = key.indexOf(".", 1); dot > 0; dot = key.indexOf(".", dot + 1)) {
    const value = values.get(key, dot + 1);
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

  /** `before`: another router, whose rules are not compiled again; itself is the result where all rules are the same. */
  constructor(routes: readonly RouteRule[], before: Router | null = null) {
    this.work = build(routes, before);
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

function* build(routes: readonly RouteRule[], before: Router | null): Generator<void, Router> {
  if (before !== null && haveSameRules(routes, before.routes)) return before;
  const regexes = new RegexCache();
  const known = new CompiledRules(before?.rules ?? null);
  const rules: CompiledRule[] = [];
  const priorities: number[] = [];
  for (const [index, { match, priority }] of routes.entries()) {
    let rule = known.known(match);
    const isNew = rule === undefined;
    rule ??= known.compile(match, regexes);
    rules.push(rule);
    priorities.push(priority === 0 ? rule.priority : priority);
    if (isNew || index % SLICE === 0) yield;
  }
  known.settle();
  const tables = new Tables();
  const { ranks, routeByRank } = yield* rankRoutes(priorities);
  for (const [index, route] of routes.entries()) {
    const rule = rules[index]!;
    const listeners = route.listeners.length === 0 ? null : route.listeners;
    for (const alternative of rule.alternatives) {
      const entry: Entry = { rank: ranks[index]!, residual: alternative.residual, listeners };
      tables.add(entry, alternative, rule.needsHost);
    }
    if (rule.alternatives.length > 1 || index % SLICE === 0) yield;
  }
  return yield* tables.finish(routeByRank, { regexCount: regexes.count, routes, rules: known });
}

/** Whether requests are led to the same places of both lists. */
function haveSameRules(one: readonly RouteRule[], other: readonly RouteRule[]): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    const [a, b] = [one[index]!, other[index]!];
    if (a === b) continue;
    if (a.match !== b.match || a.priority !== b.priority || a.listeners.length !== b.listeners.length)
      return false;
    if (!a.listeners.every((name, place) => name === b.listeners[place])) return false;
  }
  return true;
}

/** The place of each route, and the route of each place. Equal priorities keep the order of the list. */
function* rankRoutes(
  priorities: readonly number[],
): Generator<void, { ranks: Int32Array; routeByRank: Int32Array }> {
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
  const ranks = new Int32Array(priorities.length);
  const routeByRank = new Int32Array(priorities.length);
  for (const [index, priority] of priorities.entries()) {
    const place = nextPlace.get(priority)!;
    nextPlace.set(priority, place + 1);
    ranks[index] = place;
    routeByRank[place] = index;
    if (index % RANK_SLICE === 0) yield;
  }
  return { ranks, routeByRank };
}

/** The tables of all host patterns, while a router is being built. */
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

  /** One text for equal paths: they are often the same on many hosts. */
  private readonly pathTexts = new Map<string, string>();

  add(entry: Entry, alternative: Alternative, needsHost: boolean): void {
    const { hosts } = alternative;
    const paths = alternative.paths?.map(({ kind, path }) => ({ kind, path: this.pathText(path) })) ?? null;
    if (hosts === null) {
      this.general.add(entry, paths);
      if (!needsHost) this.noHost.add(entry, paths);
    } else {
      for (const pattern of hosts) this.tableOf(pattern).add(entry, paths);
    }
  }

  private pathText(path: string): string {
    let text = this.pathTexts.get(path);
    if (text === undefined) this.pathTexts.set((text = ownText(path)), text);
    return text;
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

  /** Completes all tables and joins, for each pattern, those that take the same hosts. */
  *finish(
    routeByRank: Int32Array,
    source: Pick<Router, "regexCount" | "routes" | "rules">,
  ): Generator<void, Router> {
    let finished = 0;
    for (const tables of [this.literal, this.oneLabel, this.labels]) {
      for (const table of tables.values()) {
        if (!table.isFinished) yield* table.finish();
        if (++finished % SLICE === 0) yield;
      }
    }
    for (const table of [this.anyHost, this.general, this.noHost]) yield* table.finish();
    const joined = (tables: readonly (RouteTable | undefined)[]): HostTable =>
      new HostTable(byRank(tables), routeByRank);
    const { oneLabel, labels } = this;
    const always = [this.anyHost, this.general].filter(({ firstRank }) => firstRank !== NO_RANK);
    const onlyLiteral = oneLabel.size === 0 && labels.size === 0 && always.length === 0;
    return new Router({
      ...source,
      routeByRank,
      literal: yield* joinedMap(this.literal, (table, host) =>
        onlyLiteral
          ? new HostTable([table], routeByRank)
          : joined([table, oneLabel.get(afterFirstLabel(host)), ...this.labelTables(host), ...always]),
      ),
      oneLabel: yield* joinedMap(oneLabel, (table, suffix) =>
        joined([table, labels.get(suffix), ...this.labelTables(suffix), ...always]),
      ),
      labels: yield* joinedMap(labels, (table, suffix) =>
        joined([table, ...this.labelTables(suffix), ...always]),
      ),
      otherHost: joined(always),
      noHost: joined([this.noHost]),
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
  if (table === undefined) {
    table = new RouteTable();
    tables.set(key, table);
  }
  return table;
}

/** What hosts lead to, by their text; `join` makes it of the table of the same text. */
function* joinedMap(
  tables: ReadonlyMap<string, RouteTable>,
  join: (table: RouteTable, text: string) => HostTable,
): Generator<void, TextMap<HostTable>> {
  const hosts = new Map<string, HostTable>();
  for (const [text, table] of tables) {
    hosts.set(text, join(table, text));
    if (hosts.size % SLICE === 0) yield;
  }
  return yield* TextMap.of(hosts);
}

/** Those that are there and have entries, best first. */
function byRank(tables: readonly (RouteTable | undefined)[]): RouteTable[] {
  return tables
    .filter((table) => table !== undefined)
    .filter(({ firstRank }) => firstRank !== NO_RANK)
    .sort((one, other) => one.firstRank - other.firstRank);
}

/** What follows the first dot, or "" when there is none. */
function afterFirstLabel(name: string): string {
  const dot = name.indexOf(".");
  return dot > 0 ? name.slice(dot + 1) : "";
}
