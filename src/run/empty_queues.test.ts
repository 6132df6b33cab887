import { expect, test } from "bun:test";
import { queuesEmpty } from "./empty_queues.ts";

/** Time passes only by waiting; `queued` says what waits at a time. */
function simulated(queued: (socket: number, now: number) => number) {
  let now = 0;
  const ended = queuesEmpty(
    [1, 2],
    (socket) => queued(socket, now),
    async (ms) => void (now += ms),
    () => now,
  );
  return ended.then((empty) => ({ empty, now }));
}

test("queues must stay empty for a while", async () => {
  expect(await simulated(() => 0)).toEqual({ empty: true, now: 300 });
  expect(await simulated((socket, now) => (socket === 2 && now < 100 ? 3 : 0))).toEqual({
    empty: true,
    now: 380,
  });
  expect(await simulated((_, now) => (now === 280 ? 1 : 0))).toEqual({ empty: true, now: 580 });
});

test("a queue that nobody empties is given up", async () => {
  expect(await simulated(() => 1)).toEqual({ empty: false, now: 5_000 });
  expect(await queuesEmpty([], () => 1)).toBe(true);
});
