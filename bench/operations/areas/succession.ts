/** What requests meet when the program is replaced: handed over, and after its supervisor was killed. */
import { join } from "node:path";
import { routeHost } from "../../http/settings.ts";
import { everyCore, OpenLoad, type Stretch } from "../clients.ts";
import { newPlace, type Context } from "../context.ts";
import { Running, type Place } from "../subject.ts";
import { askSupervisor } from "../../../src/run/control_client.ts";
import { PinnedProgram } from "../../support/pinned_program.ts";

const WARM_UP_MS = 1_000;
const AFTER_MS = 1_500;
const LIMIT_MS = 30_000;

export async function measureSuccession(context: Context): Promise<void> {
  const subject = context.subjects.find(({ subject: { peer } }) => peer.name === "fairlead");
  if (subject === undefined) return;
  for (let round = 0; round < context.options.rounds; round++) {
    const place = newPlace(context);
    const { directory, port } = place;
    const running = await Running.start(subject.subject, subject.found.binary, place, "many");
    const load = new OpenLoad(context.workplace.tools, { port, host: routeHost(7), path: "/25b" });
    const successors: PinnedProgram[] = [];
    try {
      await load.during(WARM_UP_MS);
      load.begin();
      const start = performance.now();
      const answer = await askSupervisor(join(directory, "run"), { command: "upgrade" });
      if (!answer.ok) throw new Error(`the hand-over was refused: ${JSON.stringify(answer)}`);
      note(context, "hand-over", await rest(load), performance.now() - start - AFTER_MS);
      const supervisor = await serving(place, running.pid);
      process.kill(supervisor, "SIGKILL");
      load.begin();
      const killed = performance.now();
      const command = subject.subject.command(
        subject.found.binary,
        place,
        join(directory, subject.subject.mainFile),
      );
      successors.push(
        new PinnedProgram({ core: everyCore(), command, cwd: directory, logFile: join(directory, "output") }),
      );
      await serving(place, supervisor);
      note(
        context,
        "restart after kill -9 of the supervisor",
        await rest(load),
        performance.now() - killed - AFTER_MS,
      );
    } finally {
      await load.stop();
      await stopAll(place);
      for (const successor of successors) await successor.stop();
      await running.stop();
    }
  }
}

/** Goes on for a while, so that the end of the program before is seen too. */
async function rest(load: OpenLoad): Promise<Stretch> {
  await Bun.sleep(AFTER_MS);
  load.end();
  return load.report();
}

/** Pid of the supervisor that serves and is another one than `before`. */
async function serving({ directory }: Place, before: number): Promise<number> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const status = await askSupervisor(join(directory, "run"), { command: "status" }).catch(() => null);
    const { pid, state } = (status ?? {}) as { pid?: number; state?: string };
    if (pid !== undefined && pid !== before && state === "serving") return pid;
    if (performance.now() > end) throw new Error("no successor serves");
    await Bun.sleep(5);
  }
}

/** A successor by upgrade is no child of the bench. */
async function stopAll({ directory }: Place): Promise<void> {
  await askSupervisor(join(directory, "run"), { command: "stop" }).catch(() => null);
}

function note({ figures, say }: Context, title: string, stretch: Stretch, tookMs: number): void {
  const { longest_gap_us: gap, failed, max_us: slowest } = stretch;
  say(
    `${title}: ${(tookMs / 1_000).toFixed(2)} s, longest gap ${(gap / 1_000).toFixed(1)} ms, failed ${failed}`,
  );
  const area = "succession";
  figures.add(
    { area, title: `${title}: until the new one serves`, unit: "s", goal: null },
    "fairlead",
    tookMs / 1_000,
  );
  figures.add(
    { area, title: `${title}: longest time between two answers`, unit: "ms", goal: null },
    "fairlead",
    gap / 1_000,
  );
  figures.add(
    { area, title: `${title}: slowest request`, unit: "ms", goal: null },
    "fairlead",
    slowest / 1_000,
  );
  const again = `${title}: requests that were sent again`;
  figures.add({ area, title: again, unit: "count", goal: null }, "fairlead", stretch.repeated);
  figures.add({ area, title: `${title}: failed requests`, unit: "count", goal: 0 }, "fairlead", failed);
}
