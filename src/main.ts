#!/usr/bin/env bun
/** The composition root: the only place that knows every part by name. */
import "./platform/signals.ts";
import { commandLine, workerCommand } from "./cli/main.ts";
import type { ProgramParts } from "./cli/program_parts.ts";

const parts: ProgramParts = {
  config: async () => ({ strategies: [], probes: [], middlewares: [], checkRule: () => null }),
  createProgram() {
    throw new Error("no plane is available in this version");
  },
  async supervisor() {
    const { MetricsKeeper } = await import("./observe/metrics_keeper.ts");
    return { counters: new MetricsKeeper() };
  },
  workerCommand: workerCommand(Bun.main),
};

const exitCode = await commandLine(process.argv.slice(2), parts);
if (exitCode !== null) process.exit(exitCode);
