/** The command line: finds the command and runs it. Commands are loaded when they are asked for. */
import { JSON_LOG, terminal, USAGE_ERROR, type Output } from "./command.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead COMMAND [options]

  run        run in the foreground
  check      check a configuration, or show where its values come from
  reload     load the configuration again in the running program
  status     show what the running program does
  backends   show the backends, and take them out of traffic or back
  explain    show which way a request would take, and why
  hosts      keep names of the hosts file leading to healthy backends
  redirect   look into the redirector: applications, store, why a client goes where
  control    serve the redirector's management service alone
  register   register a host of a redirector's application while this runs
  upgrade    replace the running program by the one that is installed now
  stop       drain the running program and end it
  demo       try it out: backends, a proxy before them, and live counts
  --version  print the version

"fairlead COMMAND --help" says more, with examples.
`;

type RunCommand = (args: readonly string[], parts: ProgramParts, output: Output) => Promise<number> | number;

const COMMANDS: Readonly<Record<string, () => Promise<RunCommand>>> = {
  run: async () => (await import("./run.ts")).runCommand,
  reload: async () => (await import("./reload.ts")).reloadCommand,
  status: async () => (await import("./status.ts")).statusCommand,
  backends: async () => (await import("./backends.ts")).backendsCommand,
  explain: async () => (await import("./explain.ts")).explainCommand,
  upgrade: async () => (await import("./upgrade.ts")).upgradeCommand,
  stop: async () => (await import("./stop.ts")).stopCommand,
  hosts: async () => (await import("./hosts.ts")).hostsCommand,
  redirect: async () => (await import("./redirect.ts")).redirectCommand,
  control: async () => (await import("./control.ts")).controlCommand,
  register: async () => (await import("./register.ts")).registerCommand,
  demo: async () => (await import("./demo.ts")).demoCommand,
  check: async () => {
    const { checkCommand } = await import("./check.ts");
    return async (args, parts, output) => checkCommand(args, await parts.config(), output);
  },
};

/**
 * Runs `fairlead` with the arguments behind the program's name. Resolves with the exit code, or with null when the
 * process lives on by itself (a worker).
 */
export async function commandLine(
  args: readonly string[],
  parts: ProgramParts,
  output: Output = terminal,
  platform: string = process.platform,
): Promise<number | null> {
  const [name = "", ...rest] = args;
  if (name === "--version" || name === "version")
    return (await import("./version.ts")).versionCommand(rest, output);
  if (name === "--help" || name === "-h" || name === "help") {
    output.out(HELP);
    return 0;
  }
  if (platform !== "linux") {
    output.error(`fairlead: runs on Linux only, and this is ${platform}\n`);
    return 1;
  }
  if (name === "worker") {
    const format = rest.includes(JSON_LOG) ? "json" : "text";
    (await import("../run/worker.ts")).runWorker(parts.createProgram, format);
    // The order to start may be a while away: the supervisor reads its configuration.
    await parts.loadProgram?.();
    return null;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    output.error(name === "" ? HELP : `fairlead: unknown command ${name}\n\n${HELP}`);
    return USAGE_ERROR;
  }
  return (await command())(rest, parts, output);
}

/** Arguments of the runtime that keep the folder a program is started in from bringing code and variables. */
const CLOSED = ["--no-env-file", "--config=/dev/null"];

/** A compiled program has its modules inside and takes no script. */
const isCompiled = (main: string): boolean => main.startsWith("/$bunfs/");

/**
 * Why the program whose main module is `main` must not run with these variables, or null. The runtime of a compiled program
 * heeds `BUN_OPTIONS`, which can bring code into it (`--preload`).
 */
export function foreignOptions(
  main: string,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  if (!isCompiled(main) || (env["BUN_OPTIONS"] ?? "") === "") return null;
  return "BUN_OPTIONS is set, which can bring foreign code into the program: unset it";
}

/** Program and arguments that start a worker of the program whose main module is `main`. */
export function workerCommand(main: string): readonly string[] {
  // Our own binary, whatever stands at its path by now: it may have been removed, or replaced for an upgrade. Between fork
  // and exec the child is still ours, so its own link leads there.
  const binary = "/proc/self/exe";
  return isCompiled(main) ? [binary, "worker"] : [binary, ...CLOSED, main, "worker"];
}

/** The program whose main module is `main`, as it stands at its path when it is started; arguments follow. */
export function programCommand(main: string): readonly string[] {
  return isCompiled(main) ? [process.execPath] : [process.execPath, ...CLOSED, main];
}
