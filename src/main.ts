#!/usr/bin/env bun
/** The composition root: the only place that knows every part by name. */
import "./platform/signals.ts";
import { commandLine, workerCommand } from "./cli/main.ts";
import type { ProgramParts } from "./cli/program_parts.ts";

const parts: ProgramParts = {
  async config() {
    const [{ strategies }, { ruleProblem, rulesWarning }] = await Promise.all([
      import("./core/strategies/all.ts"),
      import("./core/rules/rule_problem.ts"),
    ]);
    return { strategies, probes: [], middlewares: [], checkRule: ruleProblem, rulesWarning };
  },
  async createProgram(identity) {
    const { HttpProgram } = await import("./planes/http/program.ts");
    return new HttpProgram(identity, {
      createStep(kind) {
        throw new Error(`no middleware ${kind}`);
      },
    });
  },
  async supervisor() {
    const [{ MetricsKeeper }, { limitNumbers }] = await Promise.all([
      import("./observe/metrics_keeper.ts"),
      import("./planes/http/connection_counts.ts"),
    ]);
    return { counters: new MetricsKeeper((plan) => limitNumbers(plan.listeners.length)) };
  },
  workerCommand: workerCommand(Bun.main),
};

const exitCode = await commandLine(process.argv.slice(2), parts);
if (exitCode !== null) process.exit(exitCode);
