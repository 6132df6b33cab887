/** What every area of the bench does around its measurements: arguments, signals, JSON, the table in the docs. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeWorkplaces } from "../http/workplace.ts";
import { killAllPrograms } from "./pinned_program.ts";
import { replaceBlock } from "./replace_block.ts";

const PAGE = join(import.meta.dir, "../../docs/reference/performance.md");

export interface BenchOptions {
  /** Result of an earlier run that is only shown, or null. */
  readonly from: string | null;
  /** Where the result is written. */
  readonly json: string;
  readonly writeDocs: boolean;
}

export interface BenchArea<Options extends BenchOptions, Result> {
  /** `http`: also names the block of the docs. */
  readonly name: string;
  readonly help: string;
  /** Null when help was asked for. Throws Error with one sentence for what cannot be understood. */
  readOptions(args: readonly string[]): Options | null;
  measure(options: Options, say: (text: string) => void): Promise<Result>;
  text(result: Result): string;
  markdown(result: Result): string;
  /** Everything was measured and as it must be. */
  isGood(result: Result): boolean;
}

/** Runs an area with these arguments. Returns the exit code: 1 when something was not as it must be, 2 for a wrong use. */
export async function runBenchArea<Options extends BenchOptions, Result>(
  area: BenchArea<Options, Result>,
  args: readonly string[],
): Promise<number> {
  const name = `bench ${area.name}`;
  let options: Options | null;
  try {
    options = area.readOptions(args);
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}\n\n${area.help}`);
    return 2;
  }
  if (options === null) {
    console.log(area.help);
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
    const measured = await resultOf(area, options);
    console.log(`\n${area.text(measured)}`);
    if (options.from === null) console.log(`\nJSON: ${options.json}`);
    if (options.writeDocs) {
      writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, "utf8"), name, area.markdown(measured)));
      console.log(`written: ${PAGE}`);
    }
    return area.isGood(measured) ? 0 : 1;
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    return 1;
  } finally {
    killAllPrograms();
  }
}

async function resultOf<Options extends BenchOptions, Result>(
  { measure }: BenchArea<Options, Result>,
  options: Options,
): Promise<Result> {
  if (options.from !== null) return JSON.parse(readFileSync(options.from, "utf8")) as Result;
  const measured = await measure(options, (text) => console.log(text));
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(measured, null, 2)}\n`);
  return measured;
}
