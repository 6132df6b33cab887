/** Faults of what the redirector stands on, of any length: what clients are answered while they last and after them. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { modelOf, literalOf } from "../../src/core/redirect/test_decider.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import type { Store } from "../../src/store/contract.ts";
import { startZookeeper, type Zookeeper, type ZookeeperMember } from "../daemons/zookeeper.ts";
import { type DecisionCounts, DecisionLoad } from "../support/decision_load.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, writeModel } from "./redirect_program.ts";

const HOSTS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const PLACES = new Set(HOSTS.map((address) => `http://${address}:8080/app`));
/** A change is seen within this time after a fault is over. */
const CONVERGED_MS = 2_000;

export interface ZookeeperScene extends AsyncDisposable {
  readonly zookeeper: Zookeeper;
  readonly fairlead: RunningFairlead;
  /** Of whoever registers the hosts and writes models. */
  readonly store: Store;
}

/** A gateway whose three hosts and model come from ZooKeeper, with sessions of `sessionMs`. */
export async function zookeeperScene(members: 1 | 3, sessionMs: number): Promise<ZookeeperScene> {
  const zookeeper = await startZookeeper({ members });
  const { connect } = zookeeper;
  const session_timeout = `${sessionMs}ms`;
  const fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  store: { type: zookeeper, connect: "${connect}", session_timeout: ${session_timeout} }
`);
  const store = openStore("zookeeper", { connect, session_timeout }, storeEnvironment(fairlead.directory));
  await store.whenConnected(20_000);
  for (const address of HOSTS) await registerHost(store, "/EU/z1/1.0/a1", address);
  await writeModel(store, "a1", 1, modelOf());
  await until(async () => {
    const asked = await Promise.all(Array.from({ length: 30 }, () => askRedirect(fairlead)));
    return new Set(asked.map(({ location }) => location)).isSupersetOf(PLACES);
  }, "all hosts are used");
  return {
    zookeeper,
    fairlead,
    store,
    async [Symbol.asyncDispose]() {
      await fairlead[Symbol.asyncDispose]();
      await Promise.race([store.close(), Bun.sleep(5_000)]);
      await zookeeper.stop();
    },
  };
}

export function loadOn(
  fairlead: RunningFairlead,
  allowed: () => ReadonlySet<string> = () => PLACES,
): DecisionLoad {
  return new DecisionLoad({
    port: () => fairlead.port("redirect"),
    target: "/serviceDirect/a1",
    allowed,
  });
}

/** Nothing failed, nothing was wrong, and enough was asked to tell. The numbers go to the test's output. */
export function expectFlawless(name: string, counts: DecisionCounts, seconds: number): void {
  console.log(`${name}: ${JSON.stringify(counts)}`);
  expect(counts).toMatchObject({ failed: 0, wrong: 0, examples: [] });
  expect(counts.asked).toBeGreaterThan(20 * seconds);
}

/** Writes another model and waits until it acts. Gives back how long that took, in milliseconds. */
async function converged({ fairlead, store }: ZookeeperScene): Promise<number> {
  const start = performance.now();
  await store.whenConnected(CONVERGED_MS);
  await writeModel(store, "a1", 2, modelOf({ default_server: literalOf("http://after") }));
  await until(async () => (await askRedirect(fairlead)).location === "http://after", "the new model acts");
  return performance.now() - start;
}

async function leaderOf({ members }: Zookeeper): Promise<ZookeeperMember | undefined> {
  const leads = await Promise.all(members.map((member) => member.isLeader()));
  return members[leads.indexOf(true)];
}

/** Whoever leads is killed every `everyMs`, and starts again at once. */
export async function leadersKilled(kills: number, everyMs: number): Promise<void> {
  await using scene = await zookeeperScene(3, 6_000);
  const load = loadOn(scene.fairlead);
  const start = performance.now();
  for (let kill = 0; kill < kills; kill++) {
    let leader: ZookeeperMember | undefined;
    await until(
      async () => (leader = await leaderOf(scene.zookeeper)) !== undefined,
      `leader ${kill} is found`,
    );
    await leader!.restart();
    await Bun.sleep(Math.max(0, start + (kill + 1) * everyMs - performance.now()));
  }
  expectFlawless(`${kills} leaders killed`, await load.stop(), (kills * everyMs) / 1_000);
  await until(async () => (await leaderOf(scene.zookeeper)) !== undefined, "one leads in the end");
  await scene.store.whenConnected(20_000);
  expect(await converged(scene)).toBeLessThan(CONVERGED_MS);
}

/** The server stands still for longer than all sessions last. */
export async function serverPaused(pauseMs: number, sessionMs: number): Promise<void> {
  await using scene = await zookeeperScene(1, sessionMs);
  const load = loadOn(scene.fairlead);
  scene.zookeeper.server.pause();
  await Bun.sleep(pauseMs);
  scene.zookeeper.server.continue();
  // Hosts come back when whoever registers them has a session again.
  await Bun.sleep(4_000);
  expectFlawless(`server paused for ${pauseMs} ms`, await load.stop(), pauseMs / 1_000);
  expect(await converged(scene)).toBeLessThan(CONVERGED_MS);
}

/** Gateway and store are down together; the gateway comes back alone. */
export async function gatewayRestartedAlone(times: number): Promise<void> {
  await using scene = await zookeeperScene(1, 6_000);
  const { fairlead, zookeeper } = scene;
  const state = `${fairlead.directory}/state/redirect`;
  const isWritten = (): boolean =>
    existsSync(state) && readdirSync(state).some((name) => name.startsWith("generation-"));
  await until(isWritten, "files are written");
  await zookeeper.server.kill();
  const configuration = readFileSync(fairlead.file, "utf8");
  fairlead.signal("SIGKILL");
  await fairlead.program.child.exited;
  for (let time = 0; time < times; time++) {
    const start = performance.now();
    // In a directory of its own, with the files of the one that was killed.
    await using again = await runFairlead(
      `${withoutOwn(configuration)}  last_known_good: { path: ${state} }`,
    );
    const first = await askRedirect(again);
    const tookMs = performance.now() - start;
    expect([first.status, PLACES.has(first.location ?? "")]).toEqual([302, true]);
    expect(tookMs).toBeLessThan(CONVERGED_MS);
    const load = loadOn(again);
    await Bun.sleep(1_000);
    expectFlawless(`gateway alone, answered after ${Math.round(tookMs)} ms`, await load.stop(), 1);
  }
}

/** What `runFairlead` adds is added anew. */
function withoutOwn(configuration: string): string {
  return configuration
    .split("\n")
    .filter((line) => !/^(runtime_dir|state_dir|listeners|admin):/.test(line) && line !== "")
    .map((line) => `${line}\n`)
    .join("");
}

/** Resident memory of all workers, in bytes, and how many descriptors they hold. */
function held({ workers, program }: RunningFairlead): { readonly bytes: number; readonly open: number } {
  const pids = [...workers, program.child.pid];
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]));
  return {
    bytes: pages.reduce((sum, count) => sum + count * 4_096, 0),
    open: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
  };
}

/** Models follow each other under load. What is held in the end is what was held after the first fifth. */
export async function modelsInARow(count: number): Promise<void> {
  await using fairlead = await runFairlead('workers: 2\nredirect:\n  address: "127.0.0.1:0"\n');
  const store: Store = embeddedStore(fairlead);
  const placeOf = (version: number): string => `http://model-${version}`;
  const write = (version: number) =>
    writeModel(store, "a1", version, modelOf({ default_server: literalOf(placeOf(version)) }));
  await write(1);
  await until(async () => (await askRedirect(fairlead)).location === placeOf(1), "the first model acts");
  let allowed = new Set([placeOf(1)]);
  const load = loadOn(fairlead, () => allowed);
  const start = performance.now();
  let early = held(fairlead);
  for (let version = 2; version <= count + 1; version++) {
    allowed = new Set([placeOf(version - 1), placeOf(version)]);
    await write(version);
    const acts = async () => (await askRedirect(fairlead)).location === placeOf(version);
    await until(acts, `model ${version} acts`);
    // Each worker learns of it at its own time.
    await until(async () => {
      const asked = await Promise.all(Array.from({ length: 8 }, () => askRedirect(fairlead)));
      return asked.every(({ location }) => location === placeOf(version));
    }, `model ${version} acts everywhere`);
    if (version === Math.ceil(count / 5)) early = held(fairlead);
  }
  const late = held(fairlead);
  const seconds = (performance.now() - start) / 1_000;
  expectFlawless(`${count} models in ${Math.round(seconds)} s`, await load.stop(), seconds);
  const grownMib = (late.bytes - early.bytes) / 1_048_576;
  console.log(`${count} models: ${Math.round(grownMib)} MiB and ${late.open - early.open} descriptors more`);
  expect(grownMib).toBeLessThan(80);
  expect(late.open - early.open).toBeLessThan(15);
  await store.close();
}
