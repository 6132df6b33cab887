import { expect, test } from "bun:test";
import type { Plan } from "../core/plan.ts";
import type { FileMap, HealthMap, MemberMap } from "../core/snapshot.ts";
import { checkOf } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { issueCertificate } from "../platform/issue_certificate.ts";
import { certificatePlan, tlsPlan } from "../platform/test_tls.ts";
import { prometheusText } from "./exposition.ts";
import { MetricsKeeper } from "./metrics_keeper.ts";
import { ProgramMetrics } from "./program_metrics.ts";
import { parseExposition } from "./test_exposition.ts";
import { testPlan } from "./test_plan.ts";

const START = Date.UTC(2026, 10, 25, 12);

/** Plan whose pools are probed; `named` backends are given by a name instead of an address. */
function probedPlan(named: readonly string[] = []): Plan {
  const plan = testPlan({ pools: { web: ["web1", "web2"], api: ["api1"] } });
  return {
    ...plan,
    pools: plan.pools.map((pool) => ({
      ...pool,
      health_check: checkOf("tcp"),
      backends: pool.backends.map((backend) =>
        named.includes(backend.id)
          ? { ...backend, endpoint: { kind: "tcp" as const, host: "backend.example", port: 80 } }
          : backend,
      ),
    })),
  };
}

function start(plan: Plan, found: { health?: HealthMap; members?: MemberMap; files?: FileMap } = {}) {
  const clock = new ManualClock(START);
  const keeper = new MetricsKeeper();
  const layout = keeper.layout(plan);
  let workers = 0;
  let state: "serving" | "draining" = "serving";
  let { health = {} } = found;
  const { members = {}, files = {} } = found;
  const view = {
    snapshot: () => ({ generation: 1, plan, files, health, members, overrides: {}, documents: {} }),
    counters: () => [{ layout, values: new Float64Array(layout.counters) }],
    vitals: () => ({ state, workers, processes: [], degraded_files: ["a.yaml"] }),
  };
  const metrics = new ProgramMetrics(keeper, view, clock, "1.2.3", "bun 1.4.5");
  return {
    clock,
    metrics,
    read: () => parseExposition(metrics.text(prometheusText)),
    drain: () => void (state = "draining"),
    set workers(count: number) {
      workers = count;
    },
    set health(next: HealthMap) {
      health = next;
    },
  };
}

test("the program tells its version, its start and its workers", () => {
  const program = start(testPlan());
  program.workers = 3;
  program.clock.advance(5_000);
  const found = program.read();
  expect(found.value("fairlead_build_info", { version: "1.2.3", runtime: "bun 1.4.5" })).toBe(1);
  expect(found.value("fairlead_start_time_seconds")).toBe(START / 1000);
  expect(found.value("fairlead_workers_running")).toBe(3);
  expect(found.value("fairlead_config_degraded_files")).toBe(1);
  program.workers = 2;
  expect(program.read().value("fairlead_workers_running")).toBe(2);
});

test("a refused reload shows 0 until one takes effect, and the time of the last that did stays", () => {
  const program = start(testPlan());
  const shown = () => {
    const found = program.read();
    return [
      found.value("fairlead_config_last_reload_success"),
      found.value("fairlead_config_last_reload_success_timestamp_seconds") - START / 1000,
      found.value("fairlead_config_reloads_total", { result: "success" }),
      found.value("fairlead_config_reloads_total", { result: "failure" }),
    ];
  };
  expect(shown()).toEqual([1, 0, 0, 0]);
  program.clock.advance(1_000);
  program.metrics.reloaded(false);
  expect(shown()).toEqual([0, 0, 0, 1]);
  program.clock.advance(1_000);
  program.metrics.reloaded(true);
  expect(shown()).toEqual([1, 2, 1, 1]);
});

test("workers that died are counted", () => {
  const program = start(testPlan());
  expect(program.read().value("fairlead_worker_restarts_total")).toBe(0);
  program.metrics.workerEnded();
  program.metrics.workerEnded();
  expect(program.read().value("fairlead_worker_restarts_total")).toBe(2);
});

test("backends are shown as probes found them, unknown ones not at all", () => {
  const program = start(probedPlan(), { health: { "web/web1": "healthy", "web/web2": "unknown" } });
  const healthy = () =>
    program
      .read()
      .samples.filter(({ name }) => name === "fairlead_backend_healthy")
      .map(({ labels, value }) => [labels["pool"], labels["backend"], value]);
  expect(healthy()).toEqual([["web", "web1", 1]]);
  program.health = {
    "web/web1": "unhealthy",
    "web/web2": "healthy",
    "api/api1": "unhealthy",
    "old/x": "healthy",
  };
  expect(healthy()).toEqual([
    ["web", "web1", 0],
    ["web", "web2", 1],
    ["api", "api1", 0],
  ]);
});

test("a backend with several addresses is healthy while one of them is", () => {
  const members = { "web/web1": ["10.0.0.1", "10.0.0.2"] };
  const program = start(probedPlan(["web1"]), { members });
  const labels = { pool: "web", backend: "web1" };
  const judged = (first: "healthy" | "unhealthy", second: "healthy" | "unhealthy"): number => {
    program.health = { "web/web1@10.0.0.1": first, "web/web1@10.0.0.2": second };
    return program.read().value("fairlead_backend_healthy", labels);
  };
  expect(judged("healthy", "unhealthy")).toBe(1);
  expect(judged("unhealthy", "healthy")).toBe(1);
  expect(judged("unhealthy", "unhealthy")).toBe(0);
});

test("a pool that is probed no more shows no health", () => {
  const plan = testPlan({ pools: { web: ["web1"] } });
  expect(
    start(plan, { health: { "web/web1": "healthy" } })
      .read()
      .types.has("fairlead_backend_healthy"),
  ).toBe(false);
});

test("a drain, the generation and the ends of certificates are shown", () => {
  const short = issueCertificate({ commonName: "a", notAfter: START + 1_000 });
  const long = issueCertificate({ commonName: "b", notAfter: START + 90_000 });
  const plan = testPlan({ listeners: ["web", "api"] });
  const tlsOf = (...certs: string[]) =>
    tlsPlan({ certificates: certs.map((cert) => certificatePlan("a", { cert })) });
  const files = {
    "/a.crt": short.cert,
    "/b.crt": long.cert,
    "/chain.crt": long.cert + short.cert,
    "/no.crt": "?",
  };
  const listeners = [
    { ...plan.listeners[0]!, tls: tlsOf("/a.crt", "/b.crt", "/b.crt") },
    { ...plan.listeners[1]!, tls: tlsOf("/chain.crt", "/no.crt", "/missing.crt") },
  ];
  const program = start({ ...plan, listeners }, { files });
  const found = program.read();
  const ends = found.samples.filter(({ name }) => name === "fairlead_certificate_not_after_seconds");
  expect(ends.map(({ labels, value }) => [labels["listener"], labels["certificate"], value])).toEqual([
    ["web", "/a.crt", START / 1_000 + 1],
    ["web", "/b.crt", START / 1_000 + 90],
    ["api", "/chain.crt", START / 1_000 + 1],
  ]);
  expect(found.value("fairlead_config_generation")).toBe(1);
  expect(found.value("fairlead_draining")).toBe(0);
  program.drain();
  expect(program.read().value("fairlead_draining")).toBe(1);
});
