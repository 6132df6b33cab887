/** The real program and its configuration files: what cannot be read, what is refused, and what commands print of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askOnce } from "../support/raw_client.ts";
import { Program } from "./processes_fixture.ts";
import { runFairlead, type RunningFairlead } from "./processes_program.ts";
import { PROGRAM } from "../support/program.ts";

const PATIENCE = { timeout: 60_000 };
const root = mkdtempSync(join(tmpdir(), "fairlead-files-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const body = async (fairlead: RunningFairlead, path: string): Promise<string> =>
  (await askOnce(fairlead.port(), `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`)).body.toString();
const answering = (text: string, more = ""): string =>
  `workers: 0\n${more}\nroutes: [{ respond: { status: 200, body: ${text} } }]`;

test(
  "routes of a conf.d that cannot be listed stay, and it is told; when it can be again its files count as they are",
  async () => {
    await using fairlead = await runFairlead(answering("main"));
    const folder = join(fairlead.directory, "conf.d");
    mkdirSync(folder);
    const extra = (text: string): string =>
      `routes: [{ match: "Path(\`/extra\`)", respond: { status: 200, body: ${text} } }]\n`;
    writeFileSync(join(folder, "a.yaml"), extra("one"));
    await fairlead.reload();
    expect(await body(fairlead, "/extra")).toBe("one");

    renameSync(folder, `${folder}.aside`);
    symlinkSync("conf.d", folder);
    const reload = await fairlead.reload();
    expect(reload.code).toBe(0);
    expect((await fairlead.program.until("config_problem")).message).toBe(
      `${folder}: cannot be listed: too many symbolic links`,
    );
    expect(await body(fairlead, "/extra")).toBe("one");
    expect(await fairlead.metric("config_degraded_files")).toBe(2);

    writeFileSync(join(`${folder}.aside`, "a.yaml"), extra("two"));
    rmSync(folder);
    renameSync(`${folder}.aside`, folder);
    await fairlead.reload();
    expect(await body(fairlead, "/extra")).toBe("two");
    expect(await fairlead.metric("config_degraded_files")).toBe(0);
  },
  PATIENCE,
);

test(
  "a configuration that a reload refuses is not what the next start falls back to",
  async () => {
    await using fairlead = await runFairlead(answering("good"));
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    fairlead.write(answering("refused", `listeners: { web: { address: "127.0.0.1:${taken.port}" } }`));
    const refused = await fairlead.reload();
    expect(refused.code).toBe(1);
    expect(refused.error).toContain("listener web");
    fairlead.signal("SIGTERM");
    expect(await fairlead.program.child.exited).toBe(0);

    fairlead.write("routes: [");
    const next = new Program(["-c", fairlead.file, "--log-format", "json"], PROGRAM);
    try {
      await next.until("ready");
      expect((await next.until("config_warning")).message).toContain("the last good one, saved at ");
    } finally {
      await next.kill();
      taken.stop();
    }
  },
  PATIENCE,
);

test(
  "reload and stop find the program by a configuration that is bad, and say what is wrong where they cannot",
  async () => {
    await using fairlead = await runFairlead(answering("main"));
    fairlead.write("wrokers: 1");
    const refused = await fairlead.command("reload", "-c", fairlead.file);
    expect(refused.code).toBe(1);
    expect(refused.error).toContain("fairlead.yaml:3:1: wrokers: unknown key");
    expect(refused.error).toEndWith("fairlead reload: refused\n");

    writeFileSync(fairlead.file, "routes: [\n");
    for (const name of ["reload", "stop"]) {
      const lost = await fairlead.command(name, "-c", fairlead.file);
      expect(lost.code).toBe(1);
      expect(lost.error).toContain(`${fairlead.file}:2:1: flow sequence`);
      expect(lost.error).toContain(`${fairlead.file}: runtime_dir is not known; give --runtime-dir DIR`);
    }

    fairlead.write("wrokers: 1");
    const stopped = await fairlead.command("stop", "-c", fairlead.file);
    expect([stopped.code, stopped.error]).toEqual([0, ""]);
    expect(await fairlead.program.child.exited).toBe(0);
  },
  PATIENCE,
);

test(
  "output to a slow pipe is complete, and output that is lost is no success",
  async () => {
    // The reader leaves a program that does not wait for it the time to end.
    const schema = [...PROGRAM, "check", "--schema"];
    const slow = Bun.spawn(
      ["sh", "-c", `"$@" | { read -r line; sleep 1; printf '%s\\n' "$line"; cat; }`, "sh", ...schema],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const text = await slow.stdout.text();
    expect(text.length).toBeGreaterThan(65_536);
    expect(JSON.parse(text)).toHaveProperty("properties.pools");
    const full = Bun.spawn(["sh", "-c", `"$@" >/dev/full`, "sh", ...schema], {
      stdio: ["ignore", "inherit", "ignore"],
    });
    expect(await full.exited).toBe(1);
  },
  PATIENCE,
);

test(
  "a pipe as configuration is refused at once",
  async () => {
    const pipe = join(root, "pipe.yaml");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    const child = Bun.spawn([...PROGRAM, "run", "-c", pipe], {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    expect(await child.stderr.text()).toContain(`${pipe}: cannot be read: not a regular file\n`);
    expect(await child.exited).toBe(1);
  },
  PATIENCE,
);
