/** The engine of an application, from what is published of it: workers decide by it, the control side judges and explains by it. */
import type { RedirectAppPlan } from "../../../core/plan.ts";
import { Decider } from "../../../core/redirect/decider.ts";
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

/** Throws Error for an unknown strategy. */
export function appDecider(
  app: string,
  { model, options }: { readonly model: RedirectModel; readonly options: PublishedOptions },
  lists: NamedLists,
  { random, strategy }: DeciderParts,
): Decider {
  const found = (name: string): Strategy => {
    const one = strategy(name);
    if (one === undefined) throw new Error(`no strategy ${name}`);
    return one;
  };
  const { compat, sticky_parameters, spill_over, affinity } = options;
  return new Decider(model, lists, {
    app,
    compat,
    sticky_parameters,
    strategy: found(options.strategy),
    affinity: affinity === null ? null : found(affinity),
    spill_over,
    random,
  });
}
