import { expect, test } from "bun:test";
import { refusal } from "../../test/support/store_tools.ts";
import { ManualClock } from "../platform/clock.ts";
import { StateKeeper } from "./state.ts";

test("the state is told when it changes, with the moment of the loss and the last reason", () => {
  const clock = new ManualClock();
  const keeper = new StateKeeper(clock, "not yet");
  const told: unknown[] = [];
  const end = keeper.onState((state) => told.push(state));
  keeper.connected();
  keeper.connected();
  clock.advance(100);
  keeper.disconnected("one");
  clock.advance(100);
  keeper.disconnected("one");
  keeper.disconnected("two");
  expect(told).toEqual([
    { kind: "connected" },
    { kind: "disconnected", since_ms: 100, reason: "one" },
    { kind: "disconnected", since_ms: 100, reason: "two" },
  ]);
  end();
  keeper.closed();
  keeper.connected();
  expect([keeper.state.kind, told.length]).toEqual(["closed", 3]);
});

test("waiting for a connection ends with it, with its time and with the store", async () => {
  const clock = new ManualClock();
  const keeper = new StateKeeper(clock, "nobody is there");
  const waits = [1, 2].map((limit) => keeper.whenConnected(limit * 1_000));
  clock.advance(1_000);
  expect((await refusal(waits[0]!)).message).toBe("no connection within 1000 ms: nobody is there");
  keeper.connected();
  await waits[1]!;
  await keeper.whenConnected(1);
  keeper.disconnected("x");
  const wait = keeper.whenConnected(1_000);
  keeper.closed();
  expect((await refusal(wait)).message).toContain("closed");
  expect((await refusal(keeper.whenConnected(1))).message).toContain("closed");
});
