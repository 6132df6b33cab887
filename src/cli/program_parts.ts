/** What the commands need and the composition root provides. Each part is loaded when a command asks for it. */
import type { ConfigParts } from "../config/parts.ts";
import type { CounterKeeper, CreateProgram } from "../core/worker_program.ts";
import type { RunParts } from "../run/parts.ts";

export interface ProgramParts {
  /** Strategies, probes and middlewares for the configuration. */
  readonly config: () => Promise<ConfigParts>;
  /** What a worker runs. */
  readonly createProgram: CreateProgram;
  /** Loads the modules of `createProgram`. */
  readonly loadProgram?: () => Promise<unknown>;
  /** What the supervisor runs beside the workers. */
  readonly supervisor: () => Promise<
    Pick<RunParts, "parts" | "initial"> & { readonly counters: CounterKeeper }
  >;
  /** Program and arguments that start a worker. */
  readonly workerCommand: readonly string[];
  /** Program, without arguments, that is at our path now: after an upgrade another one than ours. */
  readonly program: readonly string[];
}
