/** What the numbers were measured on. */
import { cpus, release, totalmem } from "node:os";
import { LOAD_CORE, PEER_CORE } from "./settings.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly memory: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    kernel: `Linux ${release()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}

/** Open files that a program here may have. */
export function openFileLimit(): number {
  const text = Bun.spawnSync(["/bin/sh", "-c", "ulimit -Hn"]).stdout.toString().trim();
  return text === "unlimited" ? 65_536 : Math.min(65_536, Number(text));
}

/** Keeps this process off the core of the peers. Throws Error when the machine has too few cores. */
export function stayOffPeerCore(): void {
  const cores = Bun.spawnSync(["taskset", "-a", "-cp", String(LOAD_CORE), String(process.pid)]);
  const peer = Bun.spawnSync(["taskset", "-c", String(PEER_CORE), "true"]);
  if (cores.exitCode !== 0 || peer.exitCode !== 0)
    throw new Error(`the bench needs cores ${LOAD_CORE} and ${PEER_CORE} for itself`);
}
