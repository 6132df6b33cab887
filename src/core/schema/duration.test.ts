import { expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { duration, formatDuration, MAX_DURATION_MS, parseDuration } from "./duration.ts";

test.each([
  ["5s", 5_000],
  ["250ms", 250],
  ["1h30m", 5_400_000],
  ["1.5s", 1_500],
  ["1d", 86_400_000],
  ["0", 0],
  ["0s", 0],
])("%s is %d ms", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(["", "5", "5 s", "s", "-5s", "5S", "5sec", "0.5ms", "1e3s", "30d", "5s ", "1us"])(
  "%p is refused",
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test("formatting takes the largest unit without a fraction", () => {
  expect([0, 250, 2_500, 75_000, 60_000, 3_600_000].map(formatDuration)).toEqual([
    "0s",
    "250ms",
    "2500ms",
    "75s",
    "1m",
    "1h",
  ]);
});

test("formatting gives text that is read back as the same number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_DURATION_MS }), (milliseconds) => {
      expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
    }),
  );
});

test("the schema takes 0 without a unit, refuses other numbers and says what was written", () => {
  expect(duration().parse(0)).toBe(0);
  expect(duration().prefault("5s").parse(undefined)).toBe(5_000);
  expect(duration().safeParse(5).error?.issues[0]?.message).toBe(
    "expected a duration such as 5s, 250ms or 1h30m",
  );
  expect(duration().safeParse("5x").error?.issues[0]?.message).toBe(
    '"5x" is not a duration; expected a duration such as 5s, 250ms or 1h30m',
  );
});

test("the JSON Schema is a string with a pattern", () => {
  const schema = z.toJSONSchema(duration(), { io: "input" });
  expect(schema.type).toBe("string");
  expect(new RegExp(schema.pattern ?? "^$").test("1h30m")).toBe(true);
});
