/** `fairlead hosts` as a program of its own, with a hosts file of the test and backends that are real processes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../support/program.ts";
import { Program } from "./processes_fixture.ts";
import type { CommandResult } from "./processes_program.ts";

const LIMIT_MS = 20_000;

/** Those that a test that failed has left behind end with the tests. */
const started = new Set<Bun.Subprocess>();
process.on("exit", () => {
  for (const child of started) child.kill("SIGKILL");
});

/** A backend in a process of its own, on an address of 127.0.0.0/8. */
export class BackendProcess implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  private constructor(address: string, port: number, child: Bun.Subprocess<"ignore", "pipe", "inherit">) {
    this.address = address;
    this.port = port;
    this.#child = child;
  }

  /** Answers every request with 200. Port 0 = any. */
  static async start(address: string, port = 0): Promise<BackendProcess> {
    const script = `const server = Bun.serve({ hostname: "${address}", port: ${port}, fetch: () => new Response("ok") }); console.log(server.port);`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    started.add(child);
    for await (const chunk of child.stdout)
      return new BackendProcess(address, Number(new TextDecoder().decode(chunk)), child);
    throw new Error(`no backend on ${address}:${port}`);
  }

  get url(): string {
    return `http://${this.address}:${this.port}`;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** Backends on 127.0.1.1, 127.0.1.2 and so on, all on one port. */
export async function backendProcesses(count: number): Promise<BackendProcess[]> {
  const first = await BackendProcess.start("127.0.1.1");
  const others = Array.from({ length: count - 1 }, (_, index) =>
    BackendProcess.start(`127.0.1.${index + 2}`, first.port),
  );
  return [first, ...(await Promise.all(others))];
}

export interface HostsOptions {
  /** Text of the hosts file before. */
  readonly hosts?: string;
  /** Name of the configuration file. */
  readonly name?: string;
  /** Files beside it, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where everything stands; default: a new directory. */
  readonly directory?: string;
  /** Program and arguments that run it: a namespace around it, or other rights. */
  readonly words?: readonly string[];
}

/** A directory with a hosts file, a configuration, and the programs that work on them. */
export class HostsPlace implements AsyncDisposable {
  readonly directory: string;
  readonly hostsFile: string;
  readonly file: string;
  readonly state: string;
  readonly #words: readonly string[];
  readonly #programs: Program[] = [];

  constructor(configuration: string, options: HostsOptions = {}) {
    const { hosts, name = "fairlead.yaml", files = {}, words = PROGRAM } = options;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), "fairlead-hosts-"));
    this.hostsFile = join(this.directory, "hosts");
    this.state = join(this.directory, "state");
    this.file = join(this.directory, name);
    this.#words = words;
    this.write(configuration);
    if (hosts !== undefined) writeFileSync(this.hostsFile, hosts);
    for (const [other, text] of Object.entries(files)) writeFileSync(join(this.directory, other), text);
  }

  write(configuration: string): void {
    writeFileSync(this.file, configuration);
  }

  get hosts(): string {
    return readFileSync(this.hostsFile, "utf8");
  }

  /** The lines of our block, with single spaces. */
  get block(): string[] {
    const inside =
      /# BEGIN FAIRLEAD MANAGED BLOCK\r?\n([^]*)# END FAIRLEAD MANAGED BLOCK/.exec(this.hosts)?.[1] ?? "";
    return inside
      .split(/\r?\n/)
      .filter((line) => line !== "")
      .map((line) => line.replace(/\s+/g, " "));
  }

  get #choice(): string[] {
    return ["-c", this.file, "--hosts-file", this.hostsFile, "--state-dir", this.state];
  }

  /** Starts `fairlead hosts run`, and waits until it serves. */
  async run(...args: readonly string[]): Promise<Program> {
    const program = this.start(...args);
    await program.until("ready");
    return program;
  }

  start(...args: readonly string[]): Program {
    const program = new Program(
      [...this.#choice, "--log-format", "json", ...args],
      [...this.#words, "hosts"],
    );
    this.#programs.push(program);
    return program;
  }

  /** Runs another command of `fairlead hosts` to its end. */
  async command(name: string, ...args: readonly string[]): Promise<CommandResult> {
    const choice = name === "status" ? ["--state-dir", this.state] : this.#choice;
    const child = Bun.spawn([...this.#words, "hosts", name, ...choice, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      // As it is now: a test may have set a variable.
      env: { ...process.env },
    });
    const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, out, error };
  }

  /** Health of the candidate with this address, as the running program has it. */
  async candidate(address: string): Promise<string | undefined> {
    const answer = await fetch("http://localhost/admin/hosts", { unix: join(this.state, "run/admin.sock") });
    const { names } = (await answer.json()) as {
      names: { candidates: { address: string; health: string }[] }[];
    };
    return names[0]?.candidates.find((one) => one.address === address)?.health;
  }

  /** Sum of the series of a metric of the running program whose line holds `label`. */
  async metric(name: string, label = ""): Promise<number> {
    const answer = await fetch("http://localhost/metrics", { unix: join(this.state, "run/admin.sock") });
    const lines = (await answer.text()).split("\n");
    const found = lines.filter((line) => line.startsWith(`fairlead_${name}`) && line.includes(label));
    return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Waits until the block has these lines. */
  async untilBlock(...lines: readonly string[]): Promise<void> {
    const end = performance.now() + LIMIT_MS;
    while (JSON.stringify(this.block) !== JSON.stringify(lines)) {
      if (performance.now() > end)
        throw new Error(`waited for ${JSON.stringify(lines)}, got ${JSON.stringify(this.block)}`);
      await Bun.sleep(2);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A configuration with one pool `web` that is probed fast. */
export function hostsYaml(
  backends: readonly { readonly url: string }[],
  names = "[{ name: db.test, pool: web }]",
  more = "",
): string {
  const list = backends.map(({ url }) => `{ url: "${url}" }`).join(", ");
  return `pools:
  web:
    strategy: sequential
    backends: [${list}]
    health_check: { type: tcp, interval: 200ms, timeout: 500ms, jitter: 0%, healthy_after: 1, unhealthy_after: 1 }
hosts:
  names: ${names}
${more.replace(/^/gm, "  ")}
`;
}
