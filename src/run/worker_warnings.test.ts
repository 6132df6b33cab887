import { expect, test } from "bun:test";
import { LINES_PER_WINDOW, WINDOW_MS } from "../observe/log_limiter.ts";
import { ManualClock } from "../platform/clock.ts";
import { WorkerWarnings } from "./worker_warnings.ts";

test("a flood of warnings is cut and counted, then told again", () => {
  const clock = new ManualClock();
  const sent: string[] = [];
  const { warn } = new WorkerWarnings((text) => sent.push(text), clock);
  for (let round = 0; round < 1_000; round++) warn(`fault ${round}`);
  expect(sent).toHaveLength(LINES_PER_WINDOW);
  for (let passed = 0; passed <= WINDOW_MS; passed += 1_000) clock.advance(1_000);
  expect(sent.slice(LINES_PER_WINDOW)).toEqual([`${1_000 - LINES_PER_WINDOW} more messages were left out`]);
  warn("one more");
  expect(sent.at(-1)).toBe("one more");
  warn("x".repeat(100_000));
  expect(sent.at(-1)).toHaveLength(4_096);
});
