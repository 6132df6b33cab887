/** Starts the program of `processes_main.ts` on a configuration of its own and watches what it says. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify } from "../../src/platform/processes.ts";

const MAIN = join(import.meta.dir, "processes_main.ts");
const LIMIT_MS = 20_000;

export type Said = { readonly event: string; readonly message: string } & Readonly<Record<string, unknown>>;

/** A directory with a configuration file, removed with `remove`. */
export class Place {
  readonly directory = mkdtempSync(join(tmpdir(), "fairlead-processes-"));
  readonly file = join(this.directory, "fairlead.yaml");
  readonly runtime = join(this.directory, "run");
  readonly #programs: Program[] = [];

  /** Writes the configuration; listeners with their addresses or settings, the text that they answer, more lines. */
  write(listeners: Readonly<Record<string, string | object>>, text: string, more = "workers: 2"): void {
    const lines = Object.entries(listeners).map(
      ([name, listener]) =>
        `  ${name}: ${JSON.stringify(typeof listener === "string" ? { address: listener } : listener)}`,
    );
    writeFileSync(
      this.file,
      `${more}\nruntime_dir: ${this.runtime}\nstate_dir: ${join(this.directory, "state")}\n` +
        `listeners:\n${lines.join("\n")}\nroutes:\n  - { name: all, respond: { status: 200, body: ${JSON.stringify(text)} } }\n`,
    );
  }

  start(...args: string[]): Program {
    const program = new Program([...args, "-c", this.file, "--log-format", "json"]);
    this.#programs.push(program);
    return program;
  }

  /** Runs another command to its end. */
  async command(...args: string[]): Promise<{ code: number; out: string; error: string }> {
    const child = Bun.spawn([process.execPath, MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, out, error };
  }

  workers(): number[] {
    return readdirSync(join(this.runtime, "workers")).map(Number);
  }

  /** Ends everything that was started here, and removes the directory. */
  async remove(): Promise<void> {
    for (const program of this.#programs) await program.kill();
    let workers: number[] = [];
    try {
      workers = this.workers();
    } catch {
      mkdirSync(this.directory, { recursive: true });
    }
    for (const pid of workers) if (identify(pid) !== null) process.kill(pid, "SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export class Program {
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly said: Said[] = [];
  /** Lines of standard error that are no JSON. */
  readonly other: string[] = [];
  #wake = Promise.withResolvers<void>();

  /** Starts a command of a program, by default `run` of the smallest one. */
  constructor(
    args: readonly string[],
    program: readonly string[] = [process.execPath, MAIN],
    command = "run",
  ) {
    this.child = Bun.spawn([...program, command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      // As it is now: a test may have set a variable.
      env: { ...process.env },
    });
    void this.#read();
    void this.child.exited.then(() => this.#changed());
  }

  #changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async #read(): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stderr) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("{")) this.said.push(JSON.parse(line) as Said);
        else this.other.push(line);
      }
      this.#changed();
    }
    this.#changed();
  }

  /** Waits until the program has said `event` `count` times. */
  async until(event: string, count = 1, limitMs = LIMIT_MS): Promise<Said> {
    const end = performance.now() + limitMs;
    for (;;) {
      const found = this.said.filter((said) => said.event === event)[count - 1];
      if (found !== undefined) return found;
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`no "${event}" in ${JSON.stringify(this.said)} ${this.other.join("\n")}`);
      await Promise.race([this.#wake.promise, Bun.sleep(200)]);
    }
  }

  /** Port of a listener, from the ready line. */
  async port(listener: string): Promise<number> {
    const ready = await this.until("ready");
    const found = (ready["listeners"] as { name: string; port: number }[]).find(
      ({ name }) => name === listener,
    );
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
    await this.child.exited;
  }
}

/** What a server answers to one byte: the text, an error code, or "nothing" when it closed without an answer. */
export function ask(port: number, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    let failure = "nothing";
    const socket = connect(port, host, () => socket.write("?"));
    socket.on("data", (bytes) => (said += bytes.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => (failure = error.code ?? "error"));
    socket.on("close", () => resolve(said === "" ? failure : said));
  });
}

/** Clients that connect, ask and close without a pause, until they are stopped. */
export class Load {
  /** Outcomes by text without the worker's pid. */
  readonly outcomes = new Map<string, number>();
  /** Pids that answered. */
  readonly pids = new Set<number>();
  #running = true;
  readonly #clients: Promise<void[]>;

  constructor(port: number, clients = 16) {
    this.#clients = Promise.all(Array.from({ length: clients }, () => this.#client(port)));
  }

  async #client(port: number): Promise<void> {
    while (this.#running) {
      const [text = "", pid] = (await ask(port)).split(" ");
      this.outcomes.set(text, (this.outcomes.get(text) ?? 0) + 1);
      if (pid !== undefined) this.pids.add(Number(pid));
    }
  }

  count(text: string): number {
    return this.outcomes.get(text) ?? 0;
  }

  /** Waits until `text` was the outcome `more` further times. */
  async until(text: string, more = 50): Promise<void> {
    const end = performance.now() + LIMIT_MS;
    for (const wanted = this.count(text) + more; this.count(text) < wanted; await Bun.sleep(2))
      if (performance.now() > end) throw new Error(`not "${text}": ${JSON.stringify([...this.outcomes])}`);
  }

  async stop(): Promise<Record<string, number>> {
    this.#running = false;
    await this.#clients;
    return Object.fromEntries(this.outcomes);
  }
}
