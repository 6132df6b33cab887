/** What node:fs has no call for: extended attributes (xattr(7)) and the exchange of two files (renameat2(2)). */
import { reserveBlock, errno, libc, SystemCallError } from "./libc.ts";

const PATH_BYTES = 4_096;
const NAME_BYTES = 256;
/** No attribute and no list of them is longer (XATTR_SIZE_MAX, XATTR_LIST_MAX). */
const VALUE_BYTES = 65_536;

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;
/** Number of renameat2(2), which not every C library has a function for. */
const RENAMEAT2 = process.arch === "arm64" ? 276 : 316;

/** Access control lists; a file gets one of its own where its folder has one for new files. */
const ACCESS_LIST = "system.posix_acl_access";

const ENODATA = 61;
const EOPNOTSUPP = 95;
const EPERM = 1;

/** Memory for arguments; made when it is first needed. */
class Arguments {
  readonly #block = reserveBlock(2 * PATH_BYTES + NAME_BYTES + VALUE_BYTES);
  readonly #base = Number(this.#block.address);
  readonly path = this.#base as never;
  readonly other = (this.#base + PATH_BYTES) as never;
  readonly name = (this.#base + 2 * PATH_BYTES) as never;
  readonly value = (this.#base + 2 * PATH_BYTES + NAME_BYTES) as never;
  readonly values = new Uint8Array(this.#block.buffer, 2 * PATH_BYTES + NAME_BYTES, VALUE_BYTES);

  set(path: string, other = "", name = ""): void {
    this.#put(path, 0, PATH_BYTES);
    this.#put(other, PATH_BYTES, PATH_BYTES);
    this.#put(name, 2 * PATH_BYTES, NAME_BYTES);
  }

  #put(text: string, at: number, room: number): void {
    const bytes = Buffer.from(text);
    if (bytes.length >= room) throw new RangeError(`${text.slice(0, 64)}… is too long`);
    const target = new Uint8Array(this.#block.buffer, at, room);
    target.set(bytes);
    target[bytes.length] = 0;
  }
}

let known: Arguments | null = null;
const args = (): Arguments => (known ??= new Arguments());

/** Lets two files change places in one step. Throws SystemCallError: EINVAL and ENOSYS where that cannot be done. */
export function exchangeFiles(one: string, other: string): void {
  const memory = args();
  memory.set(one, other);
  const result = libc.syscall(RENAMEAT2, AT_FDCWD, memory.path, AT_FDCWD, memory.other, RENAME_EXCHANGE);
  if (Number(result) < 0) throw new SystemCallError("renameat2", errno());
}

/** Hashes and signatures of the content, which the kernel makes anew (IMA, EVM). */
const OF_THE_CONTENT: ReadonlySet<string> = new Set(["security.ima", "security.evm"]);

/**
 * Gives `target` the extended attributes of `source`, and no access control list but that of `source`. Those that may not be
 * set and are equal anyway are no failure. Throws SystemCallError.
 */
export function copyAttributes(source: string, target: string): void {
  const names = attributeNames(source);
  if (!names.includes(ACCESS_LIST) && attribute(target, ACCESS_LIST) !== null)
    removeAttribute(target, ACCESS_LIST);
  for (const name of names) {
    if (OF_THE_CONTENT.has(name)) continue;
    const value = attribute(source, name);
    if (value !== null && attribute(target, name)?.equals(value) !== true) setAttribute(target, name, value);
  }
}

/** Names of the extended attributes of a file; none where its file system has none. */
export function attributeNames(path: string): string[] {
  const memory = args();
  memory.set(path);
  const length = Number(libc.listxattr(memory.path, memory.value, VALUE_BYTES));
  if (length < 0) {
    if (errno() === EOPNOTSUPP) return [];
    throw new SystemCallError("listxattr", errno());
  }
  return Buffer.from(memory.values.subarray(0, length)).toString().split("\0").slice(0, -1);
}

/** Value of an extended attribute, or null where the file has none of that name. */
export function attribute(path: string, name: string): Buffer | null {
  const memory = args();
  memory.set(path, "", name);
  const length = Number(libc.getxattr(memory.path, memory.name, memory.value, VALUE_BYTES));
  if (length >= 0) return Buffer.from(memory.values.subarray(0, length));
  const code = errno();
  if (code === ENODATA || code === EOPNOTSUPP || code === EPERM) return null;
  throw new SystemCallError("getxattr", code);
}

/** Sets an extended attribute. Throws SystemCallError. */
export function setAttribute(path: string, name: string, value: Uint8Array): void {
  const memory = args();
  memory.set(path, "", name);
  memory.values.set(value);
  if (libc.setxattr(memory.path, memory.name, memory.value, value.length, 0) < 0)
    throw new SystemCallError("setxattr", errno());
}

function removeAttribute(path: string, name: string): void {
  const memory = args();
  memory.set(path, "", name);
  if (libc.removexattr(memory.path, memory.name) < 0) throw new SystemCallError("removexattr", errno());
}
