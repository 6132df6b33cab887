/**
 * Every code that the checks of a model give, and what it means: the table that a reference page is made from. Codes of errors are the
 * original's names where it has one.
 */

export type Severity = "error" | "warning";

export interface CatalogueEntry {
  /** An error keeps an entity from being saved; a warning says what is hardly meant. */
  readonly severity: Severity;
  /** One sentence: what is the case. */
  readonly meaning: string;
}

const error = (meaning: string): CatalogueEntry => ({ severity: "error", meaning });
const warning = (meaning: string): CatalogueEntry => ({ severity: "warning", meaning });

const RULES = {
  MissedRuleName: error("A rule has no name."),
  InvalidRuleName: error(
    "The name of a rule has other characters than letters, digits and `_`, or is `undefined`.",
  ),
  EmptyExpressions: error("A rule has no conditions, or joins the wrong number of them."),
  MissedParamName: error("A condition names no parameter."),
  MissedParamValue: error("A condition has no value, no values or a blank one."),
  ServerIsMissed: error("A rule, or the innermost part of one, leads nowhere."),
  ComparisonTypeInvalid: error("A comparison has a type that does not exist."),
  PatternInvalid: error("A regular expression cannot be read, or needs more than linear time."),
  DuplicatedLessParam: error("Two `lessThan` on one parameter must hold together."),
  DuplicatedGreaterParam: error("Two `greaterThan` on one parameter must hold together."),
  DuplicatedLessOrEqualParam: error("Two `lessOrEqual` on one parameter must hold together."),
  DuplicatedGreaterOrEqualParam: error("Two `greaterOrEqual` on one parameter must hold together."),
  ValueNumericTypeError: error("A value that is compared as a number is none."),
  ValueVersionTypeError: error("A value that is compared as a version is none."),
  ValueIPV6TypeError: error("A value that is compared as an IPv6 address is none."),
  ValueIPV6_4TypeError: error(
    "An entry of `inIpRange` is no IPv4 or IPv6 address or network, or an IP version is neither 4 nor 6.",
  ),
  IpRangeTypeError: error("The type of an `inIpRange` is neither empty nor `namespacedList`."),
  PercentRangeError: error("A sticky percentage is not above 0 and at most 100."),
  RandomRangeError: error("A random percentage is not a whole number above 0 and at most 100."),
} as const;

const SERVERS = {
  ServerUrlMissed: error("A server has no URL."),
  ServerUrlInvalid: error("A literal URL is not `protocol://host[:port][/urn]`."),
  SimpleServerInvalidUrl: error("The URL of a server with hosts is not exactly the template."),
  ServerPathMissed: error("A server with the URL template has no path."),
  InactivePathError: error("No host is registered at the path of a server."),
  NonWhitelistedPathError: error("No host at the path of a server stands on a whitelisted stack."),
  ServerPathOverridesDistribution: error("A share of the distribution has the path of the default server."),
  ServerGroupCountDown: error("The countdown of a group of servers is no whole number of at least -1."),
  ServerGroupEnablePrivateInvalid: error("`enablePrivate` of a group of servers is neither true nor false."),
  ServerGroupEnablePrivateMissed: error("A group of servers does not say `enablePrivate`."),
} as const;

const DISTRIBUTION = {
  DistributionPercentageInvalid: error(
    "All shares together are below 0, or leave the default server nothing.",
  ),
  RuleDistributionPercentageInvalid: error("A share is not within 0 and 100."),
  DistributionDuplicatedServersErr: error("Two shares have the same path."),
  DistributionOnlySimpleServersErr: error("A share has a literal URL."),
  DistributionDeletionError: error("More than one share exists, and all are taken away at once."),
} as const;

const ROLLOUTS = {
  RolloutIdInvalid: error(
    "The id of a rollout has other characters than letters, digits and `_`, or is that of another one.",
  ),
  RolloutSaltMissed: error("A rollout has no salt: the same clients would always be the first ones."),
  RolloutStepsInvalid: error("The steps of a rollout are no rising percentages above 0 and at most 100."),
  RolloutStepInvalid: error("A rollout is at a step that it does not have."),
  RolloutTimeInvalid: error("A time of a rollout is no whole number of milliseconds of at least 0."),
  RolloutGateInvalid: error(
    "The gate of a rollout has no share of 0 to 1, or no number of samples of at least 1.",
  ),
  RolloutOnlySimpleServers: error("A rollout has a literal URL."),
} as const;

const URLS = {
  AllReturnURLParamsMissed: error("A URL rule gives no part of a URL."),
  UrlParamsHasEmptyValues: error("The default URL parameters do not give all parts of a URL."),
  ProtocolIsInvalid: error("A protocol is not one of those that clients know."),
  PortIsInvalid: error("A port is not within 1 and 65535."),
  UrnIsInvalid: error("A URN has other characters than letters, digits, `-`, `_`, `;` and `.`."),
} as const;

const WHITELIST = {
  WhitelistEmptyPath: error("An entry of the whitelist is blank."),
  WhitelistInvalidPath: error("An entry of the whitelist is not the path of a stack."),
  WhitelistDeleteError: error("More than one stack is whitelisted, and all are taken away at once."),
  DeleteDefaultSeverWhitelistedPathError: error(
    "The default server would lose its last whitelisted stack that has hosts.",
  ),
} as const;

const LISTS = {
  NamespacedListNameIsMissed: error("A named list has no name."),
  NamespacedListNameIsInvalid: error(
    "The name of a list has other characters than letters, digits, `_` and `-`.",
  ),
  NamespacedListContainsEmptyValue: error("A named list has a blank value."),
  NamespacedListValueIsInvalid: error("A value of an IP list is no address or network."),
  NamespacedListsNamesMismatch: error("A list is saved under another name than its own."),
  NamespacedListsDuplicates: error("A value stands in another list already."),
  NamespacedlistIsInUse: error("A list cannot be deleted: approved or pending rules use it."),
} as const;

const OTHERS = {
  TemplateDependsOnTemplate: error("A template is made from a template."),
  TemplateIsUsed: error("A template cannot be deleted: approved or pending rules use it."),
  MinHostsInvalid: error("A setting for the fewest hosts is no whole number of at least 0."),
} as const;

const WARNINGS = {
  UnreachableRule: warning("An earlier rule takes all clients of a rule."),
  ContradictoryRule: warning("Two conditions of a rule cannot hold together: it takes no client."),
  ShadowedRule: warning("An earlier rule takes all clients of one part of a rule."),
  UnknownList: warning("A rule names a list that does not exist: nothing stands in it."),
  DistributionAboveHundred: warning("Shares and rules that are only a percentage are over 100 together."),
  RegexNeedsEngine: warning(
    "A pattern is more than a few texts: each decision that sees it runs the regex engine.",
  ),
  RuleWithoutHosts: warning("No host that may be chosen is at the path of a rule's server."),
  DefaultServerWithoutHosts: warning("No host that may be chosen is at the path of the default server."),
  RolloutWithoutHosts: warning("No host that may be chosen is at the path of a rollout's server."),
  SharedRolloutSalt: warning("Two rollouts have the same salt: the same clients are the first of both."),
  LintIncomplete: warning("The model has too many rules that may overlap: not all pairs were compared."),
} as const;

export const CATALOGUE = {
  ...RULES,
  ...SERVERS,
  ...DISTRIBUTION,
  ...ROLLOUTS,
  ...URLS,
  ...WHITELIST,
  ...LISTS,
  ...OTHERS,
  ...WARNINGS,
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

export type ProblemCode = keyof typeof CATALOGUE;
