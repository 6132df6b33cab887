/** Runs the bench: finds and checks every peer, then measures cell after cell, those that are compared side by side. */
import { Backends } from "./backends.ts";
import { runCells } from "./cell_run.ts";
import { BY_ROUTES, type Cell } from "./cells.ts";
import type { Context, Say } from "./context.ts";
import { IDLE_CONNECTIONS, SPARE_FILES } from "./footprint.ts";
import { runFootprints } from "./footprint_run.ts";
import { checkPeer } from "./inspect.ts";
import { WRK_OPENSSL } from "./load.ts";
import { describeMachine, openFileLimit, stayOffPeerCore } from "./machine.ts";
import type { Options } from "./options.ts";
import { backendBinary, findPeer, installMissing, type FoundPeer } from "./programs.ts";
import type { BenchResult, CellResult } from "./result.ts";
import type { PeerSettings } from "./running_peer.ts";
import { Workplace } from "./workplace.ts";

/** Measures everything that the options ask for. Throws Error when nothing can be measured at all. */
export async function runBench(options: Options, say: Say): Promise<BenchResult> {
  installMissing(options.peers, say);
  stayOffPeerCore();
  const openFiles = openFileLimit();
  const problems: string[] = [];
  if (openFiles < IDLE_CONNECTIONS + SPARE_FILES)
    problems.push(`open files are limited to ${openFiles}: fewer than ${IDLE_CONNECTIONS} idle connections`);
  const found: FoundPeer[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const peer of options.peers) {
    const result = findPeer(peer, say);
    if ("reason" in result) missing.push({ name: peer.name, reason: result.reason });
    else found.push(result);
  }
  for (const { name, reason } of missing) say(`without ${name}: ${reason}`);

  const workplace = new Workplace();
  let backends: Backends | null = null;
  try {
    await Bun.write(`${workplace.directory}/wrk.cnf`, WRK_OPENSSL);
    backends = await Backends.start(workplace, backendBinary()!, openFiles);
    const settings: PeerSettings = { workplace, backends: backends.ports, openFiles };
    const context: Context = { options, settings, backends, workplace, say };
    const peers = await checkPeers(context, found);
    const cells: CellResult[] = [];
    for (const group of comparedCells(options.cells)) {
      const place = `${cells.length + 1}/${options.cells.length}`;
      say(`\n[${place}] ${group.map(({ title, id }) => `${title} (${id})`).join(" beside ")}`);
      cells.push(...(await runCells(context, group, found)));
    }
    const footprints = await runFootprints(context, found, problems);
    const { rounds, seconds } = options;
    const conditions = { date: new Date().toISOString(), machine: describeMachine(), rounds, seconds };
    return { ...conditions, load: `wrk ${wrkVersion()}`, peers, missing, cells, footprints, problems };
  } finally {
    await backends?.stop();
    if (options.keep) {
      workplace.keep();
      say(`kept: ${workplace.directory}`);
    } else workplace.remove();
  }
}

/** Cells that are compared with each other stand together: the machine's speed changes within minutes. */
function comparedCells(cells: readonly Cell[]): Cell[][] {
  const groups: Cell[][] = [];
  for (const cell of cells) {
    const pair: readonly string[] = BY_ROUTES.find((names) => names.some((name) => name === cell.id)) ?? [];
    const group = groups.find((others) => others.some(({ id }) => pair.includes(id)));
    if (group === undefined) groups.push([cell]);
    else group.push(cell);
  }
  return groups;
}

async function checkPeers(
  { settings, backends, say }: Context,
  found: readonly FoundPeer[],
): Promise<BenchResult["peers"]> {
  const peers: BenchResult["peers"] = [];
  for (const each of found) {
    const { inspection, problems } = await checkPeer(each, settings, backends);
    const { name, label } = each.peer;
    say(`${label} ${each.version}: ${problems.length === 0 ? "checked" : problems.join("; ")}`);
    peers.push({ name, label, version: each.version, inspection, problems });
  }
  return peers;
}

/** wrk prints its version with its usage. */
function wrkVersion(): string {
  const { stdout, stderr } = Bun.spawnSync(["wrk", "-v"], { stdio: ["ignore", "pipe", "pipe"] });
  return /\d+\.\d+\.\d+/.exec(`${stdout.toString()}${stderr.toString()}`)?.[0] ?? "";
}
