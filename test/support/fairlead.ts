/** A whole Fairlead in this process for black-box tests: from the text of a configuration to its sockets. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parts } from "../../src/composition.ts";
import { configuration } from "../../src/cli/configuration.ts";
import type { CreateProgram } from "../../src/core/worker_program.ts";
import type { ConfigPart } from "../../src/config/parts.ts";
import type { MetricsKeeper } from "../../src/observe/metrics_keeper.ts";
import type { LoadedConfiguration, ReloadResult } from "../../src/run/parts.ts";
import { createStep } from "../../src/planes/http/middleware/all.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";
import type { ManualClock } from "../../src/platform/clock.ts";
import { startInProcess, type InProcessInstance } from "../../src/run/start_in_process.ts";

export interface FairleadOptions {
  /** Files beside the configuration, by name; the configuration finds them by their names. */
  readonly files?: Readonly<Record<string, string>>;
  /** Another program than the real one, for test-only modules. */
  readonly createProgram?: CreateProgram;
  /** Time of the worker, which then stands still until the test moves it. */
  readonly clock?: ManualClock;
  /** Middlewares beside the real ones, for the configuration. */
  readonly middlewares?: readonly ConfigPart[];
}

const LOG_FLUSH_MS = 10;

/** One line of the access log. */
export type LogLine = Readonly<Record<string, string | number>>;

export interface Fairlead {
  readonly instance: InProcessInstance;
  readonly directory: string;
  readonly metrics: MetricsKeeper;
  /** Address of the admin server, `127.0.0.1:PORT`. */
  readonly admin: string;
  /** Port of a listener, `web` when none is named. */
  port(listener?: string): number;
  /** Reloads with another configuration text. */
  reload(yaml: string): Promise<ReloadResult>;
  /** Lines of the access log so far; waits up to 2 s for at least `count`, and moves a clock that stands still. */
  log(count: number): Promise<LogLine[]>;
  /** Sum of all series of a metric whose labels hold each text of `labels`. */
  metric(name: string, ...labels: readonly string[]): number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts `yaml`. A listener `web` on a free port of 127.0.0.1 and an access log in JSON are added where the text has no
 * `listeners:` or no `observability:`. Throws with all problems of the configuration.
 */
export async function startFairlead(yaml: string, options: FairleadOptions = {}): Promise<Fairlead> {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-test-"));
  for (const [name, content] of Object.entries(options.files ?? {}))
    writeFileSync(join(directory, name), content);
  const file = join(directory, "fairlead.yaml");
  const config = await parts.config();
  const middlewares = [...config.middlewares, ...(options.middlewares ?? [])];
  const { load } = configuration({ file, set: [] }, { ...config, middlewares });
  const loadText = async (text: string): Promise<LoadedConfiguration> => {
    writeFileSync(file, withDefaults(text, directory));
    return await load();
  };
  const loaded = await loadText(yaml);
  if (loaded.plan === null) throw new Error(loaded.problems.join("\n"));
  const supervisorParts = await parts.supervisor();
  const metrics = supervisorParts.counters as MetricsKeeper;
  const instance = await startInProcess(loaded.plan, {
    createProgram: options.createProgram ?? programAt(options.clock),
    counters: metrics,
    files: loaded.files,
    ...(supervisorParts.initial === undefined ? {} : { initial: supervisorParts.initial }),
    ...(supervisorParts.parts === undefined ? {} : { parts: supervisorParts.parts }),
  });
  const text = () => metrics.text("fairlead", instance.supervisor.counters());
  return {
    instance,
    directory,
    metrics,
    admin: instance.supervisor.partAddresses[0] ?? "",
    port: (listener = "web") => instance.port(listener),
    async reload(next) {
      const result = await loadText(next);
      return instance.reload({ plan: result.plan, files: result.files, problems: result.problems });
    },
    async log(count) {
      const path = join(directory, "access.log");
      for (const end = performance.now() + 2_000; ;) {
        const lines = readFileSync(path, "utf8")
          .split("\n")
          .filter((line) => line !== "");
        if (lines.length >= count || performance.now() > end)
          return lines.map((line) => JSON.parse(line) as LogLine);
        options.clock?.advance(LOG_FLUSH_MS);
        await Bun.sleep(10);
      }
    },
    metric: (name, ...labels) => sumOf(text(), name, labels),
    async [Symbol.asyncDispose]() {
      await instance[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function programAt(clock: ManualClock | undefined): CreateProgram {
  if (clock === undefined) return parts.createProgram;
  return (identity) => new HttpProgram(identity, { createStep, clock });
}

function withDefaults(yaml: string, directory: string): string {
  let text = `runtime_dir: ${directory}/run\nstate_dir: ${directory}/state\n${yaml}\n`;
  if (!/^listeners:/m.test(yaml)) text += `listeners: { web: { address: "127.0.0.1:0" } }\n`;
  if (!/^observability:/m.test(yaml))
    text += `observability: { access_log: { path: ${directory}/access.log, flush: ${LOG_FLUSH_MS}ms } }\n`;
  if (!/^admin:/m.test(yaml)) text += `admin: { address: "127.0.0.1:0" }\n`;
  return text;
}

function sumOf(exposition: string, name: string, labels: readonly string[]): number {
  let sum = 0;
  for (const line of exposition.split("\n")) {
    const match = /^([a-z_0-9]+)(\{[^}]*\})? (\S+)$/.exec(line);
    if (match === null || match[1] !== `fairlead_${name}`) continue;
    if (labels.every((label) => (match[2] ?? "").includes(label))) sum += Number(match[3]);
  }
  return sum;
}

/** Waits until `condition` holds, for up to `timeoutMs`. Throws `what` otherwise. */
export async function until(condition: () => boolean, what: string, timeoutMs = 5_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !condition();) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await Bun.sleep(2);
  }
}

/** Moves `clock` by `ms` in steps; sockets have their turn after each one. */
export async function pass(clock: ManualClock, ms: number, stepMs = 500): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
