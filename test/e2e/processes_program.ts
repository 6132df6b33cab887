/** The real program in processes of its own, `fairlead run` on a configuration text, for tests from outside. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify } from "../../src/platform/processes.ts";
import { Program } from "./processes_fixture.ts";
import { PROGRAM } from "../support/program.ts";
import { askOnce } from "../support/raw_client.ts";

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export class RunningFairlead {
  readonly directory: string;
  readonly file: string;
  readonly program: Program;
  readonly #words: readonly string[];
  readonly #ports = new Map<string, number>();
  admin = "";

  /** The directory holds the configuration, its state and its logs, and goes with the program. */
  constructor(directory: string, args: readonly string[], words: readonly string[]) {
    this.directory = directory;
    this.#words = words;
    this.file = join(directory, "fairlead.yaml");
    this.program = new Program(["-c", this.file, "--log-format", "json", ...args], words);
  }

  /** Waits until all workers accept. */
  async ready(): Promise<void> {
    const said = await this.program.until("ready");
    this.admin = String(said["admin"]);
    for (const { name, port } of said["listeners"] as { name: string; port: number }[])
      this.#ports.set(name, port);
  }

  /** Port of a listener, `web` when none is named. */
  port(listener = "web"): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new Error(`no listener ${listener}`);
    return port;
  }

  /** Writes the configuration; the program sees that its file has changed. */
  write(yaml: string): void {
    writeConfiguration(this.directory, yaml);
  }

  /** Runs another command of the program to its end. */
  async command(...args: string[]): Promise<CommandResult> {
    const child = Bun.spawn([...this.#words, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env },
    });
    const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, out, error };
  }

  /** `fairlead reload` on what the file holds now. */
  reload(): Promise<CommandResult> {
    return this.command("reload", "--runtime-dir", join(this.directory, "run"));
  }

  /** Writes a configuration, reloads it by command and throws when that is refused. */
  async apply(yaml: string): Promise<void> {
    this.write(yaml);
    const { code, error } = await this.reload();
    if (code !== 0) throw new Error(error);
  }

  /** Text of a page of the admin server. */
  async page(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await fetch(`http://${this.admin}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** Sum of all series of a metric whose line holds each of `labels`. */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    const { text } = await this.page("/metrics");
    const lines = text.split("\n").filter((line) => /^[a-z]/.test(line));
    const rows = lines.filter(
      (line) => line.startsWith(`fairlead_${name} `) || line.startsWith(`fairlead_${name}{`),
    );
    const found = rows.filter((line) => labels.every((label) => line.includes(label)));
    return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Pids of the workers that live. */
  get workers(): number[] {
    const text = readFileSync(
      `/proc/${this.program.child.pid}/task/${this.program.child.pid}/children`,
      "utf8",
    );
    return text.trim().split(" ").filter(Boolean).map(Number);
  }

  signal(name: NodeJS.Signals): void {
    this.program.child.kill(name);
  }

  /** Pids that the runtime directory names: of a successor and its workers too. */
  #recorded(): number[] {
    const runtime = join(this.directory, "run");
    try {
      const workers = readdirSync(join(runtime, "workers")).map(Number);
      return [Number(readFileSync(join(runtime, "pid"), "utf8")), ...workers];
    } catch {
      return [];
    }
  }

  /** Ends everything at once and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this.program;
    const lives = child.exitCode === null && child.signalCode === null;
    const others = [...(lives ? this.workers : []), ...this.#recorded()];
    await this.program.kill();
    for (const pid of others) if (identify(pid) !== null) process.kill(pid, "SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * Runs `yaml`. A listener `web` on a free port of 127.0.0.1 is added where the text has no `listeners:`; directories
 * and an address for the admin server always. Throws what the program says when it does not start.
 */
export function runFairlead(yaml: string, ...args: string[]): Promise<RunningFairlead> {
  return runProgram(PROGRAM, yaml, ...args);
}

/** The same for another form of the program, such as a built file. */
export async function runProgram(
  words: readonly string[],
  yaml: string,
  ...args: string[]
): Promise<RunningFairlead> {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-run-"));
  writeConfiguration(directory, yaml);
  const running = new RunningFairlead(directory, args, words);
  try {
    await running.ready();
    return running;
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

function writeConfiguration(directory: string, yaml: string): void {
  let text = `runtime_dir: ${directory}/run\nstate_dir: ${directory}/state\n${yaml}\n`;
  if (!/^listeners:/m.test(yaml)) text += `listeners: { web: { address: "127.0.0.1:0" } }\n`;
  if (!/^admin:/m.test(yaml)) text += `admin: { address: "127.0.0.1:0" }\n`;
  writeFileSync(join(directory, "fairlead.yaml"), text);
}

/** Processes take their time on a busy machine. */
const PROCESSES_MS = 20_000;

/** Waits until `condition` of programs in processes of their own holds. Throws `what` when it does not in 20 s. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = condition.toString(),
): Promise<void> {
  const end = performance.now() + PROCESSES_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await Bun.sleep(10);
  }
}

/** Who answers, by name in the body, of so many requests to the listener `web`, one after the other. */
export async function answersOf(
  fairlead: { port(): number },
  requests: number,
  request: string,
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (let count = 0; count < requests; count++) {
    const name = (await askOnce(fairlead.port(), request)).body.toString();
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}
