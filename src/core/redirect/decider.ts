/**
 * The engine: a model, named lists and hosts in, decisions out. One object is one version of all of them: whoever swaps it swaps
 * everything at once. Pure; the gateway, the service, the command line and a browser run the same code.
 */
import { allSteps } from "../steps.ts";
import { hashText } from "../strategies/hash.ts";
import type { Random, Strategy } from "../strategies/contract.ts";
import { CompiledRules } from "./compiled_rules.ts";
import type { Context } from "./context.ts";
import { addressOf, type HostCandidate, type HostPool, HostPools, type StackHosts } from "./hosts.ts";
import { ruleResults, type RuleFacts, type Trace } from "./interpreter.ts";
import type { Destination, RedirectModel, Rule, Server, UrlParams } from "./model.ts";
import type { NamedLists } from "./named_lists.ts";
import type { Compiler } from "./operators/contract.ts";
import { operatorOf } from "./operators/all.ts";
import { Parameters } from "./parameters.ts";
import { listsOfRule, type RuleProblem } from "./rule_problems.ts";
import type { Hash64 } from "./sip_hash.ts";
import { type Bound, boundOf, isWithin, positionOf } from "./sticky.ts";
import {
  DEFAULT_URL_RULE,
  encodedPair,
  fillUrl,
  type FullUrlParams,
  queryPairsOf,
  UrlParts,
  urlParts,
  withPairs,
} from "./url.ts";

/** Who is told of each condition, of flavor rules and of URL rules. */
export interface DeciderTrace {
  readonly rules: Trace;
  readonly url_rules: Trace;
}

export type DecisionType = "PATH_RULE" | "DISTRIBUTION_RULE" | "DEFAULT_SERVER";

/** One place to go to. */
export interface Location {
  readonly url: string;
  /** Host name or address, without brackets. */
  readonly destination: string;
  readonly protocol: string;
  /** "" where a literal URL names none. */
  readonly port: string;
  readonly urn: string;
  /** Null for a literal URL. */
  readonly ip_version: 4 | 6 | null;
  /** `/datacenter/zone` of the host, or the name of the rule for a literal URL. */
  readonly description: string;
  /** Query pairs of the server. */
  readonly context: Readonly<Record<string, string>>;
}

export interface Decision {
  readonly type: DecisionType;
  /** The flavor rule, or null. */
  readonly rule: string | null;
  /** Number of the share of the distribution, or null. */
  readonly share: number | null;
  /** URL rules that gave something, `Default` for the model's own defaults. */
  readonly url_rules: readonly string[];
  /** More than one for a server group. */
  readonly locations: readonly Location[];
  readonly stack: string | null;
  readonly flavor: string | null;
  /** Where the decision first led had no hosts. */
  readonly is_fallback: boolean;
  /** How the chosen host was looked up; null for a literal URL. */
  readonly spill: HostPool["spill"] | null;
}

/** Why nobody can be sent anywhere. */
export type NoDecision = "no_default_server" | "no_host" | "wrong_family" | "malformed_url";

export interface AppOptions {
  readonly app: string;
  /** The original's semantics: `compat: redirector-1`. */
  readonly compat: boolean;
  readonly sticky_parameters: readonly string[];
  /** How hosts take turns. */
  readonly strategy: Strategy;
  /** Keeps a client on its host: a strategy that goes by keys; null = every decision takes the next turn. */
  readonly affinity: Strategy | null;
  readonly spill_over: { readonly datacenter: string; readonly min_hosts: number } | null;
  readonly random: Random;
}

interface Rules<Result> {
  readonly matched: string;
  first(parameters: Parameters): Result | null;
  each(parameters: Parameters, take: (result: Result, rule: string) => boolean): void;
}

/** How a decision came about so far. */
interface Origin {
  readonly type: DecisionType;
  readonly rule: string | null;
  readonly share: number | null;
}

const BY_DEFAULT: Origin = { type: "DEFAULT_SERVER", rule: null, share: null };

interface CompiledShare {
  readonly bound: Bound;
  readonly server: Server;
}

/** Rules that are looked over between two steps. */
const STEP_RULES = 1_000;
const CONNECT_URL = "connectUrl";
const NOT_TRIED: readonly never[] = [];
const NO_PAIRS: readonly string[] = [];

export class Decider {
  readonly model: RedirectModel;
  readonly options: AppOptions;
  readonly lists: NamedLists;
  /** Rules that were left out, and why. */
  readonly problems: readonly RuleProblem[];
  /** Lists that rules name and nobody knows: `contains` is false for them. */
  readonly unknown_lists: readonly UnknownList[];
  readonly #parameters: Parameters;
  readonly #flavorRules: Rules<Destination>;
  readonly #urlRules: Rules<UrlParams>;
  readonly #shares: readonly CompiledShare[];
  readonly #stickySlots: readonly number[];
  readonly #connectUrlSlot: number;
  readonly #position: Hash64 = { high: 0, low: 0 };
  readonly #parts = new UrlParts();
  readonly #pairsOf = new Map<Server, { readonly rule: string | null; readonly pairs: readonly string[] }>();
  #pools: HostPools;

  /**
   * Without a trace rules are compiled; with one they are interpreted, and it is told of each condition. `prepared` is what
   * `prepareRules` has made of the same model, lists and options.
   */
  constructor(
    model: RedirectModel,
    lists: NamedLists,
    options: AppOptions,
    trace: DeciderTrace | null = null,
    prepared: PreparedRules = allSteps(prepareRules(model, lists, options)),
  ) {
    this.model = model;
    this.options = options;
    this.lists = lists;
    const { slots, compiler, flavorRules, urlRules } = prepared;
    this.problems = [...flavorRules.problems, ...urlRules.problems];
    this.unknown_lists = prepared.unknown_lists;
    this.#stickySlots = options.sticky_parameters.map((name) => compiler.slot(name));
    this.#connectUrlSlot = compiler.slot(CONNECT_URL);
    this.#parameters = new Parameters([...slots.keys()], lists.table);
    const facts = (parameters: Parameters) => factsOf(parameters, slots, lists, options);
    this.#flavorRules = trace === null ? flavorRules : new TracedRules(model.rules, facts, trace.rules);
    this.#urlRules = trace === null ? urlRules : new TracedRules(model.url_rules, facts, trace.url_rules);
    this.#shares = compiledShares(model);
    this.#pools = this.#poolsOf([], null);
  }

  /** Names of the parameters that can change a decision. */
  get parameters(): readonly string[] {
    return this.#parameters.names;
  }

  /** Other hosts from now on. Turns go on where they were, also from `before`, the engine of another version. */
  setHosts(stacks: readonly StackHosts[], before: Decider | null = null): void {
    this.#pools = this.#poolsOf(stacks, (before ?? this).#pools);
  }

  get stacks(): readonly StackHosts[] {
    return this.#pools.stacks;
  }

  /** Keys of hosts whose checks fail: they are passed over while others are left. */
  setUnhealthy(keys: ReadonlySet<string>): void {
    this.#pools.setUnhealthy(keys);
  }

  #poolsOf(stacks: readonly StackHosts[], before: HostPools | null): HostPools {
    const { affinity, strategy, random, spill_over } = this.options;
    const { whitelist } = this.model;
    return new HostPools(stacks, { whitelist, strategy: affinity ?? strategy, random, spill_over }, before);
  }

  /** Where the client with these parameters goes. */
  decide(context: Context): Decision | NoDecision {
    const parameters = this.#parameters;
    parameters.begin(context);
    try {
      return this.#decide(parameters);
    } finally {
      parameters.end();
    }
  }

  #decide(parameters: Parameters): Decision | NoDecision {
    const { default_server } = this.model;
    if (default_server === null) return "no_default_server";
    const destination = this.#flavorRules.first(parameters);
    if (destination !== null) {
      const origin: Origin = { type: "PATH_RULE", rule: this.#flavorRules.matched, share: null };
      if (destination.kind === "group") return this.#decideGroup(destination.servers, origin, parameters);
      return this.#decideServer(destination.server, origin, parameters);
    }
    const share = this.#share(parameters);
    if (share < 0) return this.#decideServer(default_server, BY_DEFAULT, parameters);
    const origin: Origin = { type: "DISTRIBUTION_RULE", rule: null, share };
    return this.#decideServer(this.#shares[share]!.server, origin, parameters);
  }

  /** Number of the share that the client is in, or -1. */
  #share(parameters: Parameters): number {
    if (this.#shares.length === 0) return -1;
    const key = parameters.firstWithText(this.#stickySlots);
    if (key === null) return -1;
    const { app, compat } = this.options;
    positionOf(key, compat ? "" : app, this.#position);
    return this.#shares.findIndex(({ bound }) => isWithin(this.#position, bound));
  }

  #decideGroup(servers: readonly Server[], origin: Origin, parameters: Parameters): Decision | NoDecision {
    const found = servers
      .map((server) => this.#tryServer(server, origin, parameters, false))
      .filter((decision) => typeof decision !== "string");
    const [first] = found;
    if (first !== undefined) return { ...first, locations: found.flatMap(({ locations }) => locations) };
    return this.#decideDefault(parameters);
  }

  #decideServer(server: Server, origin: Origin, parameters: Parameters): Decision | NoDecision {
    const decision = this.#tryServer(server, origin, parameters, false);
    if (typeof decision !== "string" || origin.type === "DEFAULT_SERVER") return decision;
    return decision === "no_host" ? this.#decideDefault(parameters) : decision;
  }

  /** Rule and distribution had no hosts: as the original, the default server's, on whitelisted stacks. */
  #decideDefault(parameters: Parameters): Decision | NoDecision {
    const server = { ...this.model.default_server!, not_whitelisted: false };
    return this.#tryServer(server, BY_DEFAULT, parameters, true);
  }

  #tryServer(
    server: Server,
    origin: Origin,
    parameters: Parameters,
    isFallback: boolean,
  ): Decision | NoDecision {
    if (server.path === null) return this.#literal(server, origin, parameters, isFallback);
    const parts = this.#glue(parameters);
    const params = parts.full();
    const found = this.#host(server, params.ip_version, parameters);
    if (typeof found === "string") return found;
    const { chosen, spill, ip_version } = found;
    const destination = addressOf(chosen.host, ip_version)!;
    const url = withPairs(fillUrl(server.url, destination, params), this.#pairs(server, origin, parameters));
    return {
      ...origin,
      url_rules: parts.rules,
      locations: [locationOf(server, url, { ...params, ip_version }, destination, chosen.stack)],
      stack: chosen.stack,
      flavor: chosen.flavor,
      is_fallback: isFallback,
      spill,
    };
  }

  /**
   * A host with an address of the wanted family. Where none has one, the original gives up, and we take the other family: a client
   * that cannot use it is no worse off.
   */
  #host(
    server: Server,
    wanted: 4 | 6,
    parameters: Parameters,
  ): { chosen: HostCandidate; spill: HostPool["spill"]; ip_version: 4 | 6 } | "no_host" | "wrong_family" {
    const selection = { path: server.path!, whitelisted: !server.not_whitelisted };
    const { compat } = this.options;
    const other = wanted === 4 ? 6 : 4;
    const pool = this.#pools.pool(selection, compat ? 0 : wanted);
    const fallback = pool === null && !compat ? this.#pools.pool(selection, other) : null;
    const { picker, spill } = pool ?? fallback ?? { picker: null, spill: "local" as const };
    const chosen = picker?.pick!(this.#affinityHash(parameters), NOT_TRIED) as
      HostCandidate | null | undefined;
    if (chosen === null || chosen === undefined) return "no_host";
    const ip_version = fallback === null ? wanted : other;
    if (addressOf(chosen.host, ip_version) === null) return "wrong_family";
    return { chosen, spill, ip_version };
  }

  /** Without a key every client would go to one host: then chance decides. */
  #affinityHash(parameters: Parameters): number {
    if (this.options.affinity === null) return 0;
    const key = parameters.firstWithText(this.#stickySlots);
    return key === null ? Math.floor(this.options.random() * 2 ** 32) : hashText(key);
  }

  #literal(
    server: Server,
    origin: Origin,
    parameters: Parameters,
    isFallback: boolean,
  ): Decision | NoDecision {
    const url = withPairs(server.url, this.#pairs(server, origin, parameters));
    const parts = urlParts(url);
    if (parts === null) return "malformed_url";
    const { protocol, host, port, urn } = parts;
    const context = contextOfQuery(server);
    const description = origin.rule ?? server.name;
    return {
      ...origin,
      url_rules: [],
      locations: [{ url, destination: host, protocol, port, urn, ip_version: null, description, context }],
      stack: null,
      flavor: null,
      is_fallback: isFallback,
      spill: null,
    };
  }

  #glue(parameters: Parameters): UrlParts {
    const parts = this.#parts;
    parts.clear();
    let isFull = false;
    this.#urlRules.each(parameters, (result, rule) => (isFull = parts.fill(result, rule)));
    const { default_url } = this.model;
    if (!isFull && default_url !== null) parts.fill(default_url, DEFAULT_URL_RULE);
    return parts;
  }

  /** Pairs for the URL: the client's own, the server's, and the name of the rule. */
  #pairs(server: Server, { rule }: Origin, parameters: Parameters): readonly string[] {
    const connectUrl = parameters.value(this.#connectUrlSlot);
    const own = this.#ownPairs(server, rule);
    return connectUrl === undefined ? own : [...queryPairsOf(connectUrl), ...own];
  }

  /** What does not depend on the client is encoded once. */
  #ownPairs(server: Server, rule: string | null): readonly string[] {
    if (rule === null && server.query.length === 0) return NO_PAIRS;
    const known = this.#pairsOf.get(server);
    if (known?.rule === rule) return known.pairs;
    const pairs = server.query.map(encodedPair);
    if (rule !== null) pairs.push(encodedPair({ key: "ruleName", value: rule }));
    this.#pairsOf.set(server, { rule, pairs });
    return pairs;
  }
}

function locationOf(
  server: Server,
  url: string,
  { protocol, port, urn, ip_version }: FullUrlParams,
  destination: string,
  stack: string,
): Location {
  const context = contextOfQuery(server);
  return { url, destination, protocol, port: String(port), urn, ip_version, description: stack, context };
}

const NO_CONTEXT: Readonly<Record<string, string>> = {};

function contextOfQuery({ query }: Server): Readonly<Record<string, string>> {
  return query.length === 0 ? NO_CONTEXT : Object.fromEntries(query.map(({ key, value }) => [key, value]));
}

/** Bounds add up, so that raising an early share moves only what comes behind it. */
function compiledShares({ distribution }: RedirectModel): CompiledShare[] {
  let sum = 0;
  return distribution.map(({ percent, server }) => {
    sum += percent;
    return { bound: boundOf(Math.min(sum, 100)), server };
  });
}

interface UnknownList {
  readonly rule: string;
  readonly list: string;
}

/** Everything of an engine whose cost grows with its rules. */
export interface PreparedRules {
  readonly slots: Map<string, number>;
  readonly compiler: Compiler;
  readonly flavorRules: CompiledRules<Destination>;
  readonly urlRules: CompiledRules<UrlParams>;
  readonly unknown_lists: readonly UnknownList[];
}

/** Compiles the rules of a model in steps. */
export function* prepareRules(
  model: RedirectModel,
  lists: NamedLists,
  options: AppOptions,
): Generator<void, PreparedRules> {
  const slots = new Map<string, number>();
  const compiler = compilerOf(slots, lists, options);
  const flavorRules = yield* CompiledRules.slices(model.rules, compiler);
  const urlRules = yield* CompiledRules.slices(model.url_rules, compiler);
  const unknown_lists: UnknownList[] = [];
  let count = 0;
  const all: readonly (readonly Rule<unknown>[])[] = [model.rules, model.url_rules];
  for (const rules of all)
    for (const rule of rules) {
      if (++count % STEP_RULES === 0) yield;
      for (const list of listsOfRule(rule)) if (!lists.has(list)) unknown_lists.push({ rule: rule.id, list });
    }
  return { slots, compiler, flavorRules, urlRules, unknown_lists };
}

function compilerOf(slots: Map<string, number>, lists: NamedLists, options: AppOptions): Compiler {
  const { compat, random, sticky_parameters, app } = options;
  const compiler: Compiler = {
    compat,
    random,
    sticky_parameters,
    salt: app,
    slot(name) {
      const known = slots.get(name);
      if (known !== undefined) return known;
      slots.set(name, slots.size);
      return slots.size - 1;
    },
    listNumbers: (name) => lists.numbers(name, compat),
    listAddresses: (list) => lists.addresses(list),
    compile: (condition) => operatorOf(condition).compile(condition, compiler),
  };
  return compiler;
}

function factsOf(
  parameters: Parameters,
  slots: ReadonlyMap<string, number>,
  lists: NamedLists,
  { compat, random, sticky_parameters, app }: AppOptions,
): RuleFacts {
  return {
    parameters: (name) => {
      const slot = slots.get(name);
      return slot === undefined ? undefined : parameters.value(slot);
    },
    compat,
    list: (name) => lists.texts(name, compat),
    random,
    sticky_parameters,
    salt: app,
  };
}

/** Rules that are interpreted, with a trace. */
class TracedRules<Result> implements Rules<Result> {
  matched = "";
  readonly #rules: readonly Rule<Result>[];
  readonly #facts: (parameters: Parameters) => RuleFacts;
  readonly #trace: Trace;

  constructor(rules: readonly Rule<Result>[], facts: (parameters: Parameters) => RuleFacts, trace: Trace) {
    this.#rules = rules;
    this.#facts = facts;
    this.#trace = trace;
  }

  first(parameters: Parameters): Result | null {
    for (const { rule, result } of ruleResults(this.#rules, this.#facts(parameters), this.#trace)) {
      this.matched = rule;
      return result;
    }
    return null;
  }

  each(parameters: Parameters, take: (result: Result, rule: string) => boolean): void {
    for (const { rule, result } of ruleResults(this.#rules, this.#facts(parameters), this.#trace))
      if (take(result, rule)) return;
  }
}
