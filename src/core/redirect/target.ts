/** A server with everything of a decision for it that does not depend on the client: made once, and kept beside its rule. */
import type { MatchedRule } from "./compiled_rules.ts";
import type { Decision, DecisionType, NoDecision } from "./decision.ts";
import type { FamilyPool, HostCandidate, HostPools, Selection } from "./hosts.ts";
import { type Destination, type Server, TEMPLATE_URL } from "./model.ts";
import { encodedPair } from "./url.ts";

const NO_CONTEXT: Readonly<Record<string, string>> = {};

export class Target {
  readonly server: Server;
  /** Of the rule that leads here. */
  destination: Destination | null = null;
  /** Its URL is answered as it is. */
  readonly isLiteral: boolean;
  /** What is filled in, null = the usual one: with many rules each step into another object is one that no cache has. */
  readonly template: string | null;
  readonly type: DecisionType;
  readonly rule: string | null;
  readonly share: number | null;
  /** It stands for another one, which has no hosts. */
  readonly isFallback: boolean;
  /** Pairs for the URL: the server's, and the name of the rule. */
  readonly pairs: readonly string[];
  /** The only one of these, or "". */
  readonly onlyPair: string;
  /** Query pairs of the server. */
  readonly context: Readonly<Record<string, string>>;
  /** Where the pools below come from. */
  #source: HostPools | null = null;
  /** For each wanted family. */
  #ipv4: FamilyPool | null = null;
  #ipv6: FamilyPool | null = null;
  /** Those that all clients share, by the host that they lead to; null while there is none. */
  decisions: Map<HostCandidate, Decision | NoDecision> | null = null;
  /** False where there is no room for those of all its hosts: a map that seldom has one costs more than it saves. */
  mayShare = true;
  /** The one that all clients share where the URL is answered as it is. */
  literal: Decision | NoDecision | null = null;

  constructor(
    server: Server,
    type: DecisionType,
    rule: string | null = null,
    share: number | null = null,
    isFallback = false,
  ) {
    this.server = server;
    this.isLiteral = server.path === null;
    this.template = server.url === TEMPLATE_URL ? null : server.url;
    this.type = type;
    this.rule = rule;
    this.share = share;
    this.isFallback = isFallback;
    const { query } = server;
    const pairs = query.map(encodedPair);
    if (rule !== null) pairs.push(encodedPair({ key: "ruleName", value: rule }));
    this.pairs = pairs;
    this.onlyPair = pairs.length === 1 ? pairs[0]! : "";
    this.context =
      query.length === 0 ? NO_CONTEXT : Object.fromEntries(query.map(({ key, value }) => [key, value]));
  }

  /** The default server on whitelisted stacks, where rule and distribution have no hosts. */
  static fallback(server: Server): Target {
    return new Target({ ...server, not_whitelisted: false }, "DEFAULT_SERVER", null, null, true);
  }

  /** As `HostPools.forFamily`. */
  pool(source: HostPools, wanted: 4 | 6, compat: boolean): FamilyPool | null {
    if (source !== this.#source) {
      this.#source = source;
      this.#ipv4 = this.#ipv6 = null;
      this.decisions = null;
      this.mayShare = true;
    }
    if (wanted === 4) return (this.#ipv4 ??= source.forFamily(this.#selection, wanted, compat));
    return (this.#ipv6 ??= source.forFamily(this.#selection, wanted, compat));
  }

  get #selection(): Selection {
    return { path: this.server.path!, whitelisted: !this.server.not_whitelisted };
  }
}

/** The target of a rule that holds, null for a group. Inner branches of a rule may lead elsewhere. */
export function targetOf(rule: MatchedRule, destination: Destination, type: DecisionType): Target | null {
  const known = rule.note as Target | null;
  if (known !== null && known.destination === destination) return known;
  if (destination.kind === "group") return null;
  const target = new Target(destination.server, type, rule.id);
  target.destination = destination;
  rule.note = target;
  return target;
}
