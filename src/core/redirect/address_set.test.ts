import { expect, test } from "bun:test";
import fc from "fast-check";
import { AddressSet, isAddressRange, isWithinRange, parseAddressRange } from "./address_set.ts";

/** By the naive comparison and by the set: they must agree. Null where one of the texts cannot be parsed. */
function isIn(text: string, ...entries: readonly string[]): boolean | null {
  const range = parseAddressRange(text);
  const ranges = entries.map((entry) => parseAddressRange(entry)!);
  if (range === null || ranges.includes(null as never)) return null;
  const naive = ranges.some((entry) => isWithinRange(range, entry));
  expect(new AddressSet(ranges).holds(range)).toBe(naive);
  return naive;
}

test("RD24 addresses and whole networks within networks", () => {
  expect([isIn("50.0.2.1", "50.0.2.0/25"), isIn("50.0.2.129", "50.0.2.0/25")]).toEqual([true, false]);
  expect(isIn("73.1.196.0/24", "73.1.196.0/23")).toBe(true);
  expect(isIn("73.1.196.0/22", "73.1.196.0/23")).toBe(false);
  expect(isIn("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8::/63")).toBe(true);
  expect(isIn("2001:db8:0:2::1", "2001:db8::/63")).toBe(false);
  // Two halves hold no whole.
  expect(isIn("10.0.0.0/23", "10.0.0.0/24", "10.0.1.0/24")).toBe(false);
});

test("RD27 an IPv6 address is no small number", () => {
  expect(isIn("::a00:1", "10.0.0.0/8")).toBe(false);
});

test("RD28 a mapped address is the IPv4 address", () => {
  expect(isIn("::ffff:10.0.0.1", "10.0.0.0/8")).toBe(true);
});

test("RD171 one address in many spellings", () => {
  expect(isIn("::ffff:a01:203", "10.0.0.0/8")).toBe(true);
  expect(isIn("0:0:0:0:0:FFFF:10.1.2.3", "10.0.0.0/8")).toBe(true);
  expect(isIn("10.1.2.3", "::ffff:10.0.0.0/104")).toBe(true);
  expect(isIn("10.1.2.3", "::ffff:0:0/96")).toBe(true);
  expect(isIn("10.1.2.3", "::/0")).toBe(false);
  expect(isIn("2001:DB8::1", "2001:0db8:0000::0001")).toBe(true);
  expect(isIn("010.1.2.3", "10.0.0.0/8")).toBeNull();
  expect(isIn("fe80::1%eth0", "fe80::/10")).toBe(true);
  expect(parseAddressRange("::ffff:10.0.0.0/8")).toBeNull();
});

const octet = fc.constantFrom(0, 1, 10, 127, 128, 255);
const ipv4 = fc
  .tuple(octet, octet, octet, octet, fc.nat(32))
  .map(([a, b, c, d, p]) => `${a}.${b}.${c}.${d}/${p}`);
const group = fc.constantFrom("0", "1", "8000", "ffff", "db8");
const ipv6 = fc
  .tuple(fc.array(group, { minLength: 8, maxLength: 8 }), fc.nat(128))
  .map(([groups, prefix]) => `${groups.join(":")}/${prefix}`)
  .filter((text) => parseAddressRange(text) !== null);
const ranges = fc.oneof(ipv4, ipv6);

test("RD171 the set agrees with the naive comparison on any networks", () => {
  fc.assert(
    fc.property(
      fc.array(ranges, { maxLength: 12 }),
      fc.array(ranges, { minLength: 1, maxLength: 12 }),
      (entries, texts) => {
        for (const text of texts) isIn(text, ...entries);
      },
    ),
    { numRuns: 500 },
  );
});

test("RD171 the quick look at a text agrees with the parser (property)", () => {
  const group = fc.constantFrom("0", "1", "a", "ff", "db8", "FFFF", "00001", "g", "");
  const groups = fc.array(group, { minLength: 2, maxLength: 9 }).map((parts) => parts.join(":"));
  const prefix = fc.constantFrom(
    "",
    "",
    "/0",
    "/8",
    "/32",
    "/33",
    "/104",
    "/128",
    "/129",
    "/08",
    "/",
    "%eth0",
  );
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    groups,
    fc.constantFrom("::ffff:10.0.0.0", "010.1.2.3", "1.2.3"),
  );
  const text = fc.tuple(address, prefix, fc.constantFrom("", "", " ", "x"));
  fc.assert(
    fc.property(text, ([first, second, last]) => {
      const whole = first + second + last;
      expect([whole, isAddressRange(whole)]).toEqual([whole, parseAddressRange(whole) !== null]);
    }),
    { numRuns: 3_000 },
  );
});
