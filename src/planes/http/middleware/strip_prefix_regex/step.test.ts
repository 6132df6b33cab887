import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { stripPrefixRegexPart } from "./schema.ts";

test.each([
  [["/[a-z]+/v[0-9]+"], "/shop/v2/x?y", "/x?y", "/shop/v2"],
  [["^/(a|ab)"], "/abc", "/bc", "/a"],
  [["^/zz", "^/caf\u00e9 "], "/caf%C3%A9%20x", "/x", "/caf%C3%A9%20"],
  [["^/a%2Fb"], "/a%2fb/%2f", "/%2f", "/a%2Fb"],
])("%p takes the start of %p away: %p", (regex, target, expected, told) => {
  const run = runStep(testStep(stripPrefixRegexPart, { regex }), { target });
  expect(run.result).toBe(0);
  expect(run.exchange.target).toBe(expected);
  expect(run.sent).toContain(`X-Forwarded-Prefix: ${told}`);
});

test.each([
  ["/x", "/y/x/x"],
  ["^$|^/q*", "/"],
  ["^/a%2", "/a%2Fb"],
])("%p does not take the start of %p away", (regex, target) => {
  const run = runStep(testStep(stripPrefixRegexPart, { regex: [regex] }), { target });
  expect(run.result).toBe(0);
  expect(run.exchange.target).toBe(target);
});

test("H-A22/step what is left must not climb", () => {
  const run = runStep(testStep(stripPrefixRegexPart, { regex: ["^/[a-z]+"] }), { target: "/api../x" });
  expect(run.status).toBe(400);
});
