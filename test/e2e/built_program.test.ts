/** The program as one file: without sources and `node_modules`, with workers started from itself. */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
      fairlead.signal("SIGTERM");
      expect(await fairlead.program.child.exited).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  { timeout: 60_000 },
);
