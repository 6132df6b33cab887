/** Reloads of 10,000 routes: how long they take, and what requests meet meanwhile. */
import { routeHost } from "../../http/settings.ts";
import { OpenLoad, Watch, type Stretch } from "../clients.ts";
import { startSubject, type Context, type FoundSubject } from "../context.ts";
import type { Figure } from "../figure.ts";
import type { Layout, Running } from "../subject.ts";

const TITLES: Readonly<Record<Layout, string>> = {
  one: "10,000 routes in one file, all changed",
  many: "10,000 routes in 40 files, one changed",
  order: "10,000 routes in 40 files, the order of one changed",
};
const GOALS: Readonly<Record<Layout, number>> = { one: 0.5, many: 0.1, order: 0.1 };
const STEADY_MS = 3_000;
const WARM_UP_MS = 2_000;
/** Between two reloads: whoever watches its files has looked at them by then. */
const REST_MS = 700;
const SETTLE_MS = 60_000;

export async function measureReloads(context: Context): Promise<void> {
  for (const layout of ["one", "many", "order"] as const)
    for (const subject of context.subjects)
      if (subject.subject.layouts.includes(layout)) await measure(context, subject, layout);
}

async function measure(context: Context, subject: FoundSubject, layout: Layout): Promise<void> {
  const { options, workplace, say } = context;
  const { label, name } = subject.subject.peer;
  const running = await startSubject(context, subject, layout);
  const { port } = running.place;
  const load = new OpenLoad(workplace.tools, { port, host: routeHost(7), path: "/25b" });
  const watch = new Watch(workplace.tools, port);
  try {
    await load.during(WARM_UP_MS);
    let generation = 1;
    for (let round = 0; round < options.rounds; round++) {
      const steady = await load.during(STEADY_MS);
      const seconds: number[] = [];
      const replaced: number[] = [];
      const cpu: number[] = [];
      for (let count = 0; count < options.reloads; count++) {
        const times = await reloadOnce(running, load, watch, ++generation);
        seconds.push(times.everywhere);
        replaced.push(times.replaced);
        cpu.push(times.cpuMs);
        await Bun.sleep(REST_MS);
      }
      const meanwhile = await load.report();
      note(context, name, layout, { steady, meanwhile, seconds, replaced, cpu });
      say(
        `${TITLES[layout]}, ${label}, round ${round + 1}: ${seconds.map((value) => value.toFixed(3)).join(" ")} s; ` +
          `CPU ${cpu.map((value) => value.toFixed(0)).join(" ")} ms; ` +
          `p99 ${ms(steady.p99_us)} ms, meanwhile ${ms(meanwhile.p99_us)} ms, failed ${meanwhile.failed}`,
      );
    }
  } finally {
    await Promise.all([load.stop(), watch.stop()]);
    await running.stop();
  }
}

const ms = (microseconds: number): string => (microseconds / 1_000).toFixed(2);

/** Seconds until every worker serves `generation`, and until nothing is left of what served before. */
async function reloadOnce(
  running: Running,
  load: OpenLoad,
  watch: Watch,
  generation: number,
): Promise<{ everywhere: number; replaced: number; cpuMs: number }> {
  const change = running.change(generation);
  const before = running.cpuMs();
  load.begin();
  const start = performance.now();
  const everywhere = watch.reached(generation);
  await Promise.all([change(), everywhere]);
  while (!running.settled) {
    if (performance.now() - start > SETTLE_MS) throw new Error("old workers do not end");
    await Bun.sleep(5);
  }
  const replaced = (performance.now() - start) / 1_000;
  load.end();
  return { everywhere: await everywhere, replaced, cpuMs: running.cpuMs() - before };
}

interface Round {
  readonly steady: Stretch;
  readonly meanwhile: Stretch;
  readonly seconds: readonly number[];
  readonly replaced: readonly number[];
  readonly cpu: readonly number[];
}

function note(
  { figures }: Context,
  name: string,
  layout: Layout,
  { steady, meanwhile, seconds, replaced, cpu }: Round,
): void {
  const row = (title: string, unit: Figure["unit"], goal: number | null, value: number): void =>
    figures.add({ area: "reload", title: `${TITLES[layout]}: ${title}`, unit, goal }, name, value);
  for (const value of seconds) row("until every worker serves it", "s", GOALS[layout], value);
  for (const value of replaced) row("until nothing is left of before", "s", null, value);
  for (const value of cpu) row("CPU of all processes meanwhile", "ms", null, value);
  row("p99 of requests, steady", "ms", null, steady.p99_us / 1_000);
  row("p99 of requests meanwhile", "ms", null, meanwhile.p99_us / 1_000);
  row("p99 meanwhile over steady", "x", 2, meanwhile.p99_us / steady.p99_us);
  row("slowest request meanwhile", "ms", null, meanwhile.max_us / 1_000);
  row("longest time between two answers", "ms", null, meanwhile.longest_gap_us / 1_000);
  row("requests that were sent again", "count", null, meanwhile.repeated);
  row("failed requests", "count", 0, meanwhile.failed);
}
