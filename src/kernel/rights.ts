/** May this process use eBPF? Asked by trying: what a kernel was built with, and what a container takes away, is seen that way alone. */
import { closeSync } from "node:fs";
import { bpf, Command } from "./bpf_call.ts";
import { MapType } from "./maps.ts";
import { errnoName } from "../platform/libc.ts";

/** `return 0` of a program for XDP. */
const SMALLEST_PROGRAM = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const XDP_PROGRAM = 6;

/** Null, or why not. */
export function kernelLacking(): string | null {
  const map = bpf(Command.map_create, 72, (attribute) => {
    attribute.u32(0, MapType.devmap_hash).u32(4, 4).u32(8, 4).u32(12, 1);
  });
  if (map < 0) return lacking(map);
  closeSync(map);
  const program = bpf(Command.program_load, 128, (attribute, memory) => {
    attribute.u32(0, XDP_PROGRAM).u32(4, SMALLEST_PROGRAM.length / 8);
    attribute.u64(8, memory.put(SMALLEST_PROGRAM)).u64(16, memory.text("GPL"));
  });
  if (program < 0) return lacking(program);
  closeSync(program);
  return null;
}

function lacking(result: number): string {
  return `needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (${errnoName(result)})`;
}
