/** Programs in the kernel: loading with the verifier's words where it refuses, and runs of one on a packet (BPF_PROG_TEST_RUN). */
import { closeSync } from "node:fs";
import { Arguments, bpf, BpfError, Command, mustBpf, written } from "./bpf_call.ts";

/** `BPF_PROG_TYPE_…` and `BPF_…` of the place that a program is attached to, by the name of its section. */
const SECTIONS: Readonly<
  Record<string, { readonly type: number; readonly attach: number; readonly flags: number }>
> = {
  xdp: { type: 6, attach: 37, flags: 0 },
  // Takes packets of more than one page (BPF_F_XDP_HAS_FRAGS).
  "xdp.frags": { type: 6, attach: 37, flags: 32 },
  tc: { type: 3, attach: 0, flags: 0 },
  "tcx/ingress": { type: 3, attach: 46, flags: 0 },
  "cgroup/connect4": { type: 18, attach: 10, flags: 0 },
  "cgroup/connect6": { type: 18, attach: 11, flags: 0 },
  "cgroup/sendmsg4": { type: 18, attach: 14, flags: 0 },
  "cgroup/sendmsg6": { type: 18, attach: 15, flags: 0 },
  "cgroup/recvmsg4": { type: 18, attach: 19, flags: 0 },
  "cgroup/recvmsg6": { type: 18, attach: 20, flags: 0 },
  "cgroup/getpeername4": { type: 18, attach: 29, flags: 0 },
  "cgroup/getpeername6": { type: 18, attach: 30, flags: 0 },
};

const INSTRUCTION_BYTES = 8;
const LOG_BYTES = 4 * 1024 * 1024;
/** Last lines of the verifier's log: what it objects to, and how it got there. */
const LOG_LINES = 20;

export interface LoadedProgram {
  readonly name: string;
  /** The place that it is attached to, as `BPF_LINK_CREATE` wants it. */
  readonly attach: number;
  readonly fd: number;
}

export function isProgramSection(name: string): boolean {
  return Object.hasOwn(SECTIONS, name);
}

/** Throws BpfError with the end of the verifier's log. */
export function loadProgram(
  name: string,
  section: string,
  instructions: Uint8Array,
  license: string,
): LoadedProgram {
  const { type, attach, flags } = SECTIONS[section]!;
  let log: Uint8Array | null = null;
  const load = (wantsLog: boolean): number =>
    bpf(Command.program_load, 128, (attribute, memory) => {
      attribute.u32(0, type).u32(4, instructions.length / INSTRUCTION_BYTES);
      attribute.u64(8, memory.put(instructions)).u64(16, memory.text(license));
      if (wantsLog)
        log = withLog(memory, (length, address) => attribute.u32(24, 1).u32(28, length).u64(32, address));
      attribute.u32(44, flags).name(48, name).u32(68, attach);
    });
  const fd = load(false);
  if (fd >= 0) return { name, attach, fd };
  // Only a program that is refused costs the log: it is long, and slows the verifier down.
  const again = load(true);
  if (again >= 0) return { name, attach, fd: again };
  throw new BpfError(`load the program ${name}`, -again, endOf(log));
}

function withLog(memory: Arguments, set: (length: number, address: bigint) => void): Uint8Array {
  const { address, view } = memory.room(LOG_BYTES);
  view[0] = 0;
  set(LOG_BYTES, address);
  return view;
}

function endOf(log: Uint8Array | null): string {
  if (log === null) return "";
  const text = new TextDecoder().decode(log.subarray(0, Math.max(0, log.indexOf(0))));
  return text.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
}

export function closeProgram({ fd }: LoadedProgram): void {
  closeSync(fd);
}

export interface TestRun {
  /** What the program has returned. */
  readonly verdict: number;
  /** The packet as it has left it. */
  readonly packet: Uint8Array;
  /** Nanoseconds per run, of all repetitions. */
  readonly ns: number;
}

/** Longest packet that a run hands back. */
const PACKET_BYTES = 64 * 1024;

/** Runs the program on a packet, `repeat` times on the same memory. Throws BpfError. */
export function testRun(program: LoadedProgram, packet: Uint8Array, repeat = 1): TestRun {
  let out: Uint8Array = new Uint8Array(0);
  mustBpf(`run the program ${program.name}`, Command.program_test_run, 80, (attribute, memory) => {
    const room = memory.room(PACKET_BYTES);
    out = room.view;
    attribute.u32(0, program.fd).u32(8, packet.length).u32(12, PACKET_BYTES);
    attribute.u64(16, memory.put(packet)).u64(24, room.address).u32(32, repeat);
  });
  return { verdict: written(4), packet: out.slice(0, written(12)), ns: written(36) };
}
