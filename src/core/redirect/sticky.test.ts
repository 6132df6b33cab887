import { expect, test } from "bun:test";
import fc from "fast-check";
import { contextOf } from "./context.ts";
import { sipHash, type Hash64 } from "./sip_hash.ts";
import { boundOf, isWithin, percentOf, positionOf, stickyKey } from "./sticky.ts";

const MASK = (1n << 64n) - 1n;
const rotated = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & MASK;

/** SipHash-2-4 as the paper writes it, in big numbers. */
function referenceHash(text: string): bigint {
  const bytes = new TextEncoder().encode(text);
  const [k0, k1] = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n];
  let [v0, v1, v2, v3] = [
    0x736f6d6570736575n ^ k0,
    0x646f72616e646f6dn ^ k1,
    0x6c7967656e657261n ^ k0,
    0x7465646279746573n ^ k1,
  ];
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotated(v1, 13n) ^ v0;
    v0 = rotated(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotated(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotated(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotated(v1, 17n) ^ v2;
    v2 = rotated(v2, 32n);
  };
  const padded = [...bytes, ...Array<number>(7 - (bytes.length % 8)).fill(0), bytes.length & 0xff];
  for (let at = 0; at < padded.length; at += 8) {
    let word = 0n;
    for (let byte = 7; byte >= 0; byte--) word = (word << 8n) | BigInt(padded[at + byte]!);
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let count = 0; count < 4; count++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

const hashOf = (text: string): bigint => {
  const hash: Hash64 = { high: 0, low: 0 };
  sipHash(text, hash);
  return (BigInt(hash.high >>> 0) << 32n) | BigInt(hash.low >>> 0);
};

const positionIn = (key: string, salt = ""): Hash64 => {
  const position: Hash64 = { high: 0, low: 0 };
  positionOf(key, salt, position);
  return position;
};

test.each([
  ["account-1", "f77011ecfe827d37", 6.6892, 6.69],
  ["account-2", "dbe1613da376f63d", 28.2184, 28.22],
  ["account-3", "3590d5c84b52d7be", 41.8483, 41.85],
  ["user42", "5ed095e645e9d865", 74.0741, 74.08],
  ["00:00:00:00:00:01", "3b34126a497a9755", 46.2527, 46.26],
  ["é", "242aa8f118ca4ba5", 28.2552, 28.26],
  ["a", "2ba3e8e9a71148ca", 34.094, 34.1],
  ["1234567890", "a36c1a6c23eedfc7", 72.3263, 72.33],
])("RD39 %s is at the place that the original gives it", (key, hash, place, first) => {
  expect(hashOf(key).toString(16)).toBe(hash);
  const position = positionIn(key);
  expect(percentOf(position)).toBeCloseTo(place, 4);
  expect(isWithin(position, boundOf(first))).toBe(true);
  expect(isWithin(position, boundOf(Math.round((first - 0.01) * 100) / 100))).toBe(false);
});

test("the hash in halves is that of the paper", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
      expect(hashOf(text)).toBe(referenceHash(text));
    }),
  );
  // Longer than what the scratch holds at first.
  const long = "ab".repeat(5_000);
  expect(hashOf(long)).toBe(referenceHash(long));
});

test("a bound is what the original calculates, and a position is the absolute value", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 100, noNaN: true }), fc.string(), (percent, key) => {
      const bound = BigInt(Math.trunc(Number((2n ** 63n - 1n) / 10_000n) * (percent * 100)));
      const signed = BigInt.asIntN(64, referenceHash(key));
      const expected = (signed < 0n ? -signed : signed) <= bound;
      expect(isWithin(positionIn(key), boundOf(percent))).toBe(expected);
    }),
  );
  expect(isWithin(positionIn("any"), boundOf(100))).toBe(true);
});

test("RD45 two salts at five percent choose independently", () => {
  const bound = boundOf(5);
  const keys = 200_000;
  let both = 0;
  for (let number = 0; number < keys; number++)
    if (isWithin(positionIn(`k${number}`, "one"), bound) && isWithin(positionIn(`k${number}`, "two"), bound))
      both++;
  expect(Math.abs((100 * both) / keys - 0.25)).toBeLessThan(0.2);
  expect(both).toBeGreaterThan(0);
});

test("RD172 a hundredth of a percent of three million keys is three hundred", () => {
  const bound = boundOf(0.01);
  const position: Hash64 = { high: 0, low: 0 };
  let inside = 0;
  for (let number = 0; number < 3_000_000; number++) {
    positionOf(`key-${number}`, "", position);
    if (isWithin(position, bound)) inside++;
  }
  expect(Math.abs(inside - 300)).toBeLessThanOrEqual(70);
}, 60_000);

test("RD40 the first key that is not blank counts", () => {
  const names = ["serviceAccountId", "mac"];
  expect(stickyKey(contextOf({ serviceAccountId: " ", mac: "m" }), names)).toBe("m");
  expect(stickyKey(contextOf({ serviceAccountId: "s", mac: "m" }), names)).toBe("s");
  expect(stickyKey(contextOf({ serviceAccountId: "" }), names)).toBeNull();
});
