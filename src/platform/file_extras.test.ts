import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireRoot } from "../../test/support/require.ts";
import { attribute, attributeNames, copyAttributes, exchangeFiles, setAttribute } from "./file_extras.ts";
import { SystemCallError } from "./libc.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function twoFiles(): { readonly folder: string; readonly one: string; readonly other: string } {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-extras-"));
  folders.push(folder);
  const [one, other] = [join(folder, "one"), join(folder, "other é")];
  writeFileSync(one, "one");
  writeFileSync(other, "other");
  return { folder, one, other };
}

/** An access control list as the kernel keeps it: version 2, then tag, permissions and id of each entry. */
function accessList(
  ...entries: readonly (readonly [tag: number, permissions: number, id: number])[]
): Buffer {
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2);
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * index);
    bytes.writeUInt16LE(permissions, 6 + 8 * index);
    bytes.writeInt32LE(id, 8 + 8 * index);
  }
  return bytes;
}

/** Everything for the owner and the user with this id. */
const forUser = (id: number): Buffer =>
  accessList([1, 7, -1], [2, 7, id], [4, 5, -1], [16, 7, -1], [32, 5, -1]);

test("two files change places in one step; where one is missing, neither moves", () => {
  const { one, other } = twoFiles();
  const inodes = [statSync(one).ino, statSync(other).ino];
  exchangeFiles(one, other);
  expect([readFileSync(one, "utf8"), readFileSync(other, "utf8")]).toEqual(["other", "one"]);
  expect([statSync(other).ino, statSync(one).ino]).toEqual(inodes);
  expect(() => exchangeFiles(one, `${other}x`)).toThrow(SystemCallError);
  expect(() => exchangeFiles(one, "x".repeat(5_000))).toThrow(RangeError);
  expect(readFileSync(one, "utf8")).toBe("other");
});

test("HF30 all attributes are copied, whatever bytes they hold; a missing one is null", () => {
  const { one, other } = twoFiles();
  const values = { "user.empty": "", "user.zero": "a\0b\xff", "user.long": "x".repeat(2_000) };
  for (const [name, value] of Object.entries(values)) setAttribute(one, name, Buffer.from(value, "latin1"));
  setAttribute(other, "user.zero", Buffer.from("another"));
  copyAttributes(one, other);
  expect(attributeNames(other).toSorted()).toEqual(Object.keys(values).toSorted());
  for (const [name, value] of Object.entries(values))
    expect(attribute(other, name)?.toString("latin1")).toBe(value);
  expect(attribute(other, "user.none")).toBeNull();
  expect(() => attributeNames(`${other}x`)).toThrow(SystemCallError);
});

const noRoot = requireRoot();
test.skipIf(noRoot !== null)("HF30 hashes of the content are not copied: they would be wrong", () => {
  const { one, other } = twoFiles();
  setAttribute(one, "security.fairlead", Buffer.from("label"));
  // Kernels that keep it themselves let nobody set it; there is nothing to copy then.
  try {
    setAttribute(one, "security.ima", Buffer.from([1, 2, 3]));
  } catch (error) {
    expect(error).toBeInstanceOf(SystemCallError);
  }
  copyAttributes(one, other);
  expect(attributeNames(other)).toEqual(["security.fairlead"]);
});

test("HF30 a list of the folder for new files gives nobody rights to a copy; the file's own list is copied", () => {
  const { folder, one } = twoFiles();
  setAttribute(folder, "system.posix_acl_default", forUser(12_345));
  const fresh = join(folder, "fresh");
  writeFileSync(fresh, "");
  expect(attributeNames(fresh)).toEqual(["system.posix_acl_access"]);
  copyAttributes(one, fresh);
  chmodSync(fresh, 0o664);
  expect([attributeNames(fresh), statSync(fresh).mode & 0o777]).toEqual([[], 0o664]);
  setAttribute(one, "system.posix_acl_access", forUser(23_456));
  copyAttributes(one, fresh);
  expect(attribute(fresh, "system.posix_acl_access")).toEqual(forUser(23_456));
});
