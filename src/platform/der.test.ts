import { expect, test } from "bun:test";
import { derContext, derInteger, derOid, derTime, derValue, pemText } from "./der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("lengths below 128 take one byte, longer ones say how many follow", () => {
  expect(hex(derValue(4, new Uint8Array(127)).subarray(0, 2))).toBe("047f");
  expect(hex(derValue(4, new Uint8Array(128)).subarray(0, 3))).toBe("048180");
  expect(hex(derValue(4, new Uint8Array(200), new Uint8Array(100)).subarray(0, 4))).toBe("0482012c");
  expect(hex(derValue(4, new Uint8Array(65_536)).subarray(0, 5))).toBe("0483010000");
});

test("integers keep their sign, identifiers their large parts, times their century", () => {
  expect(hex(derInteger(Uint8Array.of(127)))).toBe("02017f");
  expect(hex(derInteger(Uint8Array.of(128)))).toBe("02020080");
  expect(hex(derOid("1.2.840.113549.1.1.11"))).toBe("06092a864886f70d01010b");
  expect(hex(derContext(0, true, derInteger(Uint8Array.of(2))))).toBe("a003020102");
  expect(Buffer.from(derTime(Date.UTC(2049, 11, 31, 23, 59, 59)).subarray(2)).toString()).toBe(
    "491231235959Z",
  );
  expect(Buffer.from(derTime(Date.UTC(2050, 0, 1)).subarray(2)).toString()).toBe("20500101000000Z");
});

test("PEM lines have 64 characters", () => {
  expect(pemText("X", new Uint8Array(48))).toBe(`-----BEGIN X-----\n${"A".repeat(64)}\n-----END X-----\n`);
  expect(pemText("X", new Uint8Array(49)).split("\n")[2]).toBe("AA==");
});
