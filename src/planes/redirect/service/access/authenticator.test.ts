import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { RedirectTokenPlan } from "../../../../core/plan.ts";
import { grantedBy, type Grant } from "../../../../core/redirect/access/grant.ts";
import type { Access } from "../../../../core/redirect/access/permissions.ts";
import { ManualClock } from "../../../../platform/clock.ts";
import { expectAllowed } from "./principal.ts";
import { refusal, setUp, withCookies, withToken, type Setting } from "./test_authenticator.ts";
import { servicePlanOf } from "./test_oidc_provider.ts";

const TOKENS = {
  reader: "reader-0123456789abcdef0123456789",
  writer: "writer-0123456789abcdef0123456789",
  lists: "lists-0123456789abcdef0123456789a",
  narrow: "narrow-0123456789abcdef0123456789",
  boss: "boss-0123456789abcdef0123456789ab",
};

function tokenOf(name: keyof typeof TOKENS, grant: Partial<Grant>): RedirectTokenPlan {
  const token_sha256 = createHash("sha256").update(TOKENS[name]).digest("hex");
  return { name, token_sha256, granted: grantedBy({ roles: [], permissions: [], ...grant }) };
}

const PLAN = {
  tokens: [
    tokenOf("reader", { permissions: ["read-rules", "redirector-accessApp-*"] }),
    tokenOf("writer", { permissions: ["read-rules", "write-rules", "redirector-accessApp-*"] }),
    tokenOf("lists", {
      permissions: ["write-namespacedLists", "deny-write-namespacedLists-x", "allow-write-namespacedLists-x"],
    }),
    tokenOf("narrow", { roles: ["editor"], applications: ["a1"] }),
    tokenOf("boss", { roles: ["admin"] }),
  ],
};

const access = (
  mode: "read" | "write",
  endpoint: string,
  app: string | null,
  entity: string | null = null,
): Access => ({
  mode,
  endpoint,
  entity,
  app,
});

/** 200, or the status and sentence of the refusal. */
async function outcome(
  setting: Setting,
  name: keyof typeof TOKENS,
  wanted: Access,
): Promise<number | string> {
  const who = await withToken(setting, TOKENS[name]);
  expect(who.name).toBe(name);
  try {
    expectAllowed(who, wanted);
    return 200;
  } catch (error) {
    const { status, message } = await refusal(Promise.reject(error as Error));
    return `${status} ${message}`;
  }
}

test("RD124 a token with read-rules may not write them, one with write-rules and permitAll may", async () => {
  const setting = setUp(PLAN);
  const write = access("write", "rules", "a1");
  expect(await outcome(setting, "reader", access("read", "rules", "a1"))).toBe(200);
  expect(await outcome(setting, "reader", write)).toBe(
    "403 reader may not do that; expected the permission write-rules, and redirector-accessApp-a1",
  );
  expect(await outcome(setting, "writer", write)).toBe(200);
  for (const endpoint of ["rules", "changes", "settings", "namespacedLists"])
    for (const mode of ["read", "write"] as const)
      expect(await outcome(setting, "boss", access(mode, endpoint, "a1", "x"))).toBe(200);
});

test("RD125 a token's denial of one list beats what it allows for it and for all lists", async () => {
  const setting = setUp(PLAN);
  const write = (list: string) => access("write", "namespacedLists", null, list);
  expect(await outcome(setting, "lists", write("x"))).toBe(
    "403 lists may not do that; expected the permission write-namespacedLists for x",
  );
  expect(await outcome(setting, "lists", write("y"))).toBe(200);
});

test("RD126 a token for one application does not reach another, whatever its roles say", async () => {
  const setting = setUp(PLAN);
  expect(await outcome(setting, "narrow", access("write", "rules", "a1"))).toBe(200);
  expect(await outcome(setting, "narrow", access("read", "rules", "a2"))).toStartWith("403 ");
  expect(await outcome(setting, "narrow", access("read", "rules", "a1"))).toBe(200);
});

test("the bearer of the admin token is the operator, whatever else comes along", async () => {
  const { authenticator } = setUp(PLAN);
  const who = await authenticator.authenticate({
    authorization: ["Bearer of the admin token"],
    cookies: ["fairlead_session=x"],
    is_operator: true,
    address: "",
  });
  expect([who.name, who.granted]).toEqual(["operator", ["permitAll"]]);
});

test("nobody is let in by something like a token, and none stands in what is told", async () => {
  const clock = new ManualClock();
  const setting = setUp(PLAN, { clock });
  const good = `Bearer ${TOKENS.boss}`;
  const { token_sha256 } = PLAN.tokens[4]!;
  const bad = [
    [`Bearer ${TOKENS.boss}x`],
    [`Bearer ${TOKENS.boss.slice(0, -1)}`],
    [`Bearer ${token_sha256}`],
    [`Basic ${btoa(`boss:${TOKENS.boss}`)}`],
    [TOKENS.boss],
    ["Bearer"],
    [""],
    [good, good],
    [`${good} ${TOKENS.boss}`],
  ];
  for (const authorization of bad) {
    const request = { authorization, cookies: [], is_operator: false, address: "10.0.0.9" };
    const error = await refusal(setting.authenticator.authenticate(request));
    expect([authorization, error.status]).toEqual([authorization, 401]);
    expect(error.fields).toBe('WWW-Authenticate: Bearer realm="fairlead", error="invalid_token"\r\n');
    expect(error.message).not.toContain("0123456789");
  }
  clock.advance(10_000);
  expect(setting.events.map(({ text }) => text)).toEqual([
    "refused credentials at the management service: 1, 1 of them from 10.0.0.9",
    `refused credentials at the management service: ${bad.length - 1}, ${bad.length - 1} of them from 10.0.0.9`,
  ]);
  expect(JSON.stringify(setting.events)).not.toContain("0123456789");
  expect((await withToken(setting, TOKENS.boss)).name).toBe("boss");
  setting.authenticator.close();
});

test("who shows nothing is anonymous where that may do something, and who shows something bad is not", async () => {
  const setting = setUp({ ...PLAN, anonymous: ["read-rules", "redirector-accessApp-a1"] });
  for (const cookies of [[], ["fairlead_session=gone"]]) {
    const who = await withCookies(setting, cookies);
    expect([who.name, who.granted]).toEqual(["anonymous", ["read-rules", "redirector-accessApp-a1"]]);
  }
  expect((await refusal(withToken(setting, "wrong"))).status).toBe(401);
  setting.authenticator.close();
});

test("RD127 without tokens, provider and anonymous rights nobody but the operator gets in", async () => {
  const setting = setUp({});
  const none = await refusal(withCookies(setting, []));
  expect([none.status, none.message]).toEqual([401, "expected Authorization: Bearer TOKEN"]);
  expect((await refusal(withToken(setting, TOKENS.boss))).status).toBe(401);
  expect(setting.authenticator.login).toBeNull();
  setting.authenticator.close();
});

test("another plan takes effect with the next request", async () => {
  const setting = setUp(PLAN);
  await withToken(setting, TOKENS.boss);
  setting.authenticator.use(servicePlanOf({ tokens: [PLAN.tokens[0]!], anonymous: ["read-rules"] }));
  expect((await refusal(withToken(setting, TOKENS.boss))).status).toBe(401);
  expect((await withToken(setting, TOKENS.reader)).name).toBe("reader");
  expect((await withCookies(setting, [])).name).toBe("anonymous");
  setting.authenticator.close();
});
