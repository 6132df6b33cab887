/** Type information for maps that keep a value beside each socket: the kernel makes none of these without it. */
import { closeSync } from "node:fs";
import { Command, mustBpf } from "./bpf_call.ts";

const HEADER_BYTES = 24;
const MAGIC = 0xeb9f;
const VERSION = 1;
const kindOf = (kind: number, members = 0): number => (kind << 24) | members;
const INTEGER = 1;
const ARRAY = 3;
const STRUCT = 4;
const SIGNED = 1 << 24;
/** `\0i\0v\0c\0`: no name, then those of the types. */
const NAMES = new TextEncoder().encode("\0i\0v\0c\0");
const [NAME_I, NAME_V, NAME_C] = [1, 3, 5] as const;

/** Numbers of the types below. */
const [KEY, VALUE, BYTE, BYTES] = [1, 2, 3, 4] as const;

/** Loads an `int` and a struct of `value_bytes` bytes. `close` it once the map is made. Throws BpfError. */
export function storageTypes(value_bytes: number): {
  readonly fd: number;
  readonly key: number;
  readonly value: number;
  close(): void;
} {
  const types = Uint32Array.from([
    ...[NAME_I, kindOf(INTEGER), 4, SIGNED | 32],
    ...[NAME_V, kindOf(STRUCT, 1), value_bytes, NAME_C, BYTES, 0],
    ...[NAME_C, kindOf(INTEGER), 1, 8],
    ...[0, kindOf(ARRAY), 0, BYTE, KEY, value_bytes],
  ]);
  const bytes = new Uint8Array(HEADER_BYTES + types.byteLength + NAMES.length);
  const header = new DataView(bytes.buffer);
  header.setUint16(0, MAGIC, true);
  header.setUint8(2, VERSION);
  header.setUint32(4, HEADER_BYTES, true);
  header.setUint32(12, types.byteLength, true);
  header.setUint32(16, types.byteLength, true);
  header.setUint32(20, NAMES.length, true);
  bytes.set(new Uint8Array(types.buffer), HEADER_BYTES);
  bytes.set(NAMES, HEADER_BYTES + types.byteLength);
  const fd = mustBpf("load type information", Command.btf_load, 28, (attribute, memory) => {
    attribute.u64(0, memory.put(bytes)).u32(16, bytes.length);
  });
  return { fd, key: KEY, value: VALUE, close: () => closeSync(fd) };
}
