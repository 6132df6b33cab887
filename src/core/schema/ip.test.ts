import { expect, test } from "bun:test";
import { isIP, isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { formatIp, formatNetwork, isIp, parseIp, parseIpv4, parseIpv6, parseNetwork } from "./ip.ts";
import { network } from "./network.ts";

const networkText = (text: string): string | null => {
  const parsed = parseNetwork(text);
  return parsed === null ? null : formatNetwork(parsed);
};

test.each([
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["10.1.2.3", "10.1.2.3/32"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["255.255.255.255/31", "255.255.255.254/31"],
  ["::/0", "::/0"],
  ["FD00:0:0:1::1/48", "fd00::/48"],
  ["::1", "::1/128"],
  ["::ffff:10.0.0.1", "::ffff:a00:1/128"],
])("the network %s is %s", (text, expected) => {
  expect(networkText(text)).toBe(expected);
});

test.each([
  "",
  "10.0.0/8",
  "10.0.0.0/33",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "10.0.0.0/08",
  "010.0.0.1",
  "256.0.0.1",
  "::/129",
  "1::2::3",
  "1:2:3:4:5:6:7:8::",
  ":1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7",
  "12345::",
  "::1.2.3.4:1",
  "1.2.3.4::",
  "fe80::1%eth0",
  "[::1]",
  "0x7f.1",
  "localhost",
])("the network %p is refused", (text) => {
  expect(networkText(text)).toBeNull();
});

test("addresses are accepted exactly where the platform accepts them, and come back from their text", () => {
  const part = fc.constantFrom("0", "1", "f", "ffff", "255", "256", "01", "", "::", "10000", "1.2.3.4");
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(part, { maxLength: 9 }).map((parts) => parts.join(":")),
    fc.array(part, { maxLength: 5 }).map((parts) => parts.join(".")),
  );
  fc.assert(
    fc.property(text, (address) => {
      expect(parseIpv4(address) !== null).toBe(isIPv4(address));
      expect(parseIpv6(address) !== null).toBe(isIPv6(address));
      for (const zone of ["", "%", "%eth0", "%1"])
        expect(isIp(`${address}${zone}`)).toBe(isIP(`${address}${zone}`) !== 0);
      const bytes = parseIp(address);
      if (bytes !== null) expect(parseIp(formatIp(bytes))).toEqual(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test("the schema says what was written", () => {
  expect(network().safeParse("10.0.0.0/40").error?.issues[0]?.message).toBe(
    '"10.0.0.0/40" is not a network; expected an address or a network such as 10.0.0.0/8 or fd00::/8',
  );
});
