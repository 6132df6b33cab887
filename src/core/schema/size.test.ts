import { expect, test } from "bun:test";
import fc from "fast-check";
import { share, parseShare } from "./share.ts";
import { formatSize, parseSize, size } from "./size.ts";

test.each([
  ["0", 0],
  ["512", 512],
  ["64KiB", 65_536],
  ["10MB", 10_000_000],
  ["1.5GiB", 1_610_612_736],
  ["1B", 1],
])("%s is %d bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "KiB", "-1", "1 KiB", "1.5B", "64kib", "9007199254740993", "1e3"])("%p is refused", (text) => {
  expect(parseSize(text)).toBeNull();
});

test("formatting gives text that is read back as the same number", () => {
  fc.assert(
    fc.property(fc.nat(), (bytes) => {
      expect(parseSize(formatSize(bytes))).toBe(bytes);
    }),
  );
});

test("a plain number is bytes", () => {
  expect(size().parse(1_024)).toBe(1_024);
  expect(size().safeParse(-1).success).toBe(false);
  expect(size().safeParse(1.5).success).toBe(false);
  expect(size().safeParse("64 KB").error?.issues[0]?.message).toBe(
    '"64 KB" is not a size; expected a size such as 64KiB, 10MB or 512 (bytes)',
  );
});

test("shares are percents or numbers from 0 to 1", () => {
  expect(parseShare("20%")).toBe(0.2);
  expect(parseShare("100%")).toBe(1);
  expect(parseShare("101%")).toBeNull();
  expect(share().parse(0.5)).toBe(0.5);
  expect(share().safeParse(20).success).toBe(false);
  expect(share().safeParse(-0.1).success).toBe(false);
});
