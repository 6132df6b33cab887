/**
 * `npm run test:nightly -- --budget 60m`: tests that are too long for every run, a fifth of the time for simulated
 * networks, then long fuzzing. The time of fuzzing is shared over all fuzz entries in rounds, each entry of a round in a process of its own (an input that never comes back
 * costs only that process). Findings and inputs with new outcomes stay in test/fuzz/corpus.
 *
 * usage: tools/nightly.ts [--budget 60m] [--seed NUMBER] [--only ENTRY] [--corpus DIR]     (--only leaves the long tests out)
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { formatDuration, parseDuration } from "../src/core/schema/duration.ts";
import { FUZZ_ENTRIES } from "../test/fuzz/all.ts";
import { fuzz, type FuzzEntry } from "../test/fuzz/engine.ts";
import { BUDGET_VARIABLE, FIRST_SEED_VARIABLE } from "../test/simulation/variables.ts";

/** Where findings and inputs with new outcomes are kept. */
let corpus = "test/fuzz/corpus";
const LONG_TESTS = "test/*/*.nightly.ts";
/** Part of the budget that the simulation takes. */
const SIMULATION_SHARE = 0.2;
/** Longest time of one entry in one round: progress is shown that often. */
const ROUND_MS = 60_000;

interface Total {
  inputs: number;
  rounds: number;
  /** By file, or by message where there is none. */
  readonly findings: Map<string, string>;
}

/** What a child tells on its last line. */
interface RoundResult {
  readonly runs: number;
  readonly slowestMs: number;
  readonly findings: readonly { readonly file: string | null; readonly message: string }[];
}

async function runRound(entry: FuzzEntry, budgetMs: number, seed: number): Promise<void> {
  const result = await fuzz(entry, { budgetMs, seed, corpus, keepOutcomes: true });
  const findings = result.findings.map(({ file, message }) => ({ file, message }));
  console.log(
    JSON.stringify({ runs: result.runs, slowestMs: result.slowestMs, findings } satisfies RoundResult),
  );
}

const children = new Set<Bun.Subprocess>();

function endChildren(): void {
  for (const child of children) child.kill("SIGKILL");
  process.exit(130);
}

async function roundInChild(entry: FuzzEntry, budgetMs: number, seed: number): Promise<RoundResult> {
  const child = Bun.spawn(
    [
      process.execPath,
      import.meta.path,
      "--round",
      "--only",
      entry.name,
      "--budget",
      `${budgetMs}ms`,
      "--seed",
      `${seed}`,
      "--corpus",
      corpus,
    ],
    { stdout: "pipe", stderr: "pipe", timeout: budgetMs * 2 + 120_000, killSignal: "SIGKILL" },
  );
  children.add(child);
  const [output, errors, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  children.delete(child);
  if (exitCode === 0) return JSON.parse(output.trim().split("\n").at(-1)!) as RoundResult;
  const message = errors.trim().split("\n").slice(-5).join(" | ");
  return {
    runs: 0,
    slowestMs: 0,
    findings: [{ file: null, message: `process ended with ${exitCode}: ${message}` }],
  };
}

/** Runs the tests that `npm test` leaves out; their words go to the terminal. Resolves with the exit code. */
async function longTests(simulationMs: number, firstSeed: number): Promise<number> {
  const files = [...new Bun.Glob(LONG_TESTS).scanSync()].map((file) => `./${file}`);
  const child = Bun.spawn([process.execPath, "test", ...files], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, [BUDGET_VARIABLE]: `${simulationMs}`, [FIRST_SEED_VARIABLE]: `${firstSeed}` },
  });
  children.add(child);
  const exitCode = await child.exited;
  children.delete(child);
  return exitCode;
}

async function nightly(entries: readonly FuzzEntry[], budgetMs: number, firstSeed: number): Promise<number> {
  const start = performance.now();
  const threads = Math.min(availableParallelism(), entries.length);
  const slice = Math.max(1, Math.min(ROUND_MS, Math.floor((budgetMs * threads) / entries.length)));
  const totals = new Map(
    entries.map((entry) => [entry, { inputs: 0, rounds: 0, findings: new Map() } as Total]),
  );
  console.log(
    `fuzzing ${entries.length} parsers for ${text(budgetMs)}, ${threads} at a time, seed ${firstSeed}`,
  );
  let turn = 0;
  const work = async (): Promise<void> => {
    for (; performance.now() - start < budgetMs;) {
      const entry = entries[turn % entries.length]!;
      const seed = firstSeed + Math.floor(turn++ / entries.length);
      const rest = Math.ceil(budgetMs - (performance.now() - start));
      const result = await roundInChild(entry, Math.max(1, Math.min(slice, rest)), seed);
      add(totals.get(entry)!, result);
      report(performance.now() - start, budgetMs, entry, seed, result);
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  return summary(totals);
}

function add(total: Total, result: RoundResult): void {
  total.inputs += result.runs;
  total.rounds++;
  for (const { file, message } of result.findings) total.findings.set(file ?? message, message);
}

function report(
  elapsedMs: number,
  budgetMs: number,
  entry: FuzzEntry,
  seed: number,
  result: RoundResult,
): void {
  const found = result.findings.length === 0 ? "" : `, ${result.findings.length} FINDINGS`;
  console.log(
    `[${text(elapsedMs)} of ${text(budgetMs)}] ${entry.name} seed ${seed}: ${result.runs} inputs, slowest ${result.slowestMs.toFixed(0)} ms${found}`,
  );
}

function summary(totals: ReadonlyMap<FuzzEntry, Total>): number {
  let findings = 0;
  console.log("");
  for (const [entry, total] of totals) {
    console.log(
      `${entry.name}: ${total.inputs} inputs in ${total.rounds} rounds, ${total.findings.size} findings`,
    );
    for (const [place, message] of total.findings) console.log(`  ${place}: ${message}`);
    findings += total.findings.size;
  }
  console.log(findings === 0 ? "clean" : `${findings} findings, kept in ${corpus}`);
  return findings === 0 ? 0 : 1;
}

function text(ms: number): string {
  return formatDuration(ms < 10_000 ? Math.round(ms) : Math.round(ms / 1_000) * 1_000);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      budget: { type: "string", default: "60m" },
      seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
      only: { type: "string" },
      corpus: { type: "string", default: corpus },
      round: { type: "boolean", default: false },
    },
  });
  corpus = values.corpus;
  const budgetMs = parseDuration(values.budget);
  if (budgetMs === null) throw new Error(`--budget ${values.budget}: expected a duration such as 60m`);
  const entries = FUZZ_ENTRIES.filter(({ name }) => values.only === undefined || name === values.only);
  if (entries.length === 0) throw new Error(`no fuzz entry is called ${values.only}`);
  if (values.round) await runRound(entries[0]!, budgetMs, Number(values.seed));
  else {
    process.on("SIGINT", endChildren);
    process.on("SIGTERM", endChildren);
    const simulationMs = values.only === undefined ? Math.floor(budgetMs * SIMULATION_SHARE) : 0;
    const failed = values.only === undefined && (await longTests(simulationMs, Number(values.seed))) !== 0;
    const found = await nightly(entries, budgetMs - simulationMs, Number(values.seed));
    process.exitCode = failed ? 1 : found;
  }
}

await main();
