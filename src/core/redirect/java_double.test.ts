import { expect, test } from "bun:test";
import { parseDouble } from "./java_double.ts";

test.each([
  ["1e3", 1_000],
  [" 5 ", 5],
  ["\t-0.5\n", -0.5],
  ["NaN", Number.NaN],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["0x1p3", 8],
  ["-0X1.8P1d", -3],
  ["1d", 1],
  ["2.F", 2],
  [".5", 0.5],
  ["+7", 7],
])("RD13 %p is a number as in Java", (text, expected) => {
  expect(parseDouble(text)).toBe(expected);
});

test.each([
  "",
  " ",
  ".",
  "e5",
  "1e",
  "0x1",
  "0xp1",
  "1_000",
  "12,5",
  "abc",
  "1 2",
  "infinity",
  "--1",
  "\u00a05",
])("RD13 %p is no number", (text) => {
  expect(parseDouble(text)).toBeNull();
});
