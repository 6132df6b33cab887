/**
 * The engine: a model, named lists and hosts in, decisions out. One object is one version of all of them: whoever swaps it swaps
 * everything at once. Pure; the gateway, the service, the command line and a browser run the same code.
 */
import { allSteps } from "../steps.ts";
import { hashText } from "../strategies/hash.ts";
import type { Random, Strategy } from "../strategies/contract.ts";
import { CompiledRules, type MatchedRule } from "./compiled_rules.ts";
import type { Context } from "./context.ts";
import { type Decision, type Location, type NoDecision, SharedNote } from "./decision.ts";
import { addressOf, type HostCandidate, type FamilyPool, HostPools, type StackHosts } from "./hosts.ts";
import { ruleResults, type RuleFacts, type Trace } from "./interpreter.ts";
import type { Destination, RedirectModel, Rule, Server, UrlParams } from "./model.ts";
import type { NamedLists } from "./named_lists.ts";
import type { Compiler } from "./operators/contract.ts";
import { operatorOf } from "./operators/all.ts";
import { Parameters } from "./parameters.ts";
import { rolloutRules } from "./rollout_rules.ts";
import { listsOfRule, type RuleProblem } from "./rule_problems.ts";
import type { Hash64 } from "./sip_hash.ts";
import { type Bound, boundOf, isWithin, positionOf } from "./sticky.ts";
import { Target, targetOf } from "./target.ts";
import {
  DEFAULT_URL_RULE,
  FALLBACK_URL,
  fillUrl,
  queryPairsOf,
  UrlParts,
  urlParts,
  withPairs,
} from "./url.ts";

/** Who is told of each condition, of flavor rules, rollouts and URL rules. */
export interface DeciderTrace {
  readonly rules: Trace;
  readonly rollouts: Trace;
  readonly url_rules: Trace;
}

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
  readonly matchedRule: MatchedRule;
  first(parameters: Parameters): Result | null;
  each(parameters: Parameters, take: (result: Result, rule: string) => boolean): void;
}

interface CompiledShare {
  readonly bound: Bound;
  readonly target: Target;
}

/** Rules that are looked over between two steps. */
const STEP_RULES = 1_000;
const CONNECT_URL = "connectUrl";
const NOT_TRIED: readonly never[] = [];

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
  /** Null where nobody is in one. */
  readonly #rollouts: Rules<Destination> | null;
  readonly #urlRules: Rules<UrlParams>;
  readonly #shares: readonly CompiledShare[];
  readonly #stickySlots: readonly number[];
  readonly #connectUrlSlot: number;
  readonly #position: Hash64 = { high: 0, low: 0 };
  readonly #parts = new UrlParts();
  readonly #default: Target | null;
  readonly #fallback: Target | null;
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
    const { slots, compiler, flavorRules, urlRules, rollouts, rollout_rules, native } = prepared;
    this.problems = [...flavorRules.problems, ...rollouts.problems, ...urlRules.problems];
    this.unknown_lists = prepared.unknown_lists;
    this.#stickySlots = options.sticky_parameters.map((name) => compiler.slot(name));
    this.#connectUrlSlot = compiler.slot(CONNECT_URL);
    this.#parameters = new Parameters([...slots.keys()], lists.table);
    const facts = (parameters: Parameters) => factsOf(parameters, slots, lists, options);
    const nativeFacts = (parameters: Parameters) => factsOf(parameters, slots, lists, native);
    this.#flavorRules = trace === null ? flavorRules : new TracedRules(model.rules, facts, trace.rules);
    const traced = trace === null ? rollouts : new TracedRules(rollout_rules, nativeFacts, trace.rollouts);
    this.#rollouts = rollout_rules.length === 0 ? null : traced;
    this.#urlRules = trace === null ? urlRules : new TracedRules(model.url_rules, facts, trace.url_rules);
    this.#shares = compiledShares(model);
    const { default_server } = model;
    this.#default = default_server === null ? null : new Target(default_server, "DEFAULT_SERVER");
    this.#fallback = default_server === null ? null : Target.fallback(default_server);
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

  /** Keys of hosts whose checks fail. */
  get unhealthy(): ReadonlySet<string> {
    return this.#pools.unhealthy;
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
    if (this.#default === null) return "no_default_server";
    const destination = this.#flavorRules.first(parameters);
    if (destination !== null) {
      const rule = this.#flavorRules.matchedRule;
      const target = targetOf(rule, destination, "PATH_RULE");
      if (target !== null) return this.#decideTarget(target, parameters);
      const { servers } = destination as Destination & { kind: "group" };
      return this.#decideGroup(servers, rule.id, parameters);
    }
    const rollout = this.#rollouts?.first(parameters) ?? null;
    if (rollout?.kind === "server") {
      const target = targetOf(this.#rollouts!.matchedRule, rollout, "ROLLOUT_RULE");
      return this.#decideTarget(target!, parameters);
    }
    const share = this.#share(parameters);
    return this.#decideTarget(share < 0 ? this.#default : this.#shares[share]!.target, parameters);
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

  #decideGroup(servers: readonly Server[], rule: string, parameters: Parameters): Decision | NoDecision {
    const found = servers
      .map((server) => this.#tryTarget(new Target(server, "PATH_RULE", rule), parameters))
      .filter((decision) => typeof decision !== "string");
    const [first] = found;
    if (first !== undefined)
      return { ...first, locations: found.flatMap(({ locations }) => locations), shared: null };
    return this.#tryTarget(this.#fallback!, parameters);
  }

  /** Where rule and distribution have no hosts: as the original, the default server's, on whitelisted stacks. */
  #decideTarget(target: Target, parameters: Parameters): Decision | NoDecision {
    const decision = this.#tryTarget(target, parameters);
    if (decision !== "no_host" || target.type === "DEFAULT_SERVER") return decision;
    return this.#tryTarget(this.#fallback!, parameters);
  }

  #tryTarget(target: Target, parameters: Parameters): Decision | NoDecision {
    const isAlike = this.#isAlikeForAll(parameters);
    if (target.isLiteral) {
      if (!isAlike) return this.#literal(target, parameters, null);
      return (target.literal ??= this.#literal(target, parameters, new SharedNote()));
    }
    const parts = this.#glue(parameters);
    const { compat } = this.options;
    const wanted = parts.ip_version || FALLBACK_URL.ip_version;
    const found = target.pool(this.#pools, wanted, compat);
    const chosen = found?.pool.picker.pick!(this.#affinityHash(parameters), NOT_TRIED) as
      HostCandidate | null | undefined;
    if (found === null || chosen === null || chosen === undefined) return "no_host";
    if (!isAlike || !target.mayShare) return this.#towards(target, found, chosen, parameters, null);
    return target.decisions?.get(chosen) ?? this.#shared(target, found, chosen, parameters);
  }

  /** Nothing that the client sends changes the URL of the host that it is sent to. */
  #isAlikeForAll(parameters: Parameters): boolean {
    return this.model.url_rules.length === 0 && parameters.value(this.#connectUrlSlot) === undefined;
  }

  #shared(
    target: Target,
    found: FamilyPool,
    chosen: HostCandidate,
    parameters: Parameters,
  ): Decision | NoDecision {
    if (target.decisions === null && !this.#pools.mayShare(found.pool.candidates.length)) {
      target.mayShare = false;
      return this.#towards(target, found, chosen, parameters, null);
    }
    const decision = this.#towards(target, found, chosen, parameters, new SharedNote());
    (target.decisions ??= new Map()).set(chosen, decision);
    return decision;
  }

  #towards(
    target: Target,
    { pool, ip_version }: FamilyPool,
    chosen: HostCandidate,
    parameters: Parameters,
    shared: SharedNote | null,
  ): Decision | NoDecision {
    const destination = addressOf(chosen.host, ip_version);
    if (destination === null) return "wrong_family";
    const { urn, protocol, port } = this.#parts.full();
    const filled = fillUrl(target.template, destination, urn, protocol, port);
    const location: Location = {
      url: this.#withPairs(filled, target, parameters),
      destination,
      protocol,
      port: String(port),
      urn,
      ip_version,
      description: chosen.stack,
      context: target.context,
    };
    return {
      type: target.type,
      rule: target.rule,
      share: target.share,
      url_rules: this.#parts.rules,
      locations: [location],
      stack: chosen.stack,
      flavor: chosen.flavor,
      is_fallback: target.isFallback,
      spill: pool.spill,
      shared,
    };
  }

  /** Without a key every client would go to one host: then chance decides. */
  #affinityHash(parameters: Parameters): number {
    if (this.options.affinity === null) return 0;
    const key = parameters.firstWithText(this.#stickySlots);
    return key === null ? Math.floor(this.options.random() * 2 ** 32) : hashText(key);
  }

  #literal(target: Target, parameters: Parameters, shared: SharedNote | null): Decision | NoDecision {
    const { server, type, rule, share } = target;
    const url = this.#withPairs(server.url, target, parameters);
    const parts = urlParts(url);
    if (parts === null) return "malformed_url";
    const { protocol, host, port, urn } = parts;
    const { context } = target;
    const description = rule ?? server.name;
    return {
      type,
      rule,
      share,
      url_rules: [],
      locations: [{ url, destination: host, protocol, port, urn, ip_version: null, description, context }],
      stack: null,
      flavor: null,
      is_fallback: target.isFallback,
      spill: null,
      shared,
    };
  }

  #glue(parameters: Parameters): UrlParts {
    // Without URL rules all clients get the same.
    if (this.model.url_rules.length === 0 && this.#parts.rules.length > 0) return this.#parts;
    const parts = this.#parts;
    parts.clear();
    let isFull = false;
    this.#urlRules.each(parameters, (result, rule) => (isFull = parts.fill(result, rule)));
    const { default_url } = this.model;
    if (!isFull && default_url !== null) parts.fill(default_url, DEFAULT_URL_RULE);
    return parts;
  }

  /** The client's own pairs, the server's, and the name of the rule. */
  #withPairs(url: string, target: Target, parameters: Parameters): string {
    const connectUrl = parameters.value(this.#connectUrlSlot);
    if (connectUrl !== undefined) return withPairs(url, [...queryPairsOf(connectUrl), ...target.pairs]);
    const { onlyPair } = target;
    if (onlyPair !== "" && !url.includes("?") && !url.includes("#")) return `${url}?${onlyPair}`;
    return withPairs(url, target.pairs);
  }
}

/** Bounds add up, so that raising an early share moves only what comes behind it. */
function compiledShares({ distribution }: RedirectModel): CompiledShare[] {
  let sum = 0;
  return distribution.map(({ percent, server }, share) => {
    sum += percent;
    const target = new Target(server, "DISTRIBUTION_RULE", null, share);
    return { bound: boundOf(Math.min(sum, 100)), target };
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
  readonly rollouts: CompiledRules<Destination>;
  /** Rollouts as rules. */
  readonly rollout_rules: readonly Rule<Destination>[];
  /** The original has no rollouts: theirs are the native semantics. */
  readonly native: AppOptions;
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
  const native = { ...options, compat: false };
  const rollout_rules = rolloutRules(model.rollouts, options.sticky_parameters);
  const rollouts = yield* CompiledRules.slices(rollout_rules, compilerOf(slots, lists, native));
  const unknown_lists: UnknownList[] = [];
  let count = 0;
  const all: readonly (readonly Rule<unknown>[])[] = [model.rules, rollout_rules, model.url_rules];
  for (const rules of all)
    for (const rule of rules) {
      if (++count % STEP_RULES === 0) yield;
      for (const list of listsOfRule(rule)) if (!lists.has(list)) unknown_lists.push({ rule: rule.id, list });
    }
  return { slots, compiler, flavorRules, urlRules, rollouts, rollout_rules, native, unknown_lists };
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
  matchedRule: MatchedRule = { id: "", note: null };
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
      this.matchedRule = { id: rule, note: null };
      return result;
    }
    return null;
  }

  each(parameters: Parameters, take: (result: Result, rule: string) => boolean): void {
    for (const { rule, result } of ruleResults(this.#rules, this.#facts(parameters), this.#trace))
      if (take(result, rule)) return;
  }
}
