import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../core/plan.ts";
import { observabilityOf } from "../core/test_plan.ts";
import { MetricsKeeper } from "../observe/metrics_keeper.ts";
import { parseExposition } from "../observe/test_exposition.ts";
import { testPlan } from "../observe/test_plan.ts";
import type { HealthReport } from "./health.ts";
import { AdminPart } from "./part.ts";
import { testServices } from "./test_services.ts";

const parts: AdminPart[] = [];
afterEach(() => {
  for (const part of parts.splice(0)) part.stop();
});

function startPart() {
  const metrics = new MetricsKeeper();
  const state = { plan: planAt("127.0.0.1:0"), state: "serving" as "serving" | "draining", workers: 2 };
  const events: object[] = [];
  const layout = metrics.layout(state.plan);
  const part = new AdminPart(
    {
      takingOver: false,
      snapshot: () => ({
        generation: 1,
        plan: state.plan,
        files: {},
        health: {},
        members: {},
        overrides: {},
        documents: {},
      }),
      counters: () => [{ layout, values: new Float64Array(layout.counters).fill(1) }],
      vitals: () => ({
        state: state.state,
        workers: state.workers,
        degraded_files: [],
        processes: [],
        last_reload: null,
      }),
      status: () => Promise.reject(new Error("none")),
      settings: () => [],
      reload: () => Promise.reject(new Error("none")),
      dryRun: () => Promise.reject(new Error("none")),
      explain: () => Promise.reject(new Error("none")),
      report: (event) => void events.push(event),
    },
    {
      metrics,
      backends: testServices().backends,
      hosts: testServices().hosts,
      version: "1.2.3",
      runtime: "bun 1.4.5",
    },
  );
  parts.push(part);
  return { part, state, events };
}

function planAt(address: string, prefix = "fairlead"): Plan {
  const plan = testPlan();
  return {
    ...plan,
    admin: { ...plan.admin, address },
    observability: observabilityOf({ metrics: { prefix } }),
  };
}

const get = (part: Pick<AdminPart, "address">, path: string): Promise<Response> =>
  fetch(`http://${part.address}${path}`);

test("health follows the supervisor", async () => {
  const { part, state } = startPart();
  part.planChanged(state.plan);
  const serving = await get(part, "/health");
  expect(serving.status).toBe(200);
  const report = (await serving.json()) as HealthReport;
  expect(report).toMatchObject({ status: "serving", version: "1.2.3", workers: 2 });
  expect(Math.abs(Date.now() - Date.parse(report.since))).toBeLessThan(60_000);
  Object.assign(state, { state: "draining", workers: 0 });
  const draining = await get(part, "/health");
  expect(draining.status).toBe(503);
  expect(await draining.json()).toEqual({ ...report, status: "draining", workers: 0 });
});

test("the text has what workers counted and what the supervisor knows, under the plan's prefix", async () => {
  const { part, state } = startPart();
  part.planChanged(state.plan);
  part.reloaded({ ok: false });
  part.workerEnded();
  const read = async () => parseExposition(await (await get(part, "/metrics")).text());
  const found = await read();
  expect(found.value("fairlead_connections_accepted_total", { listener: "web" })).toBe(1);
  expect(found.value("fairlead_config_last_reload_success")).toBe(0);
  expect(found.value("fairlead_worker_restarts_total")).toBe(1);
  expect(found.value("fairlead_workers_running")).toBe(2);
  state.plan = planAt("127.0.0.1:0", "lb");
  expect((await read()).value("lb_workers_running")).toBe(2);
});

test("another address is served in the place of the one before, an equal one stays", async () => {
  const { part, state } = startPart();
  part.planChanged(state.plan);
  const before = part.address;
  part.planChanged(planAt("127.0.0.1:0", "other"));
  expect(part.address).toBe(before);
  for (const same of [before, before.replace("127.0.0.1", "localhost"), "localhost:0"]) {
    part.planChanged(planAt(same));
    expect(part.address).toBe(before);
  }
  part.planChanged(planAt("127.0.0.2:0"));
  expect(part.address).toStartWith("127.0.0.2:");
  expect((await get(part, "/health")).status).toBe(200);
  expect(fetch(`http://${before}/health`)).rejects.toThrow();
});

test("an address that cannot be served leaves the one before", async () => {
  const { part, state } = startPart();
  part.planChanged(state.plan);
  const before = part.address;
  expect(() => part.planChanged(planAt("0.0.0.0:9900"))).toThrow("only this machine may reach it");
  expect(part.address).toBe(before);
  expect((await get(part, "/health")).status).toBe(200);
});

test("the address of a plan that comes is served beside, until the plan acts or is refused", async () => {
  const { part, state } = startPart();
  part.planChanged(state.plan);
  const before = part.address;
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const refuse = () => part.planComing(planAt(`127.0.0.1:${taken.port}`));
  expect(refuse).toThrow(`admin: cannot listen on 127.0.0.1:${taken.port}: the address is in use`);
  const path = join(tmpdir(), `fairlead-admin-${process.pid}.sock`);
  const there = planAt(`unix:${path}`);
  const answers = async () => (await fetch("http://localhost/health", { unix: path })).status;
  part.planComing(there);
  expect([part.address, await answers(), (await get(part, "/health")).status]).toEqual([before, 200, 200]);
  part.reloaded({ ok: false });
  expect(existsSync(path)).toBe(false);
  part.planComing(there);
  part.planChanged(there);
  part.reloaded({ ok: true });
  expect([part.address, await answers()]).toEqual([`unix:${path}`, 200]);
  expect(await get({ address: before }, "/health").catch(() => "refused")).toBe("refused");
});
