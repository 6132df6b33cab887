/** Reads the types that a compiler describes in the section `.BTF`: the maps of an object and the layouts of its structs. */
import { textAt } from "./elf.ts";

const MAGIC = 0xeb9f;

/** Kinds of types (include/uapi/linux/btf.h). */
const Kind = {
  integer: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enumeration: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  constant: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declaration_tag: 17,
  type_tag: 18,
  enumeration_64: 19,
} as const;

const RENAMING: ReadonlySet<number> = new Set([
  Kind.typedef,
  Kind.volatile,
  Kind.constant,
  Kind.restrict,
  Kind.type_tag,
]);
const HEADER_BYTES = 12;
const POINTER_BYTES = 8;

/** Bytes behind the header of a type, by its kind and its number of members. */
function tailBytes(kind: number, members: number): number {
  switch (kind) {
    case Kind.integer:
    case Kind.variable:
    case Kind.declaration_tag:
      return 4;
    case Kind.array:
      return 12;
    case Kind.struct:
    case Kind.union:
    case Kind.section:
    case Kind.enumeration_64:
      return members * 12;
    case Kind.enumeration:
    case Kind.prototype:
      return members * 8;
    default:
      return 0;
  }
}

export interface MapDefinition {
  readonly name: string;
  /** `BPF_MAP_TYPE_…` */
  readonly type: number;
  readonly key_bytes: number;
  readonly value_bytes: number;
  readonly max_entries: number;
  /** `BPF_F_…` */
  readonly flags: number;
}

export interface StructMember {
  readonly name: string;
  /** Name of its type as it was written, such as `__be16`; "" for arrays and what has none. */
  readonly type: string;
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
}

export interface StructLayout {
  readonly name: string;
  readonly size: number;
  readonly members: readonly StructMember[];
}

export class Btf {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #texts: number;
  /** Positions of types by their numbers, which begin with 1. */
  readonly #types: number[] = [0];

  /** Throws Error for bytes that are no such section, or of a kind of type that is not known here. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#view.getUint16(0, true) !== MAGIC) throw new Error("the section .BTF begins with other bytes");
    const start = this.#number(4);
    this.#texts = start + this.#number(16);
    const end = start + this.#number(8) + this.#number(12);
    for (let at = start + this.#number(8); at < end;) {
      this.#types.push(at);
      const kind = this.#kindAt(at);
      if (kind < Kind.integer || kind > Kind.enumeration_64)
        throw new Error(`the section .BTF has a type of the unknown kind ${kind}`);
      at += HEADER_BYTES + tailBytes(kind, this.#membersAt(at));
    }
  }

  /** The maps that stand in the section `.maps`, in the order of the object. Throws Error for one that says too little. */
  maps(): MapDefinition[] {
    const section = this.#types.find(
      (at) => at > 0 && this.#kindAt(at) === Kind.section && this.#nameAt(at) === ".maps",
    );
    if (section === undefined) return [];
    return Array.from({ length: this.#membersAt(section) }, (_, index) => {
      const variable = this.#types[this.#number(section + HEADER_BYTES + index * 12)]!;
      return this.#map(this.#nameAt(variable), this.#types[this.#strip(this.#number(variable + 8))]!);
    });
  }

  /** The structs with names. Of members that are unions or arrays the whole counts as one. */
  structs(): StructLayout[] {
    return this.#types
      .filter((at) => at > 0 && this.#kindAt(at) === Kind.struct && this.#nameAt(at) !== "")
      .map((at) => ({
        name: this.#nameAt(at),
        size: this.#number(at + 8),
        members: this.#members(at).map(({ name, type, offset }) => ({
          name,
          type: this.#nameAt(this.#types[type]!),
          offset,
          size: this.#sizeOf(type),
        })),
      }));
  }

  /** A map is a struct whose members tell a number as the length of an array, and a type as what a pointer leads to. */
  #map(name: string, struct: number): MapDefinition {
    const found = new Map<string, number>();
    for (const { name: member, type } of this.#members(struct)) {
      const target = this.#types[this.#number(this.#types[this.#strip(type)]! + 8)]!;
      if (member === "key" || member === "value")
        found.set(`${member}_size`, this.#sizeOf(this.#number(this.#types[this.#strip(type)]! + 8)));
      else found.set(member, this.#number(target + HEADER_BYTES + 8));
    }
    const given = (member: string, otherwise?: number): number => {
      const value = found.get(member) ?? otherwise;
      if (value === undefined) throw new Error(`the map ${name} has no ${member}`);
      return value;
    };
    return {
      name,
      type: given("type"),
      key_bytes: given("key_size", 0),
      value_bytes: given("value_size", 0),
      max_entries: given("max_entries", 0),
      flags: given("map_flags", 0),
    };
  }

  #members(struct: number): { readonly name: string; readonly type: number; readonly offset: number }[] {
    return Array.from({ length: this.#membersAt(struct) }, (_, index) => {
      const at = struct + HEADER_BYTES + index * 12;
      // With bit fields the upper byte is a width; those have no byte of their own.
      return {
        name: textAt(this.#bytes, this.#texts + this.#number(at)),
        type: this.#number(at + 4),
        offset: (this.#number(at + 8) & 0xffffff) / 8,
      };
    });
  }

  #sizeOf(number: number): number {
    const at = this.#types[this.#strip(number)]!;
    switch (this.#kindAt(at)) {
      case Kind.pointer:
        return POINTER_BYTES;
      case Kind.array:
        return this.#sizeOf(this.#number(at + HEADER_BYTES)) * this.#number(at + HEADER_BYTES + 8);
      default:
        return this.#number(at + 8);
    }
  }

  /** The number of the type behind other names and qualifiers. */
  #strip(number: number): number {
    while (RENAMING.has(this.#kindAt(this.#types[number]!))) number = this.#number(this.#types[number]! + 8);
    return number;
  }

  #number(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #kindAt(at: number): number {
    return (this.#number(at + 4) >>> 24) & 31;
  }

  #membersAt(at: number): number {
    return this.#number(at + 4) & 0xffff;
  }

  #nameAt(at: number): string {
    return textAt(this.#bytes, this.#texts + this.#number(at));
  }
}
