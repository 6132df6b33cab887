import { expect, test } from "bun:test";
import { queuesEmpty } from "./empty_queues.ts";

/** Time passes only by waiting; `queued` and `handshakes` say what there is at a time. */
function simulated(
  queued: (socket: number, now: number) => number,
  handshakes: (now: number) => number = () => 0,
) {
  let now = 0;
  const ended = queuesEmpty([1, 2], {
    queued: (socket) => queued(socket, now),
    handshakes: () => handshakes(now),
    pause: async (ms) => void (now += ms),
    now: () => now,
  });
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
  expect(await queuesEmpty([], { queued: () => 1, handshakes: () => 1 })).toBe(true);
});

test("a connection that is kept back for its first byte is waited for, but not for ever", async () => {
  const untilOneSecond = (now: number): number => (now < 1_000 ? 1 : 0);
  expect(await simulated((_, now) => (now === 1_000 ? 1 : 0), untilOneSecond)).toEqual({
    empty: true,
    now: 1_300,
  });
  expect(
    await simulated(
      () => 0,
      () => 7,
    ),
  ).toEqual({ empty: true, now: 1_500 });
});
