/** URLs as decisions give them. */
import { describe, expect, test } from "bun:test";
import { contextOf } from "./context.ts";
import { Decider } from "./decider.ts";
import type { StackHosts } from "./hosts.ts";
import type { RedirectModel, UrlParams } from "./model.ts";
import {
  conditionOf,
  deciderOf,
  decisionOf,
  DEFAULT_URL,
  literalOf,
  modelOf,
  ruleOf,
  serverOf,
  SILENT,
  to,
  urlOf,
  urlParams,
} from "./test_decider.ts";

const ALWAYS = conditionOf("isEmpty", { param: "never" });
const CONNECT = { connectUrl: "xre://s:1/app?a=b&c=d" };

const ruled = (server: Parameters<typeof to>[0]): RedirectModel =>
  modelOf({ rules: [ruleOf("r", [ALWAYS], to(server))] });

describe("a literal URL", () => {
  const url = (literal: string, parameters = {}) => urlOf(deciderOf(ruled(literalOf(literal))), parameters);

  test("RD52 gets the name of the rule", () => {
    expect(url("xre://t:8080")).toBe("xre://t:8080?ruleName=r");
    expect(url("http://t/a#end")).toBe("http://t/a?ruleName=r#end");
  });

  test("RD53 gets the client's query before the name of the rule", () => {
    expect(url("xre://t:8080", CONNECT)).toBe("xre://t:8080?a=b&c=d&ruleName=r");
  });

  test("RD54 that has a query goes on with it", () => {
    expect(url("xre://t:8080?x=1")).toBe("xre://t:8080?x=1&ruleName=r");
    expect(url("xre://t:8080/app?x=1", CONNECT)).toBe("xre://t:8080/app?x=1&a=b&c=d&ruleName=r");
  });

  test("RD55 without a port names none, nor a colon before it", () => {
    expect(url("xre://t")).toBe("xre://t?ruleName=r");
    expect(url("http://t/a")).toBe("http://t/a?ruleName=r");
    const [location] = decisionOf(deciderOf(ruled(literalOf("http://[2001:db8::1]/a/b")))).locations;
    expect(location).toMatchObject({
      url: "http://[2001:db8::1]/a/b?ruleName=r",
      destination: "2001:db8::1",
      port: "",
      urn: "a/b",
      description: "r",
    });
  });

  test("without a host is refused", () => {
    expect(deciderOf(ruled(literalOf("http://"))).decide(contextOf({}))).toBe("malformed_url");
  });
});

describe("query pairs", () => {
  test("RD56 of a server stand there once, and nothing is changed by deciding", () => {
    const model = ruled(serverOf("1.0", { query: [{ key: "k", value: "a b" }] }));
    const text = JSON.stringify(model);
    const decider = deciderOf(model);
    for (let number = 0; number < 10_000; number++) urlOf(decider, CONNECT);
    expect(urlOf(decider)).toBe("http://10.0.0.1:8080/app?k=a%20b&ruleName=r");
    const same = { connectUrl: "xre://s:1/app?k=a%20b" };
    expect(urlOf(decider, same)).toBe("http://10.0.0.1:8080/app?k=a%20b&ruleName=r");
    expect(JSON.stringify(model)).toBe(text);
  });

  test("RD57 of the client stand there for the default server too, without a name", () => {
    expect(urlOf(deciderOf(modelOf()), CONNECT)).toBe("http://10.0.0.1:8080/app?a=b&c=d");
  });

  test("RD141 of a share's server stand there as those of a rule", () => {
    const server = serverOf("1.0", { query: [{ key: "ch", value: "b" }] });
    const decider = deciderOf(modelOf({ distribution: [{ percent: 99.9, server }] }));
    const decision = decisionOf(decider, { mac: "a" });
    expect([decision.type, decision.locations[0]!.url, decision.locations[0]!.context]).toEqual([
      "DISTRIBUTION_RULE",
      "http://10.0.0.1:8080/app?ch=b",
      { ch: "b" },
    ]);
    const url = urlOf(decider, { mac: "a", ...CONNECT });
    expect(url).toBe("http://10.0.0.1:8080/app?a=b&c=d&ch=b");
  });

  test("RD142 a rule may have default in its name", () => {
    const model = modelOf({ rules: [ruleOf("my_default_x", [ALWAYS], to(serverOf("1.0")))] });
    const decision = decisionOf(deciderOf(model));
    expect([decision.rule, decision.type]).toEqual(["my_default_x", "PATH_RULE"]);
    expect(decision.locations[0]!.url).toEndWith("?ruleName=my_default_x");
  });

  test("of a client bring nothing that a URL may not hold", () => {
    const url = urlOf(deciderOf(modelOf()), { connectUrl: "x?a=\r\nSet-Cookie: b&c=é\ud800<>#f&%zz" });
    expect(url).toBe("http://10.0.0.1:8080/app?a=%0D%0ASet-Cookie:%20b&c=%C3%A9%EF%BF%BD%3C%3E");
  });
});

describe("parts of a URL", () => {
  /** URL and names of the URL rules that gave something: compiled and interpreted, in both semantics, always the same. */
  const glued = (results: readonly Partial<UrlParams>[], parameters = {}): [string, readonly string[]] => {
    const [first, ...others] = results;
    const whenAll = conditionOf("equals", { param: "all", value: "1" });
    const rules = [
      ruleOf("r1", [ALWAYS], urlParams(first!)),
      ...others.map((result, at) => ruleOf(`r${at + 2}`, [whenAll], urlParams(result))),
    ];
    const model = modelOf({ url_rules: rules });
    const hosts = [{ key: "a", ipv4: "10.0.0.1", ipv6: "2001:db8::3", weight: 1 }];
    const found = [false, true].flatMap((compat) => {
      const compiled = deciderOf(model, { compat }, []);
      const interpreted = new Decider(model, compiled.lists, compiled.options, SILENT);
      return [compiled, interpreted].map((decider): [string, readonly string[]] => {
        decider.setHosts([{ stack: "/EU/z1", flavor: "1.0", hosts }]);
        const { locations, url_rules } = decisionOf(decider, parameters);
        return [locations[0]!.url, url_rules];
      });
    });
    for (const one of found) expect(one).toEqual(found[0]!);
    return found[0]!;
  };
  const THREE = [{ urn: "u" }, { port: 1, ip_version: 6 }, { protocol: "ws", urn: "late" }] as const;

  test("RD58 come from all rules that match, each from the first that gives it", () => {
    expect(glued(THREE, { all: "1" })).toEqual(["ws://[2001:db8::3]:1/u", ["r1", "r2", "r3"]]);
  });

  test("RD59 that no rule gives come from the defaults", () => {
    expect(glued(THREE)).toEqual(["http://10.0.0.1:8080/u", ["r1", "Default"]]);
  });

  test("RD60 are not given by a port of 0", () => {
    expect(glued([{ urn: "u", port: 0 }])).toEqual(["http://10.0.0.1:8080/u", ["r1", "Default"]]);
    expect(glued([{ urn: "u", port: 0 }, { port: 7 }], { all: "1" })).toEqual([
      "http://10.0.0.1:7/u",
      ["r1", "r2", "Default"],
    ]);
    expect(glued([{ port: 0 }])).toEqual(["http://10.0.0.1:8080/app", ["Default"]]);
  });

  test("RD63 have brackets around addresses of IPv6 alone", () => {
    const model = modelOf({ default_url: urlParams({ urn: "a", protocol: "xre", port: 1, ip_version: 6 }) });
    const url = (host: StackHosts["hosts"][number]) =>
      urlOf(deciderOf(model, {}, [{ stack: "/EU/z1", flavor: "1.0", hosts: [host] }]));
    expect(url({ key: "a", ipv4: null, ipv6: "2001:db8::3", weight: 1 })).toBe("xre://[2001:db8::3]:1/a");
    expect(url({ key: "a", ipv4: null, ipv6: "h.example", weight: 1 })).toBe("xre://h.example:1/a");
  });

  test("have any scheme", () => {
    for (const protocol of ["ws", "wss", "xre"]) {
      const decider = deciderOf(modelOf({ default_url: { ...DEFAULT_URL, protocol } }));
      expect(urlOf(decider, CONNECT)).toBe(`${protocol}://10.0.0.1:8080/app?a=b&c=d`);
    }
  });
});
