/** One example for each code of the catalogue: a code that no check gives cannot stand there. */
import { describe, expect, test } from "bun:test";
import type { Condition, Destination, RedirectModel, Rollout, UrlParams } from "../model.ts";
import {
  conditionOf,
  DEFAULT_URL,
  literalOf,
  modelOf,
  ONE_HOST,
  rolloutOf,
  ruleOf,
  serverOf,
  stackOf,
  to,
} from "../test_decider.ts";
import { CATALOGUE, type ProblemCode } from "./catalogue.ts";
import { listDeletionProblems, templateDeletionProblems } from "./deletion.ts";
import { distributionProblems } from "./distribution.ts";
import { allSteps } from "../../steps.ts";
import { lintSlices } from "./lint.ts";
import { listProblems } from "./named_lists.ts";
import type { Problem } from "./problem.ts";
import { rolloutProblems } from "./rollouts.ts";
import { ruleProblemsAtSave, ruleTemplateProblems, urlRuleProblems } from "./rules.ts";
import { settingsProblems } from "./settings.ts";
import { defaultServerProblems } from "./servers.ts";
import { factsOf, listOf } from "./test_facts.ts";
import { defaultUrlProblems } from "./url_params.ts";
import { whitelistProblems } from "./whitelist.ts";

const LITERAL = to(literalOf("http://a"));
const onX = (operator: string, settings: object): Condition =>
  conditionOf(operator, { param: "x", ...settings });
const WHEN = [onX("equals", { value: "1" })];
const FACTS = factsOf({ stacks: [...ONE_HOST, stackOf("/EU/z2/2.0", "10.0.0.2")] });

const rule = (id: string, when = WHEN, result: Destination | null = LITERAL) =>
  ruleProblemsAtSave(ruleOf(id, when, result), FACTS);
const condition = (operator: string, settings: object) => rule("r", [onX(operator, settings)]);
const twice = (operator: string) =>
  rule(
    "r",
    [1, 2].map((value) => onX(operator, { value: String(value) })),
  );
const server = (settings: Parameters<typeof serverOf>[1]) => rule("r", WHEN, to(serverOf("1.0", settings)));
const group = (settings: object) =>
  rule("r", WHEN, {
    kind: "group",
    servers: [serverOf("1.0")],
    enable_private: true,
    countdown: 0,
    ...settings,
  } as Destination);
const shares = (...all: (readonly [number, string])[]) =>
  distributionProblems(
    all.map(([percent, path]) => ({ percent, server: serverOf(path) })),
    FACTS,
  );
const rollout = (settings: Partial<Rollout>) =>
  rolloutProblems([rolloutOf({ server: serverOf("1.0"), ...settings })], FACTS);
const url = (settings: object) => defaultUrlProblems({ ...DEFAULT_URL, ...settings } as UrlParams);
const emptied = (settings: Partial<RedirectModel>) => factsOf({ next: modelOf(settings) });
const lint = (settings: Partial<RedirectModel>, stacks = ONE_HOST) =>
  allSteps(lintSlices(modelOf(settings), { stacks, lists: [], compat: false }));
const rules = (...all: Condition[][]) => ({ rules: all.map((when, at) => ruleOf(`r${at}`, when, LITERAL)) });
const used = (settings: Partial<RedirectModel>) => ({
  app: "a1",
  approved: modelOf(),
  next: modelOf(settings),
});
const share = { percent: 60, server: serverOf("1.0") };

const EXAMPLES: Readonly<Record<ProblemCode, () => readonly Problem[]>> = {
  MissedRuleName: () => rule(""),
  InvalidRuleName: () => rule("bad name"),
  EmptyExpressions: () => rule("r", []),
  MissedParamName: () => condition("isEmpty", { param: "" }),
  MissedParamValue: () => condition("equals", { value: "" }),
  ServerIsMissed: () => rule("r", WHEN, null),
  ComparisonTypeInvalid: () => condition("equals", { value: "1", type: "other" }),
  PatternInvalid: () => condition("matches", { pattern: "(" }),
  DuplicatedLessParam: () => twice("lessThan"),
  DuplicatedGreaterParam: () => twice("greaterThan"),
  DuplicatedLessOrEqualParam: () => twice("lessOrEqual"),
  DuplicatedGreaterOrEqualParam: () => twice("greaterOrEqual"),
  ValueNumericTypeError: () => condition("equals", { value: "a", type: "numeric" }),
  ValueVersionTypeError: () => condition("equals", { value: "a", type: "version" }),
  ValueIPV6TypeError: () => condition("equals", { value: "a", type: "ipv6" }),
  ValueIPV6_4TypeError: () => condition("inIpRange", { values: ["a"] }),
  IpRangeTypeError: () => condition("inIpRange", { values: ["::1"], type: "other" }),
  PercentRangeError: () => condition("percent", { percent: 0 }),
  RandomRangeError: () => condition("random", { percent: 0.5 }),
  ServerUrlMissed: () => rule("r", WHEN, to(literalOf(""))),
  ServerUrlInvalid: () => rule("r", WHEN, to(literalOf("a"))),
  SimpleServerInvalidUrl: () => server({ url: "http://{host}" }),
  ServerPathMissed: () => server({ path: null }),
  InactivePathError: () => server({ path: "9.9" }),
  NonWhitelistedPathError: () => server({ path: "2.0" }),
  ServerPathOverridesDistribution: () =>
    defaultServerProblems(serverOf("1.0"), emptied({ distribution: [share] })),
  ServerGroupCountDown: () => group({ countdown: -2 }),
  ServerGroupEnablePrivateInvalid: () => group({ enable_private: "maybe" }),
  ServerGroupEnablePrivateMissed: () => group({ enable_private: undefined }),
  DistributionPercentageInvalid: () => shares([60, "2.0"], [40, "3.0"]),
  RuleDistributionPercentageInvalid: () => shares([101, "2.0"]),
  DistributionDuplicatedServersErr: () => shares([1, "2.0"], [1, "2.0"]),
  DistributionOnlySimpleServersErr: () =>
    distributionProblems([{ percent: 1, server: literalOf("http://a") }], FACTS),
  DistributionDeletionError: () => distributionProblems([], emptied({ distribution: [share, share] })),
  RolloutIdInvalid: () => rollout({ id: "a b" }),
  RolloutSaltMissed: () => rollout({ salt: " " }),
  RolloutStepsInvalid: () => rollout({ steps: [5, 1] }),
  RolloutStepInvalid: () => rollout({ step: 3 }),
  RolloutTimeInvalid: () => rollout({ bake_ms: -1 }),
  RolloutGateInvalid: () => rollout({ gate: { max_failing: 2, min_samples: 1 } }),
  RolloutOnlySimpleServers: () => rollout({ server: literalOf("http://a") }),
  AllReturnURLParamsMissed: () =>
    urlRuleProblems(ruleOf("u", WHEN, { urn: null, protocol: null, port: null, ip_version: null }), FACTS),
  UrlParamsHasEmptyValues: () => url({ urn: null }),
  ProtocolIsInvalid: () => url({ protocol: "ftp" }),
  PortIsInvalid: () => url({ port: 0 }),
  UrnIsInvalid: () => url({ urn: "a/b" }),
  WhitelistEmptyPath: () => whitelistProblems(["/EU/z1", ""], FACTS),
  WhitelistInvalidPath: () => whitelistProblems(["/EU/z1", "EU/z1"], FACTS),
  WhitelistDeleteError: () => whitelistProblems([], emptied({ whitelist: ["/EU/z1", "/EU/z2"] })),
  DeleteDefaultSeverWhitelistedPathError: () => whitelistProblems(["/EU/z2"], FACTS),
  NamespacedListNameIsMissed: () => listProblems(listOf("", ["a"]), []),
  NamespacedListNameIsInvalid: () => listProblems(listOf("a b", ["a"]), []),
  NamespacedListContainsEmptyValue: () => listProblems(listOf("a", [""]), []),
  NamespacedListValueIsInvalid: () => listProblems(listOf("a", ["x"], "IP"), []),
  NamespacedListsNamesMismatch: () => listProblems(listOf("a", ["x"]), [], "b"),
  NamespacedListsDuplicates: () => listProblems(listOf("a", ["x"]), [listOf("b", ["x"])]),
  NamespacedlistIsInUse: () => listDeletionProblems("l", [used(rules([onX("contains", { lists: ["l"] })]))]),
  TemplateDependsOnTemplate: () =>
    ruleTemplateProblems(ruleOf("t", WHEN, LITERAL, { template: "other" }), FACTS),
  TemplateIsUsed: () =>
    templateDeletionProblems(
      "t",
      "rule_templates",
      used({ rules: [ruleOf("r", WHEN, LITERAL, { template: "t" })] }),
    ),
  MinHostsInvalid: () => settingsProblems({ min_hosts: -1, app_min_hosts: 1, version: 0 }),
  UnreachableRule: () => lint(rules(WHEN, WHEN)),
  ContradictoryRule: () => lint(rules([onX("equals", { value: "a" }), onX("equals", { value: "b" })])),
  ShadowedRule: () => lint(rules(WHEN, [conditionOf("or", { items: [...WHEN, onX("isEmpty", {})] })])),
  UnknownList: () => lint(rules([onX("contains", { lists: ["nobody"] })])),
  DistributionAboveHundred: () => lint({ distribution: [share, share] }),
  RegexNeedsEngine: () => lint(rules([onX("matches", { pattern: "[0-9]+" })])),
  RuleWithoutHosts: () => lint({ rules: [ruleOf("r", WHEN, to(serverOf("9.9")))] }),
  DefaultServerWithoutHosts: () => lint({}, []),
  RolloutWithoutHosts: () => lint({ rollouts: [rolloutOf()] }),
  SharedRolloutSalt: () => lint({ rollouts: [rolloutOf(), rolloutOf({ id: "other" })] }),
  LintIncomplete: () =>
    lint(
      rules(
        ...Array.from({ length: 700 }, (_, at) => [onX("lessThan", { value: `${at}`, type: "numeric" })]),
      ),
    ),
};

describe("the catalogue", () => {
  for (const [code, example] of Object.entries(EXAMPLES))
    test(`${code} is found`, () => {
      const problem = example().find((each) => each.code === code);
      expect(problem).toBeDefined();
      const { severity, path, message } = problem!;
      expect(severity).toBe(CATALOGUE[code as ProblemCode].severity);
      expect([path, message].every((text) => text.trim() !== "" && !text.includes("\n"))).toBe(true);
    });

  test("there is an example for every code, and a sentence", () => {
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(Object.keys(CATALOGUE).toSorted());
    for (const { meaning } of Object.values(CATALOGUE)) expect(meaning).toMatch(/^[A-Z`].*\.$/);
  });

  test("what is right has no problems", () => {
    expect([rule("r"), server({}), group({}), url({}), shares(), rollout({})]).toEqual([
      [],
      [],
      [],
      [],
      [],
      [],
    ]);
    expect(lint(rules(WHEN))).toEqual([]);
  });
});
