/** The engine of an application, from what is published of it: workers decide by it, the control side judges and explains by it. */
import type { RedirectAppPlan } from "../../../core/plan.ts";
import { allSteps } from "../../../core/steps.ts";
import { type AppOptions, Decider, prepareRules } from "../../../core/redirect/decider.ts";
import type { RedirectModel } from "../../../core/redirect/model.ts";
import type { NamedLists } from "../../../core/redirect/named_lists.ts";
import type { Random, Strategy } from "../../../core/strategies/contract.ts";
import type { PublishedOptions } from "./published.ts";

export interface DeciderParts {
  readonly random: Random;
  /** The strategy with this name; undefined = unknown, which nobody publishes. */
  readonly strategy: (name: string) => Strategy | undefined;
}

/** Names of strategies for what an application's settings say. */
export function strategyNames({ strategy, affinity }: Pick<RedirectAppPlan, "strategy" | "affinity">): {
  readonly strategy: string;
  readonly affinity: string | null;
} {
  return { strategy, affinity: affinity === "host" ? "rendezvous" : null };
}

type Published = { readonly model: RedirectModel; readonly options: PublishedOptions };

/** Throws Error for an unknown strategy. */
export function appDecider(
  app: string,
  published: Published,
  lists: NamedLists,
  parts: DeciderParts,
): Decider {
  return allSteps(appDeciderSlices(app, published, lists, parts));
}

/** The same in steps. */
export function* appDeciderSlices(
  app: string,
  { model, options }: Published,
  lists: NamedLists,
  parts: DeciderParts,
): Generator<void, Decider> {
  const settings = appOptions(app, options, parts);
  return new Decider(model, lists, settings, null, yield* prepareRules(model, lists, settings));
}

function appOptions(
  app: string,
  { compat, sticky_parameters, spill_over, affinity, strategy: name }: PublishedOptions,
  { random, strategy }: DeciderParts,
): AppOptions {
  const found = (wanted: string): Strategy => {
    const one = strategy(wanted);
    if (one === undefined) throw new Error(`no strategy ${wanted}`);
    return one;
  };
  return {
    app,
    compat,
    sticky_parameters,
    strategy: found(name),
    affinity: affinity === null ? null : found(affinity),
    spill_over,
    random,
  };
}
