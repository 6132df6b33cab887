/** Documents that the original's web service answers with and never reads: hosts, names, states and figures. */
import type { WrittenKind } from "./kind.ts";
import { type TestCase, testCaseDocument } from "./service_documents.ts";
import {
  attribute,
  type DocumentFormat,
  group,
  listedTexts,
  listOf,
  text,
  textOrNull,
  type Written,
} from "./written.ts";

export interface HostAddress {
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly weight: number;
}

const hostMembers = ({ ipv4, ipv6, weight }: HostAddress): Written[] => [
  textOrNull("ipV4Address", ipv4),
  textOrNull("ipV6Address", ipv6),
  text("weight", String(weight)),
];

/** `{"host": [{"ipV4Address": "10.0.0.1", "ipV6Address": null, "weight": "10"}]}` */
export const hostsDocument: WrittenKind<readonly HostAddress[]> = {
  name: "hosts",
  roots: ["hosts"],
  write: (hosts) => listOf("host", hosts.map(hostMembers)),
};

/** One of them by itself. */
export const hostDocument: WrittenKind<HostAddress> = {
  name: "a host",
  roots: ["host"],
  write: hostMembers,
};

/** `{"version": 0, "appNames": ["a1"]}` */
export const applicationNamesDocument: WrittenKind<readonly string[]> = {
  name: "names of applications",
  roots: ["appNamesList"],
  write: (names) => [attribute("version", 0), ...listedTexts("appNames", names)],
};

/** `{"instances": ["gateway-1"]}` */
export const instancesDocument: WrittenKind<readonly string[]> = {
  name: "names of gateways",
  roots: ["serviceInstances"],
  write: (names) => listedTexts("instances", names),
};

export interface ModelState {
  readonly application: string;
  /** It has a model that can redirect. */
  readonly is_active: boolean;
}

/** `{"modelStates": [{"applicationName": "a1", "active": true}]}` */
export const modelStatesDocument: WrittenKind<readonly ModelState[]> = {
  name: "states of models",
  roots: ["modelStates"],
  write: (states) =>
    listOf(
      "modelStates",
      states.map(({ application, is_active }) => [
        attribute("applicationName", application),
        attribute("active", is_active),
      ]),
    ),
};

/** What a first model would be made of, in words for those who are asked whether they want it. */
export interface FirstModelDetails {
  readonly flavor: string;
  readonly url_params: string;
  readonly stack: string;
  /** Where clients would be sent. */
  readonly url: string;
}

export const firstModelDetailsDocument: WrittenKind<FirstModelDetails> = {
  name: "details of a first model",
  roots: ["defaultModelConstructionDetails"],
  write: ({ flavor, url_params, stack, url }) => [
    attribute("defaultRouteComposition", flavor),
    attribute("defaultUrlPartsComposition", url_params),
    attribute("firstAvailableWhitelisted", stack),
    attribute("urlForRedirection", url),
  ],
};

export interface SummaryRow {
  /** The path that a server stands for, or its literal URL. */
  readonly release: string;
  /** Null for rules. */
  readonly percent: number | null;
  /** Hosts of whitelisted stacks that take traffic. */
  readonly nodes: number;
  readonly lists: readonly string[];
}

export interface Summary {
  readonly default_server: SummaryRow | null;
  readonly distribution: readonly SummaryRow[];
  readonly rules: readonly SummaryRow[];
}

const summaryRow = ({ release, percent, nodes, lists }: SummaryRow): Written[] => [
  attribute("release", release),
  ...(percent === null ? [] : [attribute("distribution", `${percent.toFixed(2)}%`)]),
  attribute("node", nodes),
  ...listedTexts("namespacedListNames", lists),
];

/** `{"defaultServer": {"release": "1.0", "distribution": "88.00%", "node": 3, …}, "distributions": […], "rules": […]}` */
export const summaryDocument: WrittenKind<Summary> = {
  name: "a summary",
  roots: ["summary"],
  write: ({ default_server, distribution, rules }) => [
    ...(default_server === null ? [] : [group("defaultServer", summaryRow(default_server))]),
    ...listOf("distributions", distribution.map(summaryRow)),
    ...listOf("rules", rules.map(summaryRow)),
  ],
};

export interface CaseResult {
  readonly test: TestCase;
  readonly status: "PASSED" | "FAILED";
  /** Parts of the decision by the original's names; null where there was none. */
  readonly actual: Readonly<Record<string, string>> | null;
  readonly url_rules: readonly string[];
  /** What differs, one line each. */
  readonly logs: readonly string[];
}

function caseResult(
  { test, status, actual, url_rules, logs }: CaseResult,
  format: DocumentFormat,
): Written[] {
  const parts =
    actual === null ? [] : Object.entries(actual).map(([part, value]): Written => text(part, value));
  return [
    text("status", status),
    ...(actual === null ? [] : [group("actual", [...parts, ...listedTexts("appliedUrlRules", url_rules)])]),
    group("testcase", testCaseDocument.write(test, format)),
    ...listedTexts("logs", logs),
  ];
}

/** `{"status": "FAILED", "actual": {…}, "testcase": {…}, "logs": ["rule: expected …"]}` */
export const caseResultDocument: WrittenKind<CaseResult> = {
  name: "the result of a test case",
  roots: ["testCaseResult"],
  write: caseResult,
};

/** `{"testCaseResult": […]}` */
export const caseResultsDocument: WrittenKind<readonly CaseResult[]> = {
  name: "results of test cases",
  roots: ["testCaseResultList"],
  write: (results, format) =>
    listOf(
      "testCaseResult",
      results.map((result) => caseResult(result, format)),
    ),
};
