/** A thousand names: what probes cost, that none is missed, and that nothing piles up. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { PROGRAM } from "../support/program.ts";
import { requireRoot, requireTool } from "../support/require.ts";
import { BackendProcess, backendProcesses, HostsPlace } from "./hosts_program.ts";
import { until } from "./processes_program.ts";

const PATIENCE = 120_000;
const POOLS = 100;
const NAMES = 1_000;
const MEASURED_MS = 10_000;
const LOCAL = "127.0.0.1 localhost\n";

/** `count` names, in turn over the pools. */
const namesYaml = (count: number): string =>
  Array.from({ length: count }, (_, index) => `    - { name: n${index}.test, pool: p${index % POOLS} }`).join(
    "\n",
  );

const poolYaml = (index: number, urls: readonly string[], timeout: string): string =>
  `  p${index}: { strategy: sequential, backends: [${urls.map((url) => `{ url: "${url}" }`).join(", ")}], health_check: { type: tcp, interval: 1s, timeout: ${timeout}, jitter: 0%, healthy_after: 1, unhealthy_after: 1 } }`;

/** User and system time of a process so far, in ms. */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

test(
  "HF39 1,000 names in 100 pools: one probe per candidate and interval, under 10 % of a core, no failover missed",
  async () => {
    const backends = await backendProcesses(3);
    const urls = backends.map(({ url }) => url);
    const pools = Array.from({ length: POOLS }, (_, index) => poolYaml(index, urls, "1s")).join("\n");
    await using place = new HostsPlace(`pools:\n${pools}\nhosts:\n  names:\n${namesYaml(NAMES)}\n`, {
      hosts: LOCAL,
    });
    const program = await place.run();
    const all = (address: string) => () =>
      place.block.length === NAMES && place.block.every((line) => line.startsWith(`${address} n`));
    await until(all("127.0.1.1"), "all names lead to the first backend");
    const { pid } = program.child;
    // What the start has loaded is worked off, and the probes have spread.
    await Bun.sleep(3_000);
    const before = {
      cpu: cpuMs(pid),
      probes: await place.metric("probes_total"),
      files: openFiles(pid),
      at: performance.now(),
    };
    await Bun.sleep(MEASURED_MS);
    const seconds = (performance.now() - before.at) / 1_000;
    const made = (await place.metric("probes_total")) - before.probes;
    expect((cpuMs(pid) - before.cpu) / (seconds * 1_000)).toBeLessThan(0.1);
    expect(made / (POOLS * 3 * seconds)).toBeGreaterThan(0.85);
    expect(made / (POOLS * 3 * seconds)).toBeLessThan(1.15);
    // Probes under way have sockets, more of them on a busy machine.
    await until(() => Math.abs(openFiles(pid) - before.files) < 30, "as many files are open as before");
    await backends[0]!.kill();
    await until(all("127.0.1.2"), "all names lead to the second backend");
    const back = await BackendProcess.start("127.0.1.1", backends[1]!.port);
    for (const backend of [...backends.slice(1), back]) await backend.kill();
  },
  PATIENCE,
);

const lacking = requireTool("unshare") ?? requireTool("ip") ?? requireRoot();
test.skipIf(lacking !== null)(
  "HF39 1,000 candidates behind a black hole: open files stay flat, and no socket is left when nothing is probed any more",
  async () => {
    const network = "ip link set lo up; ip route add 198.18.0.0/16 dev lo";
    const words = ["unshare", "-n", "sh", "-ec", `${network}; exec "$@"`, "sh", ...PROGRAM];
    const urls = (index: number) =>
      Array.from({ length: 10 }, (_, host) => `http://198.18.${index + 1}.${host + 1}:80`);
    const pools = Array.from({ length: POOLS }, (_, index) => poolYaml(index, urls(index), "300ms")).join(
      "\n",
    );
    const yaml = (names: number) => `pools:\n${pools}\nhosts:\n  names:\n${namesYaml(names)}\n`;
    await using place = new HostsPlace(yaml(POOLS), { hosts: LOCAL, words });
    const program = await place.run();
    const { pid } = program.child;
    await program.until("hosts_down", 10);
    const synSent = () =>
      readFileSync(`/proc/${pid}/net/tcp`, "latin1")
        .split("\n")
        .filter((line) => / 02 /.test(line)).length;
    await until(() => synSent() > 50, "the probes wait for an answer");
    const files: number[] = [];
    for (let look = 0; look < 40; look++) {
      files.push(openFiles(pid));
      await Bun.sleep(100);
    }
    // At most 512 probes run at a time, and each ends with its timeout.
    expect(Math.max(...files)).toBeLessThan(600);
    expect(Math.max(...files.slice(20))).toBeLessThanOrEqual(Math.max(...files.slice(0, 20)) + 100);
    place.write("pools: {}\nhosts: { names: [] }\n");
    await program.until("reloaded");
    await until(() => synSent() === 0, "no socket is left in SYN-SENT");
    expect(openFiles(pid)).toBeLessThan(60);
  },
  PATIENCE,
);
