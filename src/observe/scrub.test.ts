import { expect, test } from "bun:test";
import { isSecretName, scrub } from "./scrub.ts";

test.each([
  ["cannot reach redis://user:hunter2@10.0.0.1:6379/0", "cannot reach redis://REDACTED@10.0.0.1:6379/0"],
  ["http://a:p@ss@host/x and http://host/", "http://REDACTED@host/x and http://host/"],
  ["sent Authorization: Basic c2VjcmV0", "sent Authorization: Basic REDACTED"],
  ['{"authorization":"Bearer abc"}', '{"authorization":"Bearer REDACTED"}'],
  ["got Bearer eyJhbGciOiJub25lIn0.e30.", "got Bearer REDACTED"],
  ["GET /login?user=a&password=hunter2&x=1", "GET /login?user=a&password=REDACTED&x=1"],
  ["access_token=t0k3n", "access_token=REDACTED"],
  ["key -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "key REDACTED end"],
  ["key -----BEGIN PRIVATE KEY-----\nMIIE", "key REDACTED"],
])("%j becomes %j", (text, expected) => {
  expect(scrub(text)).toBe(expected);
  expect(scrub(expected)).toBe(expected);
});

test.each([
  "worker 0 (pid 12) ended (SIGKILL) and is replaced",
  "basic authentication is not available",
  "mail to a@example.com failed",
  "http://host/path@2x.png",
  "-----BEGIN CERTIFICATE-----",
])("%j stays as it is", (text) => {
  expect(scrub(text)).toBe(text);
});

test("names of secrets are known in every spelling, others are not", () => {
  const secret = ["password", "Authorization", "proxy-authorization", "set-cookie", "api_key", "x-api-key"];
  for (const name of [...secret, "db.password", "access_token", "privateKey", "tokens"])
    expect([name, isSecretName(name)]).toEqual([name, true]);
  for (const name of ["pid", "key", "address", "tokenizer", "cookies_sent", "authority", "monkey"])
    expect([name, isSecretName(name)]).toEqual([name, false]);
});
