/**
 * A compiled object of `bpf/` in the kernel: its maps, made or taken over from an earlier program, and its programs with these maps
 * filled in. Needs no library beside the kernel.
 */
import { Command, mustBpf } from "./bpf_call.ts";
import { Btf, type MapDefinition } from "./btf.ts";
import { ElfObject, type ElfSection, type ElfSymbol } from "./elf.ts";
import { KernelMap, MapFlag, MapType } from "./maps.ts";
import { storageTypes } from "./storage_types.ts";
import { closeProgram, isProgramSection, loadProgram, type LoadedProgram } from "./programs.ts";

/** `src_reg` of a 64-bit load: the number is the descriptor of a map, or of a map with a position in its value. */
const MAP_FD = 1;
const MAP_VALUE = 2;
const R_BPF_64_64 = 1;

/** Settings of a program: what is `const volatile` there, by name, as the bytes of it. */
export type Constants = Readonly<Record<string, Uint8Array>>;

export interface ObjectOptions {
  /** Maps of the same names and layouts that are taken over instead of made. */
  readonly known?: ReadonlyMap<string, KernelMap>;
  /** Numbers of entries other than the object's, by the name of the map. */
  readonly max_entries?: Readonly<Record<string, number>>;
  readonly constants?: Constants;
}

export class KernelObject {
  readonly #elf: ElfObject;
  readonly #license: string;
  readonly maps: ReadonlyMap<string, KernelMap>;
  /** Maps of the sections of data, by the number of the section. */
  readonly #data = new Map<number, KernelMap>();
  readonly #programs = new Map<string, LoadedProgram>();

  /** Makes the maps; programs are loaded when they are asked for. Throws Error for a broken object, BpfError. */
  constructor(bytes: Uint8Array, options: ObjectOptions = {}) {
    this.#elf = new ElfObject(bytes);
    const license = this.#elf.section("license");
    this.#license = license === null ? "" : new TextDecoder().decode(license.bytes).replace(/\0.*$/s, "");
    const maps = new Map<string, KernelMap>();
    this.maps = maps;
    try {
      for (const definition of this.#definitions(options))
        maps.set(definition.name, options.known?.get(definition.name) ?? createMap(definition));
      for (const section of this.#elf.sections) this.#makeData(section, options.constants ?? {});
    } catch (error) {
      this.close(options.known);
      throw error;
    }
  }

  #definitions({ max_entries = {} }: ObjectOptions): MapDefinition[] {
    const section = this.#elf.section(".BTF");
    if (section === null) throw new Error("the eBPF object has no section .BTF: it was built without -g");
    return new Btf(section.bytes)
      .maps()
      .map((map) => ({ ...map, max_entries: max_entries[map.name] ?? map.max_entries }));
  }

  /** Constants and variables of the programs are a map with one value. */
  #makeData(section: ElfSection, constants: Constants): void {
    if (!/^\.(?:rodata|data|bss)/.test(section.name) || section.bytes.length === 0) return;
    const isConstant = section.name.startsWith(".rodata");
    if (isConstant) this.#setConstants(section, constants);
    const map = KernelMap.create({
      name: section.name.slice(1),
      type: MapType.array,
      key_bytes: 4,
      value_bytes: section.bytes.length,
      max_entries: 1,
      flags: isConstant ? MapFlag.readonly_program : 0,
    });
    this.#data.set(section.index, map);
    map.update(new Uint8Array(4), section.bytes);
    // Frozen constants are known to the verifier: what they switch off costs nothing.
    if (isConstant)
      mustBpf(`freeze ${section.name}`, Command.map_freeze, 4, (attribute) => attribute.u32(0, map.fd));
  }

  #setConstants(section: ElfSection, constants: Constants): void {
    for (const [name, bytes] of Object.entries(constants)) {
      const symbol = this.#elf.symbols.find((one) => one.name === name && one.section === section.index);
      if (symbol === undefined) continue;
      if (symbol.size !== bytes.length)
        throw new Error(`the constant ${name} has ${symbol.size} bytes, not ${bytes.length}`);
      section.bytes.set(bytes, symbol.value);
    }
  }

  /** Names of its programs. */
  get programs(): readonly string[] {
    return this.#functions().map(({ name }) => name);
  }

  map(name: string): KernelMap {
    const map = this.maps.get(name);
    if (map === undefined) throw new Error(`the eBPF object has no map ${name}`);
    return map;
  }

  /** Loads the program the first time. Throws BpfError with what the verifier says. */
  program(name: string): LoadedProgram {
    let program = this.#programs.get(name);
    if (program === undefined) {
      program = this.#load(name);
      this.#programs.set(name, program);
    }
    return program;
  }

  #functions(): ElfSymbol[] {
    return this.#elf.symbols.filter(
      ({ kind, section }) => kind === "function" && isProgramSection(this.#elf.sections[section]!.name),
    );
  }

  #load(name: string): LoadedProgram {
    const symbol = this.#functions().find((one) => one.name === name);
    if (symbol === undefined) throw new Error(`the eBPF object has no program ${name}`);
    const section = this.#elf.sections[symbol.section]!;
    const instructions = section.bytes.slice(symbol.value, symbol.value + symbol.size);
    for (const { offset, type, symbol: target } of this.#elf.relocations(section.index)) {
      const at = offset - symbol.value;
      if (at < 0 || at >= instructions.length) continue;
      if (type !== R_BPF_64_64)
        throw new Error(`the program ${name} calls ${target.name}: functions must be inlined`);
      this.#fillIn(instructions, at, target);
    }
    return loadProgram(name, section.name, instructions, this.#license);
  }

  /** Puts the descriptor of a map into the 64-bit load at `at`. */
  #fillIn(instructions: Uint8Array, at: number, target: ElfSymbol): void {
    const view = new DataView(instructions.buffer, instructions.byteOffset + at, 16);
    const data = this.#data.get(target.section);
    const registers = view.getUint8(1) & 15;
    if (data === undefined) {
      view.setUint8(1, registers | (MAP_FD << 4));
      view.setInt32(4, this.map(target.name).fd, true);
      return;
    }
    const position = view.getInt32(4, true) + target.value;
    view.setUint8(1, registers | (MAP_VALUE << 4));
    view.setInt32(4, data.fd, true);
    view.setInt32(12, position, true);
  }

  /** Closes all descriptors but those of `kept`: what is attached or pinned stays in the kernel. */
  close(kept: ReadonlyMap<string, KernelMap> = new Map()): void {
    for (const program of this.#programs.values()) closeProgram(program);
    this.#programs.clear();
    for (const [name, map] of this.maps) if (kept.get(name) !== map) map.close();
    for (const map of this.#data.values()) map.close();
    this.#data.clear();
  }
}

function createMap(definition: MapDefinition): KernelMap {
  if (definition.type !== MapType.socket_storage) return KernelMap.create(definition);
  const types = storageTypes(definition.value_bytes);
  try {
    return KernelMap.create(definition, types);
  } finally {
    types.close();
  }
}
