/** Reads what a compiler of eBPF programs writes: ELF64 relocatable objects, little-endian (ELF specification 1.2; machine EM_BPF). */

const MAGIC = 0x464c457f;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const RELOCATABLE = 1;
const EM_BPF = 247;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;

export interface ElfSection {
  /** Number in the object; symbols name it. */
  readonly index: number;
  readonly name: string;
  /** Zeros where the object holds none (`.bss`). */
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly kind: "function" | "object" | "section" | "other";
  /** Number of its section, 0 = it is defined elsewhere. */
  readonly section: number;
  /** Position in its section, and length, in bytes. */
  readonly value: number;
  readonly size: number;
}

/** Says which symbol stands for a place in a section. */
export interface ElfRelocation {
  /** Position in the section, in bytes. */
  readonly offset: number;
  /** R_BPF_64_64 (1) of a 64-bit immediate, R_BPF_64_32 (10) of a call. */
  readonly type: number;
  readonly symbol: ElfSymbol;
}

interface Header {
  readonly name: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

const KINDS: Readonly<Record<number, ElfSymbol["kind"]>> = { 1: "object", 2: "function", 3: "section" };

export class ElfObject {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  readonly #relocations = new Map<number, readonly ElfRelocation[]>();

  /** Throws Error for bytes that are no eBPF object, or not all of one. */
  constructor(bytes: Uint8Array) {
    try {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const headers = sectionHeaders(view);
      const names = headers[view.getUint16(62, true)];
      const nameOf = (at: number) => textAt(bytes, names!.offset + at);
      this.sections = headers.map(({ name, type, offset, size }, index) => ({
        index,
        name: nameOf(name),
        bytes: type === SHT_NOBITS ? new Uint8Array(size) : part(bytes, offset, size),
      }));
      this.symbols = symbolsOf(bytes, view, headers);
      for (const { type, info, offset, size } of headers)
        if (type === SHT_REL) this.#relocations.set(info, relocationsOf(view, offset, size, this.symbols));
    } catch (error) {
      if (error instanceof RangeError) throw new Error("the eBPF object is cut off", { cause: error });
      throw error;
    }
  }

  section(name: string): ElfSection | null {
    return this.sections.find((section) => section.name === name) ?? null;
  }

  /** What is to be filled in in the section with this number. */
  relocations(section: number): readonly ElfRelocation[] {
    return this.#relocations.get(section) ?? [];
  }
}

function sectionHeaders(view: DataView): Header[] {
  if (view.byteLength < 64 || view.getUint32(0, true) !== MAGIC)
    throw new Error("not an ELF object: its first bytes are others");
  if (view.getUint8(4) !== CLASS_64 || view.getUint8(5) !== LITTLE_ENDIAN)
    throw new Error("the ELF object is not one of 64 bits, little-endian");
  if (view.getUint16(16, true) !== RELOCATABLE || view.getUint16(18, true) !== EM_BPF)
    throw new Error("the ELF object is not one of eBPF programs");
  const start = long(view, 40);
  return Array.from({ length: view.getUint16(60, true) }, (_, index) => {
    const at = start + index * SECTION_HEADER_BYTES;
    return {
      name: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      offset: long(view, at + 24),
      size: long(view, at + 32),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
    };
  });
}

function symbolsOf(bytes: Uint8Array, view: DataView, headers: readonly Header[]): ElfSymbol[] {
  const table = headers.find(({ type }) => type === SHT_SYMTAB);
  if (table === undefined) return [];
  const names = headers[table.link]!.offset;
  return Array.from({ length: table.size / SYMBOL_BYTES }, (_, index) => {
    const at = table.offset + index * SYMBOL_BYTES;
    return {
      name: textAt(bytes, names + view.getUint32(at, true)),
      kind: KINDS[view.getUint8(at + 4) & 15] ?? "other",
      section: view.getUint16(at + 6, true),
      value: long(view, at + 8),
      size: long(view, at + 16),
    };
  });
}

function relocationsOf(
  view: DataView,
  start: number,
  size: number,
  symbols: readonly ElfSymbol[],
): ElfRelocation[] {
  return Array.from({ length: size / RELOCATION_BYTES }, (_, index) => {
    const at = start + index * RELOCATION_BYTES;
    const symbol = symbols[view.getUint32(at + 12, true)];
    if (symbol === undefined) throw new RangeError(`no symbol ${view.getUint32(at + 12, true)}`);
    return { offset: long(view, at), type: view.getUint32(at + 8, true), symbol };
  });
}

/** 64 bits of which no object needs more than 53. Throws RangeError for more. */
function long(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} at ${at}`);
  return value;
}

function part(bytes: Uint8Array, from: number, size: number): Uint8Array {
  if (from + size > bytes.length) throw new RangeError(`${from + size} of ${bytes.length} bytes`);
  // A copy: a section is changed when addresses are filled in.
  return new Uint8Array(bytes.subarray(from, from + size));
}

/** The text that ends with a zero byte. */
export function textAt(bytes: Uint8Array, from: number): string {
  const end = bytes.indexOf(0, from);
  if (end < 0 || from > bytes.length) throw new RangeError(`no end of the text at ${from}`);
  return new TextDecoder().decode(bytes.subarray(from, end));
}
