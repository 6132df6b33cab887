/** What a peer costs without load: start, memory, connections that do nothing. */
import { join } from "node:path";
import { LineReader } from "../support/lines.ts";
import { PinnedProgram } from "../support/pinned_program.ts";
import type { FoundPeer } from "./programs.ts";
import type { IdleConnections } from "./result.ts";
import { RunningPeer, type PeerSettings } from "./running_peer.ts";
import { ASKED_ROUTE, FEW_ROUTES, LOAD_CORE, routeHost, SERVER_NAME } from "./settings.ts";

const SHAPE = { workers: 1, routes: FEW_ROUTES, routedBy: "host", tls: true } as const;
export const IDLE_CONNECTIONS = 10_000;
/** Open files that the client, or a peer, needs besides. */
export const SPARE_FILES = 500;
const WARM_CONNECTIONS = 500;
const OPEN_MS = 90_000;
const QUIET_MS = 2_000;

function client(mode: string, port: number, settings: PeerSettings, more: readonly string[]): PinnedProgram {
  const { workplace } = settings;
  const common = [
    `port=${port}`,
    `host=${routeHost(ASKED_ROUTE)}`,
    "path=/25b",
    "body=25",
    `name=${SERVER_NAME}`,
  ];
  return new PinnedProgram({
    core: LOAD_CORE,
    command: [join(workplace.tools, "load_client"), mode, ...common, ...more],
    cwd: workplace.directory,
    logFile: join(workplace.directory, "load.output"),
    pipes: true,
  });
}

async function say(program: PinnedProgram, text: string): Promise<void> {
  await Promise.resolve(program.stdin!.write(text));
  await Promise.resolve(program.stdin!.flush());
}

/**
 * Milliseconds from the start of a peer's program to the first answered request, with files in the page cache. A client
 * on the other core tries every 0.2 ms.
 */
export async function coldStart(found: FoundPeer, settings: PeerSettings): Promise<number> {
  const pollers: { program: PinnedProgram; lines: LineReader }[] = [];
  let running: RunningPeer | null = null;
  try {
    running = await RunningPeer.start(found, SHAPE, settings, async ({ plainPort }) => {
      const program = client("first", plainPort, settings, []);
      const lines = new LineReader(program.stdout!);
      pollers.push({ program, lines });
      await lines.next(5_000);
      await say(program, "go\n");
    });
    const line = await pollers[0]!.lines.next(60_000);
    if (!(Number(line) > 0)) throw new Error(`no answer after the start: ${line}`);
    return Number(line);
  } finally {
    for (const { program } of pollers) await program.stop();
    await running?.stop();
  }
}

/** Resident memory a little after the start, when a few requests have been answered. */
export async function idleMemory(
  found: FoundPeer,
  settings: PeerSettings,
): Promise<{ rssBytes: number; workerRssBytes: number }> {
  const running = await RunningPeer.start(found, SHAPE, settings);
  try {
    for (let index = 0; index < 10; index++) await running.get("/25b", index % 2 === 1);
    await Bun.sleep(QUIET_MS);
    return running.memory();
  } finally {
    await running.stop();
  }
}

/** Opens connections with one request on each. Returns the client that holds them. */
async function hold(running: RunningPeer, settings: PeerSettings, secure: boolean, count: number) {
  const port = secure ? running.places.tlsPort : running.places.plainPort;
  const holder = client("hold", port, settings, [`connections=${count}`, ...(secure ? ["tls=1.3"] : [])]);
  const lines = new LineReader(holder.stdout!);
  const line = await lines.next(OPEN_MS);
  if (!line.startsWith(`open ${count} failed 0`)) {
    await holder.stop();
    throw new Error(`of ${count} connections: ${line}`);
  }
  return { holder, lines };
}

/**
 * Growth of the resident memory by connections that have had one request each and stay open. Fewer than 10,000 where
 * the limit of open files does not allow them. Throws Error when one of them is refused, closed or no longer answers.
 */
export async function idleConnections(
  found: FoundPeer,
  settings: PeerSettings,
  secure: boolean,
): Promise<IdleConnections> {
  const count = Math.min(IDLE_CONNECTIONS, settings.openFiles - SPARE_FILES);
  const running = await RunningPeer.start(found, SHAPE, settings);
  try {
    // What the first connections need once, code and tables, is no cost of a connection.
    const warm = await hold(running, settings, secure, WARM_CONNECTIONS);
    await warm.holder.stop();
    await Bun.sleep(QUIET_MS);
    const before = running.memory().rssBytes;
    const { holder, lines } = await hold(running, settings, secure, count);
    try {
      await Bun.sleep(QUIET_MS);
      const { rssBytes } = running.memory();
      await say(holder, "check\n");
      const line = await lines.next(OPEN_MS);
      if (line !== "answered 100 closed 0") throw new Error(`of ${count} idle connections: ${line} of 100`);
      return { connections: count, bytesPerConnection: (rssBytes - before) / count, rssBytes };
    } finally {
      await holder.stop();
    }
  } finally {
    await running.stop();
  }
}
