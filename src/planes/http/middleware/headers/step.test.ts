import { expect, test } from "bun:test";
import { responseHead, runStep, testStep, type TestRequest } from "../test_exchange.ts";
import { headersPart } from "./schema.ts";

/** Fields of an answer with `lines` after the step. */
function answerOf(options: unknown, lines: readonly string[], request: TestRequest = {}): string[] {
  const step = testStep(headersPart, options);
  const { exchange } = runStep(step, request);
  const head = responseHead(lines);
  step.onResponse?.(exchange, head);
  return head.fields().map(([name, value]) => `${name}: ${value}`);
}

test("fields of a request are set, added and removed; the others keep order and case", () => {
  const step = testStep(headersPart, {
    request: { set: { "X-Key": "k", "X-Gone": "" }, add: { Accept: "b" }, remove: ["cookie"] },
  });
  const run = runStep(step, {
    fields: ["hOsT: a", "Cookie: 1", "x-key: forged", "Accept: a", "X-Gone: 1", "cookie: 2", "Other: o"],
  });
  expect(run.result).toBe(0);
  expect(run.sent).toEqual(["hOsT: a", "Accept: a", "Other: o", "X-Key: k", "Accept: b"]);
});

test("a client cannot keep a field that is set by writing it with underscores", () => {
  const step = testStep(headersPart, { request: { set: { "X-Auth-User": "u" } } });
  const run = runStep(step, {
    fields: ["Host: a", "X_Auth_User: root", "x-auth_user: root", "Xaauth-user: other"],
  });
  expect(run.sent).toEqual(["Host: a", "Xaauth-user: other", "X-Auth-User: u"]);
});

test("fields of an answer are set, added and removed", () => {
  expect(
    answerOf({ response: { set: { Server: "s" }, add: { Vary: "b" }, remove: ["X-Powered-By"] } }, [
      "Server: origin",
      "Vary: a",
      "x-powered-by: php",
      "Content-Type: text/plain",
    ]),
  ).toEqual(["Vary: a", "Content-Type: text/plain", "Server: s", "Vary: b"]);
});

test("a step does nothing on the side where nothing changes", () => {
  const keysOf = (options: object): string[] => Object.keys(testStep(headersPart, options));
  expect(keysOf({})).toEqual(["name", "stage", "pure"]);
  expect(keysOf({ request: { remove: ["a"] } })).toEqual(["name", "stage", "pure", "onRequest"]);
  expect(keysOf({ response: { remove: ["a"] } })).toEqual(["name", "stage", "pure", "wraps", "onResponse"]);
});

test.each([
  ["{client_address}", "192.0.2.1"],
  ["{peer_address}:{client_port}", "192.0.2.1:1234"],
  ["{scheme}://{authority}{target}", "https://A.example:81/p?q=a%20b&r=%C3%A9"],
  ["{host} {method} {path}", "a.example PUT /p"],
  ["{protocol} {listener}", "1.1 web"],
  ["<{header.X-In}|{header.absent}>", "<v\u00e9|>"],
  ["{query.q}/{query.r}/{query.none}", "a b/\u00c3\u00a9/"],
  ['{{host} {"json":{"a":1}} {}', '{host} {"json":{"a":1}} {}'],
])("the placeholders of %p are filled in: %p", (value, expected) => {
  const step = testStep(headersPart, { request: { set: { "X-Out": value } } });
  const run = runStep(step, {
    method: "PUT",
    target: "/p?q=a%20b&r=%C3%A9",
    fields: ["Host: A.example:81", "X-In: v\u00e9"],
    secure: true,
  });
  expect(run.sent.at(-1)).toBe(`X-Out: ${expected}`);
});

test("the request id and the user can be passed on", () => {
  const step = testStep(headersPart, { request: { set: { A: "{request_id}", B: "{user}", C: "{route}" } } });
  const { exchange, sent } = runStep(step);
  expect(sent).toEqual(["Host: a.example", `A: ${exchange.requestId}`]);
});

test("a value that comes out empty leaves its field out, and the client's goes too", () => {
  const step = testStep(headersPart, { request: { set: { "X-Out": "{query.q}" } } });
  expect(runStep(step, { fields: ["Host: a", "X-Out: forged"] }).sent).toEqual(["Host: a"]);
});

test.each(["%0d%0aX-Injected:%20yes", "a%0Ab", "a%0Db", "%00", "%7f", "%1b[31m"])(
  "H-I25/step a query parameter of %p in a field is answered with 400",
  (value) => {
    for (const side of ["request", "response"]) {
      const run = runStep(testStep(headersPart, { [side]: { set: { "X-Page": "p{query.page}" } } }), {
        target: `/?page=${value}`,
      });
      expect(run.failed).toBe("FL_BAD_TARGET");
      expect(run.status).toBe(400);
      expect(run.written).not.toContain("X-Injected:");
    }
  },
);

test("H-I25/step a parameter with harmless bytes goes to both sides", () => {
  const options = { request: { set: { A: "{query.p}" } }, response: { set: { B: "{query.p}" } } };
  const request = { target: "/?p=a%09b%FF" };
  expect(runStep(testStep(headersPart, options), request).sent).toEqual(["Host: a.example", "A: a\tb\u00ff"]);
  expect(answerOf(options, [], request)).toEqual(["B: a\tb\u00ff"]);
});

test("placeholders cannot make a head of any length", () => {
  const set = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`A${index}`, "{header.long}"]));
  const run = runStep(testStep(headersPart, { request: { set } }), {
    fields: ["Host: a", `Long: ${"x".repeat(8_000)}`],
  });
  expect(run.status).toBe(431);
  const answer = answerOf({ response: { set: { ...set, B: "b" } } }, [], {
    fields: ["Host: a", `Long: ${"x".repeat(8_000)}`],
  });
  expect(answer).toEqual(["B: b"]);
});

const SECURITY = {
  hsts: { max_age: "1h", include_subdomains: true, preload: true },
  frame_options: "DENY",
  content_type_nosniff: true,
  content_security_policy: "default-src 'self'",
  content_security_policy_report_only: "default-src 'none'",
  referrer_policy: "no-referrer",
  permissions_policy: "camera=()",
};

test("H-I23/step security fields are set over those of the backend; HSTS on TLS alone", () => {
  const all = [
    "Strict-Transport-Security: max-age=3600; includeSubDomains; preload",
    "X-Frame-Options: DENY",
    "X-Content-Type-Options: nosniff",
    "Content-Security-Policy: default-src 'self'",
    "Content-Security-Policy-Report-Only: default-src 'none'",
    "Referrer-Policy: no-referrer",
    "Permissions-Policy: camera=()",
  ];
  const backend = ["x-frame-options: SAMEORIGIN", "A: a", "strict-transport-security: max-age=1"];
  expect(answerOf({ security: SECURITY }, backend, { secure: true })).toEqual(["A: a", ...all]);
  expect(answerOf({ security: SECURITY }, ["A: a"])).toEqual(["A: a", ...all.slice(1)]);
  expect(answerOf({ security: { hsts: { always: true } } }, [])).toEqual([
    "Strict-Transport-Security: max-age=31536000",
  ]);
});

test("H-I23/step without override the backend's fields stay", () => {
  expect(
    answerOf({ security: { frame_options: "DENY", referrer_policy: "no-referrer", override: false } }, [
      "X-Frame-Options: SAMEORIGIN",
    ]),
  ).toEqual(["X-Frame-Options: SAMEORIGIN", "Referrer-Policy: no-referrer"]);
});
