/** Byte classes and the writers of numbers. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  CLASS,
  equalsName,
  HEX,
  latin1Bytes,
  TOKEN,
  VALUE,
  writeBytes,
  writeDecimal,
  writeHex,
  writeText,
} from "./bytes.ts";

const written = (write: (into: Uint8Array) => number, from = 0): string => {
  const into = new Uint8Array(300);
  const end = write(into);
  return Buffer.from(into.subarray(from, end)).toString("latin1");
};

test("classes are those of the grammar (RFC 9110 5.6.2 and 5.5)", () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    expect((CLASS[byte]! & TOKEN) !== 0).toBe(/^[!#$%&'*+.^_`|~0-9A-Za-z-]$/.test(character));
    expect((CLASS[byte]! & VALUE) !== 0).toBe(/^[\t\x20-\x7e\x80-\xff]$/.test(character));
    expect((CLASS[byte]! & HEX) !== 0).toBe(/^[0-9a-f]$/i.test(character));
  }
});

test("numbers are written as text writes them", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(0x7fffffff), (decimal, hexadecimal) => {
      expect(written((into) => writeDecimal(into, 3, decimal), 3)).toBe(String(decimal));
      expect(written((into) => writeHex(into, 3, hexadecimal), 3)).toBe(hexadecimal.toString(16));
    }),
  );
  for (const value of [0, 9, 10, 15, 16, 99, 100, 255, 256, 4_294_967_296, Number.MAX_SAFE_INTEGER])
    expect(written((into) => writeDecimal(into, 0, value))).toBe(String(value));
});

test("bytes and text are written where they belong, short and long", () => {
  for (const length of [0, 1, 47, 48, 49, 200]) {
    const text = "\xe9".repeat(length);
    expect(written((into) => writeBytes(into, 5, latin1Bytes(text)), 5)).toBe(text);
    expect(written((into) => writeText(into, 5, text), 5)).toBe(text);
  }
});

test("names are compared without case", () => {
  const name = latin1Bytes("te-x");
  for (const text of ["te-x", "TE-X", "tE-x"]) expect(equalsName(latin1Bytes(text), 0, name)).toBe(true);
  for (const text of ["te_x", "tf-x", "te-"]) expect(equalsName(latin1Bytes(text), 0, name)).toBe(false);
  expect(equalsName(latin1Bytes("..TE-X"), 2, name)).toBe(true);
});
