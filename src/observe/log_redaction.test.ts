import { expect, test } from "bun:test";
import fc from "fast-check";
import { putJson, putQuoted } from "./line_bytes.ts";
import { putUrl, SecretParameters, URL_OVERRUN_BYTES } from "./log_redaction.ts";

const secrets = new SecretParameters(["token", "API_key", "pass word", "clé"]);

function written(url: string, names = secrets, limit = 10_000): string {
  const out = new Uint8Array(20_000);
  const bytes = new Uint8Array(Buffer.from(`xx${url}?token=outside`, "latin1"));
  const end = putUrl(out, 0, limit, bytes, 2, 2 + url.length, names, putQuoted);
  return Buffer.from(out.subarray(0, end)).latin1Slice();
}

test.each([
  ["/", "/"],
  ["", ""],
  ["*", "*"],
  ["/a/b.html", "/a/b.html"],
  ["/?x=1", "/?x=1"],
  ["/?token", "/?token"],
  ["/?token=", "/?token=REDACTED"],
  ["/?token=abc", "/?token=REDACTED"],
  ["/?a=1&token=abc&b=2", "/?a=1&token=REDACTED&b=2"],
  ["/?token=a&token=b", "/?token=REDACTED&token=REDACTED"],
  ["/?TOKEN=abc&api_KEY=d", "/?TOKEN=REDACTED&api_KEY=REDACTED"],
  ["/?to%6ben=abc", "/?to%6ben=REDACTED"],
  ["/?%54oken=abc&x=1", "/?%54oken=REDACTED&x=1"],
  ["/?pass+word=abc", "/?pass+word=REDACTED"],
  ["/?pass%20word=abc", "/?pass%20word=REDACTED"],
  ["/?cl%C3%A9=abc", "/?cl%C3%A9=REDACTED"],
  ["/?token[]=abc&token%5B0%5D=d", "/?token[]=REDACTED&token%5B0%5D=REDACTED"],
  ["/?a=1;token=abc;def&b=2", "/?a=1;token=REDACTED&b=2"],
  ["/?a=token=abc", "/?a=token=abc"],
  ["/?mytoken=1&tokens=2", "/?mytoken=1&tokens=2"],
  ["/?token=abc?x=1", "/?token=REDACTED"],
  ["/token=abc", "/token=abc"],
  ["http://example.com/?token=a", "http://example.com/?token=REDACTED"],
  ["http://user:password@example.com/", "http://REDACTED@example.com/"],
  ["http://user:p@ss@example.com/@x", "http://REDACTED@example.com/@x"],
  ["user:password@example.com:443", "REDACTED@example.com:443"],
  ["http://example.com/a@b", "http://example.com/a@b"],
  ["example.com:443", "example.com:443"],
])("H-J14/log the target %p is logged as %p", (url, expected) => {
  expect(written(url)).toBe(expected);
});

test("without secret parameters a target stays as it is, but for userinfo", () => {
  const none = new SecretParameters([]);
  expect(written("/?token=abc", none)).toBe("/?token=abc");
  expect(written("http://a:b@c/?token=abc", none)).toBe("http://REDACTED@c/?token=abc");
});

test("a secret never shows, wherever it stands", () => {
  const part = fc.constantFrom("a=1", "token", "x=y;z", "q=%41", "b[]=2", "", "token=");
  fc.assert(
    fc.property(
      fc.array(part),
      fc.array(part),
      fc.constantFrom("token", "Token", "%74oken", "token[a]"),
      (before, after, name) => {
        const url = `/?${[...before, `${name}=s3cr3t`, ...after].join("&")}`;
        expect(written(url)).not.toContain("s3cr3t");
      },
    ),
  );
});

test("what is written is bounded, whatever the target and the limit", () => {
  const piece = fc.constantFrom("token=x", "a=1", '"', "\x01", "http://", "u@", "?", "&", ";", "%", "token");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 100 }), fc.integer({ min: 0, max: 300 }), (pieces, limit) => {
      const url = pieces.join("");
      const out = new Uint8Array(1_000);
      const bytes = new Uint8Array(Buffer.from(url));
      const end = putUrl(out, 0, limit, bytes, 0, bytes.length, secrets, putJson);
      expect(end).toBeLessThanOrEqual(limit + URL_OVERRUN_BYTES);
    }),
  );
});
