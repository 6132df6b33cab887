/** Models of 10,000 rules that take each other's place: how long until all workers decide by the new one, and what clients see. */
import type { Say } from "../http/context.ts";
import type { FoundPeer } from "../http/programs.ts";
import type { Workplace } from "../http/workplace.ts";
import { everyCore, OpenLoad } from "../operations/clients.ts";
import { FilledStore } from "./filled_store.ts";
import { keyOf, keyRules, stacksOf } from "./models.ts";
import { PATH, RunningRedirector } from "./peers.ts";
import { VersionWatch } from "./version_watch.ts";

export const SWAPPED_RULES = 10_000;
const WORKERS = 2;
const RATE = 1_000;
const SWAPS = 5;
const WARM_UP_MS = 3_000;
const STRETCH_MS = 5_000;

export interface SwapFigure {
  /** Milliseconds from the write to the last worker, by swap. */
  readonly swapMs: number[];
  /** Of clients, by run. */
  readonly steadyP999Ms: number[];
  readonly meanwhileP999Ms: number[];
  readonly failed: number;
}

export async function measureSwaps(
  peer: FoundPeer,
  runs: number,
  workplace: Workplace,
  say: Say,
): Promise<SwapFigure> {
  const app = "{ answer: locations, answer_headers: true }";
  const running = await RunningRedirector.start(
    peer,
    { rules: SWAPPED_RULES, workers: WORKERS, app },
    everyCore(),
    workplace,
  );
  const store = new FilledStore(running.stateDirectory);
  const figure = {
    swapMs: [] as number[],
    steadyP999Ms: [] as number[],
    meanwhileP999Ms: [] as number[],
    failed: 0,
  };
  let load: OpenLoad | null = null;
  const watch = new VersionWatch(running.place.port, `${PATH}${keyOf(9)}`);
  try {
    await store.register(stacksOf(100, () => 10));
    let version = 1;
    await store.writeModel(version, keyRules(SWAPPED_RULES));
    await running.until(({ status }) => status === 200);
    await watch.open();
    load = new OpenLoad(workplace.tools, {
      port: running.place.port,
      host: "bench.example",
      path: `${PATH}${keyOf(7)}`,
      rate: RATE,
    });
    await load.during(WARM_UP_MS);
    for (let run = 0; run < runs; run++) {
      const steady = await load.during(STRETCH_MS);
      const times: number[] = [];
      load.begin();
      for (let swap = 0; swap < SWAPS; swap++) {
        const model = keyRules(SWAPPED_RULES, ` of ${++version}`);
        const wait = Bun.sleep(STRETCH_MS / SWAPS);
        await store.writeModel(version, model);
        const start = performance.now();
        await watch.reached(version);
        times.push(performance.now() - start);
        await wait;
      }
      load.end();
      const meanwhile = await load.report();
      figure.swapMs.push(...times);
      figure.steadyP999Ms.push(steady.p999_us / 1_000);
      figure.meanwhileP999Ms.push(meanwhile.p999_us / 1_000);
      figure.failed += steady.failed + meanwhile.failed;
      say(
        `run ${run + 1}: swaps ${times.map((ms) => ms.toFixed(0)).join(" ")} ms; p99.9 ${(steady.p999_us / 1_000).toFixed(1)} ms, meanwhile ${(meanwhile.p999_us / 1_000).toFixed(1)} ms (longest ${(meanwhile.max_us / 1_000).toFixed(1)})`,
      );
    }
    return figure;
  } finally {
    watch.close();
    await load?.stop();
    await running.stop();
    await store.close();
  }
}
