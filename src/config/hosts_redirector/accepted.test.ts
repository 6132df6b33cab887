import { expect, test } from "bun:test";
import { join } from "node:path";
import { strategyParts as strategies } from "../../core/strategies/all_parts.ts";
import { MemoryFiles, realFiles } from "../../platform/files.ts";
import { probes } from "../../probes/all.ts";
import { loadConfig } from "../load.ts";
import type { ConfigParts } from "../parts.ts";
import { testParts } from "../test_parts.ts";
import { loadHostsRedirector } from "./load.ts";

const parts: ConfigParts = { ...testParts, strategies, probes };

/** Loads the pools of what the original's files became as a configuration of the program's own. */
async function ownPools(
  value: unknown,
  files: MemoryFiles,
  environment: Readonly<Record<string, string>> = {},
) {
  const { pools } = value as { pools: unknown };
  files.write("/own/fairlead.yaml", JSON.stringify({ pools }));
  return await loadConfig({ file: "/own/fairlead.yaml", parts, files, environment });
}

test("HF1/pools those of the examples are what the program's own configuration takes", async () => {
  const file = join(import.meta.dir, "../../../examples/config.yml");
  const { value } = await loadHostsRedirector({ file, files: realFiles });
  const { plan, problems } = await ownPools(value, new MemoryFiles());
  expect(problems).toEqual([]);
  expect(
    plan?.pools.map(({ name, strategy, health_check }) => [name, strategy.name, health_check?.type]),
  ).toEqual([
    ["minio", "random", "http"],
    ["postgres", "sequential", "tcp"],
  ]);
  expect(plan?.pools[0]!.health_check).toMatchObject({
    interval_ms: 5_000,
    timeout_ms: 2_500,
    jitter: 0,
    healthy_after: 1,
    unhealthy_after: 1,
    options: {
      path: "/minio/health/live?from=redirector",
      host: "minio.example.com",
      expect_status: [
        [200, 299],
        [429, 429],
      ],
      follow_redirects: 10,
      tls: { server_name: "minio.example.com" },
    },
  });
});

test("HF2/pools weights, zones, a host that stands twice, names and secrets pass on as they are", async () => {
  const files = new MemoryFiles({
    "/r/config.yml": "local_zone: a\n",
    "/r/lb_configs/x.yml": `name: Größe 1
local_host: x.local
backend_hosts: [{ host: "::1", weight: 2, zone: a }, "::1", b.internal, b.internal]
strategy: round_robin_per_host
family: both
jitter: 0.25
healthcheck:
  type: http
  period: 0.25
  config:
    port: 443
    path: ""
    scheme: https
    cacerts: ca.pem
    headers: { Authorization: "Bearer \${TOKEN}", X-Token: file:token, X-Dollar: "$\${a}" }
`,
    "/r/lb_configs/ca.pem": "PEM",
    "/r/lb_configs/token": "from a file\n",
  });
  const { value, problems: told } = await loadHostsRedirector({
    file: "/r/config.yml",
    files,
    environment: { TOKEN: "t" },
  });
  expect(told).toEqual([]);
  const { plan, problems, files: texts } = await ownPools(value, files, { TOKEN: "t" });
  expect(problems).toEqual([]);
  const [pool] = plan!.pools;
  expect(pool!.name).toBe("Gr__e_1");
  expect(pool!.backends.map(({ id, weight, zone }) => [id, weight, zone])).toEqual([
    ["[::1]:443", 2, "a"],
    ["2/[::1]:443", 1, null],
    ["b.internal:443", 1, null],
    ["2/b.internal:443", 1, null],
  ]);
  expect(pool!.health_check).toMatchObject({
    interval_ms: 250,
    jitter: 0.25,
    options: {
      path: "/",
      headers: { Authorization: "Bearer t", "X-Token": "from a file", "X-Dollar": "${a}" },
      tls: { ca: "/r/lb_configs/ca.pem" },
    },
  });
  expect(texts).toMatchObject({ "/r/lb_configs/ca.pem": "PEM" });
});
