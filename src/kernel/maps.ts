/** Maps of the kernel: memory that programs in it share with this one. Keys and values are bytes; whoever uses a map knows its layout. */
import { closeSync } from "node:fs";
import { cpuNumbers } from "./cpus.ts";
import { bpf, BpfError, Command, E2BIG, EEXIST, ENOENT, ENOSPC, mustBpf, written } from "./bpf_call.ts";
import type { MapDefinition } from "./btf.ts";

/** `BPF_MAP_TYPE_…` of those that are used. */
export const MapType = {
  hash: 1,
  array: 2,
  program_array: 3,
  percpu_hash: 5,
  percpu_array: 6,
  lru_hash: 9,
  lpm_trie: 11,
  devmap: 14,
  socket_storage: 24,
  devmap_hash: 25,
  ring_buffer: 27,
} as const;

export const MapFlag = { no_prealloc: 1, no_common_lru: 2, readonly_program: 0x80, mmapable: 0x400 } as const;

/** What an update does with a key that is there, or is not. */
export const UpdateRule = { any: 0, only_new: 1, only_known: 2 } as const;

const PERCPU: ReadonlySet<number> = new Set([MapType.percpu_hash, MapType.percpu_array]);
/** Keys and values of a batch at most, in bytes: they fit into the memory for arguments. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** The kernel's map is full. */
export class MapFull extends Error {
  constructor({ name, max_entries }: MapDefinition) {
    super(`the map ${name} is full: it holds ${max_entries} entries`);
    this.name = "MapFull";
  }
}

export class KernelMap {
  readonly definition: MapDefinition;
  readonly fd: number;
  /** Bytes of a value as the kernel hands it over: of maps per processor, one for each of these. */
  readonly #value_bytes: number;

  private constructor(definition: MapDefinition, fd: number) {
    this.definition = definition;
    this.fd = fd;
    const { type, value_bytes } = definition;
    this.#value_bytes = PERCPU.has(type) ? Math.ceil(value_bytes / 8) * 8 * cpuNumbers() : value_bytes;
  }

  /** Throws BpfError. `type_info`: descriptor of type information and the numbers of key and value in it. */
  static create(
    definition: MapDefinition,
    type_info: { readonly fd: number; readonly key: number; readonly value: number } | null = null,
  ): KernelMap {
    const { name, type, key_bytes, value_bytes, max_entries, flags } = definition;
    const fd = mustBpf(`create the map ${name}`, Command.map_create, 72, (attribute) => {
      attribute.u32(0, type).u32(4, key_bytes).u32(8, value_bytes).u32(12, max_entries).u32(16, flags);
      attribute.name(28, name);
      if (type_info !== null) attribute.u32(48, type_info.fd).u32(52, type_info.key).u32(56, type_info.value);
    });
    return new KernelMap(definition, fd);
  }

  /** Takes over a descriptor. Throws Error where the map behind it is another one than `definition` says. */
  static adopt(definition: MapDefinition, fd: number): KernelMap {
    const [type, key_bytes, value_bytes, max_entries] = infoOf(fd);
    const { name } = definition;
    const found = { type, key_bytes, value_bytes, max_entries };
    for (const field of ["type", "key_bytes", "value_bytes", "max_entries"] as const)
      if (found[field] !== definition[field])
        throw new Error(`the map ${name} has ${field} ${found[field]}, expected ${definition[field]}`);
    return new KernelMap(definition, fd);
  }

  /** The value of `key`, or null. */
  lookup(key: Uint8Array): Uint8Array | null {
    let value: Uint8Array = EMPTY;
    const result = bpf(Command.map_lookup, 32, (attribute, memory) => {
      const room = memory.room(this.#value_bytes);
      value = room.view;
      attribute.u32(0, this.fd).u64(8, memory.put(key)).u64(16, room.address);
    });
    if (result === -ENOENT) return null;
    if (result < 0) throw this.#error("look up in", result);
    return value.slice();
  }

  /** Returns false where `rule` forbids it. Throws MapFull, BpfError. */
  update(key: Uint8Array, value: Uint8Array, rule: number = UpdateRule.any): boolean {
    const result = bpf(Command.map_update, 32, (attribute, memory) => {
      attribute.u32(0, this.fd).u64(8, memory.put(key)).u64(16, memory.put(value)).u64(24, BigInt(rule));
    });
    if (rule !== UpdateRule.any && (result === -EEXIST || result === -ENOENT)) return false;
    if (result < 0) throw this.#error("write to", result);
    return true;
  }

  /** Returns false where there is no such key. */
  delete(key: Uint8Array): boolean {
    const result = bpf(Command.map_delete, 32, (attribute, memory) => {
      attribute.u32(0, this.fd).u64(8, memory.put(key));
    });
    if (result === -ENOENT) return false;
    if (result < 0) throw this.#error("delete from", result);
    return true;
  }

  /**
   * All entries of a map that other programs may change meanwhile: those that stay are all in it, each once. A copy of what the map
   * holds, read in batches.
   */
  entries(): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    const { key_bytes } = this.definition;
    const entries: { key: Uint8Array; value: Uint8Array }[] = [];
    let most = Math.max(1, Math.floor(BATCH_BYTES / (key_bytes + this.#value_bytes)));
    for (let position: Uint8Array | null = null; ;) {
      const batch = this.#batch(position, most);
      if (batch === "too_small") {
        most *= 2;
        continue;
      }
      for (let index = 0; index < batch.count; index++)
        entries.push({
          key: batch.keys.slice(index * key_bytes, (index + 1) * key_bytes),
          value: batch.values.slice(index * this.#value_bytes, (index + 1) * this.#value_bytes),
        });
      if (batch.next === null) return entries;
      position = batch.next;
    }
  }

  /** `too_small`: a bucket of the kernel's table holds more than `most`. */
  #batch(
    position: Uint8Array | null,
    most: number,
  ): { count: number; keys: Uint8Array; values: Uint8Array; next: Uint8Array | null } | "too_small" {
    const { key_bytes } = this.definition;
    let keys: Uint8Array = EMPTY;
    let values: Uint8Array = EMPTY;
    let next: Uint8Array = EMPTY;
    const result = bpf(Command.map_lookup_batch, 56, (attribute, memory) => {
      const rooms = [memory.room(Math.max(8, key_bytes)), memory.room(most * key_bytes)];
      const valueRoom = memory.room(most * this.#value_bytes);
      next = rooms[0]!.view;
      keys = rooms[1]!.view;
      values = valueRoom.view;
      if (position !== null) attribute.u64(0, memory.put(position));
      attribute.u64(8, rooms[0]!.address).u64(16, rooms[1]!.address).u64(24, valueRoom.address);
      attribute.u32(32, most).u32(36, this.fd);
    });
    if (result === -ENOSPC) return "too_small";
    if (result < 0 && result !== -ENOENT) throw this.#error("read", result);
    return { count: written(32), keys, values, next: result === -ENOENT ? null : next.slice() };
  }

  /** Writes many entries, `keys` and `values` one behind the other. Throws MapFull, BpfError: then some of them are written. */
  updateMany(keys: Uint8Array, values: Uint8Array): void {
    const { key_bytes } = this.definition;
    const count = keys.length / key_bytes;
    const most = Math.max(1, Math.floor(BATCH_BYTES / (key_bytes + this.#value_bytes)));
    for (let from = 0; from < count; from += most) {
      const to = Math.min(count, from + most);
      const result = bpf(Command.map_update_batch, 56, (attribute, memory) => {
        attribute.u64(16, memory.put(keys.subarray(from * key_bytes, to * key_bytes)));
        attribute.u64(24, memory.put(values.subarray(from * this.#value_bytes, to * this.#value_bytes)));
        attribute.u32(32, to - from).u32(36, this.fd);
      });
      if (result < 0) throw this.#error("write to", result);
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  #error(what: string, result: number): Error {
    if (result === -E2BIG || result === -ENOSPC) return new MapFull(this.definition);
    return new BpfError(`${what} the map ${this.definition.name}`, -result);
  }
}

const EMPTY = new Uint8Array(0);

/** Type, bytes of key and value, and most entries of the map behind a descriptor (`struct bpf_map_info`). */
function infoOf(fd: number): [type: number, key_bytes: number, value_bytes: number, max_entries: number] {
  let info: Uint8Array = EMPTY;
  mustBpf("read about a map", Command.object_info, 16, (attribute, memory) => {
    const room = memory.room(80);
    room.view.fill(0);
    info = room.view;
    attribute.u32(0, fd).u32(4, 80).u64(8, room.address);
  });
  const view = new DataView(info.buffer, info.byteOffset, info.length);
  return [
    view.getUint32(0, true),
    view.getUint32(8, true),
    view.getUint32(12, true),
    view.getUint32(16, true),
  ];
}
