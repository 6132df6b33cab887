/** Runs test cases of the original's form: parameters in, and what is expected compared with the decision. */
import { contextOf } from "../context.ts";
import type { Decider } from "../decider.ts";
import type { Decision, NoDecision } from "../decision.ts";
import { EXPECTED_PARTS, type ExpectedPart, type TestCase } from "../documents/service_documents.ts";

export interface TestCaseResult {
  readonly status: "PASSED" | "FAILED";
  readonly actual: { readonly parts: ActualParts; readonly url_rules: readonly string[] } | NoDecision;
  /** What differs, one line each. */
  readonly differences: readonly string[];
}

export type ActualParts = Readonly<Record<ExpectedPart, string>>;

/**
 * Only what the test case names is compared, without regard to case; of the applied URL rules those that it names must be there.
 * A parameter with several values has the first one.
 */
export function runTestCase(
  decider: Decider,
  { parameters, expected, applied_url_rules }: TestCase,
): TestCaseResult {
  const given = Object.fromEntries(parameters.map(({ name, values }) => [name, values[0] ?? ""]));
  const decision = decider.decide(contextOf(given));
  if (typeof decision === "string")
    return { status: "FAILED", actual: decision, differences: [`nobody can be sent anywhere: ${decision}`] };
  const parts = partsOf(decision);
  const differences = [
    ...EXPECTED_PARTS.flatMap((part) => difference(part, expected[part], parts[part])),
    ...applied_url_rules
      .filter((rule) => !decision.url_rules.some((applied) => isSame(applied, rule)))
      .map((rule) => `the URL rule ${rule} was not applied`),
  ];
  const status = differences.length === 0 ? "PASSED" : "FAILED";
  return { status, actual: { parts, url_rules: decision.url_rules }, differences };
}

/** Of a server group the first member. */
export function partsOf({ type, rule, stack, flavor, locations }: Decision): ActualParts {
  const [{ protocol, port, ip_version, urn }] = locations as [Decision["locations"][number]];
  return {
    protocol,
    port,
    ipVersion: ip_version === null ? "" : String(ip_version),
    urn,
    xreStack: stack ?? "",
    flavor: flavor ?? "",
    rule: rule ?? "",
    responseType: type,
  };
}

function difference(part: ExpectedPart, expected: string | undefined, actual: string): string[] {
  if (expected === undefined || expected === "" || isSame(expected, actual)) return [];
  return [`${part}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`];
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
