/**
 * What it costs to operate Fairlead: reloads, memory, hand-over, probes, the metrics page; reloads of nginx and HAProxy
 * beside it. How it is measured stands in docs/reference/performance.md.
 *
 *   bun run bench operations --help
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeWorkplaces } from "./http/workplace.ts";
import type { OperationsResult } from "./operations/figure.ts";
import { HELP, readOptions, type Options } from "./operations/options.ts";
import { isComplete, markdownReport, textReport } from "./operations/report.ts";
import { runOperations } from "./operations/run.ts";
import { killAllPrograms } from "./support/pinned_program.ts";
import { replaceBlock } from "./support/replace_block.ts";

const PAGE = join(import.meta.dir, "../docs/reference/performance.md");
const BLOCK = "bench operations";

async function result(options: Options): Promise<OperationsResult> {
  if (options.from !== null) return JSON.parse(readFileSync(options.from, "utf8")) as OperationsResult;
  const measured = await runOperations(options, (text) => console.log(text));
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(measured, null, 2)}\n`);
  return measured;
}

/** Runs the bench with these arguments. Returns the exit code: 1 when something was not measured, 2 for a wrong use. */
export async function benchOperations(args: readonly string[]): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`bench operations: ${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      killAllPrograms();
      removeWorkplaces();
      process.exit(130);
    });
  }
  try {
    const measured = await result(options);
    console.log(`\n${textReport(measured)}`);
    if (options.from === null) console.log(`\nJSON: ${options.json}`);
    if (options.writeDocs) {
      writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, "utf8"), BLOCK, markdownReport(measured)));
      console.log(`written: ${PAGE}`);
    }
    return isComplete(measured) ? 0 : 1;
  } catch (error) {
    console.error(`bench operations: ${(error as Error).message}`);
    return 1;
  } finally {
    killAllPrograms();
  }
}

if (import.meta.main) process.exit(await benchOperations(process.argv.slice(2)));
