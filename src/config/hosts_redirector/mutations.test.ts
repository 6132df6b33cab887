/** No key is accepted and ignored: another value of each one gives another result. And no value makes loading throw. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { MemoryFiles } from "../../platform/files.ts";
import { keysAt } from "../schema_walk.ts";
import { loadBalancerFile } from "./load_balancer_file.ts";
import { loadHostsRedirector, type HostsRedirectorResult } from "./load.ts";
import { mainFile } from "./main_file.ts";

/** Each key with a value and another one. */
const MAIN: Readonly<Record<string, readonly [unknown, unknown]>> = {
  log_level: ["INFO", "ERROR"],
  log_format: ["%(message)s", "%(levelno)d"],
  log_file_path: ["/a.log", "/b.log"],
  log_file_max_bytes: [1, 2],
  log_file_max_backups: [1, 2],
  lb_configs_dir: ["lbs", "others"],
  persist_hosts_block: [true, false],
  pid_file: ["/a.pid", null],
  hosts_file: ["/a", "/b"],
  mode: ["rename", "in_place"],
  dry_run: [true, false],
  resolve_interval: [1, 2],
  local_zone: ["a", "b"],
  hooks: [[{ command: ["/bin/a"], timeout: 1 }], [{ command: ["/bin/a"], timeout: 2 }]],
};
const SHARED: Readonly<Record<string, readonly [unknown, unknown]>> = {
  name: ["a", "b"],
  local_host: ["a.local", "b.local"],
  strategy: ["sequential", "random"],
  rise: [1, 2],
  fall: [1, 2],
  jitter: [0, 0.5],
  failback: ["never", { after: 1 }],
  on_all_down: ["keep", { last_resort: "10.0.0.1" }],
  family: ["ipv4", "both"],
  aliases: [[], ["c.local"]],
  max_entries: [1, 2],
};
const BACKEND: Readonly<Record<string, readonly [unknown, unknown]>> = {
  host: ["10.0.0.1", "10.0.0.2"],
  weight: [1, 2],
  zone: ["a", "b"],
};
const TCP: Readonly<Record<string, readonly [unknown, unknown]>> = { port: [1, 2], timeout: [1, 2] };
const HTTP: Readonly<Record<string, readonly [unknown, unknown]>> = {
  ...TCP,
  method: ["GET", "POST"],
  headers: [{ A: "b" }, { A: "c" }],
  scheme: ["https", "http"],
  path: ["/a", "/b"],
  query: [null, "a"],
  cacerts: ["/a.pem", "/b.pem"],
  expected_status: ["200", "^2"],
  expected_response: ["a", "b"],
  expected_response_encoding: ["utf-8", "cp1252"],
};

/** The first values, with the second one of `changed`. */
const valuesOf = (keys: Readonly<Record<string, readonly [unknown, unknown]>>, changed?: string): object =>
  Object.fromEntries(Object.entries(keys).map(([key, [one, other]]) => [key, key === changed ? other : one]));

interface Change {
  readonly main?: string;
  readonly shared?: string;
  readonly backend?: string;
  readonly period?: number;
  readonly type?: "tcp" | "http";
  readonly config?: string;
}

const zoned = (change: Change): object => ({
  ...valuesOf(SHARED, change.shared),
  backend_hosts: [valuesOf(BACKEND, change.backend)],
  healthcheck: {
    type: change.type ?? "http",
    period: change.period ?? 1,
    config: valuesOf(change.type === "tcp" ? TCP : HTTP, change.config),
  },
});

/** The result with everything set, and `change` in it. JSON is YAML. */
async function loaded(change: Change): Promise<HostsRedirectorResult> {
  const lb = JSON.stringify(zoned(change));
  const files = new MemoryFiles({
    "/r/config.yml": JSON.stringify(valuesOf(MAIN, change.main)),
    "/r/lbs/a.yml": lb,
    "/r/others/a.yml": lb,
    "/a.pem": "",
    "/b.pem": "",
  });
  return await loadHostsRedirector({ file: "/r/config.yml", files });
}

/** What acts, without the hashes of what was read. */
const acting = (result: HostsRedirectorResult): unknown => ({ ...result, fileHashes: null });

const changes: readonly Change[] = [
  ...Object.keys(MAIN).map((main) => ({ main })),
  ...Object.keys(SHARED).map((shared) => ({ shared })),
  ...Object.keys(BACKEND).map((backend) => ({ backend })),
  { period: 2 },
  { type: "tcp" },
  ...Object.keys(HTTP).map((config) => ({ config })),
  ...Object.keys(TCP).map((config) => ({ type: "tcp" as const, config })),
];

test.each(changes)("HF2 a change of %j changes the result", async (change) => {
  const { config, ...without } = change;
  const before = await loaded("type" in change && config !== undefined ? without : {});
  const after = await loaded(change);
  expect([...before.problems, ...after.problems]).toEqual([]);
  expect(acting(after)).not.toEqual(acting(before));
});

test("HF2 every key that is accepted is among those that change", () => {
  expect(Object.keys(MAIN).toSorted()).toEqual(keysAt(mainFile, [], {}).toSorted());
  expect(Object.keys(zoned({})).toSorted()).toEqual(keysAt(loadBalancerFile, [], {}).toSorted());
  const value = zoned({});
  expect(Object.keys(BACKEND).toSorted()).toEqual(
    keysAt(loadBalancerFile, ["backend_hosts", 0], value).toSorted(),
  );
  expect(Object.keys(HTTP).toSorted()).toEqual(
    keysAt(loadBalancerFile, ["healthcheck", "config"], value).toSorted(),
  );
});

/** `value` with `other` in the place of the part that `turns` leads to. */
function replaced(value: unknown, turns: readonly number[], other: unknown): unknown {
  const [turn = 0, ...rest] = turns;
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return other;
  const keys = Object.keys(value);
  const key = keys[turn % keys.length]!;
  const inner = rest.length === 0 ? other : replaced((value as Record<string, unknown>)[key], rest, other);
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (String(index) === key ? inner : item));
  return { ...value, [key]: inner };
}

test("HF24 any value anywhere is accepted or told with its place, and nothing throws", async () => {
  const other = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      "",
      "x",
      "yes",
      "1_0",
      [],
      [null],
      {},
      { after: 0 },
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
      other,
      fc.boolean(),
      async (turns, value, inMain) => {
        const [main, lb] = [valuesOf(MAIN), zoned({})].map((part, index) =>
          JSON.stringify((index === 0) === inMain ? replaced(part, turns, value) : part),
        );
        const files = new MemoryFiles({ "/r/config.yml": main!, "/r/lbs/a.yml": lb!, "/a.pem": "" });
        const {
          problems,
          warnings,
          value: result,
        } = await loadHostsRedirector({ file: "/r/config.yml", files });
        expect(result === null).toBe(problems.length > 0);
        if (result === null) refused++;
        for (const problem of [...problems, ...warnings]) expect(problem.line).toBeGreaterThan(0);
      },
    ),
    { numRuns: 1_000, seed: 11 },
  );
  expect(refused).toBeGreaterThan(300);
});
