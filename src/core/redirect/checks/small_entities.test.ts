/** Distributions, whitelists, parts of URLs and settings. */
import { describe, expect, test } from "bun:test";
import type { Share } from "../model.ts";
import { DEFAULT_URL, literalOf, modelOf, serverOf, stackOf } from "../test_decider.ts";
import { distributionProblems } from "./distribution.ts";
import { settingsProblems } from "./settings.ts";
import { codesOf, factsOf } from "./test_facts.ts";
import { defaultUrlProblems } from "./url_params.ts";
import { whitelistProblems } from "./whitelist.ts";

const FLAVORS = ["1.0", "2.0", "3.0", "4.0"];
const STACKS = FLAVORS.map((flavor) => stackOf(`/EU/z1/${flavor}`, "10.0.0.1"));
const FACTS = factsOf({ stacks: STACKS });

const shares = (...percents: number[]): Share[] =>
  percents.map((percent, at) => ({ percent, server: serverOf(FLAVORS[at + 1]!) }));

describe("distribution", () => {
  const found = (distribution: readonly Share[], facts = FACTS) =>
    codesOf(distributionProblems(distribution, facts));

  test("RD92 something is left for the default server", () => {
    expect(found(shares(60, 40))).toEqual(["DistributionPercentageInvalid"]);
    expect(found(shares(60, 39.99))).toEqual([]);
    // As floating numbers they are a little less than 100.
    expect(found(shares(33.1, 33.3, 33.6))).toEqual(["DistributionPercentageInvalid"]);
    expect(found(shares(-1))).toEqual(["RuleDistributionPercentageInvalid", "DistributionPercentageInvalid"]);
    expect(found(shares(101, -50))).toEqual([
      "RuleDistributionPercentageInvalid",
      "RuleDistributionPercentageInvalid",
    ]);
    expect(found(shares(Number.NaN))).toEqual([
      "RuleDistributionPercentageInvalid",
      "DistributionPercentageInvalid",
    ]);
  });

  test("RD93 each path once, with hosts, and not that of the default server", () => {
    const of = (...servers: Share["server"][]) => found(servers.map((server) => ({ percent: 10, server })));
    expect(of(serverOf("2.0"), serverOf("2.0"))).toEqual(["DistributionDuplicatedServersErr"]);
    expect(of(literalOf("http://a"))).toEqual(["DistributionOnlySimpleServersErr"]);
    expect(of(serverOf("1.0"))).toEqual(["ServerPathOverridesDistribution"]);
    expect(of(serverOf("9.9"))).toEqual(["InactivePathError"]);
    const one = [{ percent: 10, server: serverOf("1.0") }];
    expect(distributionProblems(one, FACTS, serverOf("2.0"))).toEqual([]);
    expect(distributionProblems([...one, ...one], FACTS, null)).toMatchObject([
      {
        path: "distribution[1].server.path",
        message: expect.stringContaining("share 2 of the distribution"),
      },
    ]);
  });

  test("RD94 all shares at once", () => {
    const before = (...percents: number[]) =>
      factsOf({ stacks: STACKS, next: modelOf({ distribution: shares(...percents) }) });
    expect(found([], before(1, 2, 3))).toEqual(["DistributionDeletionError"]);
    expect([found([], before(1)), found([], before()), found(shares(1), before(1, 2, 3))]).toEqual([
      [],
      [],
      [],
    ]);
  });
});

describe("whitelist", () => {
  const facts = (...whitelist: string[]) =>
    factsOf({ next: modelOf({ whitelist }), stacks: [...STACKS, stackOf("/EU/z2/1.0", "10.0.0.2")] });
  const found = (whitelist: readonly string[], before = facts("/EU/z1")) =>
    codesOf(whitelistProblems(whitelist, before));

  test("RD98 paths of stacks", () => {
    const besides = (path: string) => found(["/EU/z1", path]);
    expect(["EU/z1", "", "/EU/z1/x", "/a-b/c_d.e", "/EU/z 1"].map(besides)).toEqual([
      ["WhitelistInvalidPath"],
      ["WhitelistEmptyPath"],
      ["WhitelistInvalidPath"],
      [],
      ["WhitelistInvalidPath"],
    ]);
  });

  test("RD99 all stacks at once", () => {
    expect(found([], facts("/EU/z8", "/EU/z9"))).toEqual(["WhitelistDeleteError"]);
    expect(found([], facts("/EU/z9"))).toEqual([]);
  });

  test("RD100 the default server keeps a stack with hosts", () => {
    expect(whitelistProblems(["/EU/z9"], facts("/EU/z1", "/EU/z9"))).toEqual([
      {
        code: "DeleteDefaultSeverWhitelistedPathError",
        severity: "error",
        path: "whitelist",
        rule: null,
        message:
          'the whitelist loses /EU/z1: no host is left for the default server at "1.0"; expected one stack to stay',
      },
    ]);
    expect(found(["/EU/z2"], facts("/EU/z1", "/EU/z2"))).toEqual([]);
    // It has none today: nothing is lost.
    expect(found(["/EU/z8"], facts("/EU/z8", "/EU/z9"))).toEqual([]);
    expect(found([], facts("/EU/z1"))).toEqual(["DeleteDefaultSeverWhitelistedPathError"]);
  });
});

describe("parts of URLs", () => {
  const found = (settings: object) => codesOf(defaultUrlProblems({ ...DEFAULT_URL, ...settings }));

  test("RD95 ports", () => {
    expect([1, 65_535, 0, 65_536, 1.5].map((port) => found({ port }))).toEqual([
      [],
      [],
      ["PortIsInvalid"],
      ["PortIsInvalid"],
      ["PortIsInvalid"],
    ]);
  });

  test("RD96 protocols, URNs, IP versions", () => {
    expect(["ftp", "XRE", "xmpp"].map((protocol) => found({ protocol }))).toEqual([
      ["ProtocolIsInvalid"],
      ["ProtocolIsInvalid"],
      [],
    ]);
    expect(["a/b", "a;v=1", "a-b_c;d.e"].map((urn) => found({ urn }))).toEqual([
      ["UrnIsInvalid"],
      ["UrnIsInvalid"],
      [],
    ]);
    expect([5, 0, 6].map((ip_version) => found({ ip_version }))).toEqual([
      ["ValueIPV6_4TypeError"],
      ["ValueIPV6_4TypeError"],
      [],
    ]);
  });

  test("RD84 the defaults are complete", () => {
    expect(found({})).toEqual([]);
    for (const part of ["urn", "protocol", "port", "ip_version"])
      expect(found({ [part]: null })).toEqual(["UrlParamsHasEmptyValues"]);
    expect(found({ urn: " " })).toEqual(["UrlParamsHasEmptyValues"]);
  });
});

test("settings count hosts", () => {
  const found = (min_hosts: number) => codesOf(settingsProblems({ min_hosts, app_min_hosts: 1, version: 0 }));
  expect([0, 5, -1, 0.5, Number.NaN].map(found)).toEqual([
    [],
    [],
    ["MinHostsInvalid"],
    ["MinHostsInvalid"],
    ["MinHostsInvalid"],
  ]);
});
