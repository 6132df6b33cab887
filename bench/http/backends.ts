/** The backends: one nginx worker with two addresses, and its own count of connections and requests. */
import { connect } from "node:net";
import { join } from "node:path";
import { PinnedProgram } from "../support/pinned_program.ts";
import { fillTemplate } from "../support/template.ts";
import { freePorts } from "./ports.ts";
import { rawRequest } from "./raw_http.ts";
import { LOAD_CORE } from "./settings.ts";
import type { Workplace } from "./workplace.ts";

export interface BackendCounts {
  readonly connections: number;
  readonly requests: number;
}

/** Reads the answer of nginx's stub_status. */
export function parseStubStatus(text: string): BackendCounts | null {
  const [, connections, requests] = /\n\s*(\d+) \d+ (\d+)/.exec(text) ?? [];
  return requests === undefined ? null : { connections: Number(connections), requests: Number(requests) };
}

export class Backends {
  readonly ports: readonly [number, number];
  readonly #program: PinnedProgram;
  readonly #socket: string;
  /** Times that `counts` has asked: its own connections and requests count too. */
  #asked = 0;

  private constructor(ports: readonly [number, number], program: PinnedProgram, socket: string) {
    this.ports = ports;
    this.#program = program;
    this.#socket = socket;
  }

  static async start(workplace: Workplace, binary: string, openFiles: number): Promise<Backends> {
    const { directory } = workplace;
    const [first, second] = freePorts(2) as [number, number];
    const template = await Bun.file(join(import.meta.dir, "configs/backend.conf.template")).text();
    const config = join(directory, "backend.conf");
    await Bun.write(
      config,
      fillTemplate(template, {
        DIR: directory,
        OPEN_FILES: openFiles,
        FIRST_PORT: first,
        SECOND_PORT: second,
      }),
    );
    const program = new PinnedProgram({
      core: LOAD_CORE,
      command: [binary, "-p", directory, "-c", config],
      cwd: directory,
      logFile: join(directory, "backend.output"),
    });
    const backends = new Backends([first, second], program, join(directory, "status.sock"));
    const end = performance.now() + 10_000;
    for (;;) {
      const up = await rawRequest(first, false, "GET /25b HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => null);
      if (up?.status === 200) break;
      if (program.ended || performance.now() > end) {
        const said = await Bun.file(join(directory, "backend.output")).text();
        throw new Error(`the backends do not start: ${said.trim()}`);
      }
      await Bun.sleep(10);
    }
    program.noteTree();
    return backends;
  }

  /** Connections and requests since the start, without those of this question and of earlier ones. */
  async counts(): Promise<BackendCounts> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connect(this.#socket, () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    let text = "";
    socket.setTimeout(10_000, () => socket.destroy(new Error("the backends do not answer")));
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    const counts = parseStubStatus(await promise);
    if (counts === null) throw new Error(`unexpected status of the backends: ${text}`);
    this.#asked++;
    return { connections: counts.connections - this.#asked, requests: counts.requests - this.#asked };
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
