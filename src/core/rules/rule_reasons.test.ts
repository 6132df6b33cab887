import { expect, test } from "bun:test";
import { PlainRequest } from "./plain_request.ts";
import { ruleReasons } from "./rule_reasons.ts";

const request = new PlainRequest({ host: "a.example", path: "/x", method: "GET" });

test("a rule that takes the request has nothing that fails, and so has none at all", () => {
  for (const rule of ["", "Host(`a.example`)", "Host(`b.example`) || Path(`/x`)", "!Path(`/y`)"])
    expect(ruleReasons(rule, request)).toMatchObject({ failed: null, elsewhere: false });
});

test("the first part that does not hold is named as it is written", () => {
  const failed = (rule: string) => ruleReasons(rule, request).failed;
  expect(failed("Host(`a.example`) && Path(`/y`) && Method(`POST`)")).toBe("Path(`/y`) does not hold");
  expect(failed("Host(`a.example`) && (Path(`/y`) || Header(`A`, `b`))")).toBe(
    "Path(`/y`) || Header(`A`, `b`) does not hold",
  );
  expect(failed("!(Host(`a.example`) && Path(`/x`))")).toBe(
    "!(Host(`a.example`) && Path(`/x`)) does not hold",
  );
  expect(failed('Path("/a`b")')).toBe('Path("/a`b") does not hold');
  expect(failed(`Path(\`/${"y".repeat(400)}\`)`)).toHaveLength(200 + "… does not hold".length);
});

test("a rule for other hosts is told apart, wherever the host stands in it", () => {
  const elsewhere = (rule: string) => ruleReasons(rule, request).elsewhere;
  expect(elsewhere("Path(`/y`) && Host(`b.example`)")).toBe(true);
  expect(elsewhere("(Host(`b.example`) || HostRegexp(`^c`)) && Path(`/x`)")).toBe(true);
  expect(elsewhere("!Host(`a.example`)")).toBe(true);
  expect(elsewhere("Host(`b.example`) || Path(`/y`)")).toBe(false);
  expect(elsewhere("Host(`a.example`) && Path(`/y`)")).toBe(false);
});

test("a request without a host is taken by no rule that reads it", () => {
  const nameless = new PlainRequest({ host: "", path: "/x" });
  expect(ruleReasons("!Host(`a.example`)", nameless)).toMatchObject({
    failed: "the request names no host",
    elsewhere: true,
  });
});
