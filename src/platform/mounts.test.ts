import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireRoot } from "../../test/support/require.ts";
import { mountAt, mountsOf, unmountAt } from "./mounts.ts";

test("mounts are read with the characters that stand there as numbers", () => {
  expect(mountsOf("bpf /sys/fs/bpf bpf rw 0 0\nnone /a\\040b\\134c tmpfs rw 0 0\n")).toEqual([
    { place: "/sys/fs/bpf", type: "bpf" },
    { place: "/a b\\c", type: "tmpfs" },
  ]);
  expect(mountsOf().length).toBeGreaterThan(0);
});

test("a mount that cannot be says why", () => {
  expect(() => mountAt("/nowhere/at all", "bpf")).toThrow("mount bpf at /nowhere/at all: ");
  expect(() => mountAt("/".repeat(5_000), "bpf")).toThrow("at most 4095 bytes");
});

test.skipIf(requireRoot() !== null)("what is mounted is seen, and gone when it is unmounted", () => {
  const path = mkdtempSync(join(tmpdir(), "fairlead mount-"));
  const isThere = () => mountsOf().some(({ place, type }) => place === path && type === "tmpfs");
  mountAt(path, "tmpfs");
  expect(isThere()).toBe(true);
  unmountAt(path);
  expect(isThere()).toBe(false);
  rmSync(path, { recursive: true });
});
