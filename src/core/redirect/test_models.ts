/**
 * Whole models for property tests: every operator, nested branches, groups, both kinds of servers, lists. Each rule can be compiled in
 * the native semantics; texts of elements have no white space around them, as no reader lets it through.
 */
import fc from "fast-check";
import type {
  Branch,
  Condition,
  Destination,
  ListType,
  NamedList,
  QueryPair,
  RedirectModel,
  Rollout,
  Rule,
  Server,
  Share,
  UrlParams,
} from "./model.ts";
import { TEMPLATE_URL } from "./model.ts";
import { operators } from "./operators/all.ts";
import type { Field, Operator } from "./operators/contract.ts";
import { COMPARISON_TYPES } from "./text_order.ts";

/** Any text that XML can hold, among it what must be escaped there. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom("<&>\"'", "]]>", " a ", "a\r\nb\tc", "é ✓ 😀", "", "&amp;", "a,b;c", "true", "12.5"),
);

/** A text without white space around it, not empty. */
export const plainText: fc.Arbitrary<string> = anyText.map((text) => text.trim() || "x");

const parameterNames = fc.constantFrom("mac", "serviceAccountId", "clientAddress", "model", "Größe");
export const listNames: fc.Arbitrary<string> = fc.constantFrom("beta", "staff", "networks", "macs");
const addresses = fc.constantFrom("10.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::1", "192.0.2.7");
const patterns = fc.constantFrom("a.*", "12...bc", "(?:x|y)+", "<a&b>", "[^\"']*");
const percents = fc.oneof(
  fc.constantFrom(0.01, 12.5, 99.99, 100, 1e-7),
  fc.double({ min: 0.001, max: 100, noNaN: true }),
);

/** What a field may hold; operators with needs of their own are named. */
function valueOfField(field: Field, operator: string, items: fc.Arbitrary<Condition>): fc.Arbitrary<unknown> {
  switch (field.type) {
    case "conditions":
      return fc.array(items, { minLength: 1, maxLength: 3 });
    case "boolean":
      return field.absent === null ? fc.option(fc.boolean(), { nil: null }) : fc.boolean();
    case "number":
      return percents;
    case "texts": {
      if (field.name === "lists") return fc.uniqueArray(listNames, { minLength: 1, maxLength: 2 });
      const values = operator === "inIpRange" ? addresses : anyText;
      return fc.array(values, { maxLength: 3 });
    }
    case "text":
      if (field.name === "param") return parameterNames;
      if (field.name === "pattern") return patterns;
      if (field.name === "type") return fc.constantFrom(...COMPARISON_TYPES);
      return field.absent === null ? fc.option(anyText, { nil: null }) : plainText;
  }
}

function conditionOf(
  { name, fields }: Operator<never>,
  items: fc.Arbitrary<Condition>,
): fc.Arbitrary<Condition> {
  const values = Object.fromEntries(fields.map((field) => [field.name, valueOfField(field, name, items)]));
  return fc.record({ operator: fc.constant(name), ...values }) as fc.Arbitrary<Condition>;
}

/** Conditions of every operator; those that join others are at most three deep. */
export const anyCondition: fc.Arbitrary<Condition> = conditionsOfDepth(3);

function conditionsOfDepth(depth: number): fc.Arbitrary<Condition> {
  const kinds = operators.filter(({ children }) => depth > 1 || children === undefined);
  const items = depth > 1 ? conditionsOfDepth(depth - 1) : fc.constant({ operator: "none" });
  return fc.oneof(...kinds.map((operator) => conditionOf(operator, items)));
}

const queryPairs: fc.Arbitrary<QueryPair[]> = fc.uniqueArray(
  fc.record({ key: fc.constantFrom("ch", "a b", "k&", "entry"), value: anyText }),
  { selector: ({ key }) => key, maxLength: 3 },
);
const optionalText = fc.option(plainText, { nil: null });

/** A server that stands for hosts. */
export const simpleServer: fc.Arbitrary<Server> = fc.record({
  name: plainText,
  url: fc.constant(TEMPLATE_URL),
  path: fc.constantFrom("1.0", "2.1", "/EU/z1/1.0", "/US/z2/2.1"),
  description: optionalText,
  query: queryPairs,
  not_whitelisted: fc.boolean(),
  secure_url: optionalText,
});

/** A literal URL. */
export const advancedServer: fc.Arbitrary<Server> = fc.record({
  name: plainText,
  url: fc.constantFrom("xre://t:8080", "https://example.com/a?b=c&d=<e>", "ws://[2001:db8::1]:1/app"),
  path: fc.constant(null),
  description: optionalText,
  query: queryPairs,
  not_whitelisted: fc.boolean(),
  secure_url: optionalText,
});

export const anyServer: fc.Arbitrary<Server> = fc.oneof(simpleServer, advancedServer);

export const anyDestination: fc.Arbitrary<Destination> = fc.oneof(
  fc.record({ kind: fc.constant("server" as const), server: anyServer }),
  fc.record({
    kind: fc.constant("group" as const),
    servers: fc.array(anyServer, { minLength: 1, maxLength: 3 }),
    enable_private: fc.boolean(),
    countdown: fc.integer({ min: -1, max: 100_000 }),
  }),
);

export const anyUrlParams: fc.Arbitrary<UrlParams> = fc.record({
  urn: fc.option(fc.constantFrom("shell", "app;v=1", "a.b"), { nil: null }),
  protocol: fc.option(fc.constantFrom("http", "xre", "wss"), { nil: null }),
  port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: null }),
  ip_version: fc.option(fc.constantFrom(4 as const, 6 as const), { nil: null }),
});

function branchOf<Result>(result: fc.Arbitrary<Result>, depth: number): fc.Arbitrary<Branch<Result>> {
  const inner = depth === 0 ? fc.constant([]) : fc.array(branchOf(result, depth - 1), { maxLength: 2 });
  return fc
    .record({
      when: fc.array(anyCondition, { minLength: 1, maxLength: 3 }),
      inner,
      own: fc.option(result, { nil: null }),
      spare: result,
    })
    .map(({ when, inner: branches, own, spare }) => ({
      when,
      inner: branches,
      result: branches.length === 0 ? (own ?? spare) : own,
    }));
}

/** Rules with ids of their own. */
export function rulesWith<Result>(result: fc.Arbitrary<Result>, maxLength = 4): fc.Arbitrary<Rule<Result>[]> {
  const rule = fc
    .record({
      id: fc.stringMatching(/^[A-Za-z0-9_]{1,8}$/),
      template: fc.option(fc.constantFrom("template_1", "template_2"), { nil: null }),
      priority: fc.constantFrom(0, 0, 5, -1.5, 1_000),
      branch: branchOf(result, 2),
    })
    .map(({ branch, ...rest }) => ({ ...rest, ...branch }));
  return fc.uniqueArray(rule, { selector: ({ id }) => id, maxLength });
}

const shares: fc.Arbitrary<Share[]> = fc.array(
  fc.record({ percent: fc.constantFrom(0.01, 5, 12.5, 20), server: simpleServer }),
  { maxLength: 4 },
);

const steps: fc.Arbitrary<number[]> = fc
  .uniqueArray(fc.constantFrom(0.01, 1, 5, 25, 50, 99.5, 100), { minLength: 1, maxLength: 4 })
  .map((percentages) => percentages.toSorted((one, other) => one - other));

const rolloutLists = fc.uniqueArray(listNames, { maxLength: 2 });

const anyRollout: fc.Arbitrary<Rollout> = steps.chain((percentages) =>
  fc.record({
    id: fc.stringMatching(/^[A-Za-z0-9_]{1,8}$/),
    server: simpleServer,
    salt: fc.constantFrom("a", "b", "Größe"),
    steps: fc.constant(percentages),
    step: fc.integer({ min: -1, max: percentages.length - 1 }),
    since_ms: fc.nat(),
    bake_ms: fc.nat(),
    gate: fc.option(
      fc.record({ max_failing: fc.double({ min: 0, max: 1, noNaN: true }), min_samples: fc.nat() }),
    ),
    allow: rolloutLists,
    deny: rolloutLists,
    state: fc.constantFrom("running", "paused", "rolled_back", "done"),
  }),
);

/** Rollouts with ids of their own. */
export const anyRollouts: fc.Arbitrary<Rollout[]> = fc.uniqueArray(anyRollout, {
  selector: ({ id }) => id,
  maxLength: 3,
});

export const whitelists: fc.Arbitrary<string[]> = fc.uniqueArray(
  fc.constantFrom("/EU/z1", "/EU/z2", "/US/z2", "/a-b/c_d.e"),
);

export const anyModel: fc.Arbitrary<RedirectModel> = fc.record({
  default_server: fc.option(simpleServer, { nil: null }),
  distribution: shares,
  rules: rulesWith(anyDestination),
  rule_templates: rulesWith(anyDestination, 2),
  url_rules: rulesWith(anyUrlParams, 3),
  url_rule_templates: rulesWith(anyUrlParams, 2),
  default_url: fc.option(anyUrlParams, { nil: null }),
  whitelist: whitelists,
  rollouts: anyRollouts,
});

const MD5_OF_ABC = "900150983CD24FB0D6963F7D28E17F72";

function listOfType(type: ListType): fc.Arbitrary<NamedList> {
  const texts = type === "IP" ? addresses : plainText;
  const values = fc.uniqueArray(texts, { maxLength: 4 });
  return fc.record({ name: listNames, description: optionalText, version: fc.nat(), values }).map((list) => ({
    ...list,
    type,
    values: list.values.map((value) => ({ value, encoded: type === "ENCODED" ? MD5_OF_ABC : null })),
  }));
}

export const anyNamedList: fc.Arbitrary<NamedList> = fc.oneof(
  listOfType("TEXT"),
  listOfType("IP"),
  listOfType("ENCODED"),
);

/** Lists with names of their own. */
export const namedLists: fc.Arbitrary<NamedList[]> = fc.uniqueArray(anyNamedList, {
  selector: ({ name }) => name,
  maxLength: 4,
});

/** JSON keeps conditions of one operator together: the model that comes back from it. */
export function groupedByOperator<Result>(rule: Rule<Result>): Rule<Result> {
  return { ...rule, ...groupedBranch(rule) };
}

function groupedBranch<Result>({ when, inner, result }: Branch<Result>): Branch<Result> {
  return { when: groupedConditions(when), inner: inner.map((branch) => groupedBranch(branch)), result };
}

function groupedConditions(conditions: readonly Condition[]): Condition[] {
  const groups = Map.groupBy(conditions, ({ operator }) => operator);
  return [...groups.values()].flat().map((condition) => {
    const { items } = condition as Condition & { readonly items?: readonly Condition[] };
    return items === undefined ? condition : { ...condition, items: groupedConditions(items) };
  });
}
