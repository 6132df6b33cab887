/** A provider that is away, changes its keys, or answers oddly. */
import { expect, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { ManualClock } from "../../../../../platform/clock.ts";
import type { Fetch } from "../environment.ts";
import { refusal, setUp, withToken } from "../test_authenticator.ts";
import { AUDIENCE, oidcPlanOf } from "../test_oidc_provider.ts";

const ISSUER = "https://id.example/realm";
const METADATA = { issuer: ISSUER, jwks_uri: "https://id.example/keys" };

/** Answers as a provider with these documents; an Error is an outage. */
class Documents {
  readonly asked: string[] = [];
  metadata: unknown = METADATA;
  keys: unknown[] = [];

  readonly fetch: Fetch = (url, { redirect }) => {
    this.asked.push(url);
    expect(redirect).toBe("error");
    const value = url.endsWith("/keys") ? { keys: this.keys } : this.metadata;
    if (value instanceof Error) return Promise.reject(value);
    return Promise.resolve(
      value instanceof Response ? (value.clone() as Response) : new Response(JSON.stringify(value)),
    );
  };
}

interface Signer {
  readonly jwk: object;
  token(kid?: string): Promise<string>;
}

async function signer(clock: ManualClock, kid: string | null): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const head = (given: string | undefined) => ({
    alg: "ES256",
    ...(given === undefined ? {} : { kid: given }),
  });
  const sign = (key: CryptoKey, given: string | undefined) =>
    new SignJWT({ roles: "fl-admin", jti: String(Math.random()) })
      .setProtectedHeader(head(given))
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject("adam")
      .setExpirationTime(Math.floor(clock.wall() / 1_000) + 100_000)
      .sign(key);
  return {
    jwk: { ...(await exportJWK(publicKey)), ...(kid === null ? {} : { kid }) },
    token: (given = kid ?? undefined) => sign(privateKey, given),
  };
}

function start() {
  const clock = new ManualClock();
  const documents = new Documents();
  const oidc = oidcPlanOf(ISSUER);
  return { clock, documents, setting: setUp({ oidc }, { clock, fetch: documents.fetch }) };
}

test("a provider that was never reached: 503 at once while it waits, tried again with growing pauses", async () => {
  const { clock, documents, setting } = start();
  const { jwk, token } = await signer(clock, "a");
  documents.keys = [jwk];
  documents.metadata = new Error("connection refused\r\nby nobody");
  const waits = [1, 2, 4, 8, 16, 32, 60, 60];
  for (const [index, wait] of waits.entries()) {
    for (let count = 0; count < 3; count++) {
      const error = await refusal(withToken(setting, await token()));
      expect([error.status, error.fields]).toEqual([503, `Retry-After: ${wait}\r\n`]);
      expect(error.message).toBe("the identity provider cannot be asked at the moment; try again later");
    }
    expect(documents.asked).toHaveLength(index + 1);
    clock.advance(wait * 1_000);
  }
  documents.metadata = METADATA;
  expect((await withToken(setting, await token())).name).toBe("adam");
  expect(setting.events.map(({ level, text }) => [level, text])).toEqual([
    [
      "warning",
      `the identity provider ${ISSUER} cannot be asked: connection refused  by nobody; keys that are known go on`,
    ],
    ["info", `the identity provider ${ISSUER} answers again`],
  ]);
});

test("RD164 keys that are known go on while the provider is away", async () => {
  const { clock, documents, setting } = start();
  const { jwk, token } = await signer(clock, "a");
  documents.keys = [jwk];
  await withToken(setting, await token());
  documents.metadata = new Error("away");
  for (let minute = 0; minute < 60; minute += 5) {
    clock.advance(300_000);
    expect((await withToken(setting, await token())).name).toBe("adam");
  }
  const warnings = setting.events.filter(({ event }) => event === "redirect_identity_provider");
  expect(warnings).toHaveLength(1);
});

test("a new key is found at once, but made-up ones do not make us ask more than twice a minute", async () => {
  const { clock, documents, setting } = start();
  const [first, second] = [await signer(clock, "a"), await signer(clock, "b")];
  documents.keys = [first.jwk];
  await withToken(setting, await first.token());
  clock.advance(30_000);
  documents.keys = [first.jwk, second.jwk];
  expect((await withToken(setting, await second.token())).name).toBe("adam");
  const asked = documents.asked.length;
  for (let count = 0; count < 20; count++) {
    const error = await refusal(withToken(setting, await second.token(`made-up-${count}`)));
    expect(error.status).toBe(401);
    clock.advance(1_000);
  }
  expect(documents.asked).toHaveLength(asked);
});

test("a key that is taken back opens nothing after ten minutes, not even for tokens that were good", async () => {
  const { clock, documents, setting } = start();
  const [first, second] = [await signer(clock, "a"), await signer(clock, "b")];
  documents.keys = [first.jwk];
  const token = await first.token();
  await withToken(setting, token);
  documents.keys = [second.jwk];
  clock.advance(599_000);
  expect((await withToken(setting, token)).name).toBe("adam");
  clock.advance(1_000);
  expect((await refusal(withToken(setting, token))).status).toBe(401);
});

test("where several keys fit a token that names none, each is tried", async () => {
  const { clock, documents, setting } = start();
  const [first, second, other] = await Promise.all([1, 2, 3].map(() => signer(clock, null)));
  documents.keys = [first!.jwk, second!.jwk];
  for (const each of [first!, second!])
    expect((await withToken(setting, await each.token())).name).toBe("adam");
  expect((await refusal(withToken(setting, await other!.token()))).message).toContain("signature");
});

test("a provider that is another one, or that answers oddly, is not believed", async () => {
  const odd: readonly (readonly [unknown, string])[] = [
    [{ ...METADATA, issuer: `${ISSUER}/` }, `is of another issuer; expected ${ISSUER}`],
    [{ ...METADATA, issuer: undefined }, "is of another issuer"],
    [{ issuer: ISSUER }, "has no jwks_uri that is https"],
    [{ ...METADATA, jwks_uri: "http://id.example/keys" }, "has no jwks_uri that is https"],
    [{ ...METADATA, jwks_uri: "http://127.0.0.1:9900/keys" }, "has no jwks_uri that is https"],
    [new Response("{}", { status: 404 }), "answers with 404; expected 200"],
    [new Response("not json"), "is of another issuer"],
    [[METADATA], "is of another issuer"],
    [new Response(`"${"x".repeat(1_048_577)}"`), "the answer is larger than 1048576 bytes"],
  ];
  for (const [metadata, problem] of odd) {
    const { clock, documents, setting } = start();
    const { jwk, token } = await signer(clock, "a");
    documents.keys = [jwk];
    documents.metadata = metadata;
    expect((await refusal(withToken(setting, await token()))).status).toBe(503);
    expect(setting.events[0]!.text).toContain(problem);
  }
});

test("keys that cannot be used let nobody in", async () => {
  const { clock, documents, setting } = start();
  const { jwk, token } = await signer(clock, "a");
  documents.keys = [{ ...jwk, x: "AAAA" }];
  expect((await refusal(withToken(setting, await token()))).status).toBe(401);
});

test("many who come at once make one question", async () => {
  const { clock, documents, setting } = start();
  const { jwk, token } = await signer(clock, "a");
  documents.keys = [jwk];
  const tokens = await Promise.all(Array.from({ length: 20 }, () => token()));
  await Promise.all(tokens.map((each) => withToken(setting, each)));
  expect(documents.asked).toHaveLength(2);
});
