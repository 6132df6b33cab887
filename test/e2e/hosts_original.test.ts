/** The original hosts redirector's files and command line, unchanged, through the real program. */
import { expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { VERSION } from "../../src/core/version.ts";
import { PROGRAM } from "../support/program.ts";
import { BackendProcess, backendProcesses, HostsPlace } from "./hosts_program.ts";
import { until } from "./processes_program.ts";

const PATIENCE = 60_000;
const LOCAL = "127.0.0.1 localhost\n";
const EXAMPLES = join(import.meta.dir, "../../examples");

/** An lb file for backends on one port, probed each 0.2 s. */
function balancer(
  name: string,
  backends: readonly { readonly address: string; readonly port: number }[],
  more = "",
): string {
  return `name: ${name}
local_host: ${name}.test
backend_hosts: [${backends.map(({ address }) => address).join(", ")}]
strategy: sequential
healthcheck: { type: tcp, period: 0.2, config: { port: ${backends[0]!.port}, timeout: 0.5 } }
${more}`;
}

/** A place with a main file, its log beside it, and lb files. */
function originalPlace(main: string, balancers: Readonly<Record<string, string>>, hosts = LOCAL): HostsPlace {
  const place = new HostsPlace("", { name: "config.yml", hosts });
  place.write(`log_file_path: ${join(place.directory, "redirector.log")}\n${main}`);
  mkdirSync(join(place.directory, "lb_configs"));
  for (const [name, text] of Object.entries(balancers))
    writeFileSync(join(place.directory, "lb_configs", name), text);
  return place;
}

const logOf = ({ directory }: HostsPlace): string => readFileSync(join(directory, "redirector.log"), "utf8");

/** Starts the original's way, and waits until the log says that it serves. */
async function run(place: HostsPlace, ...args: readonly string[]) {
  const program = place.start(...args);
  await until(
    () => existsSync(join(place.directory, "redirector.log")) && logOf(place).includes("ready (pid"),
    "it serves",
  );
  return program;
}

async function command(...words: readonly string[]) {
  const child = Bun.spawn([...PROGRAM, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env },
  });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, error };
}

test(
  "HF1 a main file with every key commented out, and both kinds of lb files in either order, pass the check",
  async () => {
    await using place = new HostsPlace("");
    cpSync(join(EXAMPLES, "config.yml"), join(place.directory, "config.yml"));
    for (const [tcp, http] of [
      ["a.yml", "b.yaml"],
      ["b.yml", "a.yaml"],
    ] as const) {
      const folder = join(place.directory, "lb_configs");
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      cpSync(join(EXAMPLES, "lb_configs/lb_tcp_healthcheck.yml"), join(folder, tcp));
      const text = readFileSync(join(EXAMPLES, "lb_configs/lb_http_healthcheck.yml"), "utf8");
      writeFileSync(join(folder, http), text.replace(/^(\s*)cacerts:.*$/m, "$1cacerts: null"));
      const checked = await command("check", "-c", join(place.directory, "config.yml"));
      expect([checked.out, checked.code]).toEqual([
        `${join(place.directory, "config.yml")}: ok: 2 names of the hosts redirector\n`,
        0,
      ]);
    }
    const ours = await command("check", "-c", join(EXAMPLES, "hosts.yaml"));
    expect([ours.code, ours.out]).toEqual([
      0,
      `${join(EXAMPLES, "hosts.yaml")}: ok: 0 listeners, 2 pools, 0 routes, 2 names\n`,
    ]);
    const alone = await command("check", "-c", join(EXAMPLES, "lb_configs/lb_tcp_healthcheck.yml"));
    expect([alone.code, alone.out]).toEqual([
      0,
      expect.stringContaining("ok: 1 name of the hosts redirector"),
    ]);
  },
  PATIENCE,
);

test(
  "HF2 every key of the main file acts: folder, log with level, format, rotation and backups, pid file, block",
  async () => {
    const [one, two] = (await backendProcesses(2)) as [BackendProcess, BackendProcess];
    await using place = originalPlace(
      `log_level: WARNING
log_format: "%(levelname)-8s|%(levelno)d|%(asctime)s|%(process)d|%(message)s"
log_file_max_bytes: 300
log_file_max_backups: 2
lb_configs_dir: elsewhere
pid_file: PID_FILE
persist_hosts_block: false
`,
      {},
    );
    const pidFile = join(place.directory, "pid");
    place.write(readFileSync(place.file, "utf8").replace("PID_FILE", pidFile));
    mkdirSync(join(place.directory, "elsewhere"));
    writeFileSync(join(place.directory, "elsewhere/db.yml"), balancer("db", [one, two]));
    const program = place.start();
    await place.untilBlock("127.0.1.1 db.test");
    await until(() => existsSync(pidFile), "the pid file is written");
    expect(Number(readFileSync(pidFile, "utf8"))).toBe(program.child.pid);
    const names = (): string[] =>
      readdirSync(place.directory)
        .filter((name) => name.startsWith("redirector.log"))
        .toSorted();
    // Each change is a line of a warning: three files fill.
    for (let turn = 0, [using, other] = [one, two]; turn < 6; turn++, [using, other] = [other, using]) {
      await using.kill();
      await place.untilBlock(`${other.address} db.test`);
      const back = await BackendProcess.start(using.address, using.port);
      await until(async () => (await place.candidate(back.address)) === "healthy", "it is healthy again");
      using = back;
    }
    expect(names()).toEqual(["redirector.log", "redirector.log.1", "redirector.log.2"]);
    for (const name of names()) {
      expect(statSync(join(place.directory, name)).size).toBeLessThanOrEqual(300);
      for (const line of readFileSync(join(place.directory, name), "utf8").trim().split("\n"))
        expect(line).toMatch(
          new RegExp(
            `^WARNING \\|30\\|\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d,\\d{3}\\|${program.child.pid}\\|`,
          ),
        );
    }
    program.child.kill("SIGTERM");
    expect(await program.child.exited).toBe(0);
    expect([existsSync(pidFile), place.hosts]).toEqual([false, LOCAL]);
  },
  PATIENCE,
);

test(
  "HF2 a log or a pid file that cannot be written is told on standard error, and the log goes on when it can be",
  async () => {
    const backends = await backendProcesses(1);
    await using place = originalPlace("", { "db.yml": balancer("db", backends) });
    const folder = join(place.directory, "missing");
    place.write(`log_file_path: ${folder}/redirector.log\npid_file: ${folder}/pid\n`);
    const program = place.start();
    expect(await program.until("log_failed")).toMatchObject({
      level: "error",
      message: `cannot open the log ${folder}/redirector.log: no such file or directory`,
    });
    expect(await program.until("pid_file_failed")).toMatchObject({
      message: expect.stringContaining(`${folder}/pid cannot be written`),
    });
    await place.untilBlock("127.0.1.1 db.test");
    mkdirSync(folder);
    await until(() => {
      // It is tried again with a later line, a second after the failure at the earliest.
      program.child.kill("SIGHUP");
      return existsSync(join(folder, "redirector.log"));
    }, "the log is there");
    expect(await program.until("log_recovered")).toMatchObject({ level: "info" });
    expect(readFileSync(join(folder, "redirector.log"), "utf8")).toContain("ready (pid");
    await backends[0]!.kill();
  },
  PATIENCE,
);

test(
  "HF2 a header from the environment or from a file is sent, and one that is not there is told with its place",
  async () => {
    const seen: (string | null)[][] = [];
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch({ headers }) {
        seen.push([headers.get("x-token"), headers.get("x-file")]);
        return new Response("ok");
      },
    });
    const text = `name: db
local_host: db.test
backend_hosts: [127.0.0.1]
strategy: sequential
healthcheck:
  type: http
  period: 5
  config:
    port: ${server.port}
    path: /
    headers: { X-Token: "\${HOSTS_TEST_TOKEN}", X-File: "file:token" }
`;
    await using place = originalPlace("", { "db.yml": text, token: "from a file" });
    const without = await place.command("once");
    expect([without.code, without.error]).toEqual([
      1,
      expect.stringContaining(
        "lb_configs/db.yml:11:25: healthcheck.config.headers.X-Token: the environment variable HOSTS_TEST_TOKEN is not set",
      ),
    ]);
    process.env["HOSTS_TEST_TOKEN"] = "secret";
    try {
      const once = await place.command("once");
      expect([once.code, once.error]).toEqual([0, ""]);
    } finally {
      delete process.env["HOSTS_TEST_TOKEN"];
    }
    expect([seen, place.block]).toEqual([[["secret", "from a file"]], ["127.0.0.1 db.test"]]);
  },
  PATIENCE,
);

test(
  "HF2 HF31 SIGHUP takes over the log, its level and format, and the pid file; a refused reload none of them",
  async () => {
    const backends = await backendProcesses(1);
    await using place = originalPlace("", { "db.yml": balancer("db", backends) });
    const path = (name: string): string => join(place.directory, name);
    const main = (name: string, more: string): string =>
      `log_file_path: ${path(name)}.log\npid_file: ${path(name)}.pid\n${more}`;
    place.write(main("redirector", ""));
    const program = await run(place);
    await until(() => existsSync(path("redirector.pid")), "the pid file is written");
    place.write(main("refused", "log_level: LOUD\n"));
    program.child.kill("SIGHUP");
    await until(() => logOf(place).includes("reload refused"), "the refusal stands in the log");
    place.write(main("new", 'log_format: "new %(message)s"\n'));
    program.child.kill("SIGHUP");
    await until(() => existsSync(path("new.pid")), "the new pid file is written");
    expect(readFileSync(path("new.log"), "utf8")).toStartWith("new nothing changed, generation 1");
    expect(readdirSync(place.directory).filter((name) => /^(?:redirector|refused)\./.test(name))).toEqual([
      "redirector.log",
    ]);
    program.child.kill("SIGTERM");
    await program.child.exited;
    expect(existsSync(path("new.pid"))).toBe(false);
    expect(readFileSync(path("new.log"), "utf8")).toEndWith("new stopped\n");
    await backends[0]!.kill();
  },
  PATIENCE,
);

test(
  "HF42 a file without names changes nothing, also with --hosts-file, which makes a section hosts",
  async () => {
    const given = `${LOCAL}# BEGIN FAIRLEAD MANAGED BLOCK\n10.0.0.1  db.test\n# END FAIRLEAD MANAGED BLOCK\n`;
    await using place = new HostsPlace("", { name: "config.yml", hosts: given });
    const message = `${place.file}: has no section hosts; expected one with names\n`;
    const refused = await place.command("once");
    expect([refused.code, refused.error]).toEqual([1, expect.stringContaining(message)]);
    expect(place.hosts).toBe(given);
    // Names that are taken out on purpose go.
    place.write("hosts: { names: [] }\n");
    expect((await place.command("once")).code).toBe(0);
    expect(place.hosts).toBe(LOCAL);
  },
  PATIENCE,
);

test(
  "HF3 a main file of unknown keys alone is the original's beside its folder, and else ours",
  async () => {
    const [one] = (await backendProcesses(1)) as [BackendProcess];
    await using place = originalPlace("", { "db.yml": balancer("db", [one]) });
    place.write("logfile: /tmp/x.log\n");
    const checked = await command("check", "-c", place.file);
    expect([checked.code, checked.out]).toEqual([
      0,
      expect.stringMatching(/^warning: \S+config\.yml:1:1: logfile: unknown key, which is ignored; /),
    ]);
    const json = await command("check", "-c", place.file, "--json");
    expect(JSON.parse(json.out)).toEqual({
      ok: true,
      problems: [],
      warnings: [expect.objectContaining({ source: place.file, line: 1, column: 1, path: "logfile" })],
      degraded_files: [],
    });
    rmSync(join(place.directory, "lb_configs"), { recursive: true });
    const ours = await command("check", "-c", place.file);
    expect([ours.code, ours.out]).toEqual([
      1,
      expect.stringContaining("logfile: unknown key; expected one of"),
    ]);
    await one.kill();
  },
  PATIENCE,
);

test(
  "HF3 an unknown key is a warning with its place in an original's file, and an error with a guess in ours",
  async () => {
    const [one] = (await backendProcesses(1)) as [BackendProcess];
    await using place = originalPlace("log_levle: INFO\nlog_level: INFO\n", {
      "db.yml": balancer("db", [one], "weigth: 3\n"),
    });
    const checked = await command("check", "-c", place.file);
    expect([checked.code, checked.out]).toEqual([
      0,
      expect.stringMatching(/^warning: \S+config\.yml:2:1: log_levle: .*"log_level"/m),
    ]);
    expect(checked.out).toMatch(/^warning: \S+lb_configs\/db\.yml:6:1: weigth: /m);
    writeFileSync(place.file, "hosts: { file: /etc/hosts, nams: [] }\n");
    const ours = await command("check", "-c", place.file);
    expect([ours.code, ours.out]).toEqual([
      1,
      expect.stringMatching(/:1:\d+: hosts\.nams: unknown key; .*did you mean "names"\?/),
    ]);
    await one.kill();
  },
  PATIENCE,
);

test(
  "HF6 sequential: the next after the current, round and round, and no return to an earlier one",
  async () => {
    const backends = await backendProcesses(3);
    await using place = originalPlace("", { "db.yml": balancer("db", backends) });
    await run(place);
    await place.untilBlock("127.0.1.1 db.test");
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    const back = await BackendProcess.start("127.0.1.1", backends[1]!.port);
    await until(async () => (await place.candidate("127.0.1.1")) === "healthy", "the first one is back");
    expect(place.block).toEqual(["127.0.1.2 db.test"]);
    await backends[1]!.kill();
    await place.untilBlock("127.0.1.3 db.test");
    await backends[2]!.kill();
    await place.untilBlock("127.0.1.1 db.test");
    await back.kill();
  },
  PATIENCE,
);

test(
  "HF22 the original's block is taken over at the first needed write, in one replace, and given back by --release",
  async () => {
    const backends = await backendProcesses(2);
    const before = `${LOCAL}# BEGIN REDIRECTOR MANAGED BLOCK\n127.0.1.1  db.test\n10.9.9.9   gone.test\n# END REDIRECTOR MANAGED BLOCK\n10.1.1.1 other\n`;
    await using place = originalPlace("", { "db.yml": balancer("db", backends) }, before);
    const program = await run(place);
    await place.untilBlock("127.0.1.1 db.test");
    expect(place.hosts).toBe(
      `${LOCAL}# BEGIN FAIRLEAD MANAGED BLOCK\n127.0.1.1  db.test\n# END FAIRLEAD MANAGED BLOCK\n10.1.1.1 other\n`,
    );
    program.child.kill("SIGTERM");
    await program.child.exited;
    expect((await place.command("restore", "--release")).code).toBe(0);
    const given = `${LOCAL}# BEGIN REDIRECTOR MANAGED BLOCK\n127.0.1.1  db.test\n# END REDIRECTOR MANAGED BLOCK\n10.1.1.1 other\n`;
    expect(place.hosts).toBe(given);
    const { mtimeMs } = statSync(place.hostsFile);
    // Nothing needs a write: the original's markers stay.
    expect((await place.command("once")).out).toContain("stays as it is");
    expect([place.hosts, statSync(place.hostsFile).mtimeMs]).toEqual([given, mtimeMs]);
    for (const backend of backends) await backend.kill();
  },
  PATIENCE,
);

test(
  "HF22 HF4 the line of a name in capitals stays when the block is taken over with no backend healthy",
  async () => {
    const [dead] = (await backendProcesses(1)) as [BackendProcess];
    await dead.kill();
    const line = "127.0.1.9  Db.Test\n";
    const given = `${LOCAL}# BEGIN REDIRECTOR MANAGED BLOCK\n${line}# END REDIRECTOR MANAGED BLOCK\n`;
    const text = balancer("db", [dead]).replace("db.test", "Db.Test");
    await using place = originalPlace("", { "db.yml": text }, given);
    expect((await place.command("once")).out).toContain("stays as it is");
    await run(place);
    await until(() => logOf(place).includes("its last address stays"), "it is down");
    expect(place.hosts).toBe(given);
    // Another name needs a write: the line goes with it.
    await using live = await BackendProcess.start("127.0.1.2");
    writeFileSync(join(place.directory, "lb_configs/log.yml"), balancer("log", [live]));
    await place.untilBlock("127.0.1.9 db.test", "127.0.1.2 log.test");
  },
  PATIENCE,
);

test(
  "HF31 a new lb file and SIGHUP are all taken over, or all refused with one line",
  async () => {
    const backends = await backendProcesses(2);
    await using place = originalPlace("", { "db.yml": balancer("db", backends) });
    const program = await run(place);
    await place.untilBlock("127.0.1.1 db.test");
    writeFileSync(join(place.directory, "lb_configs/log.yml"), balancer("log", backends));
    await place.untilBlock("127.0.1.1 db.test", "127.0.1.1 log.test");
    writeFileSync(join(place.directory, "lb_configs/log.yml"), balancer("db", backends));
    program.child.kill("SIGHUP");
    await until(() => logOf(place).includes("lb_configs/log.yml:"), "the refusal stands in the log");
    expect(logOf(place)).toContain("db.yml");
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test", "127.0.1.2 log.test");
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF42 other endings and folders are passed over, and the command line is the original's",
  async () => {
    const backends = await backendProcesses(1);
    const good = balancer("db", backends);
    await using place = originalPlace("", {
      "db.yml": good,
      "a.yml.bak": "rubbish: [",
      "b.json": "{",
      ".c.yml": "x",
    });
    mkdirSync(join(place.directory, "lb_configs/sub.d"));
    writeFileSync(join(place.directory, "lb_configs/sub.d/e.yml"), "rubbish: [");
    const checked = await command("check", "-c", place.file);
    expect([checked.code, checked.out]).toEqual([0, `${place.file}: ok: 1 name of the hosts redirector\n`]);
    for (const flag of ["-v", "--version"]) {
      const version = await command("hosts", "run", flag);
      expect([version.code, version.out]).toEqual([0, expect.stringContaining(VERSION)]);
    }
    const long = await command(
      "hosts",
      "diff",
      "--config",
      place.file,
      "--hosts-file",
      place.hostsFile,
      "--state-dir",
      place.state,
    );
    expect([long.code, long.out]).toEqual([0, expect.stringContaining("+127.0.1.1  db.test")]);

    for (const name of readdirSync(join(place.directory, "lb_configs")))
      rmSync(join(place.directory, "lb_configs", name), { recursive: true });
    for (const isMissing of [false, true]) {
      if (isMissing) rmSync(join(place.directory, "lb_configs"), { recursive: true });
      const empty = await command(
        "hosts",
        "run",
        "-c",
        place.file,
        "--hosts-file",
        place.hostsFile,
        "--state-dir",
        place.state,
      );
      expect(empty.code).toBe(1);
      expect(empty.error.trim().split("\n").length).toBe(1);
      expect(empty.error).toContain("lb_configs");
      expect(existsSync(join(place.directory, "redirector.log"))).toBe(false);
    }
    expect(place.hosts).toBe(LOCAL);
    await backends[0]!.kill();
  },
  PATIENCE,
);

test(
  "HF29 a start that is refused leaves the pid file of the one that runs alone, and a stop takes it away",
  async () => {
    const backends = await backendProcesses(1);
    await using place = originalPlace(`pid_file: PID_FILE\n`, { "db.yml": balancer("db", backends) });
    const pidFile = join(place.directory, "pid");
    place.write(readFileSync(place.file, "utf8").replace("PID_FILE", pidFile));
    const first = await run(place);
    await until(() => existsSync(pidFile), "the pid file is written");
    const second = place.start("--state-dir", join(place.directory, "other"));
    expect(await second.child.exited).toBe(1);
    expect(Number(readFileSync(pidFile, "utf8"))).toBe(first.child.pid);
    first.child.kill("SIGTERM");
    await first.child.exited;
    expect(existsSync(pidFile)).toBe(false);
    await backends[0]!.kill();
  },
  PATIENCE,
);
