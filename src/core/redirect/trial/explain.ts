/** Why a client goes where it goes: the same decision by the interpreter, with all that was looked at on the way. */
import type { Context } from "../context.ts";
import { Decider } from "../decider.ts";
import type { Decision, NoDecision } from "../decision.ts";
import type { Trace } from "../interpreter.ts";
import type { Condition } from "../model.ts";
import { operatorOf } from "../operators/all.ts";

export interface Explanation {
  readonly decision: Decision | NoDecision;
  /** Rules in the order in which they were tried, up to the one that decided. */
  readonly rules: readonly ExplainedRule[];
  /** Rollouts that were tried, where no rule had decided, up to the one that did. Those at 0 % are not tried. */
  readonly rollouts: readonly ExplainedRule[];
  /** URL rules that were tried, up to where nothing was left open. */
  readonly url_rules: readonly ExplainedRule[];
  /** Hosts that the flavor or path of the decision stands for, and whether each could be chosen. */
  readonly hosts: readonly ExplainedHost[];
}

export interface ExplainedRule {
  readonly rule: string;
  /** In the order in which they were asked; what joins conditions comes behind them. */
  readonly conditions: readonly ExplainedCondition[];
}

export interface ExplainedCondition {
  readonly operator: string;
  /** What the rule says beside the operator: only what is not as by default. */
  readonly operands: Readonly<Record<string, unknown>>;
  /** What the client sent of the parameter; null = nothing. Absent for conditions on no parameter. */
  readonly given?: string | null;
  readonly holds: boolean;
  /** Why it cannot hold, where that is not to be seen. */
  readonly note?: string;
}

export interface ExplainedHost {
  readonly host: string;
  readonly stack: string;
  readonly flavor: string;
  readonly weight: number;
  readonly whitelisted: boolean;
  /** Its checks fail: it is passed over while others are left. */
  readonly failing: boolean;
}

/** `acting` decides as before, and takes no turn: hosts take those that they would take next. */
export function explain(acting: Decider, parameters: Context): Explanation {
  const rules: ExplainedRule[] = [];
  const rollouts: ExplainedRule[] = [];
  const url_rules: ExplainedRule[] = [];
  const traced = new Decider(acting.model, acting.lists, acting.options, {
    rules: traceInto(rules, acting, parameters),
    rollouts: traceInto(rollouts, acting, parameters),
    url_rules: traceInto(url_rules, acting, parameters),
  });
  traced.setHosts(acting.stacks, acting);
  const decision = traced.decide(parameters);
  return { decision, rules, rollouts, url_rules, hosts: hostsOf(acting, decision) };
}

function traceInto(rules: ExplainedRule[], acting: Decider, parameters: Context): Trace {
  let conditions: ExplainedCondition[] = [];
  return {
    rule(rule) {
      conditions = [];
      rules.push({ rule, conditions });
    },
    condition: (condition, holds) => conditions.push(explained(condition, holds, acting, parameters)),
  };
}

function explained(
  condition: Condition,
  holds: boolean,
  { options }: Decider,
  parameters: Context,
): ExplainedCondition {
  const { operator, ...fields } = condition as Condition & Readonly<Record<string, unknown>>;
  const { fields: described } = operatorOf(condition);
  const operands = Object.fromEntries(
    described
      .filter(
        ({ name, absent, form }) =>
          form !== "children" && name !== "param" && !isAbsent(fields[name], absent),
      )
      .map(({ name }) => [name, fields[name]]),
  );
  const { param } = fields;
  if (typeof param === "string")
    return { operator, operands: { param, ...operands }, given: parameters(param) ?? null, holds };
  const lacksKey =
    operator === "percent" && options.sticky_parameters.every((name) => !parameters(name)?.trim());
  return { operator, operands, holds, ...(lacksKey && { note: "no sticky key" }) };
}

function isAbsent(value: unknown, absent: unknown): boolean {
  return (
    value === absent || (Array.isArray(value) && Array.isArray(absent) && value.length === absent.length)
  );
}

function hostsOf({ stacks, model, unhealthy }: Decider, decision: Decision | NoDecision): ExplainedHost[] {
  const flavor = typeof decision === "string" ? null : decision.flavor;
  return stacks
    .filter((stack) => flavor === null || stack.flavor === flavor)
    .flatMap(({ stack, flavor: own, hosts }) =>
      hosts.map(({ key, weight }) => ({
        host: key,
        stack,
        flavor: own,
        weight,
        whitelisted: model.whitelist.includes(stack),
        failing: unhealthy.has(key),
      })),
    );
}
