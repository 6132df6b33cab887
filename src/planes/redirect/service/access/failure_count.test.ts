import { expect, test } from "bun:test";
import { ManualClock } from "../../../../platform/clock.ts";
import type { AccessEvent } from "./environment.ts";
import { FailureCount } from "./failure_count.ts";

function start() {
  const clock = new ManualClock();
  const events: AccessEvent[] = [];
  return { clock, events, failures: new FailureCount(clock, (event) => void events.push(event)) };
}

test("the first refusal is told at once, the rest in one line every ten seconds, and silence ends it", () => {
  const { clock, events, failures } = start();
  for (const address of ["10.0.0.1", "10.0.0.2", "", "10.0.0.2"]) failures.count(address);
  expect(events.map(({ fields }) => fields)).toEqual([
    { count: 1, addresses: 1, from: "10.0.0.1", from_count: 1 },
  ]);
  clock.advance(10_000);
  expect(events.at(-1)!.fields).toEqual({ count: 3, addresses: 2, from: "10.0.0.2", from_count: 2 });
  clock.advance(100_000);
  expect(events).toHaveLength(2);
  failures.count("");
  expect(events.at(-1)!.fields["from"]).toBe("unix socket");
  failures.stop();
});

test("so many addresses that memory would grow are counted together", () => {
  const { clock, events, failures } = start();
  failures.count("first");
  for (let number = 0; number < 3_000; number++) failures.count(`address ${number}`);
  clock.advance(10_000);
  expect(events.at(-1)!.fields).toEqual({
    count: 3_000,
    addresses: 1_025,
    from: "others",
    from_count: 1_976,
  });
  failures.stop();
});
