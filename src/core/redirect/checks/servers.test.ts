import { describe, expect, test } from "bun:test";
import type { Destination, Server } from "../model.ts";
import { literalOf, modelOf, serverOf, stackOf, to } from "../test_decider.ts";
import { LivePaths } from "./facts.ts";
import { defaultServerProblems, destinationProblems } from "./servers.ts";
import { codesOf, factsOf } from "./test_facts.ts";

const STACKS = [
  stackOf("/EU/z1/1.0", "10.0.0.1"),
  stackOf("/EU/z2/1.0", "10.0.0.2"),
  stackOf("/EU/z2/2.0", "10.0.0.3"),
  stackOf("/EU/z1/3.0", "10.0.0.4*0"),
];
const PLACE = { path: "rules.r.result", rule: "r", words: "rule r" };
const PATHS = new LivePaths(STACKS, ["/EU/z1"]);

const found = (destination: Destination) => codesOf(destinationProblems(destination, PLACE, PATHS));
const foundFor = (server: Server) => found(to(server));

describe("servers", () => {
  test("RD90 the template exactly, with a path", () => {
    expect(foundFor(serverOf("1.0"))).toEqual([]);
    expect(foundFor(serverOf("1.0", { url: "{protocol}://{host}/{urn}" }))).toEqual([
      "SimpleServerInvalidUrl",
    ]);
    expect(foundFor(serverOf("1.0", { url: "http://literal" }))).toEqual(["SimpleServerInvalidUrl"]);
    expect(foundFor(serverOf("", { path: null }))).toEqual(["ServerPathMissed"]);
    expect(foundFor(serverOf(" "))).toEqual(["ServerPathMissed"]);
    expect(foundFor(literalOf("http://{host}:80"))).toEqual(["SimpleServerInvalidUrl"]);
  });

  test("literal URLs", () => {
    const good = ["xre://t:8080", "https://a/b?c=d", "ws://[2001:db8::1]:1/app", "http://a:65535"];
    expect(good.map((url) => foundFor(literalOf(url)))).toEqual([[], [], [], []]);
    for (const url of [
      "t:8080",
      "http://",
      "http://a:0",
      "http://a:65536",
      "http://a b",
      "http://{urn}",
      "http://a:x/",
    ])
      expect([url, foundFor(literalOf(url))]).toEqual([url, ["ServerUrlInvalid"]]);
    expect(foundFor(literalOf(" "))).toEqual(["ServerUrlMissed"]);
  });

  test("RD91 a path needs hosts, and one of them on a whitelisted stack", () => {
    const path = (text: string, notWhitelisted = false) =>
      foundFor(serverOf(text, { not_whitelisted: notWhitelisted }));
    expect([path("1.0"), path("/EU/z1/1.0")]).toEqual([[], []]);
    expect([path("9.9"), path("/EU/z9/1.0"), path("/EU/z1")]).toEqual([
      ["InactivePathError"],
      ["InactivePathError"],
      ["InactivePathError"],
    ]);
    // Hosts without a weight take no traffic.
    expect(path("3.0")).toEqual(["InactivePathError"]);
    expect([path("2.0"), path("/EU/z2/1.0")]).toEqual([
      ["NonWhitelistedPathError"],
      ["NonWhitelistedPathError"],
    ]);
    expect([path("2.0", true), path("/EU/z2/1.0", true)]).toEqual([[], []]);
  });

  test("groups: a countdown, and whether clients may try for themselves", () => {
    const group = (settings: object) =>
      found({ kind: "group", servers: [serverOf("1.0")], enable_private: true, countdown: -1, ...settings });
    expect(group({})).toEqual([]);
    expect([-2, 0.5, Number.NaN].map((countdown) => group({ countdown }))).toEqual([
      ["ServerGroupCountDown"],
      ["ServerGroupCountDown"],
      ["ServerGroupCountDown"],
    ]);
    expect(group({ enable_private: "maybe" })).toEqual(["ServerGroupEnablePrivateInvalid"]);
    expect(group({ enable_private: null })).toEqual(["ServerGroupEnablePrivateMissed"]);
    expect(group({ servers: [] })).toEqual(["ServerIsMissed"]);
  });

  test("RD93 the default server has no path of the distribution", () => {
    const next = modelOf({ distribution: [{ percent: 10, server: serverOf("2.0") }] });
    const facts = factsOf({ next: { ...next, whitelist: ["/EU/z1", "/EU/z2"] }, stacks: STACKS });
    expect(defaultServerProblems(serverOf("1.0"), facts)).toEqual([]);
    expect(defaultServerProblems(serverOf("2.0"), facts)).toEqual([
      {
        code: "ServerPathOverridesDistribution",
        severity: "error",
        path: "default_server.path",
        rule: null,
        message: 'the default server has the path "2.0" of a share of the distribution; expected another one',
      },
    ]);
  });
});
