/** Many reloads under traffic: what became of the requests, and what they left behind in the processes. */
import { readdirSync, readFileSync } from "node:fs";
import { askOnce } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";
import type { Said } from "./processes_fixture.ts";
import { KeepAliveLoad } from "./processes_load.ts";
import { runFairlead } from "./processes_program.ts";

const CLIENTS = 6;
const LIMIT_MS = 20_000;

/** A figure of one process after a fifth of the reloads and at the end. */
export interface Course {
  readonly early: number;
  readonly late: number;
}

export interface ReloadOutcome {
  /** Answers and failures of all requests, as `KeepAliveLoad` tells them. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly clients: number;
  /** Connections that the clients needed. */
  readonly connections: number;
  /** Open descriptors and bytes of memory, the supervisor first, then the workers. */
  readonly descriptors: readonly Course[];
  readonly memory: readonly Course[];
  readonly said: readonly Said[];
}

/** Each round changes a route, a backend and a metric's labels. */
function configuration(round: number, url: string): string {
  return [
    "workers: 2",
    `routes: [{ name: r${round}, pool: app, middlewares: [{ headers: { response: { set: { x-round: "${round}" } } } }] }]`,
    `pools: { app: { backends: [{ id: a, url: "${url}" }, { id: b${round % 3}, url: "${url}" }] } }`,
  ].join("\n");
}

/** Reloads `rounds` times: every tenth time by command, by signal between, else by what the program sees of its file. */
export async function reloadUnderTraffic(rounds: number): Promise<ReloadOutcome> {
  using origin = await rawOrigin();
  await using fairlead = await runFairlead(configuration(0, origin.url));
  const load = new KeepAliveLoad(fairlead.port(), CLIENTS);
  await load.until("200 ok");
  const processes = [fairlead.program.child.pid, ...fairlead.workers];
  let early: { descriptors: number; memory: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    fairlead.write(configuration(round, origin.url));
    if (round % 10 === 0) {
      const { code, error } = await fairlead.reload();
      if (code !== 0) throw new Error(error);
    } else if (round % 2 === 0) fairlead.signal("SIGHUP");
    await acts(fairlead.port(), round);
    await load.until("200 ok", 10);
    if (round === Math.ceil(rounds / 5)) early = processes.map(figures);
  }
  const late = processes.map(figures);
  const { connections } = load;
  const outcomes = await load.stop();
  const course = (name: "descriptors" | "memory"): Course[] =>
    late.map((figure, at) => ({ early: early[at]![name], late: figure[name] }));
  return {
    outcomes,
    clients: CLIENTS,
    connections,
    descriptors: course("descriptors"),
    memory: course("memory"),
    said: fairlead.program.said,
  };
}

/** Waits until new connections are served by the configuration of `round`. */
async function acts(port: number, round: number): Promise<void> {
  const request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
  for (const end = performance.now() + LIMIT_MS; ; await Bun.sleep(5)) {
    if ((await askOnce(port, request)).get("x-round") === String(round)) return;
    if (performance.now() > end) throw new Error(`reload ${round} does not act`);
  }
}

function figures(pid: number): { descriptors: number; memory: number } {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, memory: pages * 4_096 };
}
