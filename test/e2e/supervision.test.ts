/** What a supervisor survives, and what it refuses so that nothing has to be survived: the real program in processes. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askSupervisor } from "../../src/run/control_client.ts";
import { askOnce } from "../support/raw_client.ts";
import { runFairlead, type RunningFairlead, until } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** A configuration whose only route answers `body`. */
const answering = (body: string, more = "", workers = 1) =>
  `workers: ${workers}\nroutes: [{ respond: { status: 200, body: ${body} } }]\n${more}`;

const bodyOf = async (fairlead: RunningFairlead): Promise<string> =>
  (await askOnce(fairlead.port(), GET)).body.toString();

/** Kills the only worker and waits until another one serves. */
async function replaceWorker(fairlead: RunningFairlead): Promise<void> {
  const [worker = 0] = fairlead.workers;
  const ready = () => fairlead.program.said.filter(({ event }) => event === "worker_ready").length;
  const before = ready();
  process.kill(worker, "SIGKILL");
  await until(() => ready() > before, "another worker serves");
}

const messages = (fairlead: RunningFairlead, event: string): string[] =>
  fairlead.program.said.filter((said) => said.event === event).map(({ message }) => message);

test(
  "an account that is not there is refused; one that is there acts from the next start on, and the log says so",
  async () => {
    await using fairlead = await runFairlead(answering("one"));
    fairlead.write(answering("two", "user: nosuchuser"));
    const refused = await fairlead.reload();
    expect([refused.code, refused.error]).toEqual([
      1,
      expect.stringMatching(/fairlead\.yaml:5:7: user: no user named nosuchuser/),
    ]);
    await replaceWorker(fairlead);
    expect(await bodyOf(fairlead)).toBe("one");

    await fairlead.apply(answering("three", "user: nobody"));
    expect(messages(fairlead, "config_warning")).toEqual(["user acts from the next start on"]);
    await replaceWorker(fairlead);
    expect(await bodyOf(fairlead)).toBe("three");
    const [worker = 0] = fairlead.workers;
    const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${worker}/status`, "latin1"))?.[1];
    expect(uid).toBe(String(process.getuid?.()));
    expect(messages(fairlead, "worker_failed")).toEqual([]);
  },
  PATIENCE,
);

test(
  "a runtime directory that is gone and cannot be made: reloads act, workers are replaced, one warning says so",
  async () => {
    await using fairlead = await runFairlead(answering("one"));
    const runtime = join(fairlead.directory, "run");
    rmSync(runtime, { recursive: true });
    writeFileSync(runtime, "no directory");
    // Followed by the watch, and by a signal where that comes first.
    fairlead.write(answering("two"));
    fairlead.signal("SIGHUP");
    await until(async () => (await bodyOf(fairlead)) === "two", "the reload acts");
    await replaceWorker(fairlead);
    expect(await bodyOf(fairlead)).toBe("two");
    expect(fairlead.workers.length).toBe(1);
    expect(messages(fairlead, "worker_failed")).toEqual([]);
    expect(messages(fairlead, "runtime_dir_failed")).toEqual([
      expect.stringContaining(`cannot write to runtime_dir ${runtime}, which is tried again: `),
    ]);

    rmSync(runtime);
    const generation = join(runtime, "generation");
    await until(() => existsSync(generation), "the directory is made anew");
    expect(readFileSync(generation, "utf8")).toBe("2\n");
    expect(readFileSync(join(runtime, "pid"), "utf8")).toBe(`${fairlead.program.child.pid}\n`);
    fairlead.signal("SIGTERM");
    expect(await fairlead.program.child.exited).toBe(0);
  },
  PATIENCE,
);

test(
  "a new admin address that is taken refuses the reload, which acts once it is free; the same one in other words stays",
  async () => {
    await using fairlead = await runFairlead(answering("one"));
    const at = (address: string) => `admin: { address: "${address}" }`;
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const wanted = `127.0.0.1:${taken.port}`;
    fairlead.write(answering("two", at(wanted)));
    for (let round = 0; round < 2; round++) {
      const refused = await fairlead.reload();
      expect([refused.code, refused.error]).toEqual([
        1,
        expect.stringContaining(`admin: cannot listen on ${wanted}: the address is in use`),
      ]);
      expect(await bodyOf(fairlead)).toBe("one");
    }
    expect((await fairlead.page("/health")).status).toBe(200);
    taken.stop();
    expect(await fairlead.reload()).toMatchObject({ code: 0, out: "reloaded, generation 2\n" });
    fairlead.admin = wanted;
    expect((await fairlead.page("/health")).status).toBe(200);

    await fairlead.apply(answering("three", at(`localhost:${taken.port}`)));
    expect(await bodyOf(fairlead)).toBe("three");
    expect((await fairlead.page("/health")).status).toBe(200);
  },
  PATIENCE,
);

test(
  "a worker that is stuck holds up neither status nor the begin of a drain",
  async () => {
    await using fairlead = await runFairlead(answering("one", "", 2));
    const [stuck = 0] = fairlead.workers;
    process.kill(stuck, "SIGSTOP");
    const asked = performance.now();
    const status = await askSupervisor(join(fairlead.directory, "run"), { command: "status" });
    expect(performance.now() - asked).toBeLessThan(10_000);
    const stats = new Map(
      (status["workers"] as { pid: number; stats: object | null }[]).map((worker) => [
        worker.pid,
        worker.stats,
      ]),
    );
    expect([stats.get(stuck), stats.size]).toEqual([null, 2]);
    const stopped = fairlead.command("stop", "--runtime-dir", join(fairlead.directory, "run"));
    await fairlead.program.until("stopping");
    expect(performance.now() - asked).toBeLessThan(20_000);
    process.kill(stuck, "SIGCONT");
    expect(await stopped).toEqual({
      code: 0,
      out: `stopped: pid ${fairlead.program.child.pid}\n`,
      error: "",
    });
    expect(await fairlead.program.child.exited).toBe(0);
  },
  PATIENCE,
);

test(
  "workers run no code and take no variables of the folder that the program was started in, and have its name",
  async () => {
    await using fairlead = await runFairlead(answering("one"));
    const folder = join(fairlead.directory, "folder");
    mkdirSync(folder);
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(folder, "preload.ts"), `await Bun.write("ran", "");\n`);
    // The program itself was started elsewhere: what counts here is the command that starts a worker.
    const [worker = 0] = fairlead.workers;
    const words = readFileSync(`/proc/${worker}/cmdline`, "utf8").split("\0").slice(1, -1);
    const child = Bun.spawnSync([process.execPath, ...words], { cwd: folder });
    expect(child.stderr.toString()).toContain("a worker is started by its supervisor");
    expect(existsSync(join(folder, "ran"))).toBe(false);
    const nameOf = (pid: number) => readFileSync(`/proc/${pid}/comm`, "utf8");
    expect(nameOf(worker)).toBe(nameOf(fairlead.program.child.pid));
  },
  PATIENCE,
);
