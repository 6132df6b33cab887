import { expect, test } from "bun:test";
import { createBytes, createRegion, mapBytes, mapRegion } from "./shared_memory.ts";
import { errno, libc } from "./libc.ts";
import { closeDescriptor } from "./sockets.ts";

test("what another process counts is seen here", async () => {
  const region = createRegion(1_000);
  expect(region.numbers.every((value) => value === 0)).toBe(true);
  region.numbers[1] = 5;
  const program = `
    const { mapRegion } = await import(${JSON.stringify(new URL("./shared_memory.ts", import.meta.url).href)});
    const numbers = mapRegion(3, 1000);
    for (let turn = 0; turn < 100000; turn++) numbers[999]++;
    numbers[0] = numbers[1] + 0.5;`;
  const child = Bun.spawn([process.execPath, "-e", program], {
    stdio: ["ignore", "inherit", "inherit", region.fd],
  });
  expect(await child.exited).toBe(0);
  expect([region.numbers[0], region.numbers[999]]).toEqual([5.5, 100_000]);
  closeDescriptor(region.fd);
});

test("a region cannot be shrunk under its readers", () => {
  const region = createRegion(10);
  expect(libc.ftruncate(region.fd, 0)).toBe(-1);
  expect(errno()).toBe(1);
  expect(() => mapRegion(region.fd, 11)).toThrow("88 are needed");
  closeDescriptor(region.fd);
});

test("the mapping outlives the descriptor", () => {
  const region = createRegion(4);
  const again = mapRegion(region.fd, 4);
  closeDescriptor(region.fd);
  region.numbers[3] = 9;
  Bun.gc(true);
  expect(again[3]).toBe(9);
});

test("bytes of one process are seen by another that cannot change them", () => {
  const { fd, bytes } = createBytes(1_000_000);
  bytes[999_999] = 7;
  const seen = mapBytes(fd);
  expect([seen.length, seen[999_999], seen[0]]).toEqual([1_000_000, 7, 0]);
  bytes[0] = 1;
  expect(seen[0]).toBe(1);
  seen[1] = 2;
  expect(bytes[1]).toBe(0);
  expect([libc.ftruncate(fd, 10), libc.ftruncate(fd, 2_000_000)]).toEqual([-1, -1]);
  closeDescriptor(fd);
  expect(seen[999_999]).toBe(7);
});
