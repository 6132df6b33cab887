import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rendezvous } from "../strategies/rendezvous.ts";
import { contextOf } from "./context.ts";
import { Decider } from "./decider.ts";
import { type Decision, type NoDecision, SharedNote } from "./decision.ts";
import type { RedirectModel } from "./model.ts";
import { NamedLists } from "./named_lists.ts";
import {
  conditionOf,
  deciderOf,
  decisionOf,
  DEFAULT_URL,
  literalOf,
  modelOf,
  ONE_HOST,
  OPTIONS,
  ruleOf,
  serverOf,
  SILENT,
  stackOf,
  to,
  urlOf,
} from "./test_decider.ts";
import { anyModel, namedLists } from "./test_models.ts";

const ALWAYS = conditionOf("isEmpty", { param: "never" });
const COMPAT = { compat: true };

const ruled = (server: Parameters<typeof to>[0], settings: Partial<RedirectModel> = {}): RedirectModel =>
  modelOf({ rules: [ruleOf("r", [ALWAYS], to(server))], ...settings });

/** How many decisions lead to each host. */
function hostsOf(decider: Decider, count: number): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let number = 0; number < count; number++) {
    const { destination } = decisionOf(decider).locations[0]!;
    seen[destination] = (seen[destination] ?? 0) + 1;
  }
  return seen;
}

describe("where decisions lead", () => {
  test("RD01 without rules to the default server", () => {
    expect(decisionOf(deciderOf(modelOf()))).toEqual({
      type: "DEFAULT_SERVER",
      rule: null,
      share: null,
      url_rules: ["Default"],
      locations: [
        {
          url: "http://10.0.0.1:8080/app",
          destination: "10.0.0.1",
          protocol: "http",
          port: "8080",
          urn: "app",
          ip_version: 4,
          description: "/EU/z1",
          context: {},
        },
      ],
      stack: "/EU/z1",
      flavor: "1.0",
      is_fallback: false,
      spill: "local",
      shared: new SharedNote(),
    });
  });

  test("RD06 nobody is left: no location", () => {
    const share = { percent: 50, server: serverOf("3.0") };
    const decider = deciderOf(ruled(serverOf("2.0"), { distribution: [share] }), {}, []);
    expect(decider.decide(contextOf({ mac: "a" }))).toBe("no_host");
    expect(deciderOf(modelOf({ default_server: null })).decide(contextOf({}))).toBe("no_default_server");
  });

  test("RD42 shares of thirty thousand keys are those of the model, in both semantics", () => {
    const model = modelOf({
      distribution: [
        { percent: 20, server: serverOf("2.0") },
        { percent: 30, server: serverOf("3.0") },
      ],
    });
    const stacks = ["1.0", "2.0", "3.0"].map((flavor) => stackOf(`/EU/z1/${flavor}`, "10.0.0.1"));
    for (const options of [{}, COMPAT]) {
      const decider = deciderOf(model, options, stacks);
      const seen: Record<string, number> = {};
      for (let number = 0; number < 30_000; number++) {
        const { flavor } = decisionOf(decider, { serviceAccountId: `key-${number}` });
        seen[flavor!] = (seen[flavor!] ?? 0) + 1;
      }
      for (const [flavor, percent] of [
        ["2.0", 20],
        ["3.0", 30],
        ["1.0", 50],
      ] as const)
        expect(Math.abs(seen[flavor]! / 300 - percent)).toBeLessThan(0.6);
    }
  });

  /** Flavor 2.0 has the first `percent`, and 3.0 the 30 behind them. */
  const flavorsOf = (percent: number, options = {}) => {
    const distribution = [
      { percent, server: serverOf("2.0") },
      { percent: 30, server: serverOf("3.0") },
    ];
    const stacks = ["1.0", "2.0", "3.0"].map((flavor) => stackOf(`/EU/z1/${flavor}`, "10.0.0.1"));
    const decider = deciderOf(modelOf({ distribution }), options, stacks);
    return (serviceAccountId: string) => decisionOf(decider, { serviceAccountId }).flavor;
  };

  test("RD43 shares follow each other, and the default server has the rest", () => {
    const keys = ["account-1", "account-2", "account-3", "user42"];
    expect(keys.map(flavorsOf(20, COMPAT))).toEqual(["2.0", "3.0", "3.0", "1.0"]);
  });

  test("RD44 whom a share has, it keeps when it grows", () => {
    const keys = Array.from({ length: 2_000 }, (_, number) => `key-${number}`);
    for (const options of [{}, COMPAT]) {
      const [before, after] = [flavorsOf(20, options), flavorsOf(25, options)];
      const [first, then] = [before, after].map(
        (flavorOf) => new Set(keys.filter((key) => flavorOf(key) === "2.0")),
      );
      expect(first!.size).toBeGreaterThan(300);
      expect(then!.size).toBeGreaterThan(first!.size);
      expect(first!.isSubsetOf(then!)).toBeTrue();
    }
  });

  const FALLBACK = {
    type: "DEFAULT_SERVER",
    rule: null,
    is_fallback: true,
    locations: [{ destination: "10.0.0.1", description: "/EU/z1" }],
  };

  test("RD46 a share whose hosts are not on whitelisted stacks leads to the default server", () => {
    const shares = modelOf({ distribution: [{ percent: 99.9, server: serverOf("2.0") }] });
    const at = (path: string) =>
      decisionOf(deciderOf(shares, {}, [...ONE_HOST, stackOf(path, "10.0.0.9")]), { mac: "a" });
    expect(at("/EU/z9/2.0")).toMatchObject(FALLBACK);
    expect(at("/EU/z1/2.0")).toMatchObject({ type: "DISTRIBUTION_RULE", is_fallback: false });
  });

  test("RD47 a rule whose target has no hosts leads to the default server", () => {
    expect(decisionOf(deciderOf(ruled(serverOf("2.0"))))).toMatchObject(FALLBACK);
    expect(decisionOf(deciderOf(ruled(serverOf("/EU/z1/2.0"))))).toMatchObject(FALLBACK);
  });

  const TWO_STACKS = [...ONE_HOST, stackOf("/EU/z2/1.0", "10.0.0.2")];
  const BOTH = { whitelist: ["/EU/z1", "/EU/z2"] };

  test("RD48 a rule for a stack that is not whitelisted leads to the default server", () => {
    const server = serverOf("/EU/z2/1.0");
    expect(decisionOf(deciderOf(ruled(server), {}, TWO_STACKS))).toMatchObject(FALLBACK);
    expect(decisionOf(deciderOf(ruled(server, BOTH), {}, TWO_STACKS))).toMatchObject({ stack: "/EU/z2" });
  });

  const TESTERS = serverOf("/EU/z2/1.0", { not_whitelisted: true });

  test("RD49 testers are led to a stack that is not whitelisted", () => {
    expect(decisionOf(deciderOf(ruled(TESTERS), {}, TWO_STACKS))).toMatchObject({
      type: "PATH_RULE",
      rule: "r",
      stack: "/EU/z2",
      is_fallback: false,
      locations: [{ destination: "10.0.0.2" }],
    });
  });

  test("RD50 testers are led to the default server where their stack is whitelisted", () => {
    // By its flavor alone the default server would have hosts of both.
    const decider = deciderOf(
      ruled(TESTERS, { ...BOTH, default_server: serverOf("/EU/z1/1.0") }),
      {},
      TWO_STACKS,
    );
    expect(decisionOf(decider)).toMatchObject(FALLBACK);
  });

  test("RD51 a flavor means whitelisted stacks alone", () => {
    const stacks = [...ONE_HOST, stackOf("/EU/z9/1.0", "10.0.0.9*100")];
    expect(hostsOf(deciderOf(modelOf(), {}, stacks), 1_000)).toEqual({ "10.0.0.1": 1_000 });
  });

  test("RD62 a wanted family that no host has: the other one, in the original nothing", () => {
    const model = modelOf({ default_url: { ...DEFAULT_URL, ip_version: 6 } });
    expect(urlOf(deciderOf(model))).toBe("http://10.0.0.1:8080/app");
    expect(deciderOf(model, COMPAT).decide(contextOf({}))).toBe("wrong_family");
    const mixed = [stackOf("/EU/z1/1.0", "10.0.0.1*99", "2001:db8::3")];
    expect(hostsOf(deciderOf(model, {}, mixed), 50)).toEqual({ "2001:db8::3": 50 });
  });

  describe("decisions that clients share", () => {
    const stacks = [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2")];
    const literal = ruleOf(
      "l",
      [conditionOf("equals", { param: "x", value: "1" })],
      to(literalOf("xre://t:1")),
    );

    test("one for each target and host, until there are other hosts", () => {
      const decider = deciderOf(modelOf({ rules: [literal] }), {}, stacks);
      const [one, two, again] = [1, 2, 3].map(() => decisionOf(decider));
      expect(urlsOf([one!, two!]).toSorted()).toEqual([
        "http://10.0.0.1:8080/app",
        "http://10.0.0.2:8080/app",
      ]);
      expect(again).toBe(one!);
      expect(decisionOf(decider, { x: "1" })).toBe(decisionOf(decider, { x: "1" }));
      decider.setHosts([stackOf("/EU/z1/1.0", one!.locations[0]!.destination)]);
      const later = decisionOf(decider);
      expect(later).not.toBe(one!);
      expect(later).toEqual(one!);
    });

    test("none where the client or a URL rule has a say in the URL", () => {
      const connectUrl = "xre://c/?a=b";
      const decider = deciderOf(modelOf({ rules: [literal] }), {}, stacks);
      for (const parameters of [{ connectUrl }, { connectUrl, x: "1" }])
        expect(decisionOf(decider, parameters).shared).toBeNull();
      expect(decisionOf(decider).shared).not.toBeNull();
      const urn = { urn: "other", protocol: null, port: null, ip_version: null };
      const url_rules = [ruleOf("u", [conditionOf("equals", { param: "x", value: "1" })], urn)];
      const ruled = deciderOf(modelOf({ url_rules }));
      expect(decisionOf(ruled).shared).toBeNull();
      expect(urlsOf([decisionOf(ruled, { x: "1" })])).toEqual(["http://10.0.0.1:8080/other"]);
    });

    test("those of all hosts of a target or none, and not more than fit", () => {
      const hostsOf = (count: number) =>
        Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
      for (const [count, shared] of [
        [4_000, [4_000, 0]],
        [5_000, [0, 0]],
        [2_000, [2_000, 2_000]],
      ] as const) {
        const hosts = hostsOf(count);
        const other = ruleOf("o", [conditionOf("equals", { param: "x", value: "1" })], to(serverOf("1.0")));
        const decider = deciderOf(modelOf({ rules: [other] }), {}, [stackOf("/EU/z1/1.0", ...hosts)]);
        const decided = (parameters = {}) => hosts.map(() => decisionOf(decider, parameters));
        const both = [decided(), decided({ x: "1" })];
        const kept = both.map((decisions) => decisions.filter((each) => each.shared !== null).length);
        expect([count, kept]).toEqual([count, [...shared]]);
        for (const decisions of both) expect(new Set(urlsOf(decisions)).size).toBe(count);
      }
    });
  });

  test("RD64 a server group is a location for each member with hosts", () => {
    const servers = ["1.0", "2.0", "/EU/z1/1.0"].map((path) => serverOf(path, { name: path }));
    const rule = ruleOf("g", [ALWAYS], {
      kind: "group" as const,
      servers: [...servers, literalOf("xre://t:1", { name: "t" })],
      enable_private: true,
      countdown: 5,
    });
    const decision = decisionOf(deciderOf(modelOf({ rules: [rule] })));
    expect(decision.locations.map(({ url }) => url)).toEqual([
      "http://10.0.0.1:8080/app?ruleName=g",
      "http://10.0.0.1:8080/app?ruleName=g",
      "xre://t:1?ruleName=g",
    ]);
  });
});

const urlsOf = (decisions: readonly Decision[]) => decisions.map(({ locations }) => locations[0]!.url);

describe("in which order rules are tried", () => {
  const contains = conditionOf("contains", { param: "x", values: ["1"] });
  const matches = conditionOf("matches", { param: "x", pattern: "1" });
  const equals = conditionOf("equals", { param: "x", value: "1" });
  const and = (...items: object[]) => conditionOf("and", { items });
  const first = (rules: RedirectModel["rules"], options = {}, parameters = { x: "1" }) =>
    decisionOf(deciderOf(modelOf({ rules }), options), parameters).rule;
  const somewhere = to(literalOf("http://a"));

  /** One rule for each of the three, with these priorities. */
  const ofKinds = (...priorities: readonly number[]) =>
    [contains, matches, equals].map((condition, at) =>
      ruleOf(condition.operator, [condition], somewhere, { priority: priorities[at] ?? 0 }),
    );

  test("RD35 in the original the cheapest first", () => {
    expect(first(ofKinds(), COMPAT)).toBe("equals");
    expect(first(ofKinds(3, 2, 1), COMPAT)).toBe("equals");
    expect(first(ofKinds())).toBe("contains");
  });

  test("RD37 in the original what joins cheap conditions comes before chance", () => {
    const or = ruleOf("or", [conditionOf("or", { items: [equals, equals] })], somewhere);
    const random = ruleOf("random", [conditionOf("random", { percent: 100 })], somewhere);
    expect([first([random, or], COMPAT), first([random, or])]).toEqual(["or", "random"]);
  });

  test("RD36 else the highest priority first, equal ones as declared", () => {
    expect(first(ofKinds(1, 2, 3))).toBe("equals");
    expect(first(ofKinds(3, 5, 5))).toBe("matches");
    expect(first(ofKinds(5, 5, 5))).toBe("contains");
  });

  test("RD38 what stands directly in a rule costs the sum of its parts", () => {
    const range = conditionOf("inIpRange", { param: "a", values: ["10.0.0.0/8"] });
    const nested = (id: string, outer: object, inner: object) =>
      ruleOf(id, [outer as typeof equals], null, {
        inner: [{ when: [inner as typeof equals], inner: [], result: somewhere }],
      });
    const rules = [
      nested("one", and(equals, contains), equals),
      nested("two", and(equals, equals), and(range, equals)),
    ];
    const parameters = { x: "1", a: "10.0.0.1" };
    expect([first(rules, COMPAT, parameters), first(rules, {}, parameters)]).toEqual(["two", "one"]);
  });

  test("RD12 a rule that cannot be compiled is named, and the others decide", () => {
    const rules = [
      ruleOf("broken", [conditionOf("percent", { percent: 0 })], somewhere),
      ruleOf("whole", [equals], somewhere),
    ];
    const decider = deciderOf(modelOf({ rules }));
    expect(decider.problems).toEqual([
      {
        rule: "broken",
        code: "PercentRangeError",
        message: "percent has the value 0; expected a number above 0, at most 100",
      },
    ]);
    expect(decisionOf(decider, { x: "1" }).rule).toBe("whole");
  });

  test("RD23 unknown lists are named", () => {
    const rules = [
      ruleOf("r", [and(equals, conditionOf("contains", { param: "x", lists: ["nobody"] }))], somewhere),
    ];
    expect(deciderOf(modelOf({ rules })).unknown_lists).toEqual([{ rule: "r", list: "nobody" }]);
  });
});

describe("whose turn it is", () => {
  test("RD65 turns are exact by weight and smooth", () => {
    const decider = deciderOf(modelOf(), {}, [stackOf("/EU/z1/1.0", "10.0.0.1*1", "10.0.0.2*3")]);
    expect(hostsOf(decider, 4_000)).toEqual({ "10.0.0.1": 1_000, "10.0.0.2": 3_000 });
    let run = 0;
    let longest = 0;
    let last = "";
    for (let number = 0; number < 400; number++) {
      const { destination } = decisionOf(decider).locations[0]!;
      run = destination === last ? run + 1 : 1;
      last = destination;
      longest = Math.max(longest, run);
    }
    expect(longest).toBe(3);
    const three = deciderOf(modelOf(), {}, [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2", "10.0.0.3")]);
    expect(hostsOf(three, 3_000)).toEqual({ "10.0.0.1": 1_000, "10.0.0.2": 1_000, "10.0.0.3": 1_000 });
  });

  test("RD66 a host of weight 0 gets nobody", () => {
    const stacks = [stackOf("/EU/z1/1.0", "10.0.0.1*0", "10.0.0.2")];
    expect(hostsOf(deciderOf(modelOf(), {}, stacks), 10)).toEqual({ "10.0.0.2": 10 });
    expect(deciderOf(modelOf(), {}, [stackOf("/EU/z1/1.0", "10.0.0.1*0")]).decide(contextOf({}))).toBe(
      "no_host",
    );
  });

  test("RD144 with affinity a client keeps its host, and few move when one of ten goes", () => {
    const hosts = Array.from({ length: 10 }, (_, number) => `10.0.0.${number}`);
    const decider = deciderOf(modelOf(), { affinity: rendezvous }, [stackOf("/EU/z1/1.0", ...hosts)]);
    const destination = (key: string) => decisionOf(decider, { mac: key }).locations[0]!.destination;
    const keys = Array.from({ length: 2_000 }, (_, number) => `key-${number}`);
    const before = keys.map(destination);
    expect(new Set(Array.from({ length: 100 }, () => destination("one"))).size).toBe(1);
    decider.setHosts([stackOf("/EU/z1/1.0", ...hosts.slice(1))]);
    const moved = keys.filter((key, at) => destination(key) !== before[at]).length;
    expect(moved / keys.length).toBeLessThanOrEqual(0.12);
    expect(moved).toBe(before.filter((host) => host === "10.0.0.0").length);
  });

  test("RD161 the own datacenter first, more only where it has too few", () => {
    const spill_over = { datacenter: "EU", min_hosts: 2 };
    const decider = deciderOf(modelOf({ whitelist: ["/EU/z1", "/US/z1"] }), { spill_over }, []);
    const us = stackOf("/US/z1/1.0", "10.1.0.1");
    const seen = (...local: string[]): [string | null, string[]] => {
      decider.setHosts([stackOf("/EU/z1/1.0", ...local), us]);
      return [decisionOf(decider).spill, Object.keys(hostsOf(decider, 20)).toSorted()];
    };
    expect(seen("10.0.0.1", "10.0.0.2")).toEqual(["local", ["10.0.0.1", "10.0.0.2"]]);
    expect(seen("10.0.0.1")).toEqual(["mixed", ["10.0.0.1", "10.1.0.1"]]);
    expect(seen()).toEqual(["remote", ["10.1.0.1"]]);
    expect(seen("10.0.0.1", "10.0.0.2")).toEqual(["local", ["10.0.0.1", "10.0.0.2"]]);
  });

  test("RD165 hosts whose checks fail are passed over, but never all", () => {
    const stack = stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2");
    const decider = deciderOf(modelOf(), {}, [stack]);
    const keys = stack.hosts.map(({ key }) => key);
    hostsOf(decider, 1);
    decider.setUnhealthy(new Set(keys.slice(0, 1)));
    expect(hostsOf(decider, 10)).toEqual({ "10.0.0.2": 10 });
    decider.setUnhealthy(new Set(keys));
    expect(hostsOf(decider, 10)).toEqual({ "10.0.0.1": 5, "10.0.0.2": 5 });
    decider.setHosts([stack]);
    decider.setUnhealthy(new Set(keys.slice(1)));
    expect(hostsOf(decider, 10)).toEqual({ "10.0.0.1": 10 });
  });

  test("turns go on when hosts or the model change", () => {
    const stacks = [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2", "10.0.0.3")];
    let decider = deciderOf(modelOf(), {}, stacks);
    const seen: string[] = [];
    for (let number = 0; number < 300; number++) {
      seen.push(decisionOf(decider).locations[0]!.destination);
      const next = new Decider(decider.model, NamedLists.none, OPTIONS);
      next.setHosts(stacks, decider);
      decider = next;
    }
    for (const host of new Set(seen)) expect(seen.filter((each) => each === host).length).toBe(100);
  });
});

// The specification and what is compiled.

const parameterSets = fc.record(
  {
    mac: fc.constantFrom("b", "00:00:00:00:00:01", "10.1.2.3", " "),
    serviceAccountId: fc.oneof(fc.constantFrom("account-1", "", "A"), fc.string({ maxLength: 6 })),
    clientAddress: fc.constantFrom("10.0.0.1", "192.0.2.0/25", "2001:db8::7", "::1", "x"),
    model: fc.constantFrom("xyxy", "12abcbc", "<a&b>", "12.5", "1e1", "true", "é ✓ 😀", "a,b;c"),
    Größe: fc.oneof(fc.constantFrom("1.10", "]]>", "&amp;"), fc.double().map(String)),
  },
  { requiredKeys: [] },
);

const STACKS = [
  stackOf("/EU/z1/1.0", "10.0.0.1", "2001:db8::1"),
  stackOf("/EU/z2/1.0", "10.0.0.2"),
  stackOf("/US/z2/2.1", "10.1.0.1*3", "10.1.0.2"),
];

test("RD148 compiled rules decide as the interpreter does, on any model and any client", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(anyModel, { minLength: 1, maxLength: 6 }),
      namedLists,
      fc.array(parameterSets, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (models, lists, clients, compat, drawn) => {
        // Rules of several models in one, so that the index has something to choose from.
        const model: RedirectModel = {
          ...models[0]!,
          rules: models.flatMap(({ rules }, number) =>
            rules.map((rule) => ({ ...rule, id: `${rule.id}_${number}` })),
          ),
          url_rules: models.flatMap(({ url_rules }, number) =>
            url_rules.map((rule) => ({ ...rule, id: `${rule.id}_${number}` })),
          ),
        };
        const options = { ...OPTIONS, compat, random: () => drawn };
        const [fast, slow] = [null, SILENT].map((trace) => {
          const decider = new Decider(model, NamedLists.of(lists), options, trace);
          decider.setHosts(STACKS);
          return decider;
        });
        for (const client of clients) {
          const one: Decision | NoDecision = fast!.decide(contextOf(client as Record<string, string>));
          expect(one).toEqual(slow!.decide(contextOf(client as Record<string, string>)));
          seen.add(typeof one === "string" ? one : one.type);
        }
      },
    ),
    { numRuns: 400 },
  );
  // It has been through all of them.
  expect([...seen].toSorted()).toEqual(
    expect.arrayContaining(["DEFAULT_SERVER", "DISTRIBUTION_RULE", "PATH_RULE", "ROLLOUT_RULE", "no_host"]),
  );
}, 60_000);
