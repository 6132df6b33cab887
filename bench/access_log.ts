/**
 * Cost of one line of the access log, written to a file: a browser's request with ten fields. CPU time (user and
 * system), the median of several rounds in turn.
 *
 *   bun bench/access_log.ts
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_ACCESS_LOG } from "../src/core/defaults.ts";
import type { AccessLogPlan } from "../src/core/plan.ts";
import { AccessLog } from "../src/observe/access_log.ts";
import { openLogFile } from "../src/observe/log_file.ts";
import { testRecord } from "../src/observe/test_access_record.ts";
import { realClock } from "../src/platform/clock.ts";

const ROUNDS = 9;
const LINES = 200_000;
const RECORDS = 64;

const plan: AccessLogPlan = { path: "unused", headers: [], ...DEFAULT_ACCESS_LOG };

const CASES: readonly { readonly name: string; readonly plan: AccessLogPlan; readonly target: string }[] = [
  { name: "json", plan, target: "/api/v2/items/4711" },
  {
    name: "json, query with redaction",
    plan,
    target: "/api/v2/items?page=3&sort=name&token=0123456789abcdef",
  },
  {
    name: "json, three fields",
    plan: { ...plan, headers: ["accept", "authorization", "x-tenant"] },
    target: "/api/v2/items/4711",
  },
  { name: "clf", plan: { ...plan, format: "clf" }, target: "/api/v2/items/4711" },
  {
    name: "json, 1 % of lines",
    plan: { ...plan, sample: { share: 0.01, from_status: 400, slower_than_ms: 0 } },
    target: "/api/v2/items/4711",
  },
];

const records = (target: string) =>
  Array.from({ length: RECORDS }, (_, index) =>
    testRecord(
      {
        target,
        host: "www.example.com",
        id: `0123456789abcdef0123456789abcd${10 + index}`,
        fields: [
          ["Connection", "keep-alive"],
          ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"],
          ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
          ["Accept-Language", "en-GB,en;q=0.5"],
          ["Accept-Encoding", "gzip, deflate, br, zstd"],
          ["Authorization", "Bearer 0123456789abcdef"],
          ["X-Tenant", "blue"],
          ["Sec-Fetch-Mode", "navigate"],
          ["Cookie", "session=0123456789abcdef"],
        ],
      },
      {
        bytesIn: 512,
        bytesOut: 1_234 + index,
        startedMs: index / 7,
        firstByteMs: 0.7,
        routeName: "api",
        poolName: "web",
        backendId: "web1",
        tlsVersion: "1.3",
      },
    ),
  );

export function benchAccessLog(): void {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  const cells = CASES.map((each, index) => ({
    ...each,
    path: join(folder, `${index}.log`),
    records: records(each.target),
    times: [] as number[],
  }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const cell of cells) {
      const log = new AccessLog(cell.plan, realClock);
      log.open(openLogFile(cell.path));
      const start = process.cpuUsage();
      for (let index = 0; index < LINES; index++) log.write(cell.records[index % RECORDS]!, 12 + index / 100);
      log.flush();
      const { user, system } = process.cpuUsage(start);
      log.close();
      if (round > 0) cell.times.push(((user + system) * 1_000) / LINES); // round 0 warms up
    }
  }
  for (const { name, path, times } of cells) {
    const bytes = statSync(path).size / (LINES * (ROUNDS + 1));
    const sorted = times.toSorted((one, other) => one - other);
    console.log(
      `${name.padEnd(32)} ${sorted[ROUNDS >> 1]!.toFixed(0).padStart(6)} ns (${sorted[0]!.toFixed(0)} to ${sorted.at(-1)!.toFixed(0)}), ${bytes.toFixed(0)} bytes a line`,
    );
  }
  rmSync(folder, { recursive: true });
}

if (import.meta.main) benchAccessLog();
