/** `fairlead hosts`: names in the hosts file, alone on a machine. */
import { USAGE_ERROR, type Output } from "./command.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead hosts COMMAND [options]

Keeps names of the hosts file leading to healthy backends. The configuration is one of Fairlead with a section hosts, or
the config.yml of the original hosts redirector with its lb_configs, unchanged.

  run        keep the names up to date, in the foreground
  once       probe once, write the file and exit
  diff       probe once and show what would change
  status     show where the names lead, and why
  restore    take our block out of the file, or bring the first backup back
  --version  print the version

"fairlead hosts COMMAND --help" says more, with examples. The same names can be part of "fairlead run".
`;

type RunCommand = (args: readonly string[], program: ProgramParts, output: Output) => Promise<number>;

const COMMANDS: Readonly<Record<string, () => Promise<RunCommand>>> = {
  run: async () => (await import("./hosts/run.ts")).hostsRunCommand,
  once: async () => (await import("./hosts/once.ts")).hostsOnceCommand,
  diff: async () => (await import("./hosts/once.ts")).hostsDiffCommand,
  status: async () => (await import("./hosts/status.ts")).hostsStatusCommand,
  restore: async () => (await import("./hosts/restore.ts")).hostsRestoreCommand,
};

/** Runs the command with the arguments behind `hosts`. Resolves with the exit code. */
export async function hostsCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const [name = "", ...rest] = args;
  // The original is called so, and its start scripts may go on.
  if (name === "-v" || name === "--version" || (name === "run" && rest.some(isVersion)))
    return (await import("./version.ts")).versionCommand([], output);
  if (name === "--help" || name === "-h") {
    output.out(HELP);
    return 0;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    output.error(name === "" ? HELP : `fairlead hosts: unknown command ${name}\n\n${HELP}`);
    return USAGE_ERROR;
  }
  return (await command())(rest, program, output);
}

const isVersion = (arg: string): boolean => arg === "-v" || arg === "--version";
