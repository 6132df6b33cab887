/** A decider for tests: the acceptance rows' application `a1`, and one condition by itself in both ways of looking at it. */
import { DEFAULT_REDIRECT_APP } from "../defaults.ts";
import { roundRobin } from "../strategies/round_robin.ts";
import { contextOf } from "./context.ts";
import { type AppOptions, Decider, type DeciderTrace } from "./decider.ts";
import type { Decision } from "./decision.ts";
import type { StackHosts } from "./hosts.ts";
import type { Trace } from "./interpreter.ts";
import {
  type Condition,
  type Destination,
  EMPTY_MODEL,
  type NamedList,
  type RedirectModel,
  type Rollout,
  type Rule,
  type Server,
  TEMPLATE_URL,
  type UrlParams,
} from "./model.ts";
import { NamedLists } from "./named_lists.ts";
import { operatorByName } from "./operators/all.ts";

export const OPTIONS: AppOptions = {
  app: "a1",
  compat: false,
  sticky_parameters: DEFAULT_REDIRECT_APP.sticky_parameters,
  strategy: roundRobin,
  affinity: null,
  spill_over: null,
  random: () => 0.5,
};

const IGNORE: Trace = { rule: () => {}, condition: () => {} };
/** Interprets, and tells nobody. */
export const SILENT: DeciderTrace = { rules: IGNORE, rollouts: IGNORE, url_rules: IGNORE };

/** A server that stands for hosts. */
export function serverOf(path: string, settings: Partial<Server> = {}): Server {
  return {
    name: "server",
    url: TEMPLATE_URL,
    path,
    description: null,
    query: [],
    not_whitelisted: false,
    secure_url: null,
    ...settings,
  };
}

/** A literal URL. */
export function literalOf(url: string, settings: Partial<Server> = {}): Server {
  return serverOf("", { url, path: null, ...settings });
}

/** A condition in few words: what a field is where it is not written stands for what is left out. */
export function conditionOf(operator: string, settings: Readonly<Record<string, unknown>> = {}): Condition {
  const absent = operatorByName(operator)!.fields.map(({ name, absent: value }) => [name, value] as const);
  return { operator, ...Object.fromEntries(absent), ...settings };
}

export function ruleOf<Result>(
  id: string,
  when: readonly Condition[],
  result: Result | null,
  settings: Partial<Rule<Result>> = {},
): Rule<Result> {
  return { id, template: null, priority: 0, inner: [], when, result, ...settings };
}

/** A rollout of flavor 2.0 to 1, 5 and 25 percent, at the first of them. */
export function rolloutOf(settings: Partial<Rollout> = {}): Rollout {
  return {
    id: "beta",
    server: serverOf("2.0"),
    salt: "beta",
    steps: [1, 5, 25],
    step: 0,
    since_ms: 0,
    bake_ms: 60_000,
    gate: { max_failing: 0.02, min_samples: 100 },
    allow: [],
    deny: [],
    state: "running",
    ...settings,
  };
}

export function to(server: Server): Destination {
  return { kind: "server", server };
}

export const DEFAULT_URL: UrlParams = { urn: "app", protocol: "http", port: 8080, ip_version: 4 };

export function urlParams(settings: Partial<UrlParams>): UrlParams {
  return { urn: null, protocol: null, port: null, ip_version: null, ...settings };
}

export function modelOf(settings: Partial<RedirectModel> = {}): RedirectModel {
  return {
    ...EMPTY_MODEL,
    default_server: serverOf("1.0", { name: "default" }),
    default_url: DEFAULT_URL,
    whitelist: ["/EU/z1"],
    ...settings,
  };
}

/** Hosts as `10.0.0.1*3`: address and weight. */
export function stackOf(path: string, ...hosts: readonly string[]): StackHosts {
  const at = path.lastIndexOf("/");
  return {
    stack: path.slice(0, at),
    flavor: path.slice(at + 1),
    hosts: hosts.map((text) => {
      const [address = "", weight = "1"] = text.split("*");
      const isIpv6 = address.includes(":");
      return {
        key: `${path} ${address}`,
        ipv4: isIpv6 ? null : address,
        ipv6: isIpv6 ? address : null,
        weight: Number(weight),
      };
    }),
  };
}

export const ONE_HOST: readonly StackHosts[] = [stackOf("/EU/z1/1.0", "10.0.0.1")];

export function deciderOf(
  model: RedirectModel,
  options: Partial<AppOptions> = {},
  stacks: readonly StackHosts[] = ONE_HOST,
  lists: readonly NamedList[] = [],
): Decider {
  const decider = new Decider(model, NamedLists.of(lists), { ...OPTIONS, ...options });
  decider.setHosts(stacks);
  return decider;
}

/** The decision; throws where there is none. */
export function decisionOf(decider: Decider, parameters: Readonly<Record<string, string>> = {}): Decision {
  const decision = decider.decide(contextOf(parameters));
  if (typeof decision === "string") throw new Error(decision);
  return decision;
}

export function urlOf(decider: Decider, parameters: Readonly<Record<string, string>> = {}): string {
  return decisionOf(decider, parameters).locations[0]!.url;
}

/** Whether a rule with these conditions holds, by the interpreter and compiled: they must agree. */
export function verdictOf(
  conditions: readonly Condition[],
  parameters: Readonly<Record<string, string>>,
  { lists = [], ...options }: Partial<AppOptions> & { readonly lists?: readonly NamedList[] } = {},
): boolean {
  // Beside enough others that the index is in use.
  const others = Array.from({ length: 20 }, (_, number) =>
    ruleOf(
      `other${number}`,
      [conditionOf("equals", { param: "other", value: `v${number}` })],
      to(literalOf("http://o")),
    ),
  );
  const model = modelOf({ rules: [...others, ruleOf("it", conditions, to(literalOf("http://it")))] });
  const named = NamedLists.of(lists);
  const [fast, slow] = [null, SILENT].map((trace) => {
    const decision = new Decider(model, named, { ...OPTIONS, ...options }, trace).decide(
      contextOf(parameters),
    );
    return typeof decision !== "string" && decision.rule === "it";
  });
  if (fast !== slow) throw new Error(`compiled ${fast}, interpreted ${slow}`);
  return fast!;
}
