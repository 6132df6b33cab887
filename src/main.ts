#!/usr/bin/env bun
import "./platform/signals.ts";
import { commandLine } from "./cli/main.ts";
import { parts } from "./composition.ts";

const exitCode = await commandLine(process.argv.slice(2), parts);
if (exitCode !== null) process.exit(exitCode);
