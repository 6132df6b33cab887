/** The composition root: the only place that knows every part by name. Parts are loaded when a command asks for them. */
import { workerCommand } from "./cli/main.ts";
import type { ProgramParts } from "./cli/program_parts.ts";

export const parts: ProgramParts = {
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
