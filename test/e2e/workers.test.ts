/** What a machine must not notice of its workers: logs, faults, memory, with the real program in processes. */
import { expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rawOrigin } from "../support/raw_origin.ts";
import { KeepAliveLoad } from "./processes_load.ts";
import { runFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };

test(
  "H-J13/h1 an access log that nobody reads stalls no worker, and what is lost is counted",
  async () => {
    using origin = await rawOrigin();
    const directory = mkdtempSync(join(tmpdir(), "fairlead-fifo-"));
    const pipe = join(directory, "access.pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      await using fairlead = await runFairlead(
        `workers: 2\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n` +
          `observability: { access_log: { path: ${pipe}, buffer: 4KiB, flush: 10ms } }`,
      );
      const load = new KeepAliveLoad(fairlead.port());
      // A pipe holds 64 KiB, each worker keeps as much, and a line has some 300 bytes.
      await load.until("200 ok", 2_000);
      expect(await fairlead.metric("access_log_lines_dropped_total")).toBeGreaterThan(0);
      expect(Object.keys(await load.stop())).toEqual(["200 ok"]);
      const piece = Buffer.alloc(1_024);
      expect(readSync(reader, piece)).toBe(1_024);
      expect(JSON.parse(piece.toString("utf8").split("\n")[0]!)).toMatchObject({ status: 200 });
    } finally {
      closeSync(reader);
      rmSync(directory, { recursive: true, force: true });
    }
  },
  PATIENCE,
);

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
