import { expect, test } from "bun:test";
import fc from "fast-check";
import { isIp } from "../../core/schema/ip.ts";
import { bareAddress, clientBehindProxies } from "./forwarding.ts";
import { clientSource } from "./middleware/client_source.ts";
import { runStep } from "./middleware/test_exchange.ts";

const isTrusted = (address: string) => address.startsWith("10.");

const exchangeWith = (...fields: string[]) =>
  runStep({ name: "none" }, { fields: ["Host: a", ...fields], client: { trusted: true } }).exchange;

/** The same by the whole list. */
function clientOf(list: string): string | null {
  const chain = list.split(",").map(bareAddress);
  for (let index = chain.length - 1; index >= 0; index--) {
    const address = chain[index]!;
    if (!isIp(address)) return index === chain.length - 1 ? null : chain[index + 1]!;
    if (!isTrusted(address) || index === 0) return address;
  }
  return null;
}

const element = fc.constantFrom(
  "10.0.0.1",
  " 10.0.0.2",
  "192.0.2.1:80",
  '"[2001:db8::1]"',
  "",
  " ",
  "x",
  "::1",
);
const list = fc.array(element, { minLength: 1, maxLength: 6 }).map((elements) => elements.join(","));

test("lists that are read from the right give what the whole list says", () => {
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 7 }), (text, depth) => {
      const { request } = exchangeWith(`X-Forwarded-For: ${text}`);
      expect([text, clientBehindProxies(request, isTrusted)]).toEqual([text, clientOf(text)]);
      const addresses = text.split(",").map(bareAddress);
      const withPeer = exchangeWith(`X-Forwarded-For: ${text}, 10.0.0.9`);
      expect([text, depth, clientSource({ depth, excluded_ips: [] })(withPeer)]).toEqual([
        text,
        depth,
        addresses.at(-depth) ?? "",
      ]);
      const outside = addresses.findLast((address) => address !== "" && address !== "10.0.0.1") ?? "";
      expect([text, clientSource({ depth: 0, excluded_ips: ["10.0.0.1"] })(withPeer)]).toEqual([
        text,
        outside,
      ]);
    }),
    { numRuns: 500 },
  );
});

test("elements of Forwarded without an address do not count", () => {
  const forwarded = (text: string) =>
    clientBehindProxies(exchangeWith(`Forwarded: ${text}`).request, isTrusted);
  expect(forwarded("for=192.0.2.1, for=10.0.0.1, proto=https,,")).toBe("192.0.2.1");
  expect(forwarded("for=192.0.2.1, for=_x, for=10.0.0.1")).toBe("10.0.0.1");
  expect(forwarded("proto=https")).toBeNull();
  expect(clientBehindProxies(exchangeWith().request, isTrusted)).toBeNull();
});

test("addresses with a zone are compared like others", () => {
  const client = (chain: string, element: string) =>
    clientBehindProxies(
      exchangeWith(`X-Forwarded-For: ${chain}`, `Forwarded: ${element}`).request,
      isTrusted,
    );
  expect(client("fe80::1%eth0", 'for="[fe80:0::1%eth0]"')).toBe("fe80::1%eth0");
  expect(client("fe80::1%eth0", 'for="[fe80::1%eth1]"')).toBe("");
  expect(client("192.0.2.1", "for=fe80::1%eth0")).toBe("");
  expect(client("::1", 'for="[0::1]"')).toBe("::1");
});
