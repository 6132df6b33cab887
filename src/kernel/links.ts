/** Links: what attaches a program to an interface or a cgroup. They end with their last descriptor unless they are pinned. */
import { closeSync } from "node:fs";
import { Command, mustBpf } from "./bpf_call.ts";
import type { LoadedProgram } from "./programs.ts";

export class KernelLink {
  readonly fd: number;

  /** Takes over a descriptor. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** `target`: number of an interface, or descriptor of a cgroup. Throws BpfError. */
  static create({ name, attach, fd: program }: LoadedProgram, target: number, flags = 0): KernelLink {
    const fd = mustBpf(`attach the program ${name}`, Command.link_create, 48, (attribute) => {
      attribute.u32(0, program).u32(4, target).u32(8, attach).u32(12, flags);
    });
    return new KernelLink(fd);
  }

  /** Another program in the place of the one at work: no packet meets neither. Throws BpfError. */
  replace({ name, fd }: LoadedProgram): void {
    mustBpf(`replace the program by ${name}`, Command.link_update, 16, (attribute) => {
      attribute.u32(0, this.fd).u32(4, fd);
    });
  }

  /** Ends what it does, whoever else holds it. */
  detach(): void {
    mustBpf("detach a program", Command.link_detach, 4, (attribute) => attribute.u32(0, this.fd));
  }

  /** Lets go of the descriptor. */
  close(): void {
    closeSync(this.fd);
  }
}
