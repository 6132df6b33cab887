/** Everything that the acts of a run work on: the program, its configuration, backends, clients and books. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CERTIFICATE_A, CERTIFICATE_B, KEY_A, KEY_B } from "../../../src/platform/test_certificates.ts";
import { Backend } from "./backend.ts";
import { Books } from "./books.ts";
import { LogDirectory } from "./log_directory.ts";
import type { FromClient, Report, ToClient } from "./messages.ts";
import { ProgramUnderTest } from "./program.ts";

export const TIMES = { drainMs: 4_000, drainTunnelsMs: 6_000, firstByteMs: 2_000 } as const;

/** Common names of the certificates that are swapped. */
export const CERTIFICATES = [
  { name: "a.example", cert: CERTIFICATE_A, key: KEY_A },
  { name: "b.example", cert: CERTIFICATE_B, key: KEY_B },
] as const;

/** What acts change in the configuration. */
export interface Settings {
  /** Changes a route, a timeout and the labels of metrics. */
  round: number;
  extraListener: boolean;
}

export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "fairlead-operations-"));
  readonly logs = new LogDirectory(join(this.directory, "log"));
  readonly program = new ProgramUnderTest(this.directory);
  readonly backends = ["a", "b", "c"].map((id) => new Backend(id));
  readonly books = new Books();
  readonly settings: Settings = { round: 0, extraListener: false };
  readonly workers: number;
  /** Workers that were killed. */
  killedWorkers = 0;
  #client: Bun.Subprocess | null = null;
  #report = Promise.withResolvers<Report>();
  #visitOver = Promise.withResolvers<void>();

  constructor(workers: number) {
    this.workers = workers;
  }

  /** Starts backends and program. */
  async start(): Promise<void> {
    mkdirSync(join(this.directory, "tls"));
    this.writeCertificate(0);
    for (const backend of this.backends) await backend.start();
    this.program.write(this.configuration());
    await this.program.start();
  }

  startClients(ratePerSecond: number): void {
    this.#client = Bun.spawn([process.execPath, join(import.meta.dir, "client_main.ts")], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: FromClient) => this.#receive(message),
    });
    this.tell({
      type: "start",
      ratePerSecond,
      plain: { listener: "web", port: this.program.port("web"), tls: false },
      secure: { listener: "secure", port: this.program.port("secure"), tls: true },
    });
  }

  #receive(message: FromClient): void {
    if (message.type === "failure") this.books.failures.push(message.failure);
    else if (message.type === "stream_end") this.books.streamEnds.push(message.end);
    else if (message.type === "visit_over") this.#visitOver.resolve();
    else this.#report.resolve(message);
  }

  tell(message: ToClient): void {
    this.#client?.send(message);
  }

  /** The visit of a listener that goes is over. */
  async visitOver(): Promise<void> {
    await this.#visitOver.promise;
    this.#visitOver = Promise.withResolvers();
  }

  /** Ends the clients. */
  async report(): Promise<Report> {
    this.tell({ type: "stop" });
    const report = await this.#report.promise;
    this.#client?.kill();
    return report;
  }

  writeCertificate(index: number): void {
    const { cert, key } = CERTIFICATES[index % CERTIFICATES.length]!;
    writeFileSync(join(this.directory, "tls", "cert.pem"), cert);
    writeFileSync(join(this.directory, "tls", "key.pem"), key);
  }

  configuration(): string {
    const { round, extraListener } = this.settings;
    const backends = this.backends
      .map(({ id, port }) => `{ id: ${id}, url: "http://127.0.0.1:${port}" }`)
      .join(", ");
    const extra = extraListener ? `\n  extra: { address: "127.0.0.1:0" }` : "";
    return `workers: ${this.workers}
listeners:
  web: { address: "127.0.0.1:0" }
  secure: { address: "127.0.0.1:0", tls: { certificates: [{ cert: tls/cert.pem, key: tls/key.pem }] } }${extra}
admin: { address: "127.0.0.1:0" }
timeouts: { drain: ${TIMES.drainMs}ms, drain_tunnels: ${TIMES.drainTunnelsMs}ms, first_byte: ${TIMES.firstByteMs}ms, connect: ${2_000 + round}ms, upstream_idle: 10s }
pools:
  app:
    backends: [${backends}]
    retries: { budget_min: 200 }
    health_check: { type: http, path: /healthz, interval: 250ms, timeout: 500ms, unhealthy_after: 2, healthy_after: 1 }
routes:
  - { name: load, match: "Host(\`load.example\`)", pool: app, middlewares: [{ headers: { response: { set: { x-round: "${round}" } } } }] }
  - { name: streams, match: "Host(\`streams.example\`)", pool: app }
  - { name: round${round}, match: "Path(\`/round\`)", respond: { status: 200, body: "${round}" } }
observability: { access_log: { path: ${this.logs.file}, flush: 50ms } }`;
  }

  /** Writes the configuration as the settings say and reloads it by command. */
  async reload(): Promise<void> {
    this.program.write(this.configuration());
    await this.program.ask({ command: "reload" });
  }

  async remove(): Promise<void> {
    this.#client?.kill("SIGKILL");
    await this.program.kill();
    for (const backend of this.backends) await backend.kill();
    this.logs.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
