/**
 * Fairlead beside nginx, HAProxy, Caddy and Envoy: CPU time per request, memory, start. How it is measured, and what makes
 * it fair, stands in docs/reference/performance.md.
 *
 *   bun run bench http --help
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HELP, readOptions, type Options } from "./http/options.ts";
import { isClean, markdownReport, textReport } from "./http/report.ts";
import type { BenchResult } from "./http/result.ts";
import { runBench } from "./http/run.ts";
import { removeWorkplaces } from "./http/workplace.ts";
import { killAllPrograms } from "./support/pinned_program.ts";
import { replaceBlock } from "./support/replace_block.ts";

const PAGE = join(import.meta.dir, "../docs/reference/performance.md");
const BLOCK = "bench http";

async function result(options: Options, say: (text: string) => void): Promise<BenchResult> {
  if (options.from !== null) return JSON.parse(readFileSync(options.from, "utf8")) as BenchResult;
  const measured = await runBench(options, say);
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(measured, null, 2)}\n`);
  return measured;
}

/** Runs the bench with these arguments. Returns the exit code: 1 when something was not as it must be, 2 for a wrong use. */
export async function benchHttp(args: readonly string[]): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`bench http: ${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  // The shell's own signals: end what was started, then go.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      killAllPrograms();
      removeWorkplaces();
      process.exit(130);
    });
  }
  try {
    const measured = await result(options, (text) => console.log(text));
    console.log(`\n${textReport(measured)}`);
    if (options.from === null) console.log(`\nJSON: ${options.json}`);
    if (options.writeDocs) {
      writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, "utf8"), BLOCK, markdownReport(measured)));
      console.log(`written: ${PAGE}`);
    }
    return isClean(measured) ? 0 : 1;
  } catch (error) {
    console.error(`bench http: ${(error as Error).message}`);
    return 1;
  } finally {
    killAllPrograms();
  }
}

if (import.meta.main) process.exit(await benchHttp(process.argv.slice(2)));
