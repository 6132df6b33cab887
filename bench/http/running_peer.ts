/** A peer that runs with the common settings, until it is stopped. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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
  readonly #programs: readonly PinnedProgram[];

  private constructor(peer: Peer, places: Places, programs: readonly PinnedProgram[]) {
    this.peer = peer;
    this.places = places;
    this.#programs = programs;
  }

  /**
   * Writes the configuration and starts the programs; `beforeLast` runs just before the last of them. Resolves when a
   * request is answered. Throws Error with the peer's own words when that does not happen.
   */
  static async start(
    { peer, binary }: FoundPeer,
    shape: Shape,
    { workplace, backends, openFiles }: PeerSettings,
    beforeLast?: (places: Places) => Promise<void>,
  ): Promise<RunningPeer> {
    const directory = workplace.make(`${peer.name}-${++started}`);
    const [plainPort, tlsPort, adminPort] = freePorts(3) as [number, number, number];
    const { certificate, key, certificateAndKey, tools } = workplace;
    const ports = { plainPort, tlsPort, adminPort, backends };
    const places: Places = { directory, ...ports, certificate, key, certificateAndKey, openFiles, tools };
    const config = join(directory, peer.template);
    const template = readFileSync(join(import.meta.dir, "configs", `${peer.template}.template`), "utf8");
    writeFileSync(config, fillTemplate(template, peer.values(places, shape)));
    for (const [name, text] of Object.entries(peer.files?.(places, shape) ?? {}))
      writeFileSync(join(directory, name), text);

    const programs: PinnedProgram[] = [];
    const running = new RunningPeer(peer, places, programs);
    const steps = peer.steps(binary, places, shape, config);
    for (const [index, { command, env = {}, until }] of steps.entries()) {
      if (index === steps.length - 1) await beforeLast?.(places);
      const program = { core: PEER_CORE, command, env, cwd: directory, logFile: running.#output };
      programs.push(new PinnedProgram(program));
      if (until !== undefined) await running.#wait(async () => existsSync(until));
    }
    await running.#wait(async () => {
      const answer = await running.get("/25b", false).catch(() => null);
      return answer?.status === 200;
    });
    for (const program of programs) program.noteTree();
    return running;
  }

  get #output(): string {
    return join(this.places.directory, "output");
  }

  get accessLog(): string {
    return join(this.places.directory, "access.log");
  }

  /** One request for the route that the load asks for. */
  get(path: string, secure: boolean, more = ""): ReturnType<typeof rawRequest> {
    const request = `GET ${path} HTTP/1.1\r\nHost: ${routeHost(ASKED_ROUTE)}\r\n${more}\r\n`;
    return rawRequest(secure ? this.places.tlsPort : this.places.plainPort, secure, request);
  }

  /** CPU time of all its processes so far. */
  usage(): TreeUsage {
    return readUsage(this.#pids);
  }

  memory(): TreeMemory {
    return readMemory(this.#pids);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.toReversed().map((program) => program.stop()));
  }

  get #pids(): number[] {
    return this.#programs.map(({ pid }) => pid);
  }

  async #wait(ready: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + START_MS;
    while (!(await ready())) {
      const ended = this.#programs.some((program) => program.ended);
      if (ended || performance.now() > end) {
        const said = readFileSync(this.#output, "utf8").trim().split("\n").slice(-5).join("\n");
        await this.stop();
        throw new Error(`${this.peer.label} ${ended ? "ended at its start" : "does not answer"}: ${said}`);
      }
      await Bun.sleep(5);
    }
  }
}
