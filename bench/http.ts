/**
 * Fairlead beside nginx, HAProxy, Caddy and Envoy: CPU time per request, memory, start. How it is measured, and what makes
 * it fair, stands in docs/reference/performance.md.
 *
 *   bun run bench http --help
 */
import { HELP, readOptions } from "./http/options.ts";
import { isClean, markdownReport, textReport } from "./http/report.ts";
import { runBench } from "./http/run.ts";
import { runBenchArea } from "./support/bench_command.ts";

/** Runs the bench with these arguments. Returns the exit code: 1 when something was not as it must be, 2 for a wrong use. */
export function benchHttp(args: readonly string[]): Promise<number> {
  const area = {
    name: "http",
    help: HELP,
    readOptions,
    measure: runBench,
    text: textReport,
    markdown: markdownReport,
    isGood: isClean,
  };
  return runBenchArea(area, args);
}

if (import.meta.main) process.exit(await benchHttp(process.argv.slice(2)));
