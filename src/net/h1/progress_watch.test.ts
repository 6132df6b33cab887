/** Slow, stuck and fast peers, judged by what has moved. */
import { expect, test } from "bun:test";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../core/defaults.ts";
import { ProgressWatch, type Progress } from "./progress_watch.ts";

const limits = { ...DEFAULT_LIMITS, minimum_rate: 100, minimum_rate_grace: 5_000 };
const timeouts = { ...DEFAULT_TIMEOUTS, idle_progress: 10_000, first_byte: 30_000 };

/** Judges a phase that begins at 0 with 1,000 bytes at each [second, bytes]. */
function judged(looks: readonly (readonly [number, number])[], waits = false, rates = limits): Progress[] {
  const watch = new ProgressWatch();
  watch.begin(0, 1_000);
  return looks.map(([seconds, bytes]) => watch.judge(seconds * 1_000, bytes, waits, rates, timeouts));
}

test("a peer below the rate is too slow after the grace, and not before", () => {
  expect(
    judged([
      [1, 1_001],
      [5, 1_002],
      [6, 1_003],
    ]),
  ).toEqual(["fine", "fine", "too_slow"]);
  expect(
    judged([
      [5, 1_500],
      [6, 1_600],
      [7, 1_700],
    ]),
  ).toEqual(["fine", "fine", "fine"]);
});

test("who was fast may live on that, but for a limited time", () => {
  const million = 1_001_000;
  expect(
    judged([
      [1, million],
      [5, million + 1],
      [11, million + 2],
      [12, million + 3],
    ]),
  ).toEqual(["fine", "fine", "fine", "too_slow"]);
});

test("without a rate nothing but silence counts", () => {
  const free = { ...limits, minimum_rate: 0 };
  expect(
    judged(
      [
        [9, 1_001],
        [18, 1_001],
        [19, 1_001],
      ],
      false,
      free,
    ),
  ).toEqual(["fine", "fine", "stuck"]);
});

test("who waits to be asked has the time of a first byte, until something moves", () => {
  const free = { ...timeouts, idle_progress: 0 };
  const watch = new ProgressWatch();
  watch.begin(0, 0);
  expect(watch.judge(29_000, 0, true, limits, free)).toBe("fine");
  expect(watch.judge(29_500, 1, true, limits, free)).toBe("too_slow");
});

test("fewer bytes than before begin a new count", () => {
  expect(
    judged([
      [4, 900],
      [8, 901],
      [10, 902],
    ]),
  ).toEqual(["fine", "fine", "too_slow"]);
  const watch = new ProgressWatch();
  watch.begin(0, 0);
  watch.note(700);
  expect(watch.silentFor(1_000)).toBe(300);
});
