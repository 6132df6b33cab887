/** Measures the hosts plane: `fairlead hosts run` from the sources, on files and backends of its own. */
import { readdirSync, readFileSync } from "node:fs";
import type { Program } from "../../test/e2e/processes_fixture.ts";
import { BackendProcess, backendProcesses, HostsPlace } from "../../test/e2e/hosts_program.ts";
import { PROGRAM } from "../../test/support/program.ts";
import { describeMachine, type Machine } from "../http/machine.ts";
import type { BenchOptions } from "../support/bench_command.ts";
import { readUsage } from "../support/process_tree.ts";

export const FAILOVER_NAMES = [1, 100, 1_000] as const;
const POOLS = 100;
const NAMES = 1_000;
const BLACK_HOLES = 1_000;
const BLACK_HOLE_SECONDS = 20;
const WARM_UP_MS = 5_000;
const LIMIT_MS = 10_000;

export interface HostsOptions extends BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
}

export interface HostsFigure {
  readonly title: string;
  readonly goal: number | null;
  readonly digits: number;
  readonly values: readonly number[];
}

export interface HostsResult {
  readonly date: string;
  readonly machine: Machine;
  readonly commit: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly figures: readonly HostsFigure[];
  readonly missing: readonly string[];
}

type Say = (text: string) => void;

/** Measures everything. */
export async function runHosts({ rounds, seconds }: HostsOptions, say: Say): Promise<HostsResult> {
  const figures: HostsFigure[] = [];
  for (const names of FAILOVER_NAMES) figures.push(...(await measureFailover(names, rounds, say)));
  figures.push(...(await measureProbes(seconds, say)));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) figures.push(...(await measureBlackHoles(say)));
  const commit = Bun.spawnSync(["git", "rev-parse", "--short", "HEAD"]).stdout.toString().trim();
  return {
    date: new Date().toISOString(),
    machine: describeMachine(),
    commit,
    rounds,
    seconds,
    figures,
    missing: isRoot ? [] : ["black-holed candidates, which need root for a network of their own"],
  };
}

function namesYaml(count: number, pool: (index: number) => string): string {
  return Array.from(
    { length: count },
    (_, index) => `    - { name: n${index}.test, pool: ${pool(index)} }`,
  ).join("\n");
}

/** Two backends; the one in use is killed again and again. */
async function measureFailover(names: number, rounds: number, say: Say): Promise<HostsFigure[]> {
  let backends = await backendProcesses(2);
  const list = backends.map(({ url }) => `{ url: "${url}" }`).join(", ");
  await using place = new HostsPlace(
    `pools:
  web:
    strategy: sequential
    backends: [${list}]
    health_check: { type: tcp, interval: 250ms, timeout: 500ms, jitter: 0%, healthy_after: 1, unhealthy_after: 1 }
hosts:
  names:
${namesYaml(names, () => "web")}
`,
    { hosts: "127.0.0.1 localhost\n" },
  );
  const program = await place.run();
  await untilLead(place, backends[0]!.address, names);
  const decided: number[] = [];
  const written: number[] = [];
  const behind: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [dying, heir] = backends as [BackendProcess, BackendProcess];
    const before = program.said.length;
    const start = performance.now();
    await dying.kill();
    const [told, seen] = await Promise.all([
      untilTold(program, before),
      untilLead(place, heir.address, names),
    ]);
    decided.push(told - start);
    written.push(seen - start);
    behind.push(Math.max(0, seen - told));
    say(
      `${names} ${names === 1 ? "name" : "names"}, death ${round + 1} of ${rounds}: decided after ${(told - start).toFixed(0)} ms, new line after ${(seen - start).toFixed(0)} ms`,
    );
    backends = [heir, await BackendProcess.start(dying.address, dying.port)];
    await untilHealthy(place, dying.address);
  }
  const bytes = await place.metric("hosts_written_bytes_total");
  const writes = await place.metric("hosts_writes_total", 'result="success"');
  for (const backend of backends) await backend.kill();
  const title = (what: string): string => `${names} ${names === 1 ? "name" : "names"}: ${what}`;
  return [
    { title: title("death to decision, ms (interval 250 ms)"), goal: null, digits: 0, values: decided },
    { title: title("death to new line, ms"), goal: null, digits: 0, values: written },
    { title: title("decision to new line, ms"), goal: 50, digits: 1, values: behind },
    { title: title("bytes written per change"), goal: null, digits: 0, values: [bytes / writes] },
  ];
}

/** Resolves with the time at which the program's log tells of a switch. */
async function untilTold({ said }: Program, from: number): Promise<number> {
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await Bun.sleep(1))
    if (said.slice(from).some(({ event }) => event === "hosts_switched")) return performance.now();
  throw new Error("no switch was told");
}

/** Resolves with the time at which all names lead to `address`. */
async function untilLead(place: HostsPlace, address: string, names: number): Promise<number> {
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await Bun.sleep(1)) {
    const text = place.hosts;
    if (text.includes(`${address}  n${names - 1}.test`) && text.split(`${address}  n`).length === names + 1)
      return performance.now();
  }
  throw new Error(`the names do not lead to ${address}`);
}

async function untilHealthy(place: HostsPlace, address: string): Promise<void> {
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await Bun.sleep(20))
    if ((await place.candidate(address)) === "healthy") return;
  throw new Error(`${address} has not become healthy`);
}

/** Open files without those of probes under way: the least of some looks. */
async function lastingFiles(pid: number): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 25; look++) {
    least = Math.min(least, readdirSync(`/proc/${pid}/fd`).length);
    await Bun.sleep(20);
  }
  return least;
}

interface Stretch {
  readonly cpuUs: number;
  readonly probes: number;
  readonly filesBefore: number;
  readonly filesAfter: number;
}

async function measured(pid: number, seconds: number, probesMade: () => Promise<number>): Promise<Stretch> {
  const [before, probesBefore, filesBefore] = [readUsage([pid]), await probesMade(), await lastingFiles(pid)];
  await Bun.sleep(seconds * 1_000);
  const [after, probesAfter, filesAfter] = [readUsage([pid]), await probesMade(), await lastingFiles(pid)];
  const cpuUs = after.userUs + after.systemUs - before.userUs - before.systemUs;
  return { cpuUs, probes: probesAfter - probesBefore, filesBefore, filesAfter };
}

/** 1,000 names in 100 pools of three candidates, each probed every second. */
async function measureProbes(seconds: number, say: Say): Promise<HostsFigure[]> {
  const backends = await backendProcesses(3);
  const list = backends.map(({ url }) => `{ url: "${url}" }`).join(", ");
  const pools = Array.from(
    { length: POOLS },
    (_, index) =>
      `  p${index}: { strategy: sequential, backends: [${list}], health_check: { type: tcp, interval: 1s, timeout: 1s } }`,
  ).join("\n");
  await using place = new HostsPlace(
    `pools:\n${pools}\nhosts:\n  names:\n${namesYaml(NAMES, (index) => `p${index % POOLS}`)}\n`,
    {
      hosts: "127.0.0.1 localhost\n",
    },
  );
  const program = await place.run();
  await untilLead(place, backends[0]!.address, NAMES);
  await Bun.sleep(WARM_UP_MS);
  const { cpuUs, probes, filesBefore, filesAfter } = await measured(program.child.pid, seconds, () =>
    place.metric("probes_total"),
  );
  say(`${probes} probes in ${seconds} s took ${(cpuUs / 1_000).toFixed(0)} ms of CPU time`);
  for (const backend of backends) await backend.kill();
  return [
    { title: "CPU time per 1,000 TCP probes, ms", goal: null, digits: 1, values: [cpuUs / probes] },
    {
      title: `${NAMES} names, ${POOLS} pools of 3, 1 s: share of a core, %`,
      goal: 10,
      digits: 1,
      values: [(cpuUs / seconds / 1e6) * 100],
    },
    { title: "open files more after that time", goal: 0, digits: 0, values: [filesAfter - filesBefore] },
  ];
}

/** 1,000 candidates whose SYN is never answered, in a network of its own. */
async function measureBlackHoles(say: Say): Promise<HostsFigure[]> {
  // What the loopback sends to itself and nobody owns is dropped without a word.
  const network = "ip link set lo up; ip route add 198.18.0.0/16 dev lo";
  const words = ["unshare", "-n", "sh", "-ec", `${network}; exec "$@"`, "sh", ...PROGRAM];
  const pools = Array.from({ length: POOLS }, (_, index) => {
    const list = Array.from(
      { length: BLACK_HOLES / POOLS },
      (_, host) => `{ url: "http://198.18.${index + 1}.${host + 1}:80" }`,
    );
    return `  p${index}: { strategy: sequential, backends: [${list.join(", ")}], health_check: { type: tcp, interval: 1s, timeout: 500ms } }`;
  }).join("\n");
  await using place = new HostsPlace(
    `pools:\n${pools}\nhosts:\n  names:\n${namesYaml(POOLS, (index) => `p${index}`)}\n`,
    {
      hosts: "127.0.0.1 localhost\n",
      words,
    },
  );
  const program = await place.run();
  await Bun.sleep(WARM_UP_MS);
  const { pid } = program.child;
  const stretch = await measured(pid, BLACK_HOLE_SECONDS, () => Promise.resolve(0));
  const synSent = readFileSync(`/proc/${pid}/net/tcp`, "latin1")
    .split("\n")
    .filter((line) => / 02 /.test(line)).length;
  const share = (stretch.cpuUs / BLACK_HOLE_SECONDS / 1e6) * 100;
  say(
    `${BLACK_HOLES} black-holed candidates: ${share.toFixed(1)} % of a core, ${synSent} sockets in SYN-SENT`,
  );
  return [
    {
      title: `${BLACK_HOLES} black-holed candidates, 1 s: share of a core, %`,
      goal: null,
      digits: 1,
      values: [share],
    },
    {
      title: "sockets in SYN-SENT at that time (at most 512 probes run)",
      goal: 512,
      digits: 0,
      values: [synSent],
    },
  ];
}
