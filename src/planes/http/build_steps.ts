/** The steps of a route, from its middlewares. */
import type { FileMap } from "../../core/snapshot.ts";
import type { RoutePlan } from "../../core/plan.ts";
import type { StateTable } from "../../core/state_table.ts";
import { type SharedCounts, STEP_STAGES, type Step, type StepContext } from "../../net/exchange.ts";
import { countLimit } from "../../observe/counters.ts";
import type { PlanCounters } from "./plan_counters.ts";

/** Makes the step of a middleware. Throws when its options cannot be used. */
export type CreateStep = (kind: string, options: unknown, context: StepContext) => Step;

export interface StepHost {
  readonly createStep: CreateStep;
  readonly sharedCounts: SharedCounts;
  warn(text: string): void;
}

/** What all steps of a plan share. */
export interface StepParts {
  readonly host: StepHost;
  readonly counters: PlanCounters;
  readonly files: FileMap;
  readonly states: StateTable;
}

/** The steps in the order in which requests meet them: by stage, then as the configuration lists them. */
export function buildSteps(parts: StepParts, plan: RoutePlan): Step[] {
  let slots = 0;
  const nextSlot = (): number => slots++;
  const steps = plan.middlewares.map(({ kind, name, options }) =>
    parts.host.createStep(kind, options, contextOf(parts, plan.name, name, nextSlot)),
  );
  return steps.toSorted((one, other) => stageIndex(one) - stageIndex(other));
}

function stageIndex({ stage = "rewrite" }: Step): number {
  return STEP_STAGES.indexOf(stage);
}

function contextOf(
  { host, counters, files, states }: StepParts,
  routeName: string,
  name: string,
  slot: () => number,
): StepContext {
  return {
    routeName,
    slot,
    now: () => Date.now(),
    warn: (text) => host.warn(`route ${routeName}, middleware ${name}: ${text}`),
    readFile(path) {
      const content = files[path];
      if (content === undefined) throw new Error(`middleware ${name}: ${path} was not read`);
      return content;
    },
    limitHit: (limit) => countLimit(counters.region, counters.fixed, limit),
    state: (id, create) => states.take("step", id, {}, create),
    sharedCounts: host.sharedCounts,
  };
}
