import { expect, test } from "bun:test";
import { ManualClock } from "../platform/clock.ts";
import { HealthReports, LINES_PER_WINDOW, WINDOW_MS, type HealthReport } from "./health_reports.ts";

function setUp() {
  const clock = new ManualClock();
  const said: HealthReport[] = [];
  const reports = new HealthReports(clock, (event) => said.push(event));
  const change = (pool: string, key: string, health: "healthy" | "unhealthy") =>
    reports.changed({ pool, key, health, reason: "refused" });
  return { clock, said, reports, change };
}

test("a few changes have a line each, and no summary follows", () => {
  const { clock, said, change } = setUp();
  change("app", "a", "unhealthy");
  change("app", "a", "healthy");
  clock.advance(3 * WINDOW_MS);
  expect(said.map(({ level, text }) => `${level}: ${text}`)).toEqual([
    "warning: pool app: backend a is unhealthy (refused)",
    "info: pool app: backend a is healthy (refused)",
  ]);
});

test("a thousand backends that go and come are ten lines and a summary for each window", () => {
  const { clock, said, change } = setUp();
  for (const health of ["unhealthy", "healthy"] as const)
    for (let index = 0; index < 1_000; index++) change(index < 900 ? "app" : "api", `${index}`, health);
  clock.advance(WINDOW_MS);
  expect(said.length).toBe(LINES_PER_WINDOW + 1);
  expect(said.at(-1)).toMatchObject({
    event: "health_summary",
    level: "warning",
    text: "1990 more changes of health: 990 to unhealthy, 1000 to healthy (app 1790, api 200)",
    fields: { healthy: 1_000, unhealthy: 990, pools: { app: 1_790, api: 200 }, more_pools: 0 },
  });
  change("app", "1", "unhealthy");
  expect(said.length).toBe(LINES_PER_WINDOW + 2);
});

test("of many pools those with most changes are named, and the end tells what is owed", () => {
  const { said, reports, change } = setUp();
  for (let round = 0; round < 8; round++)
    for (let index = round; index < 8; index++) change(`p${index}`, "a", "healthy");
  reports.stop();
  expect(said.at(-1)?.text).toBe(
    "26 more changes of health: 0 to unhealthy, 26 to healthy (p7 7, p6 6, p5 5, p4 4, p3 3 and 1 more)",
  );
  reports.stop();
  expect(said.length).toBe(LINES_PER_WINDOW + 1);
});
