import { expect, test } from "bun:test";
import { foreseeing, runStep, testContext, testStep, type TestRequest } from "../test_exchange.ts";
import { inFlightReqPart } from "./schema.ts";
import { sourceKey } from "./source_key.ts";

test("H-I5/step the limit holds while requests are at work and is free again when they end, however", () => {
  const context = testContext();
  const step = testStep(inFlightReqPart, { amount: 2 }, context);
  const one = runStep(step);
  const two = runStep(step);
  expect([one.result, two.result]).toEqual([0, 0]);
  const refused = runStep(step);
  expect(refused.failed).toBe("FL_TOO_MANY_IN_FLIGHT");
  expect(refused.status).toBe(429);
  expect(refused.answerField("Retry-After")).toBe("1");
  expect(refused.isDone).toBe(true);
  expect(context.limits).toEqual(["in_flight_req"]);
  expect(runStep(step).status).toBe(429);
  one.connection.onClose();
  expect(one.isDone).toBe(true);
  const three = runStep(step);
  expect(three.result).toBe(0);
  expect(runStep(step).status).toBe(429);
  two.exchange.respond(200);
  three.exchange.fail("FL_NO_BACKEND");
  expect(context.counts.count(sourceKey("route 0", "a.example"))).toBe(0);
});

test.each<[string, object, TestRequest, TestRequest]>([
  ["host", {}, { fields: ["Host: a"] }, { fields: ["Host: b"] }],
  ["host, named", { request_host: true }, { fields: ["Host: a"] }, { fields: ["Host: b"] }],
  ["address", { ip_strategy: {} }, { client: { address: "10.0.0.1" } }, { client: { address: "10.0.0.2" } }],
  [
    "IPv6 network",
    { ip_strategy: { ipv6_subnet: 64 } },
    { client: { address: "2001:db8::1" } },
    { client: { address: "2001:db8:0:1::1" } },
  ],
  [
    "header",
    { request_header_name: "X-Tenant" },
    { fields: ["Host: a", "x-tenant: one"] },
    { fields: ["Host: a", "X-Tenant: two"] },
  ],
  ["missing header", { request_header_name: "X-Tenant" }, {}, { fields: ["Host: a", "X-Tenant: two"] }],
])("sources are told apart by %s", (_name, criterion, first, second) => {
  const options =
    Object.keys(criterion).length === 0 ? { amount: 1 } : { amount: 1, source_criterion: criterion };
  const step = testStep(inFlightReqPart, options);
  expect(runStep(step, first).result).toBe(0);
  expect(runStep(step, first).result).toBe(1);
  expect(runStep(step, second).result).toBe(0);
});

test("addresses of one IPv6 network are one source", () => {
  const step = testStep(inFlightReqPart, {
    amount: 1,
    source_criterion: { ip_strategy: { ipv6_subnet: 64 } },
  });
  expect(runStep(step, { client: { address: "2001:db8::1" } }).result).toBe(0);
  expect(runStep(step, { client: { address: "2001:db8::2" } }).result).toBe(1);
});

test("H-G3/step clients without an address share one place", () => {
  const step = testStep(inFlightReqPart, { amount: 1, source_criterion: { ip_strategy: { depth: 5 } } });
  expect(runStep(step, { client: { address: "10.0.0.1" } }).result).toBe(0);
  expect(runStep(step, { client: { address: "10.0.0.2" } }).result).toBe(1);
});

test("two of them in one route do not share their counts", () => {
  const context = testContext();
  const byHost = testStep(inFlightReqPart, { amount: 1 }, context);
  const byHeader = testStep(
    inFlightReqPart,
    { amount: 1, source_criterion: { request_header_name: "x" } },
    context,
  );
  const request = { fields: ["Host: a", "X: a"] };
  expect(runStep(byHost, request).result).toBe(0);
  expect(runStep(byHeader, request).result).toBe(0);
});

test("keys of sources are whole numbers that other workers find too", () => {
  expect(sourceKey("route 0", "a")).toBe(sourceKey("route 0", "a"));
  const keys = new Set(Array.from({ length: 1_000 }, (_, index) => sourceKey("route 0", `${index}`)));
  expect(keys.size).toBe(1_000);
  for (const key of keys) expect(Number.isSafeInteger(key) && key > 0).toBe(true);
});

test("what would happen is told without counting", () => {
  const context = testContext();
  const step = testStep(inFlightReqPart, { amount: 1 }, context);
  for (let count = 0; count < 3; count++) expect(runStep(foreseeing(step)).result).toBe(0);
  expect(runStep(step).result).toBe(0);
  expect(runStep(foreseeing(step)).failed).toBe("FL_TOO_MANY_IN_FLIGHT");
  expect([context.limits, context.counts.count(sourceKey("route 0", "a.example"))]).toEqual([[], 1]);
});
