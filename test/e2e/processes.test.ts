import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { identify } from "../../src/platform/processes.ts";
import { requireRoot } from "../support/require.ts";
import { ask, Load, Place } from "./processes_fixture.ts";
import { until } from "./processes_program.ts";

// Each test starts whole programs, some of them several.
setDefaultTimeout(30_000);

const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.remove();
});

function place(): Place {
  const made = new Place();
  places.push(made);
  return made;
}

const ANY = "127.0.0.1:0";
/** Where clients that have said nothing yet are with a worker all the same. */
const UNDEFERRED = { address: ANY, defer_accept: false };

test("two workers share the connections of a listener evenly", async () => {
  const here = place();
  here.write({ web: ANY, six: "[::1]:0" }, "one");
  const program = here.start();
  const port = await program.port("web");
  const perWorker = new Map<string, number>();
  for (let round = 0; round < 300; round++) {
    const [text, pid = ""] = (await ask(port)).split(" ");
    expect(text).toBe("one");
    perWorker.set(pid, (perWorker.get(pid) ?? 0) + 1);
  }
  expect(perWorker.size).toBe(2);
  // 300 throws of a coin: 9 standard deviations around the half.
  for (const count of perWorker.values()) expect(Math.abs(count - 150)).toBeLessThan(78);
  expect(here.workers().map(String).toSorted()).toEqual([...perWorker.keys()].toSorted());
  expect(await ask(await program.port("six"), "::1")).toStartWith("one ");
});

test("H-J8/h1 a killed worker is replaced while the others serve; only its own connections are lost", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const load = new Load(await program.port("web"));
  await load.until("one");
  for (let kill = 1; kill <= 3; kill++) {
    const [victim = 0] = here.workers();
    process.kill(victim, "SIGKILL");
    const ended = await program.until("worker_ended", kill);
    expect(ended).toMatchObject({ pid: victim, reason: "signal SIGKILL" });
    await program.until("worker_ready", kill);
    await load.until("one");
  }
  const outcomes = await load.stop();
  const { one = 0, ...lost } = outcomes;
  expect(one).toBeGreaterThan(200);
  // At most the connections that were under way: 16 clients, three times, half of them with the victim.
  const cut = Object.values(lost).reduce((sum, count) => sum + count, 0);
  expect(Object.keys(lost).filter((outcome) => outcome !== "ECONNRESET" && outcome !== "nothing")).toEqual(
    [],
  );
  expect(cut).toBeLessThanOrEqual(48);
  expect(here.workers().length).toBe(2);
});

test("reload while connections flow, by command, signal and file: none fails", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const load = new Load(await program.port("web"));
  await load.until("one");
  here.write({ web: ANY }, "two");
  // The watch and the command may both see the change: together they reload once.
  const result = await here.command("reload", "-c", here.file, "--json");
  expect(result).toMatchObject({ code: 0, error: "" });
  expect(JSON.parse(result.out)).toMatchObject({ ok: true, generation: 2 });
  await load.until("two");
  expect(load.count("one")).toBeGreaterThan(0);
  const before = load.count("one");
  await load.until("two", 200);
  expect(load.count("one")).toBeLessThanOrEqual(before + 16);
  here.write({ web: ANY }, "three");
  program.child.kill("SIGHUP");
  await load.until("three");
  here.write({ web: ANY }, "four");
  await load.until("four");
  const outcomes = await load.stop();
  expect(Object.keys(outcomes).toSorted()).toEqual(["four", "one", "three", "two"]);
  expect(load.pids.size).toBe(2);
  expect(readFileSync(join(here.runtime, "generation"), "utf8")).toBe("4\n");
});

test("H-J3/h1 a refused reload says why and leaves the old configuration in place", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const port = await program.port("web");
  here.write({ web: ANY }, "fail");
  const refused = await here.command("reload", "--runtime-dir", here.runtime);
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.error).toContain("plan fail cannot be built");
  here.write({ web: ANY }, "two", "worker: 2");
  const wrong = await here.command("reload", "--runtime-dir", here.runtime);
  expect(wrong.code).toBe(1);
  expect(wrong.error).toContain(`${here.file}:1:1: `);
  expect(await ask(port)).toStartWith("one ");
  here.write({ web: ANY }, "one");
  const same = await here.command("reload", "--runtime-dir", here.runtime);
  expect(same).toMatchObject({ code: 0, out: "nothing changed, generation 1\n" });
});

test("a worker that dies while it builds a new configuration does not stop the reload", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const load = new Load(await program.port("web"), 4);
  await load.until("one");
  here.write({ web: ANY }, "die");
  // Every worker dies of it, and so does each successor: the next configuration must still get through.
  await program.until("worker_failed", 2);
  here.write({ web: ANY }, "two");
  await load.until("two");
  await load.stop();
});

test("a listener is removed without losing a connection, and added again", async () => {
  const here = place();
  here.write({ web: ANY, extra: ANY }, "one");
  const program = here.start();
  const [web, extra] = [new Load(await program.port("web"), 4), new Load(await program.port("extra"), 24)];
  await Promise.all([web.until("one"), extra.until("one", 200)]);
  here.write({ web: ANY }, "two");
  expect((await here.command("reload", "-c", here.file)).code).toBe(0);
  await extra.until("ECONNREFUSED", 10);
  const outcomes = await extra.stop();
  // Every connection that was accepted by the kernel has its answer; later ones are refused.
  expect(Object.keys(outcomes).toSorted()).toEqual(["ECONNREFUSED", "one"]);
  await web.until("two");
  here.write({ web: ANY, extra: `127.0.0.1:${await program.port("extra")}` }, "three");
  expect((await here.command("reload", "-c", here.file)).code).toBe(0);
  expect(await ask(await program.port("extra"))).toStartWith("three ");
  expect(Object.keys(await web.stop()).toSorted()).toEqual(expect.arrayContaining(["one", "two"]));
  expect([...web.outcomes.keys()].filter((outcome) => !["one", "two", "three"].includes(outcome))).toEqual(
    [],
  );
});

test("the number of workers changes while connections flow: none fails", async () => {
  const here = place();
  here.write({ web: ANY }, "text");
  const program = here.start();
  const load = new Load(await program.port("web"));
  await load.until("text");
  for (const workers of [4, 1, 3]) {
    here.write({ web: ANY }, "text", `workers: ${workers}`);
    expect((await here.command("reload", "-c", here.file)).code).toBe(0);
    await load.until("text", 200);
    await until(() => here.workers().length === workers);
    const pids = new Set(here.workers());
    load.pids.clear();
    await until(() => load.pids.size >= Math.min(workers, pids.size));
  }
  expect(Object.keys(await load.stop())).toEqual(["text"]);
});

test("a worker that is asked to end is replaced first: no connection fails", async () => {
  const here = place();
  here.write({ web: ANY }, "text");
  const program = here.start();
  const load = new Load(await program.port("web"));
  await load.until("text");
  const victims = here.workers();
  for (const victim of victims) process.kill(victim, "SIGTERM");
  await program.until("worker_ready", 2);
  await until(() => victims.every((pid) => identify(pid) === null));
  await load.until("text", 200);
  expect(Object.keys(await load.stop())).toEqual(["text"]);
  await until(() => here.workers().length === 2);
});

test("H-J6/h1 SIGTERM drains: what is under way is answered, new connections are refused, exit 0", async () => {
  const here = place();
  here.write({ web: UNDEFERRED }, "text");
  const program = here.start();
  const port = await program.port("web");
  const load = new Load(port);
  await load.until("text");
  const [answered, slow] = [Promise.withResolvers<string>(), connect(port, "127.0.0.1")];
  slow.on("data", (bytes) => answered.resolve(bytes.toString()));
  await new Promise((resolve) => slow.on("connect", resolve));
  program.child.kill("SIGTERM");
  await program.until("stopping");
  await load.until("ECONNREFUSED", 5);
  expect(program.child.exitCode).toBeNull();
  slow.write("?");
  expect(await answered.promise).toStartWith("text ");
  expect(await program.child.exited).toBe(0);
  expect(Object.keys(await load.stop()).toSorted()).toEqual(["ECONNREFUSED", "text"]);
  expect([existsSync(join(here.runtime, "pid")), existsSync(join(here.runtime, "control.sock"))]).toEqual([
    false,
    false,
  ]);
  expect(here.workers()).toEqual([]);
});

test("a second signal ends a drain at once with exit code 1", async () => {
  const here = place();
  here.write({ web: UNDEFERRED }, "text");
  const program = here.start();
  const idle = connect(await program.port("web"), "127.0.0.1");
  idle.on("error", () => {});
  await new Promise((resolve) => idle.on("connect", resolve));
  program.child.kill("SIGINT");
  await program.until("stopping");
  // Signals that follow at once are the same Ctrl-C, passed on twice.
  program.child.kill("SIGINT");
  const since = performance.now();
  await until(() => performance.now() - since > 1_050);
  expect(program.child.exitCode).toBeNull();
  program.child.kill("SIGINT");
  expect(await program.child.exited).toBe(1);
});

test("fairlead stop waits for the end; the control socket serves its owner alone", async () => {
  const here = place();
  here.write({ web: ANY }, "text");
  const program = here.start();
  await program.until("ready");
  const socket = join(here.runtime, "control.sock");
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  const lines = async (request: string) => {
    const answers: string[] = [];
    await new Promise<void>((resolve) => {
      const client = connect(socket, () => client.end(request));
      client.on("data", (bytes) => answers.push(...bytes.toString().trim().split("\n")));
      client.on("close", () => resolve());
    });
    return answers.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  expect(await lines('{"command":"status"}\nnonsense\n{"command":"fly"}\n{}\n')).toMatchObject([
    {
      ok: true,
      pid: program.child.pid,
      generation: 1,
      state: "serving",
      workers: [{ ready: true }, { ready: true }],
    },
    { ok: false, error: "a request is one JSON object on one line" },
    { ok: false, error: 'unknown command "fly"; known: reload, status, stop, upgrade' },
    { ok: false, error: 'a request names its "command"' },
  ]);
  expect(await lines("x".repeat(70_000))).toEqual([
    { ok: false, error: "a request has at most 65536 bytes" },
  ]);
  const stopped = await here.command("stop", "-c", here.file);
  expect(stopped).toEqual({ code: 0, out: `stopped: pid ${program.child.pid}\n`, error: "" });
  expect(await program.child.exited).toBe(0);
  const again = await here.command("stop", "-c", here.file);
  expect(again.code).toBe(1);
  expect(again.error).toContain(`no supervisor answers in runtime_dir ${here.runtime}`);
});

test("a start that is refused says why, exits with 1 and leaves nothing behind", async () => {
  const here = place();
  here.write({ web: ANY }, "text");
  const program = here.start();
  const port = await program.port("web");
  const second = here.start();
  expect(await second.child.exited).toBe(1);
  expect(second.said.at(-1)?.message).toBe(
    `already running as pid ${program.child.pid} with runtime_dir ${here.runtime}`,
  );
  const there = place();
  there.write({ web: `127.0.0.1:${port}` }, "text");
  const third = there.start();
  expect(await third.child.exited).toBe(1);
  expect(third.said.at(-1)?.message).toMatch(
    new RegExp(
      `^listener web: cannot listen on 127.0.0.1:${port}: the address is in use by .+ \\(pid \\d+\\)$`,
    ),
  );
  there.write({ web: ANY }, "die");
  const fourth = there.start();
  expect(await fourth.child.exited).toBe(1);
  expect(fourth.said.at(-1)?.message).toMatch(/^worker \d ended at its start: signal SIGKILL$/);
  there.write({ web: ANY }, "fail");
  const fifth = there.start();
  expect(await fifth.child.exited).toBe(1);
  expect(fifth.said.at(-1)?.message).toBe("plan fail cannot be built");
  expect(existsSync(join(there.runtime, "control.sock"))).toBe(false);
  expect(there.workers()).toEqual([]);
});

test("workers outlive a killed supervisor, and the next one takes their sockets over without a failure", async () => {
  const here = place();
  here.write({ web: ANY, extra: ANY, file: `unix:${here.directory}/web.sock` }, "one");
  const first = here.start();
  const port = await first.port("web");
  const extra = await first.port("extra");
  const loads = [new Load(port, 8), new Load(extra, 4)];
  await Promise.all(loads.map((load) => load.until("one")));
  const orphans = here.workers();
  await first.kill();
  await Promise.all(loads.map((load) => load.until("one", 200)));
  expect(orphans.every((pid) => identify(pid) !== null)).toBe(true);
  const advice = await here.command("stop", "-c", here.file);
  expect(advice.error).toContain("2 workers without a supervisor still serve: --orphans ends them");
  here.write({ web: ANY, extra: ANY, file: `unix:${here.directory}/web.sock` }, "two");
  const second = here.start();
  // Ports that the system has chosen: only the very same sockets have them again.
  expect(await second.port("web")).toBe(port);
  expect(await second.port("extra")).toBe(extra);
  await second.until("predecessor_relieved", 2);
  await until(() => orphans.every((pid) => identify(pid) === null));
  await Promise.all(loads.map((load) => load.until("two")));
  for (const load of loads) expect(Object.keys(await load.stop()).toSorted()).toEqual(["one", "two"]);
  expect(readFileSync(join(here.runtime, "generation"), "utf8")).toBe("2\n");
  expect(existsSync(join(here.directory, "web.sock"))).toBe(true);
  await until(() => here.workers().length === 2);
  expect(
    readdirSync(here.runtime)
      .filter((name) => name.startsWith("worker-"))
      .toSorted(),
  ).toEqual(
    here
      .workers()
      .map((pid) => `worker-${pid}.sock`)
      .toSorted(),
  );
});

test("a supervisor that cannot take over leaves the living workers as they are", async () => {
  const here = place();
  here.write({ web: ANY, file: `unix:${here.directory}/web.sock` }, "one");
  const first = here.start();
  const port = await first.port("web");
  const orphans = here.workers();
  await first.kill();
  here.write({ web: ANY, file: `unix:${here.directory}/web.sock` }, "fail");
  const second = here.start();
  expect((await second.until("start_refused")).message).toContain("plan fail cannot be built");
  expect(await second.child.exited).toBe(1);
  expect(await ask(port)).toStartWith("one ");
  expect(existsSync(join(here.directory, "web.sock"))).toBe(true);
  expect(new Set(here.workers())).toEqual(new Set(orphans));
  here.write({ web: ANY }, "three");
  const third = here.start();
  expect(await third.port("web")).toBe(port);
  await until(() => orphans.every((pid) => identify(pid) === null));
  expect(await ask(port)).toStartWith("three ");
});

test("an address that the next supervisor does not want is retired by the workers that still have it", async () => {
  const here = place();
  here.write({ web: ANY, extra: ANY }, "one");
  const first = here.start();
  const [web, extra] = [new Load(await first.port("web"), 4), new Load(await first.port("extra"), 24)];
  await Promise.all([web.until("one"), extra.until("one", 200)]);
  await first.kill();
  here.write({ web: ANY }, "two");
  here.start();
  await Promise.all([web.until("two"), extra.until("ECONNREFUSED", 10)]);
  expect(Object.keys(await web.stop()).toSorted()).toEqual(["one", "two"]);
  expect(Object.keys(await extra.stop()).toSorted()).toEqual(["ECONNREFUSED", "one"]);
});

for (const by of ["command", "signal"] as const) {
  test(`H-J7 an upgrade by ${by} under load: the new program takes over, nothing fails`, async () => {
    const here = place();
    here.write({ web: ANY, file: `unix:${here.directory}/web.sock` }, "one");
    const program = here.start();
    const port = await program.port("web");
    const load = new Load(port, 16);
    await load.until("one", 200);
    const workers = here.workers();
    for (let round = 1; round <= 3; round++) {
      const old = Number(readFileSync(join(here.runtime, "pid"), "utf8"));
      here.write({ web: ANY, file: `unix:${here.directory}/web.sock` }, `round-${round}`);
      if (by === "signal") process.kill(old, "SIGUSR2");
      else {
        const result = await here.command("upgrade", "-c", here.file, "--json");
        expect(result).toMatchObject({ code: 0, error: "" });
        expect(JSON.parse(result.out)).toEqual({ ok: true, pid: expect.any(Number) });
      }
      await load.until(`round-${round}`, 100);
      await until(() => identify(old) === null);
      expect(Number(readFileSync(join(here.runtime, "pid"), "utf8"))).not.toBe(old);
    }
    expect(await program.child.exited).toBe(0);
    await until(() => workers.every((pid) => identify(pid) === null));
    const outcomes = Object.keys(await load.stop()).toSorted();
    expect(outcomes).toEqual(["one", "round-1", "round-2", "round-3"]);
    expect(existsSync(join(here.directory, "web.sock"))).toBe(true);
    expect((await here.command("stop", "-c", here.file)).code).toBe(0);
    expect(await ask(port)).toBe("ECONNREFUSED");
  });
}

test("an upgrade to a program that cannot start changes nothing and says why", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const port = await program.port("web");
  here.write({ web: ANY }, "fail");
  await program.until("reload_refused");
  const refused = await here.command("upgrade", "-c", here.file);
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.error).toContain("plan fail cannot be built");
  expect(refused.error).toContain("fairlead upgrade: refused, the running program goes on");
  expect(await ask(port)).toStartWith("one ");
  here.write({ web: ANY }, "two");
  expect((await here.command("reload", "-c", here.file)).code).toBe(0);
  expect(await ask(port)).toStartWith("two ");
  expect(Number(readFileSync(join(here.runtime, "pid"), "utf8"))).toBe(program.child.pid);
});

test("a successor that is killed when its workers accept already leaves nobody behind", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const port = await program.port("web");
  const workers = here.workers();
  const load = new Load(port, 8);
  await load.until("one");
  // Workers that accept already do not open their listeners for it again.
  here.write({ web: ANY }, "orphan");
  await load.until("orphan");
  expect((await here.command("upgrade", "-c", here.file)).code).toBe(1);
  here.write({ web: ANY }, "one");
  await until(() => here.workers().length === 2);
  await load.until("one", 200);
  expect(new Set(here.workers())).toEqual(new Set(workers));
  const outcomes = await load.stop();
  expect(Object.keys(outcomes).filter((outcome) => outcome !== "one" && outcome !== "orphan")).toEqual([]);
  expect(Number(readFileSync(join(here.runtime, "pid"), "utf8"))).toBe(program.child.pid);
});

test("fairlead stop --orphans ends workers without a supervisor and no others", async () => {
  const here = place();
  here.write({ web: ANY }, "one");
  const program = here.start();
  const port = await program.port("web");
  expect(await here.command("stop", "--orphans", "-c", here.file)).toMatchObject({
    code: 0,
    out: "nothing to stop\n",
  });
  expect(await ask(port)).toStartWith("one ");
  const workers = here.workers();
  await program.kill();
  const stopped = await here.command("stop", "--orphans", "-c", here.file, "--json");
  expect(JSON.parse(stopped.out)).toEqual({ ok: true, pids: workers });
  expect(await ask(port)).toBe("ECONNREFUSED");
});

test("SIGUSR1 opens the log files again in every worker", async () => {
  const here = place();
  const log = join(here.directory, "access.log");
  here.write({ web: ANY }, "one", `workers: 2\nobservability: { access_log: { path: ${log} } }`);
  const program = here.start();
  await program.until("ready");
  const lines = () => readFileSync(log, "utf8").trim().split("\n").map(Number);
  expect(new Set(lines())).toEqual(new Set(here.workers()));
  renameSync(log, `${log}.1`);
  program.child.kill("SIGUSR1");
  await until(() => existsSync(log) && lines().length === 2);
  expect(new Set(lines())).toEqual(new Set(here.workers()));
});

const notRoot = requireRoot();

test.skipIf(notRoot !== null)("workers give up root and still get new listeners", async () => {
  const here = place();
  here.write({ web: ANY }, "one", "workers: 2\nuser: nobody");
  const program = here.start();
  expect(await ask(await program.port("web"))).toStartWith("one ");
  for (const pid of here.workers()) expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
  const low = Array.from({ length: 50 }, (_, index) => 100 + index).find((port) => isFree(port)) ?? 0;
  here.write({ web: ANY, low: `127.0.0.1:${low}` }, "two", "workers: 2\nuser: nobody");
  expect((await here.command("reload", "-c", here.file)).code).toBe(0);
  expect(await ask(low)).toStartWith("two ");
});

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop();
    return true;
  } catch {
    return false;
  }
}

test("workers: 0 runs everything in one process", async () => {
  const here = place();
  here.write({ web: ANY }, "one", "workers: 2");
  const program = here.start("--workers", "0");
  const port = await program.port("web");
  expect(await ask(port)).toBe(`one ${program.child.pid}`);
  expect(here.workers()).toEqual([]);
  here.write({ web: ANY }, "two", "workers: 2");
  expect((await here.command("reload", "-c", here.file)).code).toBe(0);
  expect(await ask(port)).toBe(`two ${program.child.pid}`);
  program.child.kill("SIGTERM");
  expect(await program.child.exited).toBe(0);
});

test("commands explain themselves", async () => {
  const here = place();
  for (const name of ["run", "reload", "stop", "check"]) {
    const { code, out } = await here.command(name, "--help");
    expect([code, out.includes(`usage: fairlead ${name}`), out.includes("examples:")]).toEqual([
      0,
      true,
      true,
    ]);
  }
  expect(await here.command("--version")).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^fairlead \d+\.\d+\.\d+ /),
  });
  expect(JSON.parse((await here.command("--version", "--json")).out)).toMatchObject({ platform: "linux" });
  expect((await here.command("fly")).error).toContain("unknown command fly");
  expect(await here.command("run", "--fly")).toMatchObject({ code: 2, out: "" });
  expect((await here.command("run", "--set", "nonsense")).error).toContain("expected PATH=VALUE");
  expect((await here.command("run", "--log-format", "xml")).code).toBe(2);
  expect((await here.command("reload", "--runtime-dir", here.directory, "--json")).out).toContain(
    '"ok":false',
  );
  expect((await here.command("worker")).error).toContain("started by its supervisor");
});
