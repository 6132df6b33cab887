/** What the commands of `fairlead` have in common. */
import { parseArgs, type ParseArgsConfig } from "node:util";

/** Where a command writes. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
}

export const terminal: Output = {
  out: (text) => write(process.stdout, text),
  error: (text) => write(process.stderr, text),
};

let written: Promise<boolean> = Promise.resolve(true);

function write(stream: NodeJS.WriteStream, text: string): void {
  // The callback tells a failure. Without a listener it would also be an exception of the program.
  if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // A reader that has gone wanted no more, as in `| head`.
  stream.write(text, (error: NodeJS.ErrnoException | null | undefined) =>
    resolve(error == null || error.code === "EPIPE"),
  );
  written = Promise.all([written, promise]).then((all) => all.every(Boolean));
}

/**
 * Resolves when all that was written to the terminal so far has left the process, which must not end before: a pipe takes
 * 64 KiB at a time. False where something was lost, as on a full disk.
 */
export function terminalWritten(): Promise<boolean> {
  return written;
}

/** Argument of a worker whose own messages are JSON. */
export const JSON_LOG = "--log-format=json";

/** The configuration that commands read when none is named. */
export const DEFAULT_CONFIG_FILE = "fairlead.yaml";

/** Exit code for arguments that cannot be understood. */
export const USAGE_ERROR = 2;

type OptionSpecs = NonNullable<ParseArgsConfig["options"]>;
type Values<Options extends OptionSpecs> = ReturnType<
  typeof parseArgs<{ options: Options; strict: true; allowPositionals: false }>
>["values"];

/**
 * The options that `args` give, or the exit code when the command is over already: help was printed, or the arguments
 * are wrong and that was said.
 */
export function readOptions<Options extends OptionSpecs>(
  command: string,
  help: string,
  args: readonly string[],
  options: Options,
  output: Output,
): Values<Options> | number {
  if (args.includes("--help") || args.includes("-h")) {
    output.out(help);
    return 0;
  }
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return usageError(command, (error as Error).message, output);
  }
}

/** The same for a command that takes words before, between or behind its options. */
export function readCommand<Options extends OptionSpecs>(
  command: string,
  help: string,
  args: readonly string[],
  options: Options,
  output: Output,
): { readonly words: readonly string[]; readonly values: Values<Options> } | number {
  const words: string[] = [];
  const rest: string[] = [];
  const takesValue = (arg: string): boolean => {
    const found = Object.entries(options).find(
      ([name, { short }]) => arg === `--${name}` || arg === `-${short}`,
    );
    return found?.[1].type === "string";
  };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (!arg.startsWith("-")) words.push(arg);
    else rest.push(arg, ...(takesValue(arg) && index + 1 < args.length ? [args[++index]!] : []));
  }
  const values = readOptions(command, help, rest, options, output);
  return typeof values === "number" ? values : { words, values };
}

/** Says what is wrong with the arguments. Gives back the exit code. */
export function usageError(command: string, message: string, output: Output): number {
  output.error(`fairlead ${command}: ${message}\n"fairlead ${command} --help" says what is possible\n`);
  return USAGE_ERROR;
}
