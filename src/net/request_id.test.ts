/** Request ids: form, and no two alike. */
import { expect, test } from "bun:test";
import { newRequestId } from "./request_id.ts";

test("H-G6/id ids are 32 hexadecimal digits, all different, in every digit", () => {
  const bytes = new Uint8Array(34).fill(33);
  const seen = new Set<string>();
  const digits = Array.from({ length: 32 }, () => new Set<string>());
  for (let round = 0; round < 20_000; round++) {
    newRequestId(bytes);
    const id = Buffer.from(bytes.subarray(0, 32)).toString("latin1");
    expect(/^[0-9a-f]{32}$/.test(id)).toBe(true);
    seen.add(id);
    for (let at = 0; at < 32; at++) digits[at]!.add(id[at]!);
  }
  expect(seen.size).toBe(20_000);
  expect(digits.map(({ size }) => size)).toEqual(Array.from({ length: 32 }, () => 16));
  // Nothing behind the id is touched.
  expect([bytes[32], bytes[33]]).toEqual([33, 33]);
});
