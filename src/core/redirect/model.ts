/**
 * The model of one application: where its clients go, and by which rules. Plain JSON in the project's own form; the
 * original's JSON and XML are read into it and written from it. Nothing here is ever changed: an edit makes another one.
 */

export interface RedirectModel {
  /** Where clients go whom nothing else sends elsewhere; null = the model cannot decide yet. */
  readonly default_server: Server | null;
  /** Shares of the clients that no rule takes, in order; what they leave is the default server's. */
  readonly distribution: readonly Share[];
  /** Flavor rules in declared order: the first one that holds, by `priority`, says where to. */
  readonly rules: readonly Rule<Destination>[];
  readonly rule_templates: readonly Rule<Destination>[];
  /** Rules whose results are joined: each gives what those before have left open. */
  readonly url_rules: readonly Rule<UrlParams>[];
  readonly url_rule_templates: readonly Rule<UrlParams>[];
  /** What no URL rule has given. */
  readonly default_url: UrlParams | null;
  /** Stacks (`/datacenter/zone`) that take everybody's traffic. */
  readonly whitelist: readonly string[];
  /** For clients that no rule takes, in declared order, before the distribution. The original has none. */
  readonly rollouts: readonly Rollout[];
}

export const EMPTY_MODEL: RedirectModel = {
  default_server: null,
  distribution: [],
  rules: [],
  rule_templates: [],
  url_rules: [],
  url_rule_templates: [],
  default_url: null,
  whitelist: [],
  rollouts: [],
};

/** A part of a rule: its conditions all hold, then the first inner branch that holds, else `result`. */
export interface Branch<Result> {
  readonly when: readonly Condition[];
  readonly inner: readonly Branch<Result>[];
  /** Null where only inner branches have results. */
  readonly result: Result | null;
}

export interface Rule<Result> extends Branch<Result> {
  readonly id: string;
  /** The template that its conditions were copied from, or null. */
  readonly template: string | null;
  /** Higher ones are tried first, equal ones in declared order. The original's semantics have an order of their own. */
  readonly priority: number;
}

/** One condition; what else it holds is known to the operator with this name (`operators/all.ts`). */
export interface Condition {
  readonly operator: string;
}

export type Destination =
  | { readonly kind: "server"; readonly server: Server }
  | {
      readonly kind: "group";
      readonly servers: readonly Server[];
      /** For clients, which may try the members themselves. */
      readonly enable_private: boolean;
      /** At least -1. */
      readonly countdown: number;
    };

/**
 * A server with `path` stands for hosts: a flavor (`1.0`, any whitelisted stack that has it) or `/datacenter/zone/flavor`;
 * its `url` is `{protocol}://{host}:{port}/{urn}`. One without is a literal URL that is answered as it is.
 */
export interface Server {
  readonly name: string;
  readonly url: string;
  readonly path: string | null;
  readonly description: string | null;
  /** Appended to the decided URL, in order. */
  readonly query: readonly QueryPair[];
  /** Looks among the stacks that are not whitelisted, and only there: for testers. */
  readonly not_whitelisted: boolean;
  /** Kept for those who read it; nothing here uses it. */
  readonly secure_url: string | null;
}

export interface QueryPair {
  readonly key: string;
  readonly value: string;
}

export interface Share {
  /** Above 0, at most 100; all shares together are below 100. */
  readonly percent: number;
  readonly server: Server;
}

/** A server that gets the clients of a rising percentage: always those that it had, and some more. */
export interface Rollout {
  readonly id: string;
  /** With a path, as shares have them. */
  readonly server: Server;
  /** Sets its clients apart from those of other rollouts: nobody is always among the first. */
  readonly salt: string;
  /** Percentages, each above the one before; above 0, at most 100. */
  readonly steps: readonly number[];
  /** Place among the steps; -1 = nobody but those of `allow`. */
  readonly step: number;
  /** Milliseconds since 1970 at which the step began. */
  readonly since_ms: number;
  /** A step lasts at least so long. */
  readonly bake_ms: number;
  /** Null = only time decides. */
  readonly gate: RolloutGate | null;
  /** Named lists: who stands in one, by a sticky parameter, is in from the start. */
  readonly allow: readonly string[];
  /** Named lists: who stands in one is never in. It beats `allow`. */
  readonly deny: readonly string[];
  /** `rolled_back`: the gate has failed; it goes on when somebody says so. */
  readonly state: RolloutState;
}

export type RolloutState = "running" | "paused" | "rolled_back" | "done";

export interface RolloutGate {
  /** Share of failing samples, 0 to 1, above which the step is taken back. */
  readonly max_failing: number;
  /** With fewer samples nothing is known: no step is taken, neither forward nor back. */
  readonly min_samples: number;
}

/** Parts of a URL; null = not said here. */
export interface UrlParams {
  readonly urn: string | null;
  readonly protocol: string | null;
  readonly port: number | null;
  readonly ip_version: 4 | 6 | null;
}

export const TEMPLATE_URL = "{protocol}://{host}:{port}/{urn}";

/** Values of one kind under a name, for all applications. */
export interface NamedList {
  readonly name: string;
  readonly description: string | null;
  readonly type: ListType;
  /** Milliseconds since 1970 of the last change. */
  readonly version: number;
  readonly values: readonly ListValue[];
}

/** `IP`: addresses and networks. `ENCODED`: clients send the MD5 of the value. */
export type ListType = "TEXT" | "IP" | "ENCODED";

export interface ListValue {
  readonly value: string;
  /** What clients send instead, in an ENCODED list: upper-case hexadecimal MD5. */
  readonly encoded: string | null;
}
