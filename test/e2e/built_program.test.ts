/** The program as one file: without sources and `node_modules`, with workers started from itself. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../tools/build.ts";
import { testPeople } from "../../src/platform/test_tls.ts";
import { askOnce, tlsClient } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";
import { runProgram } from "./processes_program.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

test(
  "npm run build: the file runs anywhere, with workers, TLS, reload and drain",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-built-"));
    try {
      await build(join(directory, "fairlead"));
      // Elsewhere and under another name: nothing may depend on where it was built.
      const program = join(directory, "moved");
      renameSync(join(directory, "fairlead"), program);
      chmodSync(program, 0o755);
      const run = (...args: string[]) => Bun.spawnSync([program, ...args], { cwd: "/", env: {} });
      expect(run("--version").stdout.toString()).toStartWith("fairlead ");
      writeFileSync(join(directory, "bad.yaml"), "routes: [{ mach: x }]\n");
      const refused = run("check", "-c", join(directory, "bad.yaml"));
      expect([refused.exitCode, refused.stdout.toString() + refused.stderr.toString()]).toEqual([
        1,
        expect.stringContaining("bad.yaml:1:12: routes[0].mach: unknown key"),
      ]);

      // Nothing of the folder that it is started in is code or settings of it.
      const folder = join(directory, "folder");
      mkdirSync(folder);
      writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
      writeFileSync(join(folder, "preload.ts"), `await Bun.write("ran", "");\n`);
      writeFileSync(join(folder, ".env"), "FAIRLEAD_WORKERS=of-the-folder\n");
      writeFileSync(join(folder, "good.yaml"), 'listeners: { web: { address: ":0" } }\n');
      const there = Bun.spawnSync([program, "check", "-c", "good.yaml"], { cwd: folder, env: {} });
      expect([there.exitCode, there.stderr.toString()]).toEqual([0, ""]);
      expect(existsSync(join(folder, "ran"))).toBe(false);

      const preload = `--preload ${join(folder, "preload.ts")}`;
      const led = Bun.spawnSync([program, "--version"], { cwd: folder, env: { BUN_OPTIONS: preload } });
      expect([led.exitCode, led.stderr.toString()]).toEqual([
        1,
        "fairlead: BUN_OPTIONS is set, which can bring foreign code into the program: unset it\n",
      ]);

      using origin = await rawOrigin();
      const { a } = testPeople();
      writeFileSync(join(directory, "a.crt"), a.cert);
      writeFileSync(join(directory, "a.key"), a.key);
      const yaml = (route: string): string =>
        `workers: 2\nlisteners:\n  web: { address: "127.0.0.1:0" }\n` +
        `  secure: { address: "127.0.0.1:0", tls: { certificates: [{ cert: ${directory}/a.crt, key: ${directory}/a.key }] } }\n` +
        `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [${route}]\n`;
      await using fairlead = await runProgram([program], yaml("{ pool: app }"));
      expect(fairlead.workers.length).toBe(2);
      expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("ok");
      using secure = await tlsClient(fairlead.port("secure"), { servername: "a.test" });
      expect((await secure.ask(GET)).body.toString()).toBe("ok");
      await fairlead.apply(yaml("{ respond: { status: 200, body: reloaded } }"));
      expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("reloaded");
      expect((await fairlead.page("/metrics")).text).toContain("fairlead_http_requests_total");

      // The file may be removed for an upgrade, and another one stand in its place, while workers must be replaced.
      rmSync(program);
      for (const round of [1, 2]) {
        process.kill(fairlead.workers[0] ?? 0, "SIGKILL");
        await fairlead.program.until("worker_ready", round);
        expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("reloaded");
        writeFileSync(program, "#!/bin/sh\nexit 7\n", { mode: 0o755 });
      }
      expect(fairlead.workers.length).toBe(2);
      expect(fairlead.program.said.filter(({ event }) => event === "worker_failed")).toEqual([]);
      fairlead.signal("SIGTERM");
      expect(await fairlead.program.child.exited).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  { timeout: 60_000 },
);

test(
  "black-box tests pass against the file that FAIRLEAD_BIN names",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-built-"));
    try {
      const program = join(directory, "fairlead");
      await build(program);
      const child = Bun.spawn(
        [process.execPath, "test", "test/e2e/succession.test.ts", "test/e2e/status.test.ts"],
        {
          cwd: join(import.meta.dir, "../.."),
          env: { ...process.env, FAIRLEAD_BIN: program },
          stdio: ["ignore", "ignore", "pipe"],
        },
      );
      const said = await child.stderr.text();
      expect([await child.exited, said]).toEqual([0, expect.stringMatching(/ [1-9]\d* pass\n 0 fail/)]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  { timeout: 180_000 },
);
