/** The whole program with the smallest thing that a worker can run: for tests of processes. */
import "../../src/platform/signals.ts";
import { commandLine, programCommand, workerCommand } from "../../src/cli/main.ts";
import { testParts } from "../../src/config/test_parts.ts";
import { createTestProgram, TestCounters } from "../../src/run/test_program.ts";

const exitCode = await commandLine(process.argv.slice(2), {
  config: async () => testParts,
  createProgram: createTestProgram,
  supervisor: async () => ({ counters: new TestCounters() }),
  workerCommand: workerCommand(Bun.main),
  program: programCommand(Bun.main),
});
if (exitCode !== null) process.exit(exitCode);
