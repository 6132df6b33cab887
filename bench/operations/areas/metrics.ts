/** The metrics page with many routes and workers: what it takes to make it, and who feels it. */
import { OpenLoad } from "../clients.ts";
import { newPlace, type Context } from "../context.ts";
import { LOOK, METRIC_ROUTES, RATE } from "../settings.ts";
import { Running } from "../subject.ts";

const STEADY_MS = 3_000;
const SCRAPES = 5;
const BETWEEN_MS = 400;

export async function measureMetrics(context: Context): Promise<void> {
  const known = context.subjects.find(({ subject: { peer } }) => peer.name === "fairlead");
  if (known === undefined) return;
  const { workplace, options, say } = context;
  const place = newPlace(context);
  const { subject, found } = known;
  const few = {
    ...subject,
    routes: (...[at, from, , generation, layout]: Parameters<typeof subject.routes>) =>
      subject.routes(at, from, METRIC_ROUTES, generation, layout),
  };
  const running = await Running.start(few, found.binary, place, "one");
  const host = "service-%05d.bench.example";
  const load = new OpenLoad(workplace.tools, { port: place.port, host, path: "/25b", hosts: METRIC_ROUTES });
  const asked = { port: place.adminPort, host: "127.0.0.1", path: "/health", ...LOOK };
  const look = new OpenLoad(workplace.tools, asked);
  try {
    // Every route has been asked for on about every worker.
    await Bun.sleep((METRIC_ROUTES / RATE) * 1_000 * options.workers * 4);
    for (let round = 0; round < options.rounds; round++) {
      const steady = await load.during(STEADY_MS);
      const quiet = await look.during(1_000);
      let [size, longest] = [0, 0];
      for (let scrape = 0; scrape < SCRAPES; scrape++) {
        load.begin();
        look.begin();
        const start = performance.now();
        const answer = await fetch(`http://127.0.0.1:${place.adminPort}/metrics`);
        const text = await answer.text();
        const took = performance.now() - start;
        if (answer.status !== 200 || !text.includes("route=")) throw new Error("no metrics page");
        await Bun.sleep(20);
        load.end();
        look.end();
        size = text.length;
        longest = Math.max(longest, took);
        await Bun.sleep(BETWEEN_MS);
      }
      const meanwhile = await load.report();
      const stall = (await look.report()).max_us;
      say(
        `metrics page: ${(size / 2 ** 20).toFixed(1)} MiB in ${longest.toFixed(0)} ms, stall ${(stall / 1_000).toFixed(1)} ms ` +
          `(without ${(quiet.max_us / 1_000).toFixed(1)}), p99 of requests ${(steady.p99_us / 1_000).toFixed(2)} → ${(meanwhile.p99_us / 1_000).toFixed(2)} ms`,
      );
      const title = `page with ${METRIC_ROUTES.toLocaleString("en-US")} routes and ${options.workers} workers`;
      const row = (what: string, unit: "ms" | "MiB" | "x", goal: number | null, value: number): void =>
        context.figures.add({ area: "metrics", title: `${title}: ${what}`, unit, goal }, "fairlead", value);
      row("size", "MiB", null, size / 2 ** 20);
      row(`slowest of ${SCRAPES} scrapes`, "ms", null, longest);
      row("longest stall of the supervisor", "ms", 20, stall / 1_000);
      row("the same without scrapes", "ms", null, quiet.max_us / 1_000);
      row("p99 of requests, steady", "ms", null, steady.p99_us / 1_000);
      row("p99 of requests meanwhile", "ms", null, meanwhile.p99_us / 1_000);
      row("p99 meanwhile over steady", "x", 2, meanwhile.p99_us / steady.p99_us);
    }
  } finally {
    await Promise.all([load.stop(), look.stop()]);
    await running.stop();
  }
}
