import { expect, test } from "bun:test";
import fc from "fast-check";
import { hashBytes, hashText, mix, mixSigned } from "./hash.ts";
import { chiSquareDeviation } from "./test_candidates.ts";

/** Published values of MurmurHash3 x86_32. */
test.each([
  ["", 0, 0],
  ["", 1, 0x514e28b7],
  ["", 0xffffffff, 0x81f16f39],
  ["\xff\xff\xff\xff", 0, 0x76293b50],
  ["!Ce\x87", 0, 0xf55b516b],
  ["!Ce\x87", 0x5082edee, 0x2362f9de],
  ["!Ce", 0, 0x7e4a8634],
  ["!C", 0, 0xa0f7b07a],
  ["!", 0, 0x72661cf4],
  ["\0\0\0\0", 0, 0x2362f9de],
  ["aaaa", 0x9747b28c, 0x5a97808a],
  ["Hello, world!", 0x9747b28c, 0x24884cba],
  ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
])("%j with seed %d", (text, seed, expected) => {
  expect(hashText(text, seed)).toBe(expected);
});

test("a text and its bytes have the same hash, wherever the bytes stand", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(bytes, bytes, fc.integer(), (before, key, seed) => {
      const text = String.fromCharCode(...key);
      const whole = Uint8Array.from([...before, ...key, 7, 7, 7]);
      expect(hashBytes(key, seed)).toBe(hashText(text, seed));
      expect(hashBytes(whole, seed, before.length, before.length + key.length)).toBe(hashText(text, seed));
    }),
  );
});

test("similar keys spread evenly over the high and the low bits", () => {
  for (const shift of [0, 24]) {
    const counts = new Array<number>(256).fill(0);
    for (let client = 0; client < 65_536; client++) {
      const bucket = (hashText(`10.0.${client >> 8}.${client & 255}`) >>> shift) & 255;
      counts[bucket] = counts[bucket]! + 1;
    }
    expect(
      chiSquareDeviation(
        counts,
        counts.map(() => 1),
      ),
    ).toBeLessThan(4);
  }
});

test("mixing is one to one and the same signed and unsigned", () => {
  const seen = new Set<number>();
  for (let value = 0; value < 50_000; value++) {
    seen.add(mix(value));
    expect(mixSigned(value) >>> 0).toBe(mix(value));
  }
  expect(seen.size).toBe(50_000);
});
