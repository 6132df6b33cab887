/** The program under test over all its successors: whoever serves at the moment. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify } from "../../../src/platform/processes.ts";
import { askSupervisor, type ControlAnswer } from "../../../src/run/control_client.ts";
import { livingWorkers, recordedPid } from "../../../src/run/runtime_directory.ts";
import type { WorkerStatus } from "../../../src/run/worker_pool.ts";
import { parseExposition, type Exposition } from "../../../src/observe/test_exposition.ts";
import { PROGRAM } from "../../support/program.ts";
import { Program, type Said } from "../processes_fixture.ts";

const LIMIT_MS = 60_000;

/** Waits until `condition` holds. Throws `what` after a minute. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await Bun.sleep(20);
  }
}

export class ProgramUnderTest {
  readonly directory: string;
  readonly file: string;
  readonly runtime: string;
  readonly #programs: Program[] = [];

  constructor(directory: string) {
    this.directory = directory;
    this.file = join(directory, "fairlead.yaml");
    this.runtime = join(directory, "run");
  }

  write(yaml: string): void {
    writeFileSync(this.file, `runtime_dir: ${this.runtime}\nstate_dir: ${this.directory}/state\n${yaml}\n`);
  }

  /** All that was said so far, by whom ever. */
  get said(): Said[] {
    return this.#programs.flatMap(({ said }) => said);
  }

  events(event: string): Said[] {
    return this.said.filter((said) => said.event === event);
  }

  /** Starts the program anew and waits until it serves. */
  async start(): Promise<void> {
    const program = new Program(["-c", this.file, "--log-format", "json"], PROGRAM);
    this.#programs.push(program);
    await program.until("ready", 1, LIMIT_MS);
  }

  /** Whoever supervises. */
  get pid(): number {
    return Number(readFileSync(join(this.runtime, "pid"), "utf8"));
  }

  get #ready(): Said {
    const { pid } = this;
    const found = this.events("ready").find((said) => said["pid"] === pid);
    if (found === undefined) throw new Error(`pid ${pid} is not ready`);
    return found;
  }

  port(listener: string): number {
    const listeners = this.#ready["listeners"] as { name: string; port: number }[];
    const found = listeners.find(({ name }) => name === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  async ask(request: object): Promise<ControlAnswer> {
    const answer = await askSupervisor(this.runtime, request);
    if (!answer.ok) throw new Error(`${JSON.stringify(request)}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Workers of the supervisor that serves, those apart that drain. */
  async workers(): Promise<readonly WorkerStatus[]> {
    const { workers } = await this.ask({ command: "status" });
    return (workers as WorkerStatus[]).filter(({ ready, draining }) => ready && !draining);
  }

  async metrics(): Promise<Exposition> {
    const answer = await fetch(`http://${String(this.#ready["admin"])}/metrics`);
    return parseExposition(await answer.text());
  }

  /** Supervisor and workers that live, relieved ones included. */
  get processes(): number[] {
    return [this.pid, ...livingWorkers(this.runtime).map(({ pid }) => pid)];
  }

  /** Waits until the supervisor has taken over from everybody before it. */
  async settled(): Promise<void> {
    await until(() => {
      try {
        return this.#ready["pid"] === this.pid;
      } catch {
        return false;
      }
    }, "a supervisor serves");
  }

  async stop(): Promise<void> {
    await this.ask({ command: "stop" });
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    const workers = livingWorkers(this.runtime).map(({ pid }) => pid);
    // A supervisor would replace its workers: it goes first.
    for (const pid of [recordedPid(this.runtime), ...workers])
      if (pid > 0 && identify(pid) !== null) process.kill(pid, "SIGKILL");
    for (const program of this.#programs) await program.kill();
    for (const { pid } of livingWorkers(this.runtime)) process.kill(pid, "SIGKILL");
  }
}
