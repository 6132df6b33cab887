/** What happens to backends, by the hand of an operator and by themselves. */
import type { Act } from "../act.ts";
import type { Backend } from "../backend.ts";
import { machineNow } from "../machine_clock.ts";
import type { Failure } from "../messages.ts";
import { until } from "../program.ts";
import { TIMES, type World } from "../world.ts";

/** Failures are noticed by clients that share two cores with everything else. */
const NOTICED_MS = 2_000;

let turn = 0;
/** Another backend each time. */
const next = ({ backends }: World): Backend => backends[turn++ % backends.length]!;

const set = (world: World, action: string, { id }: Backend) =>
  world.program.ask({ command: "backends", action, id: `app/${id}` });

async function enabledOf(world: World, { id }: Backend): Promise<string> {
  const { backends } = await world.program.ask({ command: "backends", action: "list" });
  return (backends as { id: string; enabled: string }[]).find((backend) => backend.id === id)!.enabled;
}

async function connectionsTo({ program }: World, { id }: Backend): Promise<number> {
  return (await program.metrics()).sum("fairlead_backend_connections_open", { backend: id });
}

async function healthOf({ program }: World, { id }: Backend): Promise<number> {
  return (await program.metrics()).sum("fairlead_backend_healthy", { backend: id });
}

/** A body had been sent, or an answer had begun: nobody can do it again. */
const isBeyondRetry = ({ method, how, phase }: Failure): boolean =>
  method === "POST" ? how.startsWith("status 50") || how === "short" : how === "short" && phase === "answer";

export const backendActs: readonly Act[] = [
  {
    name: "backend drained",
    async run(world) {
      const backend = next(world);
      await set(world, "drain", backend);
      await Bun.sleep(500);
      const { gets, posts } = await backend.counts();
      await Bun.sleep(300);
      const later = await backend.counts();
      if (later.gets + later.posts !== gets + posts) throw new Error("a drained backend gets requests");
      await set(world, "enable", backend);
    },
  },
  {
    name: "backend disabled",
    async run(world) {
      const backend = next(world);
      const from = machineNow();
      await set(world, "disable", backend);
      world.books.drains(from, machineNow());
      await until(async () => (await enabledOf(world, backend)) === "disabled", "it is disabled");
      await set(world, "enable", backend);
    },
  },
  {
    name: "backend killed and started again",
    async run(world) {
      const backend = next(world);
      // Stands still while its connections are counted, so that none has ended before it dies.
      backend.freeze();
      const from = machineNow();
      const most = await connectionsTo(world, backend);
      await backend.kill();
      await until(async () => (await healthOf(world, backend)) === 0, "it is found dead");
      await backend.start();
      await until(async () => (await healthOf(world, backend)) === 1, "it is found well");
      world.books.allow({
        act: `backend ${backend.id} killed`,
        from,
        to: machineNow() + NOTICED_MS,
        most,
        fits: isBeyondRetry,
        endsStreams: true,
      });
    },
  },
  {
    name: "backend frozen",
    async run(world) {
      const backend = next(world);
      const from = machineNow();
      backend.freeze();
      let most = await connectionsTo(world, backend);
      const wait = async (healthy: number) =>
        until(async () => {
          most = Math.max(most, await connectionsTo(world, backend));
          return (await healthOf(world, backend)) === healthy;
        }, `health is ${healthy}`);
      await wait(0);
      const dead = performance.now();
      while (performance.now() - dead < TIMES.firstByteMs) {
        most = Math.max(most, await connectionsTo(world, backend));
        await Bun.sleep(100);
      }
      backend.thaw();
      await wait(1);
      world.books.allow({
        act: `backend ${backend.id} frozen`,
        from,
        to: machineNow() + NOTICED_MS,
        most,
        fits: isBeyondRetry,
        endsStreams: true,
      });
    },
  },
];
