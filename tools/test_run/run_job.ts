/** One `bun test` process with its own process group, report and log. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import type { Job } from "./jobs.ts";
import { readReport, type TestCase } from "./junit.ts";

export interface JobResult {
  readonly cases: readonly TestCase[];
  /** What went wrong besides failed tests, or null: killed, ended by a signal, an error without a failed test. */
  readonly trouble: string | null;
  /** What the process printed. */
  readonly output: string;
  readonly seconds: number;
  /** Had to be killed, or ended without a report. */
  readonly died: boolean;
}

export interface RunOptions {
  /** Folder for reports and logs; made when missing. */
  readonly folder: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds of the longest single test without a timeout of its own. */
  readonly testTimeoutMs: number;
}

const running = new Set<number>();

/** Kills every job under way, with all that it started. */
export function killJobs(): void {
  for (const pid of running) killGroup(pid);
}

/** Runs a job to its end or to its timeout, then kills what is left of its process group. */
export async function runJob(job: Job, options: RunOptions): Promise<JobResult> {
  mkdirSync(options.folder, { recursive: true });
  const base = `${options.folder}/${job.name.replaceAll("/", "__")}`;
  rmSync(`${base}.xml`, { force: true });
  rmSync(`${base}.log`, { force: true });
  const start = performance.now();
  const { exitCode, signal, timedOut } = await runProcess(job, options, base);
  const cases = existsSync(`${base}.xml`) ? readReport(readFileSync(`${base}.xml`, "utf8")) : [];
  const died = timedOut || signal !== null || cases.length === 0;
  return {
    cases,
    died,
    trouble: timedOut
      ? `killed after ${Math.round(job.timeoutMs / 1_000)} s`
      : signal !== null
        ? `ended by ${signal}`
        : exitCode !== 0 && !cases.some(({ outcome }) => outcome === "failed")
          ? `ended with exit code ${exitCode} and no failed test`
          : null,
    output: readFileSync(`${base}.log`, "utf8"),
    seconds: (performance.now() - start) / 1_000,
  };
}

interface Ending {
  readonly exitCode: number;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

async function runProcess(job: Job, options: RunOptions, base: string): Promise<Ending> {
  // A file and not a pipe: a process that a test leaves behind would keep a pipe open.
  const log = openSync(`${base}.log`, "a");
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      `--timeout=${options.testTimeoutMs}`,
      "--only-failures",
      "--reporter=junit",
      `--reporter-outfile=${base}.xml`,
      ...job.files.map((file) => `./${file}`),
    ],
    {
      cwd: options.cwd,
      // CI=1: a forgotten `test.only` is an error, and snapshots are not written.
      env: { ...process.env, ...options.env, CI: "1" },
      stdio: ["ignore", log, log],
      detached: true,
    },
  );
  closeSync(log);
  running.add(child.pid);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, job.timeoutMs);
  await child.exited;
  clearTimeout(timer);
  killGroup(child.pid);
  running.delete(child.pid);
  return {
    exitCode: child.exitCode ?? 1,
    signal: child.signalCode === null ? null : String(child.signalCode),
    timedOut,
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}
