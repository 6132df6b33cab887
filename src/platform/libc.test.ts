import { expect, test } from "bun:test";
import { checked, duplicate, errno, errnoName, libc, reserve, SystemCallError } from "./libc.ts";

test("a failed call leaves its error number", () => {
  expect(libc.close(1_000_000)).toBe(-1);
  expect(errno()).toBe(9);
  expect(errnoName(9)).toBe("EBADF");
  expect(errnoName(-111)).toBe("ECONNREFUSED");
  expect(errnoName(99_999)).toBe("Unknown system error -99999");
  expect(() => checked("close", libc.close(1_000_000))).toThrow(SystemCallError);
  expect(() => duplicate(1_000_000)).toThrow("fcntl: EBADF");
});

test("reserved memory keeps its address over collections", () => {
  const memory = reserve(16);
  memory.bytes.fill(7);
  for (let round = 0; round < 20; round++) {
    Array.from({ length: 2_000 }, () => new Uint8Array(16));
    Bun.gc(true);
  }
  const other = reserve(1);
  expect(Number(other.address) - Number(memory.address)).toBe(
    other.bytes.byteOffset - memory.bytes.byteOffset,
  );
  expect(memory.bytes.every((byte) => byte === 7)).toBe(true);
});
