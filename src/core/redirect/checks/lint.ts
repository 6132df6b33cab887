/** What may be saved and is hardly meant: warnings about a whole model. */
import { literalRegex } from "../../rules/literal_regex.ts";
import type { StackHosts } from "../hosts.ts";
import type { Condition, Destination, NamedList, RedirectModel, Rollout, Rule, Server } from "../model.ts";
import type { Contains } from "../operators/contains.ts";
import type { Matches } from "../operators/matches.ts";
import type { ParameterCondition } from "../operators/contract.ts";
import type { Percent } from "../operators/percent.ts";
import { rulesInOrder } from "../rule_order.ts";
import { listsOfRule, ruleProblems } from "../rule_problems.ts";
import { Coverage } from "./coverage.ts";
import { totalPercent } from "./distribution.ts";
import { LivePaths } from "./facts.ts";
import { childrenOf, conjunctsOf, textsOf } from "./implication.ts";
import { listed, partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";
import { placeOfRollout } from "./rollouts.ts";
import { placeOfRule, type RuleKind } from "./rules.ts";

export interface LintFacts {
  readonly stacks: readonly StackHosts[];
  readonly lists: readonly Pick<NamedList, "name">[];
  readonly compat: boolean;
}

/** Rules that are looked at between two steps: some 2 ms of work. */
const STEP_RULES = 50;

/** Warnings about all of `model`, in steps. Rules that the engine leaves out are not looked at: they have errors. */
export function* lintSlices(
  model: RedirectModel,
  { stacks, lists, compat }: LintFacts,
): Generator<void, Problem[]> {
  const paths = new LivePaths(stacks, model.whitelist);
  const known = new Set(lists.map(({ name }) => name));
  const acts = (rule: Rule<unknown>): boolean => ruleProblems(rule, compat).length === 0;
  const rules = model.rules.filter(acts);
  yield;
  const urlRules = model.url_rules.filter(acts);
  return [
    ...(yield* reachProblems(rules, compat)),
    ...(yield* each(rules, (rule) => ruleWarnings(rule, "rules", known, compat))),
    ...(yield* each(urlRules, (rule) => ruleWarnings(rule, "url_rules", known, compat))),
    ...(yield* each(rules, (rule) => hostWarnings(rule, paths))),
    ...defaultWarnings(model.default_server, paths),
    ...percentWarnings(model, rules),
    ...rolloutWarnings(model.rollouts, paths, known),
  ];
}

function* each<Result>(
  rules: readonly Rule<Result>[],
  problemsOf: (rule: Rule<Result>) => Problem[],
): Generator<void, Problem[]> {
  const problems: Problem[] = [];
  for (const [index, rule] of rules.entries()) {
    if (index % STEP_RULES === 0) yield;
    problems.push(...problemsOf(rule));
  }
  return problems;
}

function* reachProblems(rules: readonly Rule<Destination>[], compat: boolean): Generator<void, Problem[]> {
  const coverage = new Coverage(compat);
  const problems = yield* each(rulesInOrder(rules, compat), (rule) => reachOf(rule, coverage));
  if (!coverage.isComplete) {
    const place: Place = { path: "rules", rule: null, words: "the model" };
    const message = "has too many rules on the same parameters: not all were compared with those before them";
    problems.push(problemAt("LintIncomplete", place, message));
  }
  return problems;
}

/** `coverage` has the rules that are tried before, and this one afterwards. */
function reachOf(rule: Rule<Destination>, coverage: Coverage): Problem[] {
  const place = placeOfRule("rules", rule);
  const taker = coverage.covering(rule.when);
  const message = `is never reached: rule ${taker}, which is tried before, takes all of its clients`;
  const problems =
    taker === null ? shadowProblems(rule, place, coverage) : [problemAt("UnreachableRule", place, message)];
  coverage.add(rule);
  return problems;
}

/** A part of a rule, and the conditions that hold where it acts. */
interface Part {
  readonly path: string;
  readonly words: string;
  readonly when: readonly Condition[];
}

/** More parts of a rule than this are not looked at one by one. */
const MOST_PARTS = 32;

function shadowProblems(rule: Rule<Destination>, place: Place, coverage: Coverage): Problem[] {
  return partsOf(rule).flatMap(({ path, words, when }) => {
    const taker = coverage.covering(when);
    if (taker === null) return [];
    const message = `has a part that never acts, ${words}: rule ${taker}, which is tried before, takes all of its clients`;
    return [problemAt("ShadowedRule", partOf(place, path), message)];
  });
}

/** Alternatives of an `or`, values of a `contains`, inner branches. */
function partsOf({ when, inner }: Rule<Destination>): Part[] {
  const parts: Part[] = inner.map((branch, at) => ({
    path: `.inner[${at}]`,
    words: `inner branch ${at + 1}`,
    when: [...when, ...branch.when],
  }));
  for (const [at, condition] of when.entries()) {
    const others = when.toSpliced(at, 1);
    if (condition.operator === "or")
      for (const [item, child] of childrenOf(condition).entries())
        parts.push({
          path: `.when[${at}].items[${item}]`,
          words: `alternative ${item + 1}`,
          when: [...others, child],
        });
    if (condition.operator === "contains") parts.push(...valueParts(condition as Contains, at, others));
  }
  return parts.length > MOST_PARTS ? [] : parts;
}

function valueParts(condition: Contains, at: number, others: readonly Condition[]): Part[] {
  if (condition.negated) return [];
  return condition.values.map((value, item) => {
    const only: Contains = { ...condition, values: [value], lists: [] };
    return {
      path: `.when[${at}].values[${item}]`,
      words: `the value ${shown(value)}`,
      when: [...others, only],
    };
  });
}

function ruleWarnings(
  rule: Rule<unknown>,
  kind: RuleKind,
  known: ReadonlySet<string>,
  compat: boolean,
): Problem[] {
  const place = placeOfRule(kind, rule);
  const problems = unknownListWarnings(listsOfRule(rule), place, known);
  const patterns = patternsOf(rule);
  if (patterns.length > 0) {
    const words = listed(patterns.map(shown), 3);
    problems.push(problemAt("RegexNeedsEngine", place, `has ${words}, for which the regex engine must run`));
  }
  return [...problems, ...contradictions(rule, place, compat)];
}

function unknownListWarnings(lists: readonly string[], place: Place, known: ReadonlySet<string>): Problem[] {
  return lists
    .filter((name) => !known.has(name))
    .map((name) => {
      const message = `names the list ${shown(name)}, which does not exist: nothing stands in it`;
      return problemAt("UnknownList", place, message);
    });
}

/** Patterns that are more than a few texts, each once. */
function patternsOf(rule: Rule<unknown>): string[] {
  const patterns = new Set<string>();
  const seeCondition = (condition: Condition): void => {
    const { pattern } = condition as Matches;
    if (condition.operator === "matches" && literalRegex(`^(?:${pattern})$`) === null) patterns.add(pattern);
    for (const child of childrenOf(condition)) seeCondition(child);
  };
  const see = ({ when, inner }: Pick<Rule<unknown>, "when" | "inner">): void => {
    for (const condition of when) seeCondition(condition);
    for (const branch of inner) see(branch);
  };
  see(rule);
  return [...patterns];
}

/** One parameter cannot have two texts. */
function contradictions({ when }: Rule<unknown>, place: Place, compat: boolean): Problem[] {
  const allowed = new Map<string, ReadonlySet<string>>();
  for (const condition of when.flatMap(conjunctsOf)) {
    const { param } = condition as ParameterCondition;
    const texts = typeof param === "string" ? textsOf(condition as ParameterCondition, compat) : null;
    if (texts === null) continue;
    const both = allowed.get(param)?.intersection(new Set(texts)) ?? new Set(texts);
    if (both.size === 0) {
      const message = `takes no client: its conditions on the parameter ${param} cannot hold together`;
      return [problemAt("ContradictoryRule", place, message)];
    }
    allowed.set(param, both);
  }
  return [];
}

function hostWarnings(rule: Rule<Destination>, paths: LivePaths): Problem[] {
  const place = placeOfRule("rules", rule);
  return serversOf(rule)
    .filter((server) => isWithoutHosts(server, paths))
    .map((server) => {
      const message = `leads to ${shown(server.path!)}, where no host may be chosen: its clients go to the default server`;
      return problemAt("RuleWithoutHosts", place, message);
    });
}

function serversOf({ result, inner }: Pick<Rule<Destination>, "result" | "inner">): Server[] {
  const own = result === null ? [] : result.kind === "server" ? [result.server] : result.servers;
  return [...own, ...inner.flatMap(serversOf)];
}

function isWithoutHosts({ path, not_whitelisted }: Server, paths: LivePaths): boolean {
  return path !== null && !paths.hasAmong(path, !not_whitelisted);
}

function defaultWarnings(server: Server | null, paths: LivePaths): Problem[] {
  if (server === null || !isWithoutHosts(server, paths)) return [];
  const place: Place = { path: "default_server.path", rule: null, words: "the default server" };
  const message = `leads to ${shown(server.path!)}, where no host may be chosen`;
  return [problemAt("DefaultServerWithoutHosts", place, message)];
}

/** Shares, and rules with no other condition than a percentage: whoever wrote them may think that they add up. */
function percentWarnings({ distribution }: RedirectModel, rules: readonly Rule<Destination>[]): Problem[] {
  const bare = rules.filter(({ when }) => when.length === 1 && when[0]!.operator === "percent");
  const inRules = bare.reduce((sum, { when }) => sum + (when[0] as Percent).percent, 0);
  const total = Math.round((totalPercent(distribution) + inRules) * 1e6) / 1e6;
  if (total <= 100) return [];
  const place: Place = { path: "distribution", rule: null, words: "the distribution" };
  const names = bare.length === 0 ? "" : ` with ${listed(bare.map(({ id }) => `rule ${id}`))}`;
  return [
    problemAt("DistributionAboveHundred", place, `has ${total} % together${names}; expected at most 100`),
  ];
}

function rolloutWarnings(
  rollouts: readonly Rollout[],
  paths: LivePaths,
  known: ReadonlySet<string>,
): Problem[] {
  const bySalt = new Map<string, string>();
  return rollouts.flatMap((rollout) => {
    const { id, salt, server, allow, deny } = rollout;
    const place = placeOfRollout(rollout);
    const problems = unknownListWarnings([...new Set([...allow, ...deny])], place, known);
    if (isWithoutHosts(server, paths)) {
      const message = `leads to ${shown(server.path!)}, where no host may be chosen: its clients go to the default server`;
      problems.push(problemAt("RolloutWithoutHosts", place, message));
    }
    const other = bySalt.get(salt);
    if (other === undefined) bySalt.set(salt, id);
    else {
      const message = `has the salt of rollout ${other}: the same clients are the first of both`;
      problems.push(problemAt("SharedRolloutSalt", place, message));
    }
    return problems;
  });
}
