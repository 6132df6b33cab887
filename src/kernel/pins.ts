/** Pins: names in a bpffs that keep maps, programs and links in the kernel while no process has them open. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bpf, BpfError, Command, ENOENT, mustBpf } from "./bpf_call.ts";

/** A folder of pins. */
export class Pins {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The descriptor of what is pinned under `name`, or null. Throws BpfError. */
  open(name: string): number | null {
    const result = bpf(Command.object_get, 16, (attribute, memory) => {
      attribute.u64(0, memory.text(join(this.folder, name)));
    });
    if (result === -ENOENT) return null;
    if (result < 0) throw new BpfError(`open the pin ${join(this.folder, name)}`, -result);
    return result;
  }

  /** Throws BpfError, EEXIST included: a name is given once. */
  add(name: string, fd: number): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    mustBpf(`pin ${join(this.folder, name)}`, Command.object_pin, 16, (attribute, memory) => {
      attribute.u64(0, memory.text(join(this.folder, name))).u32(8, fd);
    });
  }

  names(): string[] {
    return existsSync(this.folder) ? readdirSync(this.folder).toSorted() : [];
  }

  /** What nothing else holds is gone from the kernel then. */
  remove(name: string): void {
    rmSync(join(this.folder, name), { force: true });
  }

  removeAll(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
