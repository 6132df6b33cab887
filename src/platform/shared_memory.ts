/**
 * Memory that several processes map: counters are added to in place and read by others, without a message.
 *
 * A region is an unlinked memory file (memfd_create(2)) whose size is sealed, because truncating a mapped file would
 * kill every process that maps it. It is passed on as a descriptor. Numbers are Float64: BigUint64Array costs 20 times
 * as much per increment (Bun 1.4.5).
 */
import { checked, libc, reserve } from "./libc.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK and F_SEAL_GROW. */
const FIXED_SIZE = 1 | 2 | 4;
/** F_SEAL_FUTURE_WRITE: whoever maps it from now on cannot write to it (Linux 5.1). */
const READ_BY_OTHERS = 16;

const label = reserve(32);

export interface SharedRegion {
  readonly fd: number;
  /** All zero when the region is made. Gone from the process when nothing refers to it. */
  readonly numbers: Float64Array;
}

/** Makes a region of `length` numbers, at least one. The descriptor is the caller's. Throws SystemCallError. */
export function createRegion(length: number): SharedRegion {
  const fd = createFile(Math.max(1, length) * 8, FIXED_SIZE);
  return { fd, numbers: mapRegion(fd, length) };
}

function createFile(bytes: number, seals: number): number {
  label.bytes.set(new TextEncoder().encode("fairlead\0"));
  const fd = checked("memfd_create", libc.memfd_create(label.address, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  checked("ftruncate", libc.ftruncate(fd, bytes));
  checked("fcntl", libc.fcntl(fd, F_ADD_SEALS, seals));
  return fd;
}

/** Maps `length` numbers of a region that another process has made. Throws when `fd` is not such a region. */
export function mapRegion(fd: number, length: number): Float64Array {
  const bytes = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
  if (bytes.length < length * 8)
    throw new RangeError(`region has ${bytes.length} bytes, ${length * 8} are needed`);
  return new Float64Array(bytes.buffer, bytes.byteOffset, length);
}

/** Memory that one process fills and others read. */
export interface SharedBytes {
  readonly fd: number;
  /** All zero when it is made. Pages that were never written to take no memory. Gone when nothing refers to it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes `length` bytes, at least one. The descriptor is the caller's. Throws SystemCallError. */
export function createBytes(length: number): SharedBytes {
  // The process that fills it maps it first.
  const fd = createFile(Math.max(1, length), FIXED_SIZE & ~1);
  const bytes = Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
  // An older kernel does without: nobody writes there on purpose.
  libc.fcntl(fd, F_ADD_SEALS, READ_BY_OTHERS);
  return { fd, bytes };
}

/** Maps what another process fills. What is written to it here stays here. The descriptor may be closed then. */
export function mapBytes(fd: number): Uint8Array<ArrayBuffer> {
  return Bun.mmap(`/proc/self/fd/${fd}`, { shared: false });
}
