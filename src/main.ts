#!/usr/bin/env bun
import "./platform/signals.ts";
import { terminal, terminalWritten } from "./cli/command.ts";
import { commandLine, foreignOptions } from "./cli/main.ts";
import { parts } from "./composition.ts";

const refusal = foreignOptions(Bun.main, process.env);
if (refusal !== null) {
  terminal.error(`fairlead: ${refusal}\n`);
  process.exit(1);
}

// Not `await`: bytecode of a single-file program (tools/build.ts) cannot hold one at the top level.
void commandLine(process.argv.slice(2), parts).then(async (exitCode) => {
  if (exitCode === null) return;
  const complete = await terminalWritten();
  process.exit(complete ? exitCode : exitCode || 1);
});
