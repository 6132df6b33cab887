/** Providers that answer the code of a login oddly: a real one does none of this when it is asked to. */
import { beforeAll, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";
import type { RedirectOidcPlan } from "../../../../../core/plan.ts";
import { ManualClock } from "../../../../../platform/clock.ts";
import type { Claims } from "./identity.ts";
import { refusal, setUp, withCookies } from "../test_authenticator.ts";
import { cookiesOf, locationOf, oidcPlanOf, ORIGIN } from "../test_oidc_provider.ts";

const ISSUER = "https://id.example";
const METADATA = {
  issuer: ISSUER,
  jwks_uri: `${ISSUER}/keys`,
  authorization_endpoint: `${ISSUER}/authorize?policy=a`,
  token_endpoint: `${ISSUER}/token`,
  userinfo_endpoint: `${ISSUER}/userinfo`,
};

let privateKey: CryptoKey;
let jwk: object;
beforeAll(async () => {
  const pair = await generateKeyPair("ES256");
  privateKey = pair.privateKey;
  jwk = await exportJWK(pair.publicKey);
});

type Answer = { readonly status?: number; readonly body: object } | Error;

interface Odd {
  /** Undefined takes a claim away. */
  readonly claims?: Claims;
  readonly metadata?: object;
  readonly token?: Answer;
  readonly userinfo?: Answer;
  readonly plan?: Partial<RedirectOidcPlan>;
}

/** A login at a provider that is odd in one thing, up to its end. */
async function login({ claims, metadata, token, userinfo, plan }: Odd) {
  const clock = new ManualClock();
  const asked: { readonly url: string; readonly options: RequestInit }[] = [];
  let idToken = "";
  const answers: Record<string, () => Answer> = {
    "/.well-known/openid-configuration": () => ({ body: { ...METADATA, ...metadata } }),
    "/keys": () => ({ body: { keys: [jwk] } }),
    "/token": () => token ?? { body: { id_token: idToken, access_token: "of-the-user" } },
    "/userinfo": () => userinfo ?? { body: { sub: "adam", roles: ["fl-admin"] } },
  };
  const fetch = (url: string, options: RequestInit): Promise<Response> => {
    asked.push({ url, options });
    const answer = answers[new URL(url).pathname]!();
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(new Response(JSON.stringify(answer.body), { status: answer.status ?? 200 }));
  };
  const setting = setUp({ oidc: oidcPlanOf(ISSUER, { client_secret: "a b:c", ...plan }) }, { clock, fetch });
  const request = { query: new URLSearchParams(), cookies: [], origin: ORIGIN, address: "" };
  const begun = await setting.authenticator.login!.login(request);
  const sent = new URL(locationOf(begun.fields!)).searchParams;
  const usual = {
    iss: ISSUER,
    aud: "fairlead",
    sub: "adam",
    nonce: sent.get("nonce"),
    exp: clock.wall() / 1_000 + 60,
  };
  idToken = await new SignJWT({ ...usual, ...claims } as JWTPayload)
    .setProtectedHeader({ alg: "ES256" })
    .sign(privateKey);
  const query = new URLSearchParams({ code: "the-code", state: sent.get("state")! });
  const answer = setting.authenticator.login!.callback({
    ...request,
    query,
    cookies: cookiesOf(begun.fields!),
  });
  return { setting, sent, asked, answer };
}

/** Status and sentence of the refusal, and what the log tells. */
async function refused(odd: Odd) {
  const { setting, answer } = await login(odd);
  const { status, message } = await refusal(answer);
  const told = setting.events.map(({ text }) => text);
  for (const part of ["the-code", "of-the-user", "a b:c"])
    expect(JSON.stringify([message, told])).not.toContain(part);
  setting.authenticator.close();
  return { status, message, told };
}

test("an ID token and a userinfo as they should be begin a session", async () => {
  const { setting, sent, asked, answer } = await login({});
  expect(sent.get("policy")).toBe("a");
  expect((await withCookies(setting, cookiesOf((await answer).fields!))).granted).toEqual(["permitAll"]);
  expect(asked.at(-1)!.options.headers).toMatchObject({ authorization: "Bearer of-the-user" });
});

test("an ID token of another login, for another client or by another issuer is refused", async () => {
  const cases: readonly (readonly [Claims, string])[] = [
    [{ nonce: "another" }, "the ID token is of another login"],
    [{ nonce: undefined }, "the ID token is of another login"],
    [{ aud: "another" }, "the token is meant for another audience"],
    [{ aud: ["fairlead", "another"], azp: "another" }, "the ID token was made for another client"],
    [{ iss: "https://another.example" }, `the token is of another issuer; expected ${ISSUER}`],
    [{ exp: 1 }, "the token has expired"],
  ];
  for (const [claims, message] of cases)
    expect(await refused({ claims })).toMatchObject({ status: 401, message });
  expect(await refused({ token: { body: { access_token: "of-the-user" } } })).toMatchObject({
    status: 401,
    message: "the identity provider has sent no ID token",
  });
});

test("a userinfo about somebody else is refused, and asked for only where the ID token is not enough", async () => {
  const message = "the userinfo of the identity provider is about somebody else";
  for (const body of [{ sub: "vera", roles: ["fl-admin"] }, { roles: ["fl-admin"] }, []])
    expect(await refused({ userinfo: { body } })).toMatchObject({ status: 401, message });
  expect(await refused({ claims: { sub: undefined }, userinfo: { body: {} } })).toMatchObject({
    status: 401,
    message,
  });
  const { asked, answer } = await login({
    claims: { roles: ["fl-viewer"] },
    userinfo: new Error("not asked"),
  });
  expect((await answer).status).toBe(303);
  expect(asked.map(({ url }) => url)).not.toContain(`${ISSUER}/userinfo`);
});

test("claims of the ID token beat those of the userinfo", async () => {
  const { setting, answer } = await login({
    claims: { roles: ["fl-viewer"] },
    plan: { name_claim: "name" },
    userinfo: { body: { sub: "adam", name: "Adam", roles: ["fl-admin"] } },
  });
  const who = await withCookies(setting, cookiesOf((await answer).fields!));
  expect([who.name, who.granted]).toEqual(["Adam", ["read-*", "redirector-accessApp-*"]]);
});

test("a provider that fails in the middle of a login: 503, and a line in the log", async () => {
  const away = {
    status: 503,
    message: "the identity provider cannot be asked at the moment; try again later",
  };
  const prefix = `the identity provider ${ISSUER} could not finish a login: `;
  const cases: readonly (readonly [Odd, string])[] = [
    [{ token: new Error("reset") }, "reset"],
    [{ token: { status: 502, body: {} } }, "token endpoint: 502"],
    [{ token: { status: 401, body: { error: "invalid_client" } } }, "token endpoint: 401 invalid_client"],
    [{ userinfo: { status: 500, body: {} } }, "userinfo endpoint: 500"],
    [{ userinfo: new Error("closed") }, "closed"],
  ];
  for (const [odd, problem] of cases)
    expect(await refused(odd)).toEqual({ ...away, told: [`${prefix}${problem}`] });
  expect(await refused({ metadata: { token_endpoint: "http://id.example/token" } })).toMatchObject({
    status: 503,
  });
  expect(await refused({ token: { status: 400, body: { error: "invalid_grant" } } })).toMatchObject({
    status: 401,
  });
});

test("the secret goes in a field, in the form where the provider wants it, and a public client sends none", async () => {
  const sent = async (odd: Odd) => {
    const { asked, answer } = await login(odd);
    await answer;
    const { options } = asked.find(({ url }) => url === METADATA.token_endpoint)!;
    const form = Object.fromEntries(new URLSearchParams(options.body as string));
    expect(form).toMatchObject({ grant_type: "authorization_code", code: "the-code" });
    expect(form["code_verifier"]).toMatch(/^[\w-]{43}$/);
    const { authorization } = options.headers as { authorization?: string };
    return [authorization ?? null, form["client_id"] ?? null, form["client_secret"] ?? null];
  };
  const basic = [`Basic ${btoa("fairlead:a+b%3Ac")}`, null, null];
  expect(await sent({})).toEqual(basic);
  const methods = (...list: string[]) => ({ metadata: { token_endpoint_auth_methods_supported: list } });
  expect(await sent(methods("client_secret_post", "client_secret_basic"))).toEqual(basic);
  expect(await sent(methods("client_secret_post"))).toEqual([null, "fairlead", "a b:c"]);
  expect(await sent({ plan: { client_secret: null } })).toEqual([null, "fairlead", null]);
});

test("a login at a provider that was never reached is 503", async () => {
  const oidc = oidcPlanOf(ISSUER);
  const { authenticator } = setUp({ oidc }, { fetch: () => Promise.reject(new Error("away")) });
  const request = { query: new URLSearchParams(), cookies: [], origin: ORIGIN, address: "" };
  const error = await refusal(authenticator.login!.login(request));
  expect([error.status, error.fields]).toEqual([503, "Retry-After: 1\r\n"]);
});
