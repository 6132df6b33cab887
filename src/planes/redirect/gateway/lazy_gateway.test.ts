import { expect, test } from "bun:test";
import { strategyByName } from "../../../core/strategies/all.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { runStep } from "../../http/middleware/test_exchange.ts";
import { LazyGateway } from "./lazy_gateway.ts";
import type { GatewayMessage } from "./published.ts";

const REFUSAL = ["redirect_refusals_total", ["-", "unknown_application"], 1] as const;

test("what is counted is told together, a second after the first, and at the end", () => {
  const clock = new ManualClock(0);
  const told: GatewayMessage[] = [];
  const gateway = new LazyGateway({
    random: () => 0,
    strategy: strategyByName,
    clock,
    tell: (message) => told.push(message),
  });
  const step = gateway.step(false);
  const ask = () => runStep(step, { target: "/serviceDirect/nobody" });
  ask();
  clock.advance(999);
  ask();
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual([{ counted: [[REFUSAL[0], REFUSAL[1], 2]] }]);
  clock.advance(10_000);
  expect(told.length).toBe(1);
  ask();
  gateway.end();
  expect(told.slice(1)).toEqual([{ counted: [REFUSAL] }]);
  gateway.end();
  clock.advance(10_000);
  expect(told.length).toBe(2);
});

test("a worker without a redirector has nothing to tell", () => {
  const gateway = new LazyGateway({
    random: () => 0,
    strategy: strategyByName,
    clock: new ManualClock(0),
    tell: () => expect.unreachable(),
  });
  gateway.documents({});
  gateway.changed({});
  gateway.end();
});
