/**
 * The C library by `bun:ffi`: the system calls that Bun has no API for. Everything else in the program that needs one
 * goes through the functions of `platform/`.
 *
 * All memory whose address is given to C is reserved from one ArrayBuffer on `globalThis`: the address of a small typed
 * array of its own goes stale after collections (seen on Bun 1.4.5; can go when Bun pins such arrays).
 */
import { dlopen, FFIType, ptr, read, type Pointer } from "bun:ffi";
import { existsSync, readFileSync } from "node:fs";
import { getSystemErrorName } from "node:util";

const ARENA_BYTES = 256 * 1024;
const ARENA_KEY = Symbol.for("fairlead ffi memory");

const { i32, u32, u64, i64, ptr: pointer } = FFIType;

const SYMBOLS = {
  __errno_location: { args: [], returns: pointer },
  socket: { args: [i32, i32, i32], returns: i32 },
  socketpair: { args: [i32, i32, i32, pointer], returns: i32 },
  bind: { args: [i32, pointer, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  connect: { args: [i32, pointer, u32], returns: i32 },
  close: { args: [i32], returns: i32 },
  shutdown: { args: [i32, i32], returns: i32 },
  dup: { args: [i32], returns: i32 },
  fcntl: { args: [i32, i32, i32], returns: i32 },
  ioctl: { args: [i32, u64, pointer], returns: i32 },
  getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
  setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
  getsockname: { args: [i32, pointer, pointer], returns: i32 },
  poll: { args: [pointer, u64, i32], returns: i32 },
  send: { args: [i32, u64, u64, i32], returns: FFIType.i64_fast },
  sendmsg: { args: [i32, pointer, i32], returns: i64 },
  recvmsg: { args: [i32, pointer, i32], returns: i64 },
  listxattr: { args: [pointer, pointer, u64], returns: i64 },
  getxattr: { args: [pointer, pointer, pointer, u64], returns: i64 },
  setxattr: { args: [pointer, pointer, pointer, u64, i32], returns: i32 },
  removexattr: { args: [pointer, pointer], returns: i32 },
  syscall: { args: [i64, i32, pointer, i32, pointer, u32], returns: i64 },
  mount: { args: [pointer, pointer, pointer, u64, pointer], returns: i32 },
  umount2: { args: [pointer, i32], returns: i32 },
  flock: { args: [i32, i32], returns: i32 },
  memfd_create: { args: [pointer, u32], returns: i32 },
  ftruncate: { args: [i32, i64], returns: i32 },
  getrlimit: { args: [i32, pointer], returns: i32 },
  setrlimit: { args: [i32, pointer], returns: i32 },
  setgroups: { args: [u64, pointer], returns: i32 },
  setgid: { args: [u32], returns: i32 },
  setuid: { args: [u32], returns: i32 },
} as const;

/** Paths of the C library, absolute so that no search path decides which one is loaded. */
const CANDIDATES = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
  "/lib/ld-musl-x86_64.so.1",
  "/lib/ld-musl-aarch64.so.1",
];

/** The file that this very process has mapped as its C library, or null when the map does not show one. */
function mappedLibc(): string | null {
  try {
    const maps = readFileSync("/proc/self/maps", "latin1");
    return /\s(\/\S*\/(?:libc\.so\.6|libc-[\d.]+\.so|ld-musl-[^/\s]+\.so\.1))$/m.exec(maps)?.[1] ?? null;
  } catch {
    return null;
  }
}

function open() {
  const mapped = mappedLibc();
  const path = [...(mapped === null ? [] : [mapped]), ...CANDIDATES].find((candidate) =>
    existsSync(candidate),
  );
  if (path === undefined) throw new Error(`no C library found (looked at ${CANDIDATES.join(", ")})`);
  return dlopen(path, SYMBOLS).symbols;
}

/** The functions of the C library, with C's own results: -1 stands for failure, then see `errno()`. */
export const libc = open();

const errnoLocation = libc.__errno_location();

/** The error number of the last call that failed; ask right after it. */
export function errno(): number {
  return errnoLocation === null ? 0 : read.i32(errnoLocation, 0);
}

/** `ECONNREFUSED` for 111; also takes the negative numbers that Bun's errors carry. */
export function errnoName(code: number): string {
  return code === 0 ? "no error" : getSystemErrorName(-Math.abs(code));
}

/** A system call that failed. `code` is its error number. */
export class SystemCallError extends Error {
  readonly code: number;

  constructor(call: string, code: number) {
    super(`${call}: ${errnoName(code)}`);
    this.name = "SystemCallError";
    this.code = code;
  }
}

/** Gives back the result of a call. Throws SystemCallError when it is negative. */
export function checked(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call, errno());
  return result;
}

/** Memory with a fixed address, as bytes and as the views that structs need. */
export interface Reserved {
  readonly address: Pointer;
  readonly bytes: Uint8Array;
  readonly int32: Int32Array;
  readonly view: DataView;
}

interface Arena {
  readonly buffer: ArrayBuffer;
  used: number;
}

function arena(): Arena {
  const store = globalThis as unknown as Record<symbol, Arena | undefined>;
  return (store[ARENA_KEY] ??= { buffer: new ArrayBuffer(ARENA_BYTES), used: 0 });
}

/**
 * Reserves `bytes` of memory that C may read and write, for the life of the process: call it once per use at module
 * level, never per connection. Throws when the arena is full.
 */
export function reserve(bytes: number): Reserved {
  const memory = arena();
  const size = Math.ceil(bytes / 16) * 16;
  if (memory.used + size > ARENA_BYTES) throw new Error(`FFI memory is used up (${ARENA_BYTES} bytes)`);
  const offset = memory.used;
  memory.used += size;
  const view = new Uint8Array(memory.buffer, offset, size);
  return {
    address: ptr(view),
    bytes: view,
    int32: new Int32Array(memory.buffer, offset, size / 4),
    view: new DataView(memory.buffer, offset, size),
  };
}

const BLOCKS_KEY = Symbol.for("fairlead ffi blocks");

/**
 * A block of its own, too large for the shared arena, with a fixed address for the life of the process. What has never
 * been used of it costs no memory.
 */
export function reserveBlock(bytes: number): { readonly buffer: ArrayBuffer; readonly address: Pointer } {
  const store = globalThis as unknown as Record<symbol, ArrayBuffer[] | undefined>;
  const buffer = new ArrayBuffer(bytes);
  (store[BLOCKS_KEY] ??= []).push(buffer);
  return { buffer, address: ptr(new Uint8Array(buffer)) };
}

const optionValue = reserve(16);
const optionLength = reserve(16);

/** setsockopt(2) with an int. Returns false when the kernel refuses. */
export function setSocketOption(fd: number, level: number, option: number, value: number): boolean {
  optionValue.int32[0] = value;
  return libc.setsockopt(fd, level, option, optionValue.address, 4) === 0;
}

/** getsockopt(2) of an int, or -1 when the kernel refuses. */
export function socketOption(fd: number, level: number, option: number): number {
  optionLength.int32[0] = 4;
  const result = libc.getsockopt(fd, level, option, optionValue.address, optionLength.address);
  return result === 0 ? (optionValue.int32[0] ?? -1) : -1;
}

/** A second descriptor of the same open file, closed on exec. Throws SystemCallError. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return checked("fcntl", libc.fcntl(fd, F_DUPFD_CLOEXEC, 3));
}
