/** Tokens that a real identity provider has signed, and such that look like it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { generateKeyPair, SignJWT, type JWTPayload } from "jose";
import { ManualClock } from "../../../../../platform/clock.ts";
import type { Fetch } from "../environment.ts";
import { refusal, setUp as setUpPlan, withToken } from "../test_authenticator.ts";
import { AUDIENCE, oidcPlanOf, startProvider, type TestProvider } from "../test_oidc_provider.ts";

let provider: TestProvider;
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());

/** On a whole second, as times in tokens are. */
const NOW = 1_700_000_000;
const SKEW = 30;
const INVALID = 'WWW-Authenticate: Bearer realm="fairlead", error="invalid_token"\r\n';

const setUp = (clock = new ManualClock(NOW * 1_000), fetch: Fetch = globalThis.fetch) =>
  setUpPlan({ oidc: oidcPlanOf(provider.issuer) }, { clock, fetch });

const claimsOf = (more: JWTPayload = {}): JWTPayload => ({
  iss: provider.issuer,
  aud: AUDIENCE,
  sub: "vera",
  exp: NOW + 300,
  roles: ["fl-viewer"],
  ...more,
});

const without = (claims: JWTPayload, name: string): JWTPayload =>
  Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** 401 with this sentence, and the token in none of it. */
async function expectRefused(token: string, message: string | RegExp): Promise<void> {
  const setting = setUp();
  const error = await refusal(withToken(setting, token));
  expect([error.status, error.fields]).toEqual([401, INVALID]);
  expect(error.message).toMatch(message);
  expect(setting.events.map(({ event }) => event)).toEqual(["redirect_access_refused"]);
  const told = JSON.stringify([error.message, setting.events]);
  for (const part of token.split(".")) if (part.length > 8) expect(told).not.toContain(part);
  setting.authenticator.close();
}

test("RD164 a token of the right issuer for us is good, whether its roles are one text or a list", async () => {
  for (const roles of ["fl-viewer", ["other", "fl-viewer"], [7, null, "fl-viewer"]]) {
    const who = await withToken(setUp(), await provider.sign(claimsOf({ roles })));
    expect([who.name, who.granted]).toEqual(["vera", ["read-*", "redirector-accessApp-*"]]);
  }
  const several = await provider.sign(claimsOf({ aud: ["https://other.example", AUDIENCE] }));
  expect((await withToken(setUp(), several)).name).toBe("vera");
});

test("RD164 wrong issuer: 401", async () => {
  await expectRefused(
    await provider.sign(claimsOf({ iss: "https://evil.example" })),
    "of another issuer; expected http",
  );
  await expectRefused(await provider.sign(claimsOf({ iss: `${provider.issuer}/` })), "of another issuer");
  await expectRefused(await provider.sign(without(claimsOf(), "iss")), "of another issuer");
});

test("RD164 wrong audience: 401", async () => {
  const message = "the token is meant for another audience";
  for (const aud of ["fairlead", `${AUDIENCE}/`, ["https://other.example"], []])
    await expectRefused(await provider.sign(claimsOf({ aud })), message);
  await expectRefused(await provider.sign(without(claimsOf(), "aud")), message);
});

test("RD164 expired, or without an end: 401", async () => {
  await expectRefused(await provider.sign(claimsOf({ exp: NOW - 300 })), "the token has expired");
  await expectRefused(
    await provider.sign(without(claimsOf(), "exp")),
    "the token has no end; expected the claim exp",
  );
});

test("RD164 no signature, one by something public, and one by another key: 401", async () => {
  const claims = claimsOf();
  const unsigned = `${encoded({ alg: "none" })}.${encoded(claims)}.`;
  await expectRefused(unsigned, /not allowed|no token/);
  const { keys } = (await (await fetch(`${provider.issuer}/jwks`)).json()) as { keys: [{ n: string }] };
  const head = `${encoded({ alg: "HS256", kid: "first" })}.${encoded(claims)}`;
  const signature = createHmac("sha256", Buffer.from(keys[0].n, "base64url"))
    .update(head)
    .digest("base64url");
  await expectRefused(`${head}.${signature}`, "not allowed here; expected RS256, ES256, EdDSA, PS256");

  const { privateKey } = await generateKeyPair("RS256");
  const sign = (kid: string) =>
    new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
  await expectRefused(await sign("first"), "the token's signature is not that of its issuer");
  await expectRefused(await sign("unknown"), "signed by a key that its issuer does not have");
  const embedded = new SignJWT(claims).setProtectedHeader({
    alg: "RS256",
    jku: "http://127.0.0.1:1/",
    kid: "mine",
  });
  await expectRefused(await embedded.sign(privateKey), "a key that its issuer does not have");

  const [protectedHead, , rest] = (await provider.sign(claims)).split(".");
  await expectRefused(`${protectedHead}.${encoded(claimsOf({ sub: "adam" }))}.${rest}`, "signature");
});

test("RD164 the clock skew is bounded: a second more is too late, or too early", async () => {
  const clock = new ManualClock(NOW * 1_000);
  const setting = setUp(clock);
  const ends = await provider.sign(claimsOf({ exp: NOW + 10 }));
  const begins = await provider.sign(claimsOf({ nbf: NOW + 10 + 2 * SKEW }));
  for (const at of [0, 10 + SKEW - 1]) {
    clock.setWall((NOW + at) * 1_000);
    expect((await withToken(setting, ends)).name).toBe("vera");
    expect((await refusal(withToken(setting, begins))).message).toBe("the token is not valid yet");
  }
  clock.setWall((NOW + 10 + SKEW) * 1_000);
  expect((await refusal(withToken(setting, ends))).message).toBe("the token has expired");
  expect((await withToken(setting, begins)).name).toBe("vera");
});

test("RD164 nobody without a role, a name or a verified address gets in: 403", async () => {
  const setting = setUp();
  const at = async (claims: JWTPayload) =>
    (await refusal(withToken(setting, await provider.sign(claims)))).message;
  for (const roles of [undefined, [], ["constructor"], "__proto__", { "fl-admin": true }])
    expect(await at(claimsOf({ roles }))).toBe("vera has no role here");
  for (const sub of ["operator", "anonymous"])
    expect(await at(claimsOf({ sub }))).toBe(`${sub} is the name of somebody else here`);
  for (const sub of [" ", "a\nb", "a\u202eb", "a".repeat(257)])
    expect(await at(claimsOf({ sub }))).toBe(
      "the provider names nobody; expected text in the claim sub, at most 256 characters",
    );
  expect(setting.events).toEqual([]);

  const byEmail = setUpPlan(
    { oidc: oidcPlanOf(provider.issuer, { name_claim: "email" }) },
    { clock: new ManualClock(NOW * 1_000) },
  );
  const email = { email: "vera@example.com" };
  const token = await provider.sign(claimsOf({ ...email, email_verified: false }));
  const error = await refusal(withToken(byEmail, token));
  expect([error.status, error.message]).toEqual([
    403,
    "the provider has not verified the address of the claim email",
  ]);
  expect((await withToken(byEmail, await provider.sign(claimsOf(email)))).name).toBe("vera@example.com");
});

test("roles may stand deep in the claims, and a claim's name may have dots", async () => {
  const at = async (roles_claim: string, claims: JWTPayload): Promise<readonly string[]> => {
    const oidc = oidcPlanOf(provider.issuer, { roles_claim });
    const setting = setUpPlan({ oidc }, { clock: new ManualClock(NOW * 1_000) });
    return (await withToken(setting, await provider.sign(claimsOf({ roles: [], ...claims })))).granted;
  };
  const deep = { realm_access: { roles: ["fl-approver"] } };
  expect(await at("realm_access.roles", deep)).toContain("write-changes");
  expect(await at("https://a.example/roles", { "https://a.example/roles": "fl-admin" })).toEqual([
    "permitAll",
  ]);
});

test("a token that was good is not verified again before its end, for ten minutes at most", async () => {
  const clock = new ManualClock(NOW * 1_000);
  const asked: string[] = [];
  const setting = setUp(clock, (url, options) => {
    asked.push(new URL(url).pathname);
    return fetch(url, options);
  });
  const token = await provider.sign(claimsOf({ exp: NOW + 10_000 }));
  for (let count = 0; count < 5; count++) await withToken(setting, token);
  expect(asked).toEqual(["/.well-known/openid-configuration", "/jwks"]);
  // Keys that are older than ten minutes are asked for again, and what they have verified as well.
  clock.advance(600_000);
  await withToken(setting, token);
  expect(asked).toHaveLength(4);
});
