import { expect, test } from "bun:test";
import { runStep, testStep } from "../test_exchange.ts";
import { ipAllowListPart } from "./schema.ts";

test.each([
  [["10.0.0.0/8"], "10.0.0.0", true],
  [["10.0.0.0/8"], "10.255.255.255", true],
  [["10.0.0.0/8"], "9.255.255.255", false],
  [["10.0.0.0/8"], "11.0.0.0", false],
  [["192.168.1.7"], "192.168.1.7", true],
  [["192.168.1.7"], "192.168.1.8", false],
  [["0.0.0.0/0"], "203.0.113.9", true],
  [["0.0.0.0/0"], "2001:db8::1", false],
  [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
  [["::ffff:10.0.0.0/104"], "10.1.2.3", true],
  [["fe80::/10"], "fe80::1%eth0", true],
  [["2001:db8::/127"], "2001:db8::1", true],
  [["2001:db8::/127"], "2001:db8::2", false],
  [["10.0.0.0/8", "2001:db8::/32"], "", false],
])("H-I6/step %p and the client %p: %p", (source_range, address, allowed) => {
  const run = runStep(testStep(ipAllowListPart, { source_range }), { client: { address } });
  expect(run.result).toBe(allowed ? 0 : 1);
  expect(run.status).toBe(allowed ? 0 : 403);
  expect(run.exchange.reason).toBe(allowed ? "" : "FL_FORBIDDEN");
});

test("another status is answered without a word about the reason", () => {
  const step = testStep(ipAllowListPart, { source_range: ["10.0.0.0/8"], reject_status_code: 404 });
  const run = runStep(step);
  expect(run.status).toBe(404);
  expect(run.written).toEndWith("\r\n\r\n");
  expect(run.exchange.reason).toBe("FL_FORBIDDEN");
});

test("H-G3/step a depth beyond the list has no address and is refused", () => {
  const options = { source_range: ["0.0.0.0/0", "::/0"], ip_strategy: { depth: 5 } };
  const run = runStep(testStep(ipAllowListPart, options), {
    fields: ["Host: a", "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.1"],
    client: { trusted: true },
  });
  expect(run.status).toBe(403);
});
