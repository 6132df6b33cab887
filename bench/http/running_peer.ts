/** A peer that runs with the common settings, until it is stopped. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PinnedProgram } from "../support/pinned_program.ts";
import { readMemory, readUsage, type TreeMemory, type TreeUsage } from "../support/process_tree.ts";
import { fillTemplate } from "../support/template.ts";
import type { Peer, Places, Shape } from "./peer.ts";
import { freePorts } from "./ports.ts";
import type { FoundPeer } from "./programs.ts";
import { rawRequest } from "./raw_http.ts";
import { ASKED_ROUTE, PEER_CORE, routeHost } from "./settings.ts";
import type { Workplace } from "./workplace.ts";

const START_MS = 90_000;
let started = 0;

export interface PeerSettings {
  readonly workplace: Workplace;
  readonly backends: readonly [number, number];
  readonly openFiles: number;
}

export class RunningPeer {
  readonly peer: Peer;
  readonly places: Places;
  readonly #program: PinnedProgram;

  private constructor(peer: Peer, places: Places, program: PinnedProgram) {
    this.peer = peer;
    this.places = places;
    this.#program = program;
  }

  /**
   * Writes the configuration and starts the program, right after `prepare`. Resolves when a request is answered. Throws
   * Error with the peer's own words when that does not happen.
   */
  static async start(
    { peer, binary }: FoundPeer,
    shape: Shape,
    { workplace, backends, openFiles }: PeerSettings,
    prepare?: (places: Places) => Promise<void>,
  ): Promise<RunningPeer> {
    const directory = workplace.make(`${peer.name}-${++started}`);
    const [plainPort, tlsPort, adminPort] = freePorts(3) as [number, number, number];
    const { certificate, key, certificateAndKey } = workplace;
    const ports = { plainPort, tlsPort, adminPort, backends };
    const places: Places = { directory, ...ports, certificate, key, certificateAndKey, openFiles };
    const config = join(directory, peer.template);
    const template = readFileSync(join(import.meta.dir, "configs", `${peer.template}.template`), "utf8");
    writeFileSync(config, fillTemplate(template, peer.values(places, shape)));
    for (const [name, text] of Object.entries(peer.files?.(places, shape) ?? {}))
      writeFileSync(join(directory, name), text);

    await prepare?.(places);
    const { words, env = {}, stdoutFile } = peer.command(binary, places, shape, config);
    const program = new PinnedProgram({
      core: PEER_CORE,
      command: words,
      env,
      cwd: directory,
      logFile: join(directory, "output"),
      stdoutFile,
    });
    const running = new RunningPeer(peer, places, program);
    await running.#answers();
    program.noteTree();
    return running;
  }

  get accessLog(): string {
    return join(this.places.directory, "access.log");
  }

  /** One request for the route that the load asks for. */
  get(path: string, secure: boolean): ReturnType<typeof rawRequest> {
    const request = `GET ${path} HTTP/1.1\r\nHost: ${routeHost(ASKED_ROUTE)}\r\n\r\n`;
    return rawRequest(secure ? this.places.tlsPort : this.places.plainPort, secure, request);
  }

  /** CPU time of all its processes so far. */
  usage(): TreeUsage {
    return readUsage([this.#program.pid]);
  }

  memory(): TreeMemory {
    return readMemory([this.#program.pid]);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  async #answers(): Promise<void> {
    const end = performance.now() + START_MS;
    for (;;) {
      const answer = await this.get("/25b", false).catch(() => null);
      if (answer?.status === 200) return;
      const { ended } = this.#program;
      if (ended || performance.now() > end) {
        const said = readFileSync(join(this.places.directory, "output"), "utf8").trim().split("\n").slice(-5);
        await this.stop();
        throw new Error(
          `${this.peer.label} ${ended ? "ended at its start" : "does not answer"}: ${said.join("\n")}`,
        );
      }
      await Bun.sleep(5);
    }
  }
}
