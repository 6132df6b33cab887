import { expect, test } from "bun:test";
import { DEFAULT_REDIRECT_APP } from "../../../core/defaults.ts";
import type { ProbePlan } from "../../../core/plan.ts";
import { modelOf, stackOf } from "../../../core/redirect/test_decider.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { unhealthyDocument } from "../gateway/published.ts";
import type { AppState } from "../app_state.ts";
import { GAP_MS, HostHealth, type HostProbes, type ProbeListener } from "./host_health.ts";

const CHECK: ProbePlan = {
  type: "tcp",
  interval_ms: 1_000,
  timeout_ms: 500,
  jitter: 0,
  healthy_after: 1,
  unhealthy_after: 1,
  port: null,
  options: {},
};

function setUp() {
  const clock = new ManualClock();
  let given: Parameters<HostProbes["update"]>[0] = [];
  let tell: ProbeListener = () => {};
  const published: Record<string, unknown>[] = [];
  const probed: string[] = [];
  const told: string[] = [];
  const health = new HostHealth({
    clock,
    makeProbes: (result) => {
      tell = result;
      return { update: (addresses) => (given = addresses), stop: () => (given = []) };
    },
    publish: (documents) => published.push(documents),
    report: ({ level, text }) => told.push(`${level} ${text}`),
    probed: (app, { flavor }, success) => probed.push(`${app} ${flavor} ${success ? "+" : "-"}`),
  });
  const result = (host: string, success: boolean): void => {
    const { id } = given.find((one) => one.host === host)!;
    tell(id, success, success ? "healthy" : "unhealthy");
  };
  const addresses = () => given.map(({ host, port }) => `${host}:${port}`);
  const follow = (app: string, one: AppState | null): void => {
    health.follow(app, one);
    clock.advance(GAP_MS);
  };
  return { clock, health, follow, result, addresses, published, probed, told };
}

const state = (settings: Partial<AppState> = {}, check: ProbePlan | null = CHECK): AppState => ({
  plan: { ...DEFAULT_REDIRECT_APP, health_check: check },
  model: modelOf(),
  stacks: [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2*0", "::1"), stackOf("/EU/z1/2.0", "10.0.0.3")],
  ...settings,
});

test("hosts with a weight are probed where traffic would reach them, or at the port of the check", () => {
  const { follow, addresses } = setUp();
  follow("a1", state());
  expect(addresses()).toEqual(["10.0.0.1:8080", "::1:8080", "10.0.0.3:8080"]);
  follow("a1", state({}, { ...CHECK, port: 99 }));
  expect(addresses()).toEqual(["10.0.0.1:99", "::1:99", "10.0.0.3:99"]);
  for (const nothing of [state({}, null), state({ model: null }), state({ stacks: [] }), null]) {
    follow("a1", state());
    follow("a1", nothing);
    expect(addresses()).toEqual([]);
  }
});

test("RD165 failing hosts are told once, together, and are forgotten when they go", () => {
  const { clock, health, follow, result, published, probed, told } = setUp();
  follow("a1", state());
  follow("a2", state({ stacks: [stackOf("/EU/z1/1.0", "10.0.0.9")] }));
  const name = unhealthyDocument("a1");
  published.length = 0;
  result("10.0.0.1", false);
  result("10.0.0.3", false);
  result("10.0.0.9", true);
  clock.advance(GAP_MS);
  expect(published).toEqual([{ [name]: ["/EU/z1/1.0 10.0.0.1", "/EU/z1/2.0 10.0.0.3"] }]);
  expect(probed).toEqual(["a1 1.0 -", "a1 2.0 -", "a2 1.0 +"]);
  result("10.0.0.1", false);
  clock.advance(1_000);
  expect(published.length).toBe(1);
  expect(health.counts("a1")).toEqual({ probed: 3, failing: 2 });
  result("10.0.0.1", true);
  follow("a1", state({ stacks: [stackOf("/EU/z1/1.0", "10.0.0.1")] }));
  expect(published.at(-1)).toEqual({ [name]: [] });
  expect(health.documents()).toEqual({ [name]: [], [unhealthyDocument("a2")]: [] });
  expect(told).toEqual([
    "warning a1: 2 of 3 hosts fail their checks: /EU/z1/1.0 10.0.0.1, /EU/z1/2.0 10.0.0.3",
    "info a1: no host fails its checks any more",
  ]);
  health.keep(new Set(["a2"]));
  clock.advance(GAP_MS);
  expect(published.at(-1)).toEqual({ [name]: null });
  health.stop();
});

test("many hosts that come at once are taken together", () => {
  const { clock, health, published, addresses } = setUp();
  for (let number = 0; number < 100; number++) {
    const hosts = Array.from({ length: number + 1 }, (_, host) => `10.0.1.${host}`);
    health.follow("a1", state({ stacks: [stackOf("/EU/z1/1.0", ...hosts)] }));
  }
  expect([addresses().length, published.length]).toEqual([0, 0]);
  clock.advance(GAP_MS);
  expect([addresses().length, published.length]).toEqual([100, 1]);
});
