/** Starts of a gateway that knows something from before, while its store, its management service or both are down. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { literalOf, modelOf } from "../../src/core/redirect/test_decider.ts";
import { zookeeperLacking } from "../daemons/zookeeper.ts";
import { requirement } from "../support/require.ts";
import { runFairlead, until } from "./processes_program.ts";
import { type Control, startControl } from "./redirect_control.ts";
import { expectFlawless, loadOn, zookeeperScene, type ZookeeperScene } from "./redirect_faults.ts";
import { askRedirect, writeModel } from "./redirect_program.ts";

const PATIENCE = 90_000;
const SESSION_MS = 6_000;
const PLACES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => `http://${address}:8080/app`);
const lacking = requirement("zookeeper", zookeeperLacking());

/** The management service as a program of its own, once it answers. */
async function startService({ fairlead }: ZookeeperScene): Promise<Control> {
  const service = await startControl(fairlead);
  const isUp = async (): Promise<boolean> =>
    (await fetch(`${service.origin}/redirectorWebService/data/healthCheck`)).ok;
  await until(isUp, "the service answers");
  return service;
}

/** The gateway is killed once its files are written, and starts again while what is named is down. */
async function startsWithout(down: { readonly store: boolean; readonly service: boolean }): Promise<void> {
  await using scene = await zookeeperScene(1, SESSION_MS);
  const { fairlead, zookeeper, store } = scene;
  await using service = await startService(scene);
  const good = join(fairlead.directory, "state", "redirect");
  const isWritten = (): boolean =>
    existsSync(good) && readdirSync(good).some((name) => name.startsWith("generation-"));
  await until(isWritten, "files are written");
  const workers = fairlead.workers;
  fairlead.signal("SIGKILL");
  await fairlead.program.child.exited;
  for (const pid of workers) process.kill(pid, "SIGKILL");
  if (down.store) zookeeper.server.pause();
  if (down.service) await service.program.kill();
  await using again = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  store: { type: zookeeper, connect: "${zookeeper.connect}", session_timeout: ${SESSION_MS}ms }
  last_known_good: { path: ${good} }
`);
  const first = await askRedirect(again);
  expect([first.status, PLACES]).toEqual([302, expect.arrayContaining([first.location])]);
  expect(again.program.said.map(({ event }) => event)).toContain("redirect_last_good");
  const load = loadOn(again);
  await Bun.sleep(1_000);
  expectFlawless(`started without ${JSON.stringify(down)}`, await load.stop(), 1);
  if (down.store) zookeeper.server.continue();
  await store.whenConnected(20_000);
  await writeModel(store, "a1", 2, modelOf({ default_server: literalOf("http://after") }));
  await until(async () => (await askRedirect(again)).location === "http://after", "it follows by itself");
}

test.skipIf(lacking !== null)(
  "RD75 store and service are down at the start: decisions are those of the files, and it recovers by itself",
  () => startsWithout({ store: true, service: true }),
  PATIENCE,
);

test.skipIf(lacking !== null)(
  "RD75 only the store is down at the start: decisions are those of the files, and it recovers by itself",
  () => startsWithout({ store: true, service: false }),
  PATIENCE,
);

test.skipIf(lacking !== null)(
  "RD75 only the service is down at the start: decisions are those of the files, and models go on acting",
  () => startsWithout({ store: false, service: true }),
  PATIENCE,
);
