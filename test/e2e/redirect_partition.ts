/**
 * A store behind a network that is cut, of any length: while it lasts, hosts come and go on the store's side, where `fairlead
 * register` runs. The gateway learns of them when the network is whole again.
 */
import { expect } from "bun:test";
import { modelOf } from "../../src/core/redirect/test_decider.ts";
import { startZookeeper } from "../daemons/zookeeper.ts";
import { DecisionLoad } from "../support/decision_load.ts";
import { NetworkPlace } from "../support/network_place.ts";
import { PROGRAM } from "../support/program.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";
import { askRedirect, writeModel } from "./redirect_program.ts";
import { expectFlawless } from "./redirect_faults.ts";

const [FIRST, SECOND, GOING, COMING] = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
const CONVERGED_MS = 2_000;
/** From the end of the grace until no worker uses the host: it is looked for every 500 ms. */
const SETTLED_MS = 1_500;

export interface PartitionLengths {
  readonly cut_ms: number;
  readonly session_ms: number;
  readonly grace_ms: number;
}

const placeOf = (address: string): string => `http://${address}:8080/app`;

/** A program of its own that registers a host beside the store. */
class FarHost {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "ignore">;

  constructor(place: NetworkPlace, address: string, connect: string, sessionMs: number) {
    const where = ["--app", "a1", "--stack", "/EU/z1", "--flavor", "1.0", "--address", `${address}:8080`];
    const store = ["--zookeeper", connect, "--session-timeout", `${sessionMs}ms`, "--json"];
    this.#child = Bun.spawn([...place.enter, ...PROGRAM, "register", ...where, ...store], {
      stdio: ["ignore", "pipe", "ignore"],
    });
  }

  async registered(): Promise<void> {
    for await (const bytes of this.#child.stdout)
      if (new TextDecoder().decode(bytes).includes('"registered"')) return;
    throw new Error("the host was not registered");
  }

  /** Its node stays until its session ends. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

async function placesOf(fairlead: RunningFairlead): Promise<Set<string | null>> {
  const asked = await Promise.all(Array.from({ length: 24 }, () => askRedirect(fairlead)));
  return new Set(asked.map(({ location }) => location));
}

/** Resolves with the milliseconds from `start` until `address` is used, or no longer is. */
async function uses(
  fairlead: RunningFairlead,
  address: string,
  wanted: boolean,
  start: number,
): Promise<number> {
  const isSo = async (): Promise<boolean> => (await placesOf(fairlead)).has(placeOf(address)) === wanted;
  await until(isSo, `${address} is ${wanted ? "used" : "no longer used"}`);
  return performance.now() - start;
}

/** Cuts the gateway off its store under load: no decision fails or is wrong, and what has changed meanwhile acts soon after. */
export async function storePartitioned({ cut_ms, session_ms, grace_ms }: PartitionLengths): Promise<void> {
  const place = await NetworkPlace.start();
  const zookeeper = await startZookeeper({ place });
  const { connect } = zookeeper;
  const session_timeout = `${session_ms}ms`;
  const start = (address: string): FarHost => new FarHost(place, address, connect, session_ms);
  const hosts = [start(FIRST), start(SECOND), start(GOING)];
  await using fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  store: { type: zookeeper, connect: "${connect}", session_timeout: ${session_timeout} }
  discovery: { grace: ${grace_ms}ms }
`);
  const store = openStore("zookeeper", { connect, session_timeout }, storeEnvironment(fairlead.directory));
  try {
    await Promise.all(hosts.map((host) => host.registered()));
    await store.whenConnected(10_000);
    await writeModel(store, "a1", 1, modelOf());
    const known = new Set([FIRST, SECOND, GOING].map(placeOf));
    await until(async () => (await placesOf(fairlead)).isSupersetOf(known), "all hosts are used");
    let allowed: ReadonlySet<string> = known;
    const load = new DecisionLoad({
      port: () => fairlead.port("redirect"),
      target: "/serviceDirect/a1",
      allowed: () => allowed,
    });
    await place.cut();
    const cutAt = performance.now();
    await hosts[2]!.kill();
    hosts.push(start(COMING));
    await hosts[3]!.registered();
    await Bun.sleep(Math.max(0, cut_ms - (performance.now() - cutAt)));
    allowed = new Set([...known, placeOf(COMING)]);
    await place.heal();
    const healedAt = performance.now();
    const convergedMs = await uses(fairlead, COMING, true, healedAt);
    const goneMs = await uses(fairlead, GOING, false, healedAt);
    allowed = new Set([FIRST, SECOND, COMING].map(placeOf));
    await Bun.sleep(500);
    expectFlawless(`store cut off for ${cut_ms} ms`, await load.stop(), cut_ms / 1_000);
    console.log(
      `a new host is used ${Math.round(convergedMs)} ms after that, a lost one ${Math.round(goneMs)}`,
    );
    expect(convergedMs).toBeLessThan(CONVERGED_MS);
    // It is kept as one that an outage may have hidden, and not for longer.
    expect(goneMs).toBeGreaterThan(grace_ms - 500);
    expect(goneMs).toBeLessThan(grace_ms + CONVERGED_MS + SETTLED_MS);
  } finally {
    for (const host of hosts) await host.kill();
    await zookeeper.stop();
    await store.close();
    await place.stop();
  }
}
