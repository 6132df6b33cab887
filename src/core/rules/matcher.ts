/**
 * What a matcher is: it turns the values of one call in a rule (`Host(`example.com`)`) into a condition on requests.
 * A new matcher is one file in `matchers/`, one line in `matchers/all.ts` and one test.
 */
import { SyntaxProblem, type LinearRegex, type RegexCache } from "./linear_regex.ts";
import type { MatchRequest } from "./request.ts";

export type Test = (request: MatchRequest) => boolean;

/** Hosts of a condition, lower case. `one_label` is `*.example.com`, `labels` is `**.example.com`, `any` is `*`. */
export type HostPattern =
  | { readonly kind: "literal"; readonly host: string }
  | { readonly kind: "one_label" | "labels"; readonly suffix: string }
  | { readonly kind: "any" };

/** Paths of a condition, in normal form. */
export interface PathPattern {
  readonly kind: "exact" | "prefix";
  readonly path: string;
}

/** A prepared condition. It may name the hosts or the paths without which it is false, so that a router can index it. */
export interface Condition {
  readonly test: Test;
  readonly hosts?: readonly HostPattern[];
  readonly paths?: readonly PathPattern[];
  /** True when the condition says no more than its `hosts`, or no more than its `paths`. */
  readonly sufficient?: boolean;
}

export interface Matcher {
  /** As it is written in rules; rules may write it in any case. */
  readonly name: string;
  /** One or two sentences for the table in `docs/routing-rules.md`. */
  readonly summary: string;
  /** Names of the values, for messages and that table. */
  readonly parameters: readonly string[];
  /** How many of the parameters, from the end, may be left out. */
  readonly optional?: number;
  /** True when the condition reads the host: such a rule never takes a request that names no host. */
  readonly readsHost?: boolean;
  /** Every value is a non-empty text. Throws ValueError for values that cannot be meant. */
  compile(values: readonly string[], regexes: RegexCache): Condition;
}

/** A value that a matcher refuses. */
export class ValueError extends Error {
  /** Index of the value. */
  readonly index: number;
  readonly what: string;
  readonly expected: string;

  constructor(index: number, what: string, expected: string) {
    super(`${what}, expected ${expected}`);
    this.index = index;
    this.what = what;
    this.expected = expected;
  }
}

/** The regex of the value at `index`. Throws ValueError. */
export function regexValue(values: readonly string[], index: number, regexes: RegexCache): LinearRegex {
  try {
    return regexes.get(values[index]!);
  } catch (error) {
    if (error instanceof SyntaxProblem) throw new ValueError(index, error.what, error.expected);
    throw error;
  }
}
