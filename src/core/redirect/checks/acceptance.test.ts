import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { StackHosts } from "../hosts.ts";
import { EMPTY_MODEL, type RedirectModel } from "../model.ts";
import {
  conditionOf,
  DEFAULT_URL,
  deciderOf,
  literalOf,
  modelOf,
  ONE_HOST,
  ruleOf,
  serverOf,
  stackOf,
  to,
  urlParams,
} from "../test_decider.ts";
import { anyModel } from "../test_models.ts";
import { acceptance, type Approval, approvalVerdict, type ChangeKind } from "./acceptance.ts";

const codeOf = (
  model: RedirectModel | null,
  stacks: readonly StackHosts[] = ONE_HOST,
  minHosts = 1,
): string => acceptance(model, stacks, minHosts).code;
const WHEN = [conditionOf("equals", { param: "x", value: "1" })];

describe("a whole model", () => {
  test("RD61 what is not there", () => {
    expect([codeOf(null), codeOf(EMPTY_MODEL)]).toEqual(["REQUIRED_MODEL_NULL", "REQUIRED_MODEL_NULL"]);
    expect(codeOf(modelOf({ default_url: null }))).toBe("REQUIRED_MODEL_NULL");
    expect(codeOf(modelOf())).toBe("SUCCESS");
  });

  test("RD84 what is not complete", () => {
    const settings = [
      { urn: null },
      { urn: " " },
      { protocol: null },
      { port: null },
      { port: 0 },
      { ip_version: null },
    ];
    for (const part of settings)
      expect(codeOf(modelOf({ default_url: { ...DEFAULT_URL, ...part } }))).toBe("REQUIRED_MODEL_INVALID");
    const url_rules = [ruleOf("u", WHEN, urlParams({ port: 1 }))];
    expect(codeOf(modelOf({ default_url: null, url_rules }))).toBe("REQUIRED_MODEL_INVALID");
    const rules = [ruleOf("r", WHEN, to(literalOf("http://a")))];
    expect(codeOf(modelOf({ default_server: null, rules }))).toBe("REQUIRED_MODEL_INVALID");
  });

  test("RD82 the default server has no host", () => {
    expect(codeOf(modelOf(), [])).toBe("CANT_REDIRECT_TO_DEFAULT");
    expect(codeOf(modelOf({ whitelist: ["/EU/z2"] }))).toBe("CANT_REDIRECT_TO_DEFAULT");
    expect(codeOf(modelOf(), [stackOf("/EU/z1/1.0", "10.0.0.1*0")])).toBe("CANT_REDIRECT_TO_DEFAULT");
    expect(acceptance(modelOf(), [], 1).message).toBe(
      'no host may be chosen for the default server at "1.0"',
    );
    const literal = (url: string) => codeOf(modelOf({ default_server: literalOf(url) }), [], 5);
    expect([literal("xre://t:8080"), literal("://:")]).toEqual(["SUCCESS", "CANT_REDIRECT_TO_DEFAULT"]);
  });

  test("RD83 four hosts where five or four are demanded, each counted once", () => {
    const stacks = [
      stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2"),
      stackOf("/EU/z1/2.0", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.9*0"),
      stackOf("/EU/z2/2.0", "10.0.0.5"),
      stackOf("/EU/z1/3.0", "10.0.0.6"),
    ];
    const model = modelOf({ distribution: [{ percent: 10, server: serverOf("2.0") }] });
    expect(acceptance(model, stacks, 5)).toEqual({
      code: "NOT_ENOUGH_HOSTS_FOR_DEFAULT",
      message: "default server and distribution have 4 hosts; expected at least 5",
    });
    expect(codeOf(model, stacks, 4)).toBe("SUCCESS");
  });

  test("an accepted model sends somebody without parameters somewhere (property)", () => {
    const stacks = [stackOf("/EU/z1/1.0", "10.0.0.1"), stackOf("/US/z2/2.1", "10.0.0.2")];
    let accepted = 0;
    fc.assert(
      fc.property(anyModel, (any) => {
        const parts = { rules: [], url_rules: [], distribution: [], rollouts: [] };
        const model = { ...any, ...parts, default_url: DEFAULT_URL };
        const { code } = acceptance(model, stacks, 1);
        const decision = deciderOf(model, {}, stacks).decide(() => undefined);
        expect(code === "SUCCESS").toBe(typeof decision !== "string");
        if (code === "SUCCESS") accepted++;
      }),
    );
    expect(accepted).toBeGreaterThan(0);
  });
});

describe("an approval", () => {
  const dead = modelOf({ whitelist: [] });
  const verdict = (settings: Partial<Approval>) => {
    const pending: ChangeKind[] = ["rule"];
    const defaults = { current: modelOf(), next: dead, pending, stacks: ONE_HOST, min_hosts: 1 };
    const approval = { ...defaults, ...settings };
    const { code, allowed, exception } = approvalVerdict({ approved: approval.pending, ...approval });
    return [code, allowed, exception];
  };

  test("RD114 a next model that cannot redirect", () => {
    expect(verdict({})).toEqual(["CANT_REDIRECT_TO_DEFAULT", false, null]);
    expect(verdict({ next: modelOf() })).toEqual(["SUCCESS", true, null]);
    expect(verdict({ next: modelOf(), min_hosts: 2 })).toEqual(["NOT_ENOUGH_HOSTS_FOR_DEFAULT", false, null]);
    expect(verdict({ next: modelOf(), min_hosts: null })).toEqual(["SETTINGS_MISSING", false, null]);
  });

  test("RD115 neither can the current one: whitelist alone, or one change of URL parameters", () => {
    const bootstrap = (pending: ChangeKind[], current: RedirectModel | null = dead) =>
      verdict({ current, pending, approved: [...pending].slice(0, 1) })[2];
    expect(bootstrap(["whitelist", "whitelist"], null)).toBe("bootstrap");
    expect(bootstrap(["url_params"])).toBe("bootstrap");
    expect(bootstrap(["url_params", "url_params"])).toBe(null);
    expect(bootstrap(["url_params", "whitelist"])).toBe(null);
    expect(bootstrap(["rule"])).toBe(null);
    expect(bootstrap(["url_params"], modelOf())).toBe(null);
    expect(bootstrap([])).toBe(null);
  });

  test("RD115 the whitelist by itself passes where the default server has no host today", () => {
    const whitelistOnly = (current: RedirectModel | null) =>
      verdict({ current, pending: ["rule", "whitelist"], approved: ["whitelist"] });
    expect(whitelistOnly(dead)).toEqual(["CANT_REDIRECT_TO_DEFAULT", true, "whitelist_only"]);
    expect(whitelistOnly(null)).toEqual(["CANT_REDIRECT_TO_DEFAULT", true, "whitelist_only"]);
    expect(whitelistOnly(modelOf())).toEqual(["CANT_REDIRECT_TO_DEFAULT", false, null]);
    const both = verdict({ current: dead, pending: ["rule", "whitelist"] });
    expect(both).toEqual(["CANT_REDIRECT_TO_DEFAULT", false, null]);
  });
});
