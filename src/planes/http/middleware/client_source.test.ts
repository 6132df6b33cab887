import { expect, test } from "bun:test";
import { formatIp, parseIp } from "../../../core/schema/ip.ts";
import { clientSource, subnetOf } from "./client_source.ts";
import { ipStrategy } from "./client_source_schema.ts";
import { runStep } from "./test_exchange.ts";

/** What a strategy finds for a list that a trusted peer sent; the plane has put the peer behind it. */
function found(list: string | null, options: unknown, trusted = true): string {
  const fields = ["Host: a"];
  if (list !== null) fields.push(`X-Forwarded-For: ${list}${trusted ? ", 192.0.2.9" : ""}`);
  const { exchange } = runStep(
    { name: "none" },
    { fields, client: { address: "198.51.100.7", peerAddress: "192.0.2.9", trusted } },
  );
  return clientSource(ipStrategy.parse(options))(exchange);
}

const FOUR = "10.0.0.1,11.0.0.1,12.0.0.1,13.0.0.1";

test.each([
  [FOUR, 1, "13.0.0.1"],
  [FOUR, 2, "12.0.0.1"],
  [FOUR, 3, "11.0.0.1"],
  [FOUR, 4, "10.0.0.1"],
  [FOUR, 5, ""],
  ["10.0.0.4,10.0.0.3,10.0.0.2,10.0.0.1", 3, "10.0.0.3"],
  ["10.0.0.2,10.0.0.1", 2, "10.0.0.2"],
])("H-G3/step %p at depth %p: %p", (list, depth, expected) => {
  expect(found(list, { depth })).toBe(expected);
});

test.each([
  [FOUR, ["12.0.0.1", "13.0.0.1"], "11.0.0.1"],
  [FOUR, ["15.0.0.1", "13.0.0.1"], "12.0.0.1"],
  [FOUR, ["10.0.0.1", "13.0.0.1"], "12.0.0.1"],
  [FOUR, ["15.0.0.1", "16.0.0.1"], "13.0.0.1"],
  ["10.0.0.1,11.0.0.1", ["10.0.0.1", "11.0.0.1"], ""],
  ["127.0.0.1,10.0.0.4,10.0.0.3,10.0.0.2,10.0.0.1", ["10.0.0.1/24"], "127.0.0.1"],
  ["10.0.0.4,10.0.0.3,10.0.0.2,10.0.0.1", ["10.0.0.1/24"], ""],
])("H-G3/step %p without %p: %p", (list, excluded_ips, expected) => {
  expect(found(list, { excluded_ips })).toBe(expected);
});

test.each([
  ["::abcd:1111:2222:3333", 64, "::0:0:0:0"],
  // Traefik's page writes these two with a group too many; the first 80 and 96 bits are these.
  ["::abcd:1111:2222:3333", 80, "::abcd:0:0:0"],
  ["::abcd:1111:2222:3333", 96, "::abcd:1111:0:0"],
  ["2001:db8::1", 0, "::"],
  ["2001:db8::1", 128, "2001:db8::1"],
])("H-G3/step %p in subnets of %p bits: %p", (address, ipv6_subnet, expected) => {
  expect(subnetOf(address, ipv6_subnet)).toBe(formatIp(parseIp(expected)!));
  expect(found(`${address}, 10.0.0.1`, { depth: 2, ipv6_subnet })).toBe(formatIp(parseIp(expected)!));
});

test("a subnet is for IPv6 addresses, and not for the strategy by excluded addresses", () => {
  expect(found("192.0.2.1", { depth: 1, ipv6_subnet: 64 })).toBe("192.0.2.1");
  expect(found("2001:db8::1", { excluded_ips: ["10.0.0.0/8"], ipv6_subnet: 64 })).toBe("2001:db8::1");
  expect(subnetOf("not an address:", 64)).toBe("not an address:");
});

test("without a strategy the client is the one that trusted proxies give", () => {
  expect(found(FOUR, {})).toBe("198.51.100.7");
  expect(found(FOUR, { ipv6_subnet: 64 })).toBe("198.51.100.7");
});

test("ports, brackets and empty elements of the list are understood", () => {
  expect(found("10.0.0.1:80, [2001:db8::1]:443", { depth: 1 })).toBe("2001:db8::1");
  expect(found("10.0.0.1:80, [2001:db8::1]:443", { depth: 2 })).toBe("10.0.0.1");
  expect(found("10.0.0.1, , ", { excluded_ips: ["11.0.0.0/8"] })).toBe("10.0.0.1");
});

test("the list of a peer that is not trusted, and a missing one, give no address", () => {
  expect(found(FOUR, { depth: 1 }, false)).toBe("");
  expect(found(FOUR, { excluded_ips: ["10.0.0.0/8"] }, false)).toBe("");
  expect(found("", { depth: 1 })).toBe("");
});
