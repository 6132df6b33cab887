/** Services for tests of the admin server that need no supervisor. */
import { planOf } from "../core/test_plan.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import type { HealthReport } from "./health.ts";
import { MetricsPages } from "./metrics_pages.ts";
import type { AdminServices } from "./services.ts";

export interface TestPages {
  readonly metrics?: () => string;
  readonly health?: () => HealthReport;
  readonly clock?: Clock;
}

export function testServices({
  metrics = () => "up 1\n",
  health = () => ({ status: "serving", version: "1.2.3", workers: 2, since: "2026-11-25T12:00:00.000Z" }),
  clock = realClock,
}: TestPages = {}): AdminServices {
  const pages = new MetricsPages(metrics, clock);
  const none = () => Promise.reject(new Error("the test has none"));
  return {
    health,
    metrics: (request) => pages.answer(request),
    vitals: () => ({ state: health().status, workers: 2, degraded_files: [], last_reload: null }),
    status: none,
    hosts() {
      throw new Error("the test has none");
    },
    snapshot: () => ({
      generation: 1,
      plan: planOf([]),
      files: {},
      health: {},
      members: {},
      overrides: {},
      documents: {},
    }),
    backends: {
      list: () => [],
      reports: () => [],
      find() {
        throw new Error("the test has none");
      },
      reportOf() {
        throw new Error("the test has none");
      },
      change: none,
    },
    settings: () => [],
    reload: none,
    dryRun: none,
    explain: none,
  };
}
