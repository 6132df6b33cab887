/**
 * bpf(2): its commands, their arguments in memory that the kernel may read, and errors that tell what was wanted. Layouts are those of
 * `union bpf_attr` in include/uapi/linux/bpf.h.
 */
import { errno, libc, reserve, reserveBlock, SystemCallError } from "../platform/libc.ts";

export const Command = {
  map_create: 0,
  map_lookup: 1,
  map_update: 2,
  map_delete: 3,
  map_next_key: 4,
  program_load: 5,
  object_pin: 6,
  object_get: 7,
  program_test_run: 10,
  program_get_by_id: 13,
  object_info: 15,
  btf_load: 18,
  map_freeze: 22,
  map_lookup_batch: 24,
  map_update_batch: 26,
  map_delete_batch: 27,
  link_create: 28,
  link_update: 29,
  link_get_by_id: 30,
  link_get_next_id: 31,
  link_detach: 34,
} as const;

/** Number of the system call, by architecture. */
const SYSCALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };
/** The largest attribute that a command here takes. */
const ATTRIBUTE_BYTES = 152;
/** Room for what attributes point to; what was never used of it costs no memory. */
const ARGUMENT_BYTES = 16 * 1024 * 1024;

export const ENOENT = 2;
export const E2BIG = 7;
export const EEXIST = 17;
export const ENOSPC = 28;

/** A command that the kernel has refused. `log` is what its verifier says, "" where it says nothing. */
export class BpfError extends SystemCallError {
  readonly log: string;

  constructor(operation: string, code: number, log = "") {
    super(operation, code);
    this.name = "BpfError";
    this.log = log;
    if (log !== "") this.message += `\n${log}`;
  }
}

const attribute = reserve(ATTRIBUTE_BYTES);
const block = reserveBlock(ARGUMENT_BYTES);
const blockAddress = BigInt(block.address);
const blockBytes = new Uint8Array(block.buffer);

/** What an attribute points to: copied into memory that does not move, until the call is over. */
export class Arguments {
  #used = 0;

  /** The address of a copy of `bytes`. */
  put(bytes: Uint8Array): bigint {
    const { address, view } = this.room(bytes.length);
    view.set(bytes);
    return address;
  }

  /** The address of a copy of `text` with a zero byte behind it. */
  text(text: string): bigint {
    return this.put(new TextEncoder().encode(`${text}\0`));
  }

  /** Memory for an answer, and its address. Throws RangeError where it does not fit. */
  room(bytes: number): { readonly address: bigint; readonly view: Uint8Array } {
    const from = this.#used;
    if (from + bytes > ARGUMENT_BYTES)
      throw new RangeError(`${from + bytes} bytes of arguments for bpf(2), at most ${ARGUMENT_BYTES}`);
    this.#used = Math.ceil((from + bytes) / 8) * 8;
    return { address: blockAddress + BigInt(from), view: blockBytes.subarray(from, from + bytes) };
  }
}

/** The attribute that is being filled. */
export class Attribute {
  readonly #view = attribute.view;

  u32(at: number, value: number): this {
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(at: number, value: bigint): this {
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  /** At most 15 bytes, as the kernel shows them; others than letters, digits, `_` and `.` become `_`. */
  name(at: number, name: string): this {
    const text = name.replaceAll(/[^A-Za-z0-9_.]/g, "_").slice(0, 15);
    for (let index = 0; index < text.length; index++) this.#view.setUint8(at + index, text.charCodeAt(index));
    return this;
  }

  /** After the call: what the kernel has written. */
  result(at: number): number {
    return this.#view.getUint32(at, true);
  }
}

const filled = new Attribute();

/** The result of a command, or its error number below 0. `fill` writes the attribute; nothing else may call in between. */
export function bpf(
  command: number,
  bytes: number,
  fill: (attribute: Attribute, memory: Arguments) => void,
): number {
  attribute.bytes.fill(0);
  fill(filled, new Arguments());
  const number = SYSCALL[process.arch];
  if (number === undefined) throw new Error(`eBPF needs a processor of ${Object.keys(SYSCALL).join(" or ")}`);
  const result = Number(libc.syscall(number, command, attribute.address, bytes, null, 0));
  return result < 0 ? -errno() : result;
}

/** What the last command has written into its attribute at `at`. */
export function written(at: number): number {
  return filled.result(at);
}

/** The same, where a failure is none that the caller expects. Throws BpfError. */
export function mustBpf(
  operation: string,
  command: number,
  bytes: number,
  fill: (attribute: Attribute, memory: Arguments) => void,
): number {
  const result = bpf(command, bytes, fill);
  if (result < 0) throw new BpfError(operation, -result);
  return result;
}
