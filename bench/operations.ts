/**
 * What it costs to operate Fairlead: reloads, memory, hand-over, probes, the metrics page; reloads of nginx and HAProxy
 * beside it. How it is measured stands in docs/reference/performance.md.
 *
 *   bun run bench operations --help
 */
import { HELP, readOptions } from "./operations/options.ts";
import { isComplete, markdownReport, textReport } from "./operations/report.ts";
import { runOperations } from "./operations/run.ts";
import { runBenchArea } from "./support/bench_command.ts";

/** Runs the bench with these arguments. Returns the exit code: 1 when something was not measured, 2 for a wrong use. */
export function benchOperations(args: readonly string[]): Promise<number> {
  const area = {
    name: "operations",
    help: HELP,
    readOptions,
    measure: runOperations,
    text: textReport,
    markdown: markdownReport,
    isGood: isComplete,
  };
  return runBenchArea(area, args);
}

if (import.meta.main) process.exit(await benchOperations(process.argv.slice(2)));
