import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { stripPrefixPart } from "./schema.ts";

test.each([
  [["/api"], "/api/x?q=%2e", "/x?q=%2e", "/api"],
  [["/api"], "/api", "/", "/api"],
  [["/api"], "/apis", "/s", "/api"],
  [["/api/"], "/api/x", "/x", "/api/"],
  [["/a", "/ab"], "/ab/c", "/b/c", "/a"],
  [["/ab", "/a"], "/ab/c", "/c", "/ab"],
  [["/%61pi"], "/%61pi/%2Fx", "/%2Fx", "/api"],
  [["/api"], "/x/../api/%2fy", "/%2Fy", "/api"],
])("%p is taken away from %p: %p", (prefixes, target, expected, told) => {
  const run = runStep(testStep(stripPrefixPart, { prefixes }), { target });
  expect(run.result).toBe(0);
  expect(run.exchange.target).toBe(expected);
  expect(run.sent).toEqual(["Host: a.example", `X-Forwarded-Prefix: ${told}`]);
});

test("what does not start with a prefix goes on byte for byte", () => {
  const run = runStep(testStep(stripPrefixPart, { prefixes: ["/api"] }), { target: "/%61p/../x//y" });
  expect(run.exchange.target).toBe("/%61p/../x//y");
  expect(run.sent).toEqual(["Host: a.example"]);
});

test.each(["/api../x", "/api..", "/api./x", "/api%2e%2e/x", "/x/../api../y"])(
  "H-A22/step %p would climb without /api: 400",
  (target) => {
    const run = runStep(testStep(stripPrefixPart, { prefixes: ["/api"] }), { target });
    expect(run.failed).toBe("FL_BAD_TARGET");
    expect(run.status).toBe(400);
  },
);
