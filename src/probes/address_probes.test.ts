import { expect, test } from "bun:test";
import type { ProbePlan } from "../core/plan.ts";
import { ManualClock } from "../platform/clock.ts";
import type { NameAnswer } from "../platform/names.ts";
import { AddressProbes, type ProbedAddress } from "./address_probes.ts";
import type { Probe, ProbeResult } from "./contract.ts";
import { MAX_RUNNING_PROBES } from "./scheduler.ts";
import { z } from "zod";

const CHECK: ProbePlan = {
  type: "fake",
  interval_ms: 1_000,
  timeout_ms: 500,
  jitter: 0,
  healthy_after: 2,
  unhealthy_after: 2,
  port: null,
  options: {},
};
const at = (id: string, host = "10.0.0.1", check: ProbePlan = CHECK): ProbedAddress => ({
  id,
  host,
  port: 80,
  check,
});

/** Probes whose answers the test gives: by the address, or null to leave them open. */
function setUp(answer: (address: string) => boolean | null, lookup?: () => Promise<NameAnswer>) {
  const clock = new ManualClock();
  const told: string[] = [];
  const started: string[] = [];
  let open = 0;
  const fake: Probe = {
    name: "fake",
    summary: "",
    schema: z.unknown(),
    create: () => ({
      start(address, done: (result: ProbeResult) => void) {
        started.push(address.text);
        const healthy = answer(address.text);
        if (healthy === null) open++;
        else done({ healthy, reason: "" });
        return () => void (healthy === null && open--);
      },
    }),
  };
  const probes = new AddressProbes({
    probes: [fake],
    clock,
    random: () => 0.5,
    names: { lookup: lookup ?? (() => Promise.reject(new Error("no names here"))) },
    readFile: () => "",
    result: (id, success, health) => told.push(`${id} ${success ? "+" : "-"} ${health}`),
  });
  return { probes, clock, told, started, openNow: () => open };
}

test("the first result decides, later changes take as many in a row as the check says", () => {
  let isWell = true;
  const { probes, clock, told } = setUp(() => isWell);
  probes.update([at("one")]);
  isWell = false;
  clock.advance(2_600);
  expect(told).toEqual(["one + healthy", "one - healthy", "one - unhealthy", "one - unhealthy"]);
  probes.update([]);
  clock.advance(5_000);
  expect(told.length).toBe(4);
  probes.stop();
});

test("addresses that are as before keep what is known of them, others begin anew", () => {
  const { probes, told } = setUp((address) => !address.startsWith("10.0.0.9"));
  probes.update([at("one"), at("two", "10.0.0.9")]);
  probes.update([at("one"), at("two", "10.0.0.2"), at("three", "10.0.0.9")]);
  expect(told).toEqual(["one + healthy", "two - unhealthy", "two + healthy", "three - unhealthy"]);
  probes.stop();
});

test("however many addresses there are, only so many probes run at once, and none is left when it stops", () => {
  const { probes, openNow, started } = setUp(() => null);
  probes.update(Array.from({ length: MAX_RUNNING_PROBES + 100 }, (_, number) => at(`host-${number}`)));
  expect([openNow(), started.length]).toEqual([MAX_RUNNING_PROBES, MAX_RUNNING_PROBES]);
  probes.stop();
  expect(openNow()).toBe(0);
});

test("a name is looked up for each probe, and a lookup that fails is a probe that fails", async () => {
  const answers: NameAnswer[] = [
    { kind: "found", addresses: ["10.0.0.7"], ttl_ms: 1 },
    { kind: "failed", reason: "no such name" },
    { kind: "found", addresses: [], ttl_ms: 1 },
  ];
  const { probes, clock, told, started } = setUp(
    () => true,
    async () => answers.shift()!,
  );
  const check = { ...CHECK, unhealthy_after: 1 };
  probes.update([at("named", "host.example", check)]);
  for (let step = 0; step < 3; step++) {
    await Bun.sleep(0);
    clock.advance(1_000);
  }
  await Bun.sleep(0);
  expect(started).toEqual(["10.0.0.7:80"]);
  expect(told.slice(0, 3)).toEqual(["named + healthy", "named - unhealthy", "named - unhealthy"]);
  probes.stop();
});

test("a check that cannot be made fails each time", () => {
  const { probes, told } = setUp(() => true);
  probes.update([at("one", "10.0.0.1", { ...CHECK, type: "other" })]);
  expect(told).toEqual(["one - unhealthy"]);
  probes.stop();
});
