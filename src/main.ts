#!/usr/bin/env bun
import "./platform/signals.ts";
import { terminalWritten } from "./cli/command.ts";
import { commandLine } from "./cli/main.ts";
import { parts } from "./composition.ts";

// Not `await`: bytecode of a single-file program (tools/build.ts) cannot hold one at the top level.
void commandLine(process.argv.slice(2), parts).then(async (exitCode) => {
  if (exitCode === null) return;
  const complete = await terminalWritten();
  process.exit(complete ? exitCode : exitCode || 1);
});
