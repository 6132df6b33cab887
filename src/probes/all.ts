/** Every probe. */
import type { Probe } from "./contract.ts";
import { http } from "./http.ts";
import { tcp } from "./tcp.ts";

export const probes: readonly Probe[] = [http, tcp];

/** The probe with this name, or undefined. */
export function probeByName(name: string): Probe | undefined {
  return probes.find((probe) => probe.name === name);
}
