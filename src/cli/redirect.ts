/** `fairlead redirect`: what the redirector of the running program knows, and why it answers as it does. */
import { USAGE_ERROR, type Output } from "./command.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead redirect COMMAND [options]

Looks into the redirector (section redirect) of the running program.

  status     show applications, the state of the store, and what is kept for starts without it
  explain    show where a client would be sent, and every condition on the way
  traces     show what became of requests that asked to be traced

Takes the place of the original redirector.

  import     take over what its ZooKeeper or a gateway's files hold
  export     write models and lists as files of its gateway

"fairlead redirect COMMAND --help" says more, with examples.
`;

type RunCommand = (args: readonly string[], program: ProgramParts, output: Output) => Promise<number>;

const COMMANDS: Readonly<Record<string, () => Promise<RunCommand>>> = {
  status: async () => (await import("./redirect/status.ts")).redirectStatusCommand,
  traces: async () => (await import("./redirect/traces.ts")).redirectTracesCommand,
  explain: async () => (await import("./redirect/explain.ts")).redirectExplainCommand,
  import: async () => (await import("./redirect/import.ts")).redirectImportCommand,
  export: async () => (await import("./redirect/export.ts")).redirectExportCommand,
};

/** Runs the command with the arguments behind `redirect`. Resolves with the exit code. */
export async function redirectCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const [name = "", ...rest] = args;
  if (name === "--help" || name === "-h") {
    output.out(HELP);
    return 0;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    output.error(name === "" ? HELP : `fairlead redirect: unknown command ${name}\n\n${HELP}`);
    return USAGE_ERROR;
  }
  return (await command())(rest, program, output);
}
