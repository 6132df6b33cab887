import { expect, test } from "bun:test";
import { formatIp, formatNetwork, parseIp, parseNetwork } from "../core/schema/ip.ts";
import { CidrSet, plainAddress } from "./addresses.ts";

test("networks hold their first and last address and not the ones beside them", () => {
  const set = new CidrSet(["10.1.0.0/16", "192.0.2.7", "fd00:1::/32", "2001:db8::5"]);
  for (const inside of ["10.1.0.0", "10.1.255.255", "192.0.2.7", "fd00:1::", "fd00:1:ffff::1", "2001:db8::5"])
    expect([inside, set.has(inside)]).toEqual([inside, true]);
  for (const outside of [
    "10.0.255.255",
    "10.2.0.0",
    "192.0.2.6",
    "192.0.2.8",
    "fd00:2::",
    "2001:db8::4",
    "::",
  ])
    expect([outside, set.has(outside)]).toEqual([outside, false]);
});

test("a mapped address is the IPv4 address, in sets and in questions", () => {
  const set = new CidrSet(["10.0.0.0/8", "::ffff:192.0.2.0/120"]);
  expect(set.has("::ffff:10.2.3.4")).toBe(true);
  expect(set.has("::ffff:a02:304")).toBe(true);
  expect(set.has("192.0.2.200")).toBe(true);
  expect(set.has("::ffff:11.2.3.4")).toBe(false);
  expect(new CidrSet(["::/0"]).has("10.0.0.1")).toBe(false);
  expect(new CidrSet(["::/0"]).has("::ffff:10.0.0.1")).toBe(false);
  expect(new CidrSet(["0.0.0.0/0"]).has("::ffff:10.0.0.1")).toBe(true);
  expect(new CidrSet(["0.0.0.0/0"]).has("::1")).toBe(false);
});

test("text that is no address is in no set", () => {
  const set = new CidrSet(["0.0.0.0/0", "::/0"]);
  for (const text of [
    "",
    "unix",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1..2.3",
    "1.2.3.4 ",
    ":::",
    "::ffff:1.2.3",
  ])
    expect([text, set.has(text)]).toEqual([text, false]);
});

test("a zone does not matter", () => {
  expect(new CidrSet(["fe80::/10"]).has("fe80::1%eth0")).toBe(true);
  expect(plainAddress("fe80::1%eth0")).toBe("fe80::1");
  expect(plainAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
  expect(plainAddress("::ffff:1")).toBe("::ffff:1");
  expect(plainAddress("10.0.0.1")).toBe("10.0.0.1");
});

test("an empty set holds nothing, and a malformed network is refused", () => {
  expect(new CidrSet([]).has("10.0.0.1")).toBe(false);
  expect(() => new CidrSet(["10.0.0.0/33"])).toThrow(RangeError);
});

test("agrees with a plain comparison of bits on nested and neighbouring networks", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  // Few different bytes, so that networks nest and touch.
  const address = (bytes: number) =>
    formatIp(Uint8Array.from({ length: bytes }, () => [0, 1, 128, 255][random(4)]!));
  const bits = (text: string) =>
    [...parseIp(text)!].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let found = 0;
  for (let round = 0; round < 300; round++) {
    const cidrs = Array.from({ length: 1 + random(8) }, () => {
      const size = random(2) === 0 ? 4 : 16;
      return formatNetwork(parseNetwork(`${address(size)}/${random(size * 8 + 1)}`)!);
    }).filter((cidr) => !cidr.startsWith("::ffff:"));
    const set = new CidrSet(cidrs);
    for (let question = 0; question < 20; question++) {
      const wanted = address(random(2) === 0 ? 4 : 16);
      const expected = cidrs.some((cidr) => {
        const [network = "", prefix] = cidr.split("/");
        return (
          bits(network).length === bits(wanted).length &&
          bits(wanted).startsWith(bits(network).slice(0, Number(prefix)))
        );
      });
      if (expected) found++;
      expect([cidrs, wanted, set.has(wanted)]).toEqual([cidrs, wanted, expected]);
    }
  }
  expect(found).toBeGreaterThan(500);
});
