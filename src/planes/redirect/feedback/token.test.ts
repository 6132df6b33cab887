import { expect, test } from "bun:test";
import fc from "fast-check";
import { type FeedbackToken, MAX_TOKEN_LENGTH, readToken, signedToken } from "./token.ts";

const KEY = "a key of the tests";
const TOKEN: FeedbackToken = {
  app: "a1",
  host: "10.0.0.1",
  flavor: "2.0",
  rollout: "beta",
  issued_at: 1_700_000_000_000,
  nonce: "AAAAAAAAAAAAAAAA",
};

test("a token comes back as it was signed (property)", () => {
  const text = fc.string({ maxLength: 40, unit: "binary" });
  const tokens = fc.record({
    app: text,
    host: text,
    flavor: text,
    rollout: fc.option(text, { nil: null }),
    issued_at: fc.nat(),
    nonce: text,
  });
  fc.assert(
    fc.property(tokens, (token) => {
      const wellFormed = JSON.parse(JSON.stringify(token).toWellFormed()) as FeedbackToken;
      fc.pre(JSON.stringify(wellFormed) === JSON.stringify(token));
      expect(readToken(KEY, signedToken(KEY, token))).toEqual(token);
    }),
  );
});

test("the signature is HMAC-SHA-256 over the payload as it stands", () => {
  const [payload, signature] = signedToken(KEY, TOKEN).split(".");
  const hash = new Bun.CryptoHasher("sha256", KEY).update(`fairlead redirect feedback 1\n${payload}`);
  expect(signature).toBe(hash.digest("base64url"));
});

test("RD165 whatever is changed in a token, and whoever else signs one, it is forged or malformed (property)", () => {
  const good = signedToken(KEY, TOKEN);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.constantFrom(..."AZaz09-_.="), (at, letter) => {
      // The last letter of a signature holds bits that nobody reads.
      fc.pre(good[at] !== letter && at < good.length - 1);
      expect(readToken(KEY, `${good.slice(0, at)}${letter}${good.slice(at + 1)}`)).toBeOneOf([
        "forged",
        "malformed",
      ]);
    }),
  );
  expect(readToken("another key", good)).toBe("forged");
  for (const text of ["", ".", "a.b", `${good}=`, good.slice(0, -1), "A".repeat(MAX_TOKEN_LENGTH + 1)])
    expect(readToken(KEY, text)).toBe("malformed");
});
