/** What happens to the access log. */
import type { Act } from "../act.ts";
import { until } from "../program.ts";

export const logActs: readonly Act[] = [
  {
    name: "log file rotated",
    async run({ logs, program }) {
      const before = logs.size;
      logs.rotate();
      process.kill(program.pid, "SIGUSR1");
      await until(() => logs.size > 0, `the log is written anew after ${before} bytes`);
    },
  },
  {
    name: "disk of the log full",
    async run({ logs }) {
      logs.fill();
      await Bun.sleep(700);
      logs.free();
      const full = logs.size;
      await until(() => logs.size > full, "the log is written again");
    },
  },
];
