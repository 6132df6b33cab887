/** Logins at a real identity provider, by its forms. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ManualClock } from "../../../../../platform/clock.ts";
import { expectAllowed } from "../principal.ts";
import { refusal, setUp as setUpPlan, withCookies, withToken, type Setting } from "../test_authenticator.ts";
import {
  cookiesOf,
  HTTPS_ORIGIN,
  locationOf,
  loginAtProvider,
  oidcPlanOf,
  ORIGIN,
  servicePlanOf,
  startProvider,
  type TestProvider,
} from "../test_oidc_provider.ts";

let provider: TestProvider;
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());

async function loggedIn({ authenticator }: Setting, account: string): Promise<readonly string[]> {
  const back = await loginAtProvider(authenticator.login!, account);
  const answer = await authenticator.login!.callback({ ...back, origin: ORIGIN, address: "10.0.0.1" });
  expect([answer.status, locationOf(answer.fields!)]).toEqual([303, "/ui/"]);
  return cookiesOf(answer.fields!);
}

/** With the provider of the tests. */
const setUp = (settings: Parameters<typeof setUpPlan>[0] = {}, parts: Parameters<typeof setUpPlan>[1] = {}) =>
  setUpPlan({ oidc: oidcPlanOf(provider.issuer), ...settings }, parts);

const ALLOWED = {
  vera: ["read rules"],
  edgar: ["read rules", "write rules"],
  anna: ["read rules", "write changes"],
  adam: ["read rules", "write rules", "write changes", "write settings"],
} as const;

test("RD164 logins at a real provider give viewer, editor, approver and admin what their roles say", async () => {
  const setting = setUp();
  for (const [account, allowed] of Object.entries(ALLOWED)) {
    const who = await withCookies(setting, await loggedIn(setting, account));
    const may = ["read rules", "write rules", "write changes", "write settings"].filter((text) => {
      const [mode, endpoint] = text.split(" ") as ["read" | "write", string];
      return who.permissions.allows({ mode, endpoint, entity: null, app: "a1" });
    });
    expect([who.name, may]).toEqual([account, [...allowed]]);
  }
  expect(setting.events).toEqual([]);
  setting.authenticator.close();
});

test("RD164 somebody whom the provider knows and who has no role here gets 403 and no session", async () => {
  const { authenticator } = setUp();
  for (const [account, message] of [
    ["nobody", "nobody has no role here"],
    ["operator", "operator is the name of somebody else here"],
  ] as const) {
    const back = await loginAtProvider(authenticator.login!, account);
    const error = await refusal(authenticator.login!.callback({ ...back, origin: ORIGIN, address: "" }));
    expect([error.status, error.message]).toEqual([403, message]);
    expect(cookiesOf(error.fields)).toEqual([]);
  }
});

test("the name may come from another claim, of the userinfo too", async () => {
  const setting = setUp({ oidc: oidcPlanOf(provider.issuer, { name_claim: "name" }) });
  const who = await withCookies(setting, await loggedIn(setting, "vera"));
  expect(who.name).toBe("vera of the test");
});

test("a session ends by logout, after its time, and where its provider is another one; a new plan changes roles", async () => {
  const clock = new ManualClock(Date.now());
  const setting = setUp({ session_ms: 60_000 }, { clock });
  const { authenticator } = setting;
  const [first, second, third] = [
    await loggedIn(setting, "edgar"),
    await loggedIn(setting, "edgar"),
    await loggedIn(setting, "edgar"),
  ];
  expect(first).not.toEqual(second);
  const answer = await authenticator.login!.logout({
    query: new URLSearchParams("return_to=/bye"),
    cookies: first,
    origin: ORIGIN,
    address: "",
  });
  expect([answer.status, locationOf(answer.fields!)]).toEqual([303, "/bye"]);
  expect(answer.fields).toContain(
    "Set-Cookie: fairlead_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax\r\n",
  );
  expect((await refusal(withCookies({ authenticator }, first))).status).toBe(401);
  expect((await withCookies({ authenticator }, second)).name).toBe("edgar");

  const others = { "fl-editor": ["read-rules"] };
  authenticator.use(
    servicePlanOf({ session_ms: 60_000, oidc: oidcPlanOf(provider.issuer, { roles: others }) }),
  );
  expect((await withCookies({ authenticator }, second)).granted).toEqual(["read-rules"]);
  clock.advance(59_000);
  expect((await withCookies({ authenticator }, second)).name).toBe("edgar");
  clock.advance(1_000);
  expect((await refusal(withCookies({ authenticator }, second))).status).toBe(401);

  const setting2 = setUp();
  const cookies = await loggedIn(setting2, "vera");
  setting2.authenticator.use(servicePlanOf({ oidc: oidcPlanOf("https://elsewhere.example") }));
  expect((await refusal(withCookies(setting2, cookies))).status).toBe(401);
  expect((await refusal(withCookies(setting2, third))).status).toBe(401);
});

test("a login sends state, nonce and an S256 challenge, and cookies that no script and no other site gets", async () => {
  const { authenticator } = setUp();
  const at = (origin: string) =>
    authenticator.login!.login({ query: new URLSearchParams(), cookies: [], origin, address: "" });
  const { fields } = await at("https://lb1.example.com");
  const sent = new URL(locationOf(fields!)).searchParams;
  expect(Object.fromEntries(sent)).toMatchObject({
    response_type: "code",
    client_id: "fairlead",
    redirect_uri: "https://lb1.example.com/admin/redirect/auth/callback",
    scope: "openid profile groups",
    code_challenge_method: "S256",
  });
  for (const name of ["state", "nonce", "code_challenge"]) expect(sent.get(name)).toMatch(/^[\w-]{43}$/);
  expect(fields).toMatch(
    /^Set-Cookie: fairlead_login=\S+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax; Secure\r$/m,
  );
  expect(fields).toContain("Cache-Control: no-store\r\n");
  expect((await at(ORIGIN)).fields).toMatch(/SameSite=Lax\r$/m);
  expect(new URL(locationOf((await at(ORIGIN)).fields!)).searchParams.get("state")).not.toBe(
    sent.get("state"),
  );
});

test("over https the session's cookie is bound to the host", async () => {
  const { authenticator } = setUp();
  const login = authenticator.login!;
  const back = await loginAtProvider(login, "vera", { origin: HTTPS_ORIGIN });
  const { fields } = await login.callback({ ...back, origin: HTTPS_ORIGIN, address: "" });
  expect(fields).toMatch(
    /^Set-Cookie: __Host-fairlead_session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Lax; Secure\r$/m,
  );
  const cookies = cookiesOf(fields!);
  expect((await withCookies({ authenticator }, cookies)).name).toBe("vera");
  // A login anew ends the session before it.
  const again = await loginAtProvider(login, "anna", { origin: HTTPS_ORIGIN });
  const both = [`${again.cookies.join("; ")}; ${cookies.join("; ")}`];
  await login.callback({ query: again.query, cookies: both, origin: HTTPS_ORIGIN, address: "" });
  expect((await refusal(withCookies({ authenticator }, cookies))).status).toBe(401);
});

test("return_to leads to a path here and nowhere else", async () => {
  const { authenticator } = setUp();
  const bad = [
    "//evil.example",
    "//127.0.0.1:9/",
    "https://evil.example/",
    "/\\evil.example",
    "ui",
    "",
    "/a\r\nSet-Cookie: a=b",
    "/a b",
    "/\t/evil.example",
  ];
  for (const return_to of bad)
    for (const handler of ["login", "logout"] as const) {
      const query = new URLSearchParams({ return_to });
      const error = await refusal(
        authenticator.login![handler]({ query, cookies: [], origin: ORIGIN, address: "" }),
      );
      expect([return_to, error.status]).toEqual([return_to, 400]);
    }
  const back = await loginAtProvider(authenticator.login!, "vera", { return_to: "/ui/?tab=rules#a//b" });
  const answer = await authenticator.login!.callback({ ...back, origin: ORIGIN, address: "" });
  expect(locationOf(answer.fields!)).toBe("/ui/?tab=rules#a//b");
});

test("a login that another browser has begun, that is changed or too old is refused, and no code works twice", async () => {
  const clock = new ManualClock(Date.now());
  const { authenticator, events } = setUp({}, { clock });
  const login = authenticator.login!;
  const back = await loginAtProvider(login, "vera");
  const other = await loginAtProvider(login, "adam");
  const callback = (query: URLSearchParams, cookies: readonly string[]) =>
    login.callback({ query, cookies, origin: ORIGIN, address: "10.0.0.7" });
  const [cookie] = back.cookies;
  for (const cookies of [[], other.cookies, [`${cookie!.slice(0, -2)}xx`], [cookie!.replace("=", "=A")]])
    expect((await refusal(callback(back.query, cookies))).status).toBe(400);

  const foreign = new URLSearchParams(back.query);
  foreign.set("iss", "https://evil.example");
  expect((await refusal(callback(foreign, back.cookies))).message).toContain("another issuer");
  foreign.delete("iss");
  expect((await refusal(callback(foreign, back.cookies))).status).toBe(401);

  // A code of somebody else's login: PKCE and the nonce belong to this one.
  const mixed = new URLSearchParams(back.query);
  mixed.set("code", other.query.get("code")!);
  expect((await refusal(callback(mixed, back.cookies))).status).toBe(401);

  expect((await callback(back.query, back.cookies)).status).toBe(303);
  expect((await refusal(callback(back.query, back.cookies))).status).toBe(401);
  expect(events.map(({ event }) => event)).toEqual(["redirect_access_refused"]);
  expect(JSON.stringify(events)).not.toContain(back.query.get("code")!);

  const late = await loginAtProvider(login, "vera");
  clock.advance(600_000);
  expect((await refusal(callback(late.query, late.cookies))).status).toBe(400);
});

test("what the provider refuses is told in one sentence, and never what it has been sent", async () => {
  const { authenticator } = setUp();
  const login = authenticator.login!;
  const begun = await login.login({ query: new URLSearchParams(), cookies: [], origin: ORIGIN, address: "" });
  const state = new URL(locationOf(begun.fields!)).searchParams.get("state")!;
  const at = (query: Record<string, string>) =>
    refusal(
      login.callback({
        query: new URLSearchParams({ state, ...query }),
        cookies: cookiesOf(begun.fields!),
        origin: ORIGIN,
        address: "",
      }),
    );
  const denied = await at({ error: "access_denied" });
  expect([denied.status, denied.message]).toEqual([
    401,
    "the identity provider has refused the login: access_denied",
  ]);
  expect(denied.fields).toContain("Set-Cookie: fairlead_login=; Max-Age=0");
  expect((await at({ error: "<script>" })).message).toBe("the identity provider has refused the login");
  expect((await at({})).status).toBe(400);
  expect((await at({ code: "not-a-code", iss: provider.issuer })).message).not.toContain("not-a-code");
});

test("a wrong client secret is the provider's or the operator's fault: 503, and a line in the log without it", async () => {
  const client_secret = "wrong-secret-0123456789";
  const setting = setUp({ oidc: oidcPlanOf(provider.issuer, { client_secret }) });
  const back = await loginAtProvider(setting.authenticator.login!, "vera");
  const error = await refusal(
    setting.authenticator.login!.callback({ ...back, origin: ORIGIN, address: "" }),
  );
  expect(error.status).toBe(503);
  expect(setting.events.map(({ text }) => text)).toEqual([
    `the identity provider ${provider.issuer} could not finish a login: token endpoint: 401 invalid_client`,
  ]);
});

test("RD127 without credentials there is 401, whatever cookies come", async () => {
  const { authenticator } = setUp();
  for (const cookies of [[], ["fairlead_session=x"], [`fairlead_session=${"a".repeat(43)}; ;=; b`]]) {
    const error = await refusal(withCookies({ authenticator }, cookies));
    expect([error.status, error.message]).toEqual([401, "expected Authorization: Bearer TOKEN, or a login"]);
    expect(error.fields).toBe('WWW-Authenticate: Bearer realm="fairlead"\r\n');
  }
});

test("RD164 a token that the provider gives to a program has the roles in it", async () => {
  const setting = setUp();
  const who = await withToken(setting, await provider.machineToken());
  expect(who.name).toBe("robot");
  expectAllowed(who, { mode: "write", endpoint: "rules", entity: null, app: "a1" });
  expect(who.permissions.allows({ mode: "write", endpoint: "changes", entity: null, app: "a1" })).toBe(false);
});
