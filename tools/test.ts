/**
 * `npm test`: every test file of the project, with an honest count.
 *
 * Test files run in processes of their own (`test_run/jobs.ts` says which together), two at a time. Counts come from
 * test-results/junit.xml, which is merged from the reports of all processes. A file on disk that no report has counts as
 * one failed test, and so does a process that ends with an error without a failed test. Skips are printed with their
 * reasons and never count as passed. The last line is `N passed, N failed`.
 *
 * usage: tools/test.ts [--no-install] [--folder DIR] [start of a path …]
 *
 *   --no-install    installs no Debian packages
 *   --folder DIR    where the report goes (default: test-results)
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatDuration } from "../src/core/schema/duration.ts";
import { installPackages, missingPackages } from "./test_run/debian_packages.ts";
import { planJobs, type Job } from "./test_run/jobs.ts";
import { countOutcomes, writeReport, type TestCase } from "./test_run/junit.ts";
import { killJobs, runJob, type JobResult, type RunOptions } from "./test_run/run_job.ts";

/** No job starts after this: what is left counts as failed. */
const LAST_START_MS = 16 * 60_000;
const FUZZ_BUDGET_MS = 60_000;
const OUTPUT_LINES = 200;

function testFiles(filters: readonly string[]): string[] {
  return [...new Bun.Glob("{src,test,tools,bench}/**/*.test.ts").scanSync(".")]
    .filter((file) => filters.length === 0 || filters.some((filter) => file.startsWith(filter)))
    .toSorted();
}

/** Runs the jobs and returns all cases, also made-up failed ones for what did not run. */
async function runAll(jobs: readonly Job[], options: RunOptions): Promise<TestCase[]> {
  const start = performance.now();
  const waiting = [...jobs];
  const cases: TestCase[] = [];
  const died: { job: Job; result: JobResult }[] = [];
  let done = 0;
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      if (performance.now() - start > LAST_START_MS) {
        cases.push(...job.files.map((file) => madeUpFailure(file, "not run: the whole run took too long")));
        continue;
      }
      const result = await runJob(job, options);
      const again = result.died && job.files.length > 1;
      const own = again ? [] : withMissing(job, result);
      cases.push(...own);
      show(`${++done}`, job, result, own, again);
      if (!again) continue;
      // A process that died tells nothing about its files: each runs again, alone.
      died.push({ job, result });
      waiting.push(...job.files.map((file) => ({ ...job, name: file, files: [file] })));
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  return [...cases, ...unexplained(died, cases)];
}

/** Groups that died although each of their files passes alone. */
function unexplained(
  died: readonly { job: Job; result: JobResult }[],
  cases: readonly TestCase[],
): TestCase[] {
  const failed = new Set(cases.filter(({ outcome }) => outcome === "failed").map(({ file }) => file));
  return died
    .filter(({ job }) => !job.files.some((file) => failed.has(file)))
    .map(({ job, result }) =>
      madeUpFailure(job.files[0]!, `${job.name} together: ${result.trouble ?? "no report"}`),
    );
}

/** The cases of a job, with a failed one for each of its files that did not report and for other trouble. */
function withMissing(job: Job, result: JobResult): TestCase[] {
  const reported = new Set(result.cases.map(({ file }) => file));
  const silent = job.files.filter((file) => !reported.has(file));
  const why = result.trouble ?? "it did not load or has no test";
  const made = silent.map((file) => madeUpFailure(file, `not in the report: ${why}`));
  if (result.trouble !== null && silent.length === 0) made.push(madeUpFailure(job.files[0]!, result.trouble));
  return [...result.cases, ...made];
}

function madeUpFailure(file: string, message: string): TestCase {
  return { file, groups: [], name: "(run)", line: 0, assertions: 0, seconds: 0, outcome: "failed", message };
}

function show(
  progress: string,
  job: Job,
  result: JobResult,
  cases: readonly TestCase[],
  again: boolean,
): void {
  const { passed, failed, skipped } = countOutcomes(cases);
  const counts = `${passed} passed${failed > 0 ? `, ${failed} FAILED` : ""}${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  const outcome = again ? `${result.trouble ?? "no report"}; each file runs again alone` : counts;
  console.log(`[${progress}] ${job.name}: ${outcome} (${result.seconds.toFixed(1)} s)`);
  const lines = result.output.split("\n");
  for (const line of lines.filter((each) => each.startsWith("note: "))) console.log(`      ${line}`);
  if (failed === 0 && !again) return;
  for (const each of cases.filter(({ name, outcome }) => outcome === "failed" && name === "(run)"))
    console.log(`      ${each.file}: ${each.message}`);
  if (lines.length > OUTPUT_LINES) console.log(`      … ${lines.length - OUTPUT_LINES} lines before`);
  for (const line of lines.slice(-OUTPUT_LINES)) console.log(`      ${line}`);
}

/** Reasons that `test/support/require.ts` noted in `log`, by test file. */
function skipReasons(log: string): Map<string, Set<string>> {
  const reasons = new Map<string, Set<string>>();
  const text = existsSync(log) ? readFileSync(log, "utf8") : "";
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const { file, reason } = JSON.parse(line) as { file: string; reason: string };
    reasons.set(file, (reasons.get(file) ?? new Set()).add(reason));
  }
  return reasons;
}

function withReason(each: TestCase, reasons: ReadonlyMap<string, ReadonlySet<string>>): TestCase {
  if (each.outcome !== "skipped") return each;
  const noted = [...(reasons.get(each.file) ?? [])].join(", ");
  return { ...each, message: noted === "" ? each.message || "no reason given" : noted };
}

function printSummary(cases: readonly TestCase[]): void {
  const { passed, failed, skipped } = countOutcomes(cases);
  const named = (each: TestCase): string => [each.file, ...each.groups, each.name].join(" > ");
  for (const each of cases.filter(({ outcome }) => outcome === "failed"))
    console.log(`failed: ${named(each)}: ${each.message.split("\n")[0]}`);
  const skips = cases.filter(({ outcome }) => outcome === "skipped");
  for (const each of skips) console.log(`skipped: ${named(each)}: ${each.message}`);
  const reasons = [...Map.groupBy(skips, ({ message }) => message)].map(
    ([why, own]) => `${own.length} ${why}`,
  );
  console.log(skipped === 0 ? "0 skipped" : `${skipped} skipped: ${reasons.join("; ")}`);
  console.log(`${passed} passed, ${failed} failed`);
}

async function main(): Promise<void> {
  const start = performance.now();
  const { values, positionals } = parseArgs({
    options: {
      "no-install": { type: "boolean", default: false },
      folder: { type: "string", default: "test-results" },
    },
    allowPositionals: true,
  });
  const report = `${values.folder}/junit.xml`;
  const skipLog = resolve(values.folder, "skips.jsonl");
  mkdirSync(values.folder, { recursive: true });
  for (const old of [report, skipLog, `${values.folder}/jobs`]) rmSync(old, { recursive: true, force: true });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      killJobs();
      process.exit(130);
    });
  const files = testFiles(positionals);
  const warning = values["no-install"] ? null : await installPackages(missingPackages());
  if (warning !== null) console.log(`warning: ${warning}`);
  const jobs = planJobs(files);
  console.log(`${files.length} test files in ${jobs.length} processes`);
  const ran = await runAll(jobs, {
    folder: `${values.folder}/jobs`,
    cwd: process.cwd(),
    env: { TEST_SKIP_LOG: skipLog, FUZZ_BUDGET_MS: String(FUZZ_BUDGET_MS) },
    testTimeoutMs: 30_000,
  });
  const reasons = skipReasons(skipLog);
  const cases = ran.map((each) => withReason(each, reasons));
  if (files.length === 0) cases.push(madeUpFailure("", "no test file was found"));
  writeFileSync(report, writeReport(cases));
  console.log(
    `${formatDuration(Math.round((performance.now() - start) / 1_000) * 1_000)}, report in ${report}`,
  );
  printSummary(cases);
  process.exit(countOutcomes(cases).failed === 0 ? 0 : 1);
}

await main();
