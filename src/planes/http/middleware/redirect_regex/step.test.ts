import { expect, test } from "bun:test";
import { runStep, testStep, type TestRequest } from "../test_exchange.ts";
import { redirectRegexPart } from "./schema.ts";

const ask = (regex: string, replacement: string, request: TestRequest = {}, permanent = false) =>
  runStep(testStep(redirectRegexPart, { regex, replacement, permanent }), request);

const host = (name: string) => [`Host: ${name}`];

test.each([
  [
    "^http://a\\.example/old/(.*)",
    "https://b.example/new/${1}",
    "/old/x?y=%20",
    "https://b.example/new/x?y=%20",
  ],
  ["^https?://[^/]+/(.*)$", "/moved/$1", "/x", "/moved/x"],
  ["/old/", "/new/", "/old/x", "http://a.example/new/x"],
  ["^(https?)://([^/]+)/(.*)$", "$1://www.$2/$3", "/x", "http://www.a.example/x"],
  ["^http://(.*)$", "https://$1", "/x?y", "https://a.example/x?y"],
  ["^https?://[^/]+/([a-z]+)/(.*)$", "https://$1.b.example/$2", "/shop/x", "https://shop.b.example/x"],
  ["^https?://a\\.example(.*)$", "https://b.example$1", "/x", "https://b.example/x"],
  ["^.*$", "https://b.example/caf\u00e9 au lait", "/", "https://b.example/caf%C3%A9%20au%20lait"],
])("%p by %p sends %p to %p", (regex, replacement, target, location) => {
  const run = ask(regex, replacement, { target });
  expect(run.status).toBe(302);
  expect(run.answerField("Location")).toBe(location);
});

test.each([
  ["GET", false, 302],
  ["GET", true, 301],
  ["POST", false, 307],
  ["POST", true, 308],
] as const)("H-I20/step %s, permanent %p: %p", (method, permanent, status) => {
  expect(ask("^.*$", "https://b.example/", { method }, permanent).status).toBe(status);
});

test("what does not match, or is redirected to itself, goes on", () => {
  expect(ask("^https://", "http://x/").result).toBe(0);
  expect(ask("^(.*)$", "$1").result).toBe(0);
});

test.each([
  [
    "a name that goes on behind the fixed one",
    "^https?://a.example(.*)$",
    "https://b.example$1",
    { fields: host("a.example.evil.example") },
  ],
  [
    "a fixed name as the user part",
    "^https?://[^/]+/(.*)$",
    "https://b.example$1",
    { target: "/@evil.example/" },
  ],
  ["a name out of the path", "^https?://[^/]+/to/(.*)$", "https://$1", { target: "/to/evil.example" }],
  ["a whole URL out of the path", "^https?://[^/]+/to/(.*)$", "$1", { target: "/to/https://evil.example/" }],
  ["a path that browsers read as a name", "^https?://[^/]+/(.*)$", "/$1", { target: "//evil.example/" }],
  [
    "a path in front of a fixed domain",
    "^https?://[^/]+/(.*)$",
    "https://$1.b.example/",
    { target: "/evil.example/" },
  ],
  ["no host at all", "^https?://([^/]*)/", "https://$1/", { fields: host("") }],
] as const)("H-I20/step no open redirect by %s: 400", (_name, regex, replacement, request) => {
  const run = ask(regex, replacement, request);
  expect(run.status).toBe(400);
  expect(run.answerField("Location")).toBeNull();
});

test("a port behind a fixed name may stay", () => {
  const run = ask("^http://a.example(.*)$", "https://b.example$1", {
    target: "/x",
    fields: host("a.example:8080"),
  });
  expect(run.answerField("Location")).toBe("https://b.example:8080/x");
});

test.each(["/%0d%0aSet-Cookie:a=b", "/%250d%250a", "/%E5%98%8A%E5%98%8DX", '/"<>^`{|}?"\''])(
  "H-I21/step %p makes no line of its own and is not decoded",
  (target) => {
    const run = ask("^https?://[^/]+/(.*)$", "https://b.example/$1", { target });
    const encoded = target.replace(
      /["<>^`{|}]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    expect(run.answerField("Location")).toBe(`https://b.example${encoded}`);
    expect(run.answerField("Set-Cookie")).toBeNull();
  },
);

test("a URL that matches and is too long for a redirect does not go on", () => {
  const pad = "x".repeat(8_000);
  const long = { target: `/admin?${pad}`, fields: [`Host: ${`${pad}.`.repeat(2)}example`] };
  expect(ask("^https?://[^/]+/admin", "https://b.example/", long).status).toBe(400);
  expect(ask("^https?://[^/]+/other", "https://b.example/", long).result).toBe(0);
  expect(ask("/admin.*$", "/", { target: `/admin?${pad}`, fields: host(`${pad}.example`) }).status).toBe(302);
});
