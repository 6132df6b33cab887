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
  /** Monotonic milliseconds. */
  now(): number;
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

export interface RouteSteps {
  /** In the order in which requests meet them: by stage, then as the configuration lists them. */
  readonly steps: readonly Step[];
  /**
   * By the number of steps that were entered: those that an answer of our own meets then, in this order. Empty where no
   * step looks at answers.
   */
  readonly answerSteps: readonly (readonly Step[])[];
}

export const NO_STEPS: RouteSteps = { steps: [], answerSteps: [] };

/** The steps of a route. Throws when the options of a middleware cannot be used. */
export function buildSteps(parts: StepParts, plan: RoutePlan): RouteSteps {
  let slots = 0;
  const nextSlot = (): number => slots++;
  const listed = plan.middlewares.map(({ kind, name, options }) =>
    parts.host.createStep(kind, options, contextOf(parts, plan.name, name, nextSlot)),
  );
  const steps = listed.toSorted((one, other) => stageIndex(one) - stageIndex(other));
  const looksAtAnswers = steps.some(({ onResponse }) => onResponse !== undefined);
  return { steps, answerSteps: looksAtAnswers ? answerSteps(steps, listed) : [] };
}

function answerSteps(steps: readonly Step[], listed: readonly Step[]): Step[][] {
  const meeting = (entered: number): Step[] => {
    const place = entered === 0 ? -1 : listed.indexOf(steps[entered - 1]!);
    const meets = (step: Step, index: number): boolean =>
      step.onResponse !== undefined &&
      (index < entered || (step.wraps === true && listed.indexOf(step) < place));
    return steps.filter(meets).reverse();
  };
  return [...steps.keys(), steps.length].map(meeting);
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
    now: () => host.now(),
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
