import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  CUT_MARK_BYTES,
  lineOutput,
  piece,
  putInteger,
  putJson,
  putJsonText,
  putMilliseconds,
  putPiece,
  putQuoted,
  putThreeDigits,
  putWord,
} from "./line_bytes.ts";

const out = new Uint8Array(1 << 16);
const text = (from: number, to: number): string => Buffer.from(out.subarray(from, to)).latin1Slice();

test("integers are written as String writes them", () => {
  const edges = [0, 1, 9, 10, 99, 100, 65_535, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32, 1e12, 2 ** 53 - 1];
  for (const value of edges) expect(text(3, putInteger(out, 3, value))).toBe(String(value));
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => text(0, putInteger(out, 0, value)) === String(value)),
    {
      numRuns: 1_000,
    },
  );
});

test("a number that should not be is written as 0", () => {
  for (const value of [-1, -1e9, NaN]) expect(text(0, putInteger(out, 0, value))).toBe("0");
});

test("three digits are filled with zeros in front", () => {
  for (const value of [0, 7, 70, 999]) {
    expect(text(0, putThreeDigits(out, 0, value))).toBe(`${value}`.padStart(3, "0"));
  }
});

test("pieces of any length come back, one after the other", () => {
  const output = lineOutput(200);
  let at = 1;
  let expected = "";
  for (let length = 0; length < 18; length++) {
    const words = "~}|{zyxwvutsrqponm".slice(0, length);
    at = putPiece(output, at, piece(words));
    expected += words;
  }
  expect(Buffer.from(output.bytes.subarray(1, at)).latin1Slice()).toBe(expected);
  expect(() => piece("\x7f")).toThrow(RangeError);
  expect(() => piece("é")).toThrow(RangeError);
});

test("microseconds become milliseconds with three decimals", () => {
  const cases = [
    [0, "0"],
    [7, "0.007"],
    [12_345, "12.345"],
    [3_600_000_001, "3600000.001"],
  ] as const;
  for (const [value, expected] of cases) expect(text(0, putMilliseconds(out, 0, value))).toBe(expected);
});

test("any bytes come back from a JSON string as the characters of the same numbers", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      const end = putJson(out, 0, out.length, bytes, 0, bytes.length);
      expect(JSON.parse(`"${text(0, end)}"`)).toBe(Buffer.from(bytes).latin1Slice());
      expect(text(0, end)).toMatch(/^[ -~]*$/);
    }),
  );
});

test("any text comes back from a JSON string, lone surrogates too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), (value) => {
      const end = putJsonText(out, 0, out.length, value);
      expect(JSON.parse(`"${text(0, end)}"`)).toBe(value);
    }),
  );
  expect(text(0, putJsonText(out, 0, 100, "\ud800"))).toBe("\\ud800");
});

test("a quoted field holds no quote, no backslash but escapes, no control byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const written = text(0, putQuoted(out, 0, out.length, bytes, 0, 256));
  expect(written).toMatch(/^(?:[ !#-[\]-~]|\\x[0-9a-f]{2})*$/);
  expect(written.replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))).toBe(
    Buffer.from(bytes).latin1Slice(),
  );
  expect(text(0, putWord(out, 0, 100, 'a b"ü\u20ac'))).toBe("a\\x20b\\x22\\xfc\\u20ac");
});

test("a value over its limit is cut between escapes and marked", () => {
  const quotes = new Uint8Array(100).fill(1);
  for (const put of [putJson, putQuoted]) {
    for (let limit = 6; limit < 40; limit++) {
      const end = put(out, 0, limit, quotes, 0, quotes.length);
      expect(end).toBeLessThanOrEqual(limit + CUT_MARK_BYTES);
      expect(text(0, end)).toMatch(/^(?:\\u0001|\\x01)*\.\.\.$/);
    }
  }
  expect(text(0, putJsonText(out, 0, 12, "abcdefghijkl"))).toBe("abcdefg...");
  expect(text(0, putWord(out, 0, 12, "abcdefghijkl"))).toBe("abcdefg...");
});
