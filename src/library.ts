/**
 * The redirector as a library: the decisions of the gateway without network and files. It is pure but for chance, so it runs in
 * programs, workers and browsers alike.
 */
import { DEFAULT_REDIRECT_APP } from "./core/defaults.ts";
import type { RedirectAppPlan } from "./core/plan.ts";
import { contextOf } from "./core/redirect/context.ts";
import type { Decision, Location } from "./core/redirect/decision.ts";
import type { StackHosts } from "./core/redirect/hosts.ts";
import type { NamedList, RedirectModel } from "./core/redirect/model.ts";
import { NamedLists } from "./core/redirect/named_lists.ts";
import { strategyByName } from "./core/strategies/all.ts";
import { appDecider, strategyNames } from "./planes/redirect/gateway/app_decider.ts";
import { refusal, type RefusalAnswer } from "./planes/redirect/gateway/refusals.ts";

export type { Host, StackHosts } from "./core/redirect/hosts.ts";
export { EMPTY_MODEL, TEMPLATE_URL } from "./core/redirect/model.ts";
export type { NamedList, RedirectModel } from "./core/redirect/model.ts";

/** Settings of an application that change decisions; those of the section `redirect.apps`. */
export type RedirectorOptions = Pick<
  RedirectAppPlan,
  "compat" | "sticky_parameters" | "strategy" | "affinity" | "spill_over"
>;

export interface RedirectorSettings {
  /** Name of the application: percentages of different applications hit different clients. Default: `app`. */
  readonly app?: string;
  readonly model: RedirectModel;
  /** Lists that rules name. */
  readonly lists?: readonly NamedList[];
  readonly hosts: readonly StackHosts[];
  readonly options?: Partial<RedirectorOptions>;
  /** From 0 (included) to 1 (excluded). Default: Math.random. */
  readonly random?: () => number;
}

export interface RedirectorDecision extends Pick<
  Decision,
  "type" | "rule" | "url_rules" | "stack" | "flavor" | "is_fallback"
> {
  /** As in the answer of the gateway; more than one for a server group. */
  readonly location: readonly Location[];
}

export interface Redirector {
  /** Where a client goes that sends these parameters, or why nobody can say. Names are compared as they are. */
  decide(parameters: Readonly<Record<string, string>>): RedirectorDecision | RefusalAnswer;
  /** Other hosts from now on; turns go on where they were. */
  setHosts(hosts: readonly StackHosts[]): void;
  /** What is odd about the model, one line each: rules that were left out, lists that are not there. */
  readonly problems: readonly string[];
}

/** Never throws for what a model says: a rule that cannot be compiled is left out and told of. */
export function createRedirector(settings: RedirectorSettings): Redirector {
  const { app = "app", model, lists = [], hosts, options = {}, random = Math.random } = settings;
  const plan = { ...DEFAULT_REDIRECT_APP, ...options };
  const decider = appDecider(
    app,
    { model, options: { ...plan, ...strategyNames(plan), feedback: null } },
    NamedLists.of(lists),
    { random, strategy: strategyByName },
  );
  decider.setHosts(hosts);
  return {
    decide(parameters) {
      const decision = decider.decide(contextOf(parameters));
      return typeof decision === "string" ? refusal(decision).answer : told(decision);
    },
    setHosts: (stacks) => decider.setHosts(stacks),
    problems: [
      ...decider.problems.map(({ rule, message }) => `rule ${rule}: ${message}`),
      ...decider.unknown_lists.map(({ rule, list }) => `rule ${rule}: there is no list ${list}`),
    ],
  };
}

function told({
  locations,
  type,
  rule,
  url_rules,
  stack,
  flavor,
  is_fallback,
}: Decision): RedirectorDecision {
  return { location: locations, type, rule, url_rules, stack, flavor, is_fallback };
}
