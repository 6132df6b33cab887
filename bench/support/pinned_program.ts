/** Programs that a bench starts: each on the cores that it may use, with the highest limit of open files, ended by pid. */
import { openSync, closeSync } from "node:fs";
import { allProcesses, treeOf, type ProcessStat } from "./process_tree.ts";

const STOP_MS = 3_000;
const MAX_OPEN_FILES = 65_536;

// The shell and taskset replace themselves: the pid is that of the program.
const PINNED = `
limit=$(ulimit -Hn)
if [ "$limit" = unlimited ] || [ "$limit" -gt ${MAX_OPEN_FILES} ]; then limit=${MAX_OPEN_FILES}; fi
ulimit -n "$limit"
exec taskset -c "$0" "$@"`;

export interface ProgramOptions {
  /** A core, or a list of cores as taskset(1) takes it. */
  readonly core: number | string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File that gets standard error, and standard output where nothing else is said. */
  readonly logFile: string;
  /** File that gets standard output, at its end. */
  readonly stdoutFile?: string | undefined;
  readonly pipes?: boolean;
}

const living = new Set<PinnedProgram>();

/** A program that runs until `stop`. */
export class PinnedProgram {
  readonly pid: number;
  readonly exited: Promise<number>;
  /** With `pipes` only. */
  readonly stdout: ReadableStream<Uint8Array> | null = null;
  readonly stdin: Bun.FileSink | null = null;
  readonly #child: Bun.Subprocess;
  #tree: readonly ProcessStat[] = [];

  constructor({ core, command, cwd, env, logFile, stdoutFile, pipes = false }: ProgramOptions) {
    const log = openSync(logFile, "a");
    const line = ["/bin/sh", "-c", PINNED, String(core), ...command];
    const common = { cwd, env: { ...process.env, ...env } };
    if (pipes) {
      const child = Bun.spawn(line, { ...common, stdio: ["pipe", "pipe", log] });
      this.#child = child;
      this.stdin = child.stdin;
      this.stdout = child.stdout;
    } else {
      const output = stdoutFile === undefined ? log : openSync(stdoutFile, "a");
      this.#child = Bun.spawn(line, { ...common, stdio: ["ignore", output, log] });
      if (output !== log) closeSync(output);
    }
    closeSync(log);
    this.pid = this.#child.pid;
    living.add(this);
    this.exited = this.#child.exited.then((code) => {
      living.delete(this);
      return code;
    });
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.ended) this.#child.kill(signal);
  }

  /** Notes what the program has started by now, so that `stop` finds it even when the program has died. */
  noteTree(): void {
    this.#tree = treeOf(allProcesses(), [this.pid]);
  }

  /** Asks the program to end, then ends what is left of it and of what it started. Never throws. */
  async stop(): Promise<void> {
    const tree = this.#everything();
    this.signal("SIGTERM");
    const timer = Bun.sleep(STOP_MS);
    await Promise.race([this.exited, timer]);
    killAll(tree);
    const end = performance.now() + STOP_MS;
    while ((alive(tree).length > 0 || !this.ended) && performance.now() < end) await Bun.sleep(5);
  }

  /** Ends the program at once, with what it started. */
  kill(): void {
    killAll(this.#everything());
  }

  #everything(): ProcessStat[] {
    // Once it has ended, its pid may be another's.
    return this.ended ? [...this.#tree] : [...this.#tree, ...treeOf(allProcesses(), [this.pid])];
  }
}

/** Those that still run; a later process with the same pid is another one. */
function alive(tree: readonly ProcessStat[]): readonly ProcessStat[] {
  const now = allProcesses();
  return tree.filter(({ pid, startTime }) =>
    now.some((one) => one.pid === pid && one.startTime === startTime && one.state !== "Z"),
  );
}

function killAll(tree: readonly ProcessStat[]): void {
  for (const { pid } of alive(tree)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

/** Ends every program that still runs; for the end of a bench, in whatever way it comes. */
export function killAllPrograms(): void {
  for (const program of living) program.kill();
}
