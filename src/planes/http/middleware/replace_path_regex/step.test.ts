import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { replacePathRegexPart } from "./schema.ts";

const rewrite = (regex: string, replacement: string, target: string) =>
  runStep(testStep(replacePathRegexPart, { regex, replacement }), { target });

test.each([
  ["^/foo/(.*)", "/bar/$1", "/foo/a?x=1", "/bar/a?x=1"],
  ["^/api(.*)", "/v1/$1", "/api/x", "/v1/x"],
  ["^/api(.*)", "$1", "/api", "/"],
  ["^/api/(.*)", "$1", "/api/x", "/x"],
  ["^/(?P<a>[^/]+)/(?P<b>[^/]+)$", "/${b}/${a}", "/one/two", "/two/one"],
  ["^/caf\u00e9/(.*)$", "/th\u00e9 vert/$1", "/caf%c3%a9/%C3%BC", "/th%C3%A9%20vert/%C3%BC"],
])("%p by %p turns %p into %p", (regex, replacement, target, expected) => {
  const run = rewrite(regex, replacement, target);
  expect(run.result).toBe(0);
  expect(run.exchange.target).toBe(expected);
  expect(run.sent).toContain(`X-Replaced-Path: ${target.split("?")[0]!}`);
});

test("what does not match goes on byte for byte, without a forged X-Replaced-Path", () => {
  const step = testStep(replacePathRegexPart, { regex: "^/foo/", replacement: "/bar/" });
  const run = runStep(step, { target: "/x/%2e%2E//y", fields: ["Host: a", "X-Replaced-Path: /forged"] });
  expect(run.exchange.target).toBe("/x/%2e%2E//y");
  expect(run.sent).toEqual(["Host: a"]);
});

test.each([
  ["/foo/%0d%0aSet-Cookie:%20a=b", "/bar/%0D%0ASet-Cookie:%20a=b"],
  ["/foo/%250d%250a", "/bar/%250D%250A"],
  ["/foo/%252e%252e%252f", "/bar/%252E%252E%252F".replaceAll("%252E", "%252e").replaceAll("%252F", "%252f")],
  ["/foo/%2Fetc%2Fpasswd", "/bar/%2Fetc%2Fpasswd"],
  ["/foo/a%3Fb%23c", "/bar/a%3Fb%23c"],
  ["/foo/$1${2}", "/bar/$1$%7B2%7D"],
  ["/foo/%ff%fe", "/bar/%FF%FE"],
  ["/foo/%00", "/bar/%00"],
])("H-I21/step a capture of %p goes on encoded and is decoded never or once: %p", (target, expected) => {
  const run = rewrite("^/foo/(.*)", "/bar/$1", target);
  expect(run.exchange.target.toLowerCase()).toBe(expected.toLowerCase());
  expect(run.exchange.target).not.toMatch(/[\r\n\0 ]/);
});

test("a result that would climb, and one of endless matches, are answered with 400", () => {
  expect(rewrite("^/api(.*)", "/v1/$1", "/api../x").status).toBe(400);
  expect(rewrite("a", "b", `/${"a".repeat(100)}`).status).toBe(400);
  expect(rewrite(".", "$0$0$0", `/${"x".repeat(60)}`).status).toBe(0);
  expect(rewrite("^(.*)$", "$1$1$1", `/${"x".repeat(7_000)}`).status).toBe(414);
});
