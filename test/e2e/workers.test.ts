/** What a machine must not notice of its workers: logs, faults, memory, with the real program in processes. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rawClient } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";
import { KeepAliveLoad } from "./processes_load.ts";
import { runFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };

test(
  "a pipe that nobody has opened for reading refuses the start instead of stalling it",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-fifo-"));
    const pipe = join(directory, "access.pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    try {
      const started = runFairlead(
        `routes: [{ respond: { status: 200 } }]\nobservability: { access_log: { path: ${pipe} } }`,
      );
      const outcome = await started.then(() => "started", String);
      expect(outcome).toContain("it is a pipe that nobody reads");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  PATIENCE.timeout,
);

test(
  "an operator sees what workers and probes notice, in lines of JSON",
  async () => {
    using origin = await rawOrigin();
    const yaml = (route: string) =>
      `workers: 2\npools: { app: { backends: [{ id: a, url: "${origin.url}" }], health_check: { type: tcp, interval: 100ms, unhealthy_after: 1 } } }\n` +
      `routes: [{ name: all, priority: 1, pool: app }${route}]\nobservability: { access_log: { path: /dev/full, flush: 10ms } }`;
    await using fairlead = await runFairlead(yaml(""));
    const { program } = fairlead;
    expect(await program.until("health_changed")).toMatchObject({
      level: "info",
      pool: "app",
      key: "a",
      health: "healthy",
    });
    const load = new KeepAliveLoad(fairlead.port());
    const warned = await program.until("worker_warning");
    expect(warned.message).toMatch(
      /^worker \d \(pid \d+\): the access log cannot be written: no space left on device$/,
    );
    expect(fairlead.workers).toContain(warned["pid"] as number);
    expect(Object.keys(await load.stop())).toEqual(["200 ok"]);
    origin.close();
    expect(await program.until("health_changed", 2)).toMatchObject({ level: "warning", health: "unhealthy" });
    expect(await program.until("pool_changed")).toMatchObject({
      level: "error",
      message: "pool app is down: no backend may take a request (of 1 backend 0 healthy, 1 unhealthy)",
      condition: "down",
    });
    const secret = "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
    const guarded = `, { name: safe, match: "Path(\`/safe\`)", pool: app, middlewares: [{ basic_auth: { users: ["${secret}"] } }] }`;
    fairlead.write(yaml(guarded));
    expect(await program.until("reloaded")).toMatchObject({
      message: expect.stringMatching(/^reloaded, generation \d+: route safe added$/),
      changes: ["route safe added"],
    });
    expect(JSON.stringify(program.said)).not.toContain("5en6G6MezRroT3XKqkdPOmY");
    expect(program.other).toEqual([]);
  },
  PATIENCE,
);

test(
  "a worker without a supervisor tells the operator itself",
  async () => {
    await using fairlead = await runFairlead(
      `workers: 1\nroutes: [{ respond: { status: 200, body: ok } }]\nobservability: { access_log: { path: /dev/full, flush: 10ms } }`,
    );
    const { program } = fairlead;
    const [worker = 0] = fairlead.workers;
    program.child.kill("SIGKILL");
    await program.child.exited;
    try {
      using client = await rawClient(fairlead.port());
      expect((await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(200);
      expect(await program.until("worker_warning")).toMatchObject({
        message: `worker (pid ${worker}) without a supervisor: the access log cannot be written: no space left on device`,
      });
    } finally {
      process.kill(worker, "SIGKILL");
    }
  },
  PATIENCE,
);
