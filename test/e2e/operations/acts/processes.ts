/** What happens to the processes of the program. */
import { identify } from "../../../../src/platform/processes.ts";
import type { Act } from "../act.ts";
import { machineNow } from "../machine_clock.ts";
import type { Failure } from "../messages.ts";
import { until } from "../program.ts";
import { countersOf, openConnections } from "../shared_counters.ts";

const NOTICED_MS = 2_000;

let turn = 0;

/** The connection broke; an answer that is complete and bad is nothing that a dead worker has sent. */
const isCut = ({ how }: Failure): boolean => how === "reset" || how === "closed" || how === "short";

export const processActs: readonly Act[] = [
  {
    name: "worker kill -9",
    async run(world) {
      const { program, books } = world;
      const workers = await program.workers();
      const { pid } = workers[turn++ % workers.length]!;
      const counters = await countersOf(pid, program.file);
      const ready = program.events("worker_ready").length;
      const from = machineNow();
      process.kill(pid, "SIGKILL");
      await until(() => identify(pid) === null, "the worker is gone");
      world.killedWorkers++;
      books.allow({
        act: `worker ${pid} killed`,
        from,
        to: machineNow() + NOTICED_MS,
        // As it stood when the worker died: nobody else writes there.
        most: openConnections(counters),
        fits: isCut,
        endsStreams: true,
      });
      await until(() => program.events("worker_ready").length > ready, "another worker serves");
    },
  },
  {
    name: "supervisor kill -9 and start",
    async run({ program, books }) {
      const { pid } = program;
      const from = machineNow();
      process.kill(pid, "SIGKILL");
      await until(() => identify(pid) === null, "the supervisor is gone");
      await Bun.sleep(200);
      await program.start();
      books.drains(from, machineNow());
      await program.settled();
    },
  },
  {
    name: "upgrade",
    async run({ program, books }) {
      const { pid } = program;
      const from = machineNow();
      await program.ask({ command: "upgrade" });
      books.drains(from, machineNow());
      await program.settled();
      if (program.pid === pid) throw new Error("the same supervisor serves");
    },
  },
];
