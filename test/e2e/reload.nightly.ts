/** Too long for every run: `npm run test:nightly` runs it. */
import { expect, test } from "bun:test";
import { reloadUnderTraffic } from "./processes_reloads.ts";

const MIB = 1_048_576;

test("H-J4 1000 reloads under traffic: no request fails, memory and descriptors stay as they are", async () => {
  const { outcomes, connections, clients, descriptors, memory, said } = await reloadUnderTraffic(1_000);
  expect(Object.keys(outcomes)).toEqual(["200 ok"]);
  expect(connections).toBe(clients);
  expect(said.filter(({ event }) => event === "reload_refused" || event === "worker_ended")).toEqual([]);
  for (const { early, late } of descriptors) expect(late - early).toBeLessThan(15);
  for (const { early, late } of memory) expect((late - early) / MIB).toBeLessThan(40);
}, 900_000);
