/** `fairlead hosts`: names that follow real backends through a real file. */
import { expect, test } from "bun:test";
import { Resolver } from "node:dns/promises";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BackendProcess, backendProcesses, HostsPlace, hostsYaml } from "./hosts_program.ts";
import { runFairlead, until } from "./processes_program.ts";

const PATIENCE = 60_000;
/** Interval and timeout of `hostsYaml`, and what a busy machine may add. */
const DETECTION_MS = 200 + 500;
const SLACK_MS = 500;
const LOCAL = "127.0.0.1 localhost\n";

test(
  "HF10 a backend that is killed gives way within one interval and timeout",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(hostsYaml(backends), { hosts: LOCAL });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    const begin = performance.now();
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    expect(performance.now() - begin).toBeLessThan(DETECTION_MS + SLACK_MS);
    expect(place.hosts.startsWith(LOCAL)).toBe(true);
    const said = await program.until("hosts_switched", 2);
    expect(said).toMatchObject({ name: "db.test", from: "127.0.1.1", to: "127.0.1.2", pool: "web" });
    expect(said.message).toMatch(
      /^db\.test: 127\.0\.1\.1 -> 127\.0\.1\.2 \(127\.0\.1\.1:\d+ failed: no connection \(ECONNREFUSED\)\)$/,
    );
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF31 HF21 SIGHUP and a changed file: all new, or all old with one line, and an equal file is not written",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(hostsYaml(backends), { hosts: LOCAL });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    const back = await BackendProcess.start("127.0.1.1", backends[1]!.port);
    await until(
      async () => (await place.candidate(back.address)) === "healthy",
      "the first backend is healthy again",
    );
    const { mtimeMs } = statSync(place.hostsFile);

    place.write(`${hostsYaml(backends)}host: {}\n`);
    program.child.kill("SIGHUP");
    const refused = await program.until("reload_refused");
    expect(refused.message).toContain(`${place.file}:`);
    expect(refused.message).toContain("host: unknown key");
    expect(statSync(place.hostsFile).mtimeMs).toBe(mtimeMs);

    // The healthy one that is in use stays, although a better one is healthy again: nothing of what is known is lost.
    place.write(
      hostsYaml(
        backends,
        "[{ name: db.test, pool: web, aliases: [sql.test] }, { name: log.test, pool: web }]",
      ),
    );
    await place.untilBlock("127.0.1.2 db.test sql.test", "127.0.1.1 log.test");
    place.write(hostsYaml(backends, "[{ name: log.test, pool: web }]"));
    await place.untilBlock("127.0.1.1 log.test");
    await back.kill();
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF32 on SIGTERM the block stays or goes by policy, and the rest is the same byte for byte",
  async () => {
    const [only] = await backendProcesses(1);
    for (const [policy, rest] of [
      ["keep", true],
      ["remove", false],
    ] as const) {
      await using place = new HostsPlace(hostsYaml([only!], undefined, `on_stop: ${policy}`), {
        hosts: LOCAL,
      });
      const program = await place.run();
      await place.untilBlock("127.0.1.1 db.test");
      program.child.kill("SIGTERM");
      expect(await program.child.exited).toBe(0);
      expect(place.hosts.includes("db.test")).toBe(rest);
      expect(place.hosts.startsWith(LOCAL)).toBe(true);
      if (!rest) expect(place.hosts).toBe(LOCAL);
    }
    await only!.kill();
  },
  PATIENCE,
);

test(
  "HF32 restore takes the block out, --release leaves it to the original, --first-backup needs --yes",
  async () => {
    const [only] = await backendProcesses(1);
    await using place = new HostsPlace(hostsYaml([only!]), { hosts: LOCAL });
    const once = await place.command("once");
    expect([once.code, once.error]).toEqual([0, ""]);
    await place.untilBlock("127.0.1.1 db.test");

    const released = await place.command("restore", "--release");
    expect([released.code, released.error]).toEqual([0, ""]);
    expect(place.hosts).toBe(
      `${LOCAL}# BEGIN REDIRECTOR MANAGED BLOCK\n127.0.1.1  db.test\n# END REDIRECTOR MANAGED BLOCK\n`,
    );
    writeFileSync(place.hostsFile, `10.1.1.1 other\n${place.hosts}`);
    const removed = await place.command("restore", "--json");
    expect(removed.code).toBe(0);
    expect(JSON.parse(removed.out)).toMatchObject({ ok: true, changed: true });
    expect(place.hosts).toBe(`10.1.1.1 other\n${LOCAL}`);

    const asked = await place.command("restore", "--first-backup");
    expect([asked.code, asked.out]).toEqual([1, expect.stringContaining("-10.1.1.1 other")]);
    expect(place.hosts).toBe(`10.1.1.1 other\n${LOCAL}`);
    expect((await place.command("restore", "--first-backup", "--yes")).code).toBe(0);
    expect(place.hosts).toBe(LOCAL);
    await only!.kill();
  },
  PATIENCE,
);

test(
  "HF33 once, diff and dry_run: what would change is shown, and only once writes",
  async () => {
    const [only] = await backendProcesses(1);
    await using place = new HostsPlace(hostsYaml([only!]), { hosts: LOCAL });
    const diff = await place.command("diff");
    expect([diff.code, diff.error]).toEqual([0, ""]);
    expect(diff.out).toContain("+127.0.1.1  db.test\n");
    expect(place.hosts).toBe(LOCAL);
    expect(existsSync(place.state)).toBe(false);

    const dry = await place.command("once", "--set", "hosts.dry_run=true", "--json");
    expect(JSON.parse(dry.out)).toMatchObject({
      ok: true,
      changed: true,
      names: [{ name: "db.test", addresses: ["127.0.1.1"] }],
    });
    expect(place.hosts).toBe(LOCAL);

    const once = await place.command("once", "--json");
    expect([once.code, JSON.parse(once.out)]).toMatchObject([0, { ok: true, changed: true }]);
    expect(place.block).toEqual(["127.0.1.1 db.test"]);
    const again = await place.command("once");
    expect([again.code, again.out]).toEqual([
      0,
      expect.stringContaining(`${place.hostsFile} stays as it is`),
    ]);

    writeFileSync(place.hostsFile, `${LOCAL}# BEGIN FAIRLEAD MANAGED BLOCK\n`);
    const torn = await place.command("once", "--json");
    expect([torn.code, JSON.parse(torn.out)]).toMatchObject([1, { ok: false }]);
    expect(place.hosts).toBe(`${LOCAL}# BEGIN FAIRLEAD MANAGED BLOCK\n`);
    await only!.kill();
  },
  PATIENCE,
);

test(
  "HF33 a dry run that goes on writes nothing and says what it would write",
  async () => {
    const [only] = await backendProcesses(1);
    await using place = new HostsPlace(hostsYaml([only!], undefined, "dry_run: true"), { hosts: LOCAL });
    const program = await place.run();
    const said = await program.until("hosts_switched");
    expect(said.message).toStartWith("dry run: db.test: 127.0.1.1");
    expect(place.hosts).toBe(LOCAL);
    await only!.kill();
  },
  PATIENCE,
);

test(
  "HF33 status shows names, candidates and why, as text and as JSON",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(hostsYaml(backends), { hosts: LOCAL });
    const program = await place.run();
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    const text = await place.command("status");
    expect([text.code, text.error]).toEqual([0, ""]);
    expect(text.out).toContain(`${place.hostsFile}, written by rename\n`);
    expect(text.out).toMatch(
      /^db\.test +serving + 127\.0\.1\.1:\d+ +127\.0\.1\.1 +unhealthy +no connection \(ECONNREFUSED\)$/m,
    );
    expect(text.out).toMatch(/^ +\* 127\.0\.1\.2:\d+ +127\.0\.1\.2 +healthy +connected$/m);
    expect((await place.command("status", "DB.test", "web")).out).toBe(text.out);
    const other = await place.command("status", "web.test");
    expect([other.code, other.error]).toEqual([
      1,
      "fairlead hosts status: web.test: expected a name, an alias or a pool of the hosts plane\n",
    ]);
    const json = await place.command("status", "--json");
    expect(JSON.parse(json.out)).toMatchObject({
      ok: true,
      file: place.hostsFile,
      write: "rename",
      problem: null,
      names: [{ name: "db.test", state: "serving", addresses: ["127.0.1.2"] }],
    });
    program.child.kill("SIGTERM");
    await program.child.exited;
    const nobody = await place.command("status");
    expect([nobody.code, nobody.error]).toEqual([
      1,
      expect.stringMatching(
        /^fairlead hosts status: no supervisor answers in .*; expected a program that runs; /,
      ),
    ]);
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF17 once writes as many addresses as run would, also where an answer takes longer",
  async () => {
    const [quick] = (await backendProcesses(1)) as [BackendProcess];
    using slow = Bun.serve({
      hostname: "127.0.1.2",
      port: quick.port,
      async fetch() {
        await Bun.sleep(400);
        return new Response("ok");
      },
    });
    const backends = [quick, { url: `http://127.0.1.2:${slow.port}` }];
    const names = "[{ name: db.test, pool: web, max_entries: 2 }]";
    const text = hostsYaml(backends, names).replace("type: tcp", "type: http, path: /");
    await using place = new HostsPlace(text, { hosts: LOCAL });
    expect((await place.command("once")).code).toBe(0);
    expect(place.block).toEqual(["127.0.1.1 db.test", "127.0.1.2 db.test"]);
    await quick.kill();
  },
  PATIENCE,
);

test(
  "HF34 hooks run after a change that is written, and slow ones hold nothing back",
  async () => {
    const backends = await backendProcesses(2);
    const yaml = (directory: string) =>
      hostsYaml(
        backends,
        undefined,
        `hooks:
  - { command: [/bin/sh, -c, "echo $HOSTS_NAME $HOSTS_OLD_ADDRESS $HOSTS_NEW_ADDRESS >> ${directory}/told"] }
  - { command: [/bin/sh, -c, "exec sleep 60"], timeout: 2s }
  - { command: [/bin/sh, -c, "yes no; exit 1"], timeout: 2s }`,
      );
    await using place = new HostsPlace("", { hosts: LOCAL });
    place.write(yaml(place.directory));
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    const begin = performance.now();
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    expect(performance.now() - begin).toBeLessThan(DETECTION_MS + SLACK_MS);
    const told = () => readFileSync(join(place.directory, "told"), "utf8");
    await until(() => told() === "db.test 127.0.1.1\ndb.test 127.0.1.1 127.0.1.2\n", "both changes are told");
    const failed = await program.until("hosts_hook_failed", 2);
    expect(failed.message).toContain("hook /bin/sh for db.test: ");
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF29 a second program on the same file is refused by the lock and names the holder; a stale lock is taken",
  async () => {
    const [only] = await backendProcesses(1);
    await using place = new HostsPlace(hostsYaml([only!]), { hosts: LOCAL });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    await using other = new HostsPlace(hostsYaml([only!]));
    const second = other.start("--hosts-file", place.hostsFile);
    expect(await second.child.exited).toBe(1);
    const refused = second.said.find(({ event }) => event === "start_refused");
    expect(refused?.message).toContain(`pid ${program.child.pid}`);
    const once = await other.command("once", "--hosts-file", place.hostsFile);
    expect([once.code, once.error]).toEqual([1, expect.stringContaining(`pid ${program.child.pid}`)]);

    await program.kill();
    await other.run("--hosts-file", place.hostsFile);
    await only!.kill();
  },
  PATIENCE,
);

test(
  "HF31 a reload may change how the file is written, and which file, and a dry run goes on beside the one that writes",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(hostsYaml(backends), { hosts: LOCAL });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    await using beside = new HostsPlace(hostsYaml(backends, undefined, "dry_run: true"));
    const dry = await beside.run("--hosts-file", place.hostsFile);
    await dry.until("ready");

    const { ino } = statSync(place.hostsFile);
    place.write(hostsYaml(backends, undefined, "write: in_place"));
    await program.until("reloaded");
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    expect(statSync(place.hostsFile).ino).toBe(ino);
    expect((await place.command("status")).out).toContain("written in place");

    // The one beside may write when the other has let go of the file.
    beside.write(hostsYaml(backends));
    dry.child.kill("SIGHUP");
    const refused = await dry.until("reload_refused");
    expect(refused.message).toContain(`pid ${program.child.pid}`);
    program.child.kill("SIGTERM");
    await program.child.exited;
    dry.child.kill("SIGHUP");
    await dry.until("reloaded");
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF43 edits of a person while it idles stay when the backend dies",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(hostsYaml(backends), {
      hosts: "127.0.0.1 localhost\r\n10.0.0.9 old\n",
    });
    await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    const edited = `10.3.3.3 above\n${place.hosts.replace("localhost\r\n", "localhost\n").replace("10.0.0.9 old\n", "")}10.4.4.4 below\n`;
    writeFileSync(place.hostsFile, edited);
    await backends[0]!.kill();
    await place.untilBlock("127.0.1.2 db.test");
    expect(place.hosts).toBe(edited.replace("127.0.1.1  db.test", "127.0.1.2  db.test"));
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "HF4 HF21 a start with all backends down writes nothing: what stands in the block stays",
  async () => {
    const [dead] = await backendProcesses(1);
    await dead!.kill();
    const before = `${LOCAL}# BEGIN FAIRLEAD MANAGED BLOCK\n127.0.1.9  db.test\n# END FAIRLEAD MANAGED BLOCK\n`;
    await using place = new HostsPlace(hostsYaml([dead!]), { hosts: before });
    const { mtimeMs, ino } = statSync(place.hostsFile);
    const program = await place.run();
    await program.until("hosts_down");
    const after = statSync(place.hostsFile);
    expect([place.hosts, after.mtimeMs, after.ino]).toEqual([before, mtimeMs, ino]);
  },
  PATIENCE,
);

test(
  "HF9 HF4 when all are down the last address stays, told once and counted, and remove takes it out",
  async () => {
    const [only] = await backendProcesses(1);
    const names = "[{ name: keep.test, pool: web }, { name: gone.test, pool: web, on_all_down: remove }]";
    await using place = new HostsPlace(hostsYaml([only!], names), { hosts: LOCAL });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 keep.test", "127.0.1.1 gone.test");
    await only!.kill();
    await place.untilBlock("127.0.1.1 keep.test");
    await program.until("hosts_down", 2);
    await Bun.sleep(700);
    expect(program.said.filter(({ event }) => event === "hosts_down").map(({ message }) => message)).toEqual([
      "keep.test: no backend of pool web is healthy; its last address stays",
      "gone.test: no backend of pool web is healthy; it is removed",
    ]);
    const metrics = await fetch("http://fairlead/metrics", { unix: join(place.state, "run/admin.sock") });
    const text = await metrics.text();
    expect(text).toContain('fairlead_hosts_all_down_total{name="keep.test"} 1\n');
    expect(text).toContain('fairlead_hosts_name_down{name="gone.test"} 1\n');
    expect(text).toMatch(/^fairlead_hosts_writes_total\{result="success"\} 2$/m);
  },
  PATIENCE,
);

test(
  "HF38 the responder follows a failover at once, and its answers are counted",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(
      hostsYaml(backends, undefined, 'dns: { address: "127.0.0.1:0", ttl: 1s }'),
      { hosts: LOCAL },
    );
    const program = await place.run();
    const said = await program.until("hosts_dns_listening");
    const resolver = new Resolver();
    resolver.setServers([String(said["address"])]);
    await place.untilBlock("127.0.1.1 db.test");
    expect(await resolver.resolve4("db.test")).toEqual(["127.0.1.1"]);
    await backends[0]!.kill();
    await program.until("hosts_switched", 2);
    const fresh = new Resolver();
    fresh.setServers([String(said["address"])]);
    expect(await fresh.resolve4("db.test")).toEqual(["127.0.1.2"]);
    expect(await fresh.reverse("127.0.1.2")).toEqual(["db.test"]);
    const metrics = await fetch("http://localhost/metrics", { unix: join(place.state, "run/admin.sock") });
    expect(await metrics.text()).toContain('fairlead_hosts_dns_queries_total{result="answered"} 3\n');
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "an upgrade hands file, lock and responder over, and the names stay",
  async () => {
    const backends = await backendProcesses(2);
    await using place = new HostsPlace(
      hostsYaml(backends, undefined, 'on_stop: remove\ndns: { address: "127.0.0.1:0" }'),
      { hosts: LOCAL },
    );
    const program = await place.run();
    await place.untilBlock("127.0.1.1 db.test");
    const { mtimeMs } = statSync(place.hostsFile);
    program.child.kill("SIGUSR2");
    const { pid } = await program.until("relieved");
    expect(await program.child.exited).toBe(0);
    try {
      expect([place.block, statSync(place.hostsFile).mtimeMs]).toEqual([["127.0.1.1 db.test"], mtimeMs]);
      await backends[0]!.kill();
      await place.untilBlock("127.0.1.2 db.test");
    } finally {
      process.kill(Number(pid), "SIGKILL");
    }
    await backends[1]!.kill();
  },
  PATIENCE,
);

test(
  "the plane inside fairlead run: names beside routes, drained backends leave them, and the admin API shows them",
  async () => {
    const backends = await backendProcesses(2);
    await using fairlead = await runFairlead("routes: [{ respond: { status: 200 } }]");
    const file = join(fairlead.directory, "hosts");
    writeFileSync(file, LOCAL);
    await fairlead.apply(`${hostsYaml(backends, undefined, `file: ${file}`)}routes: [{ pool: web }]`);
    const text = () => readFileSync(file, "utf8");
    await until(() => text().includes("127.0.1.1  db.test"), "the first backend is written");
    await fairlead.command(
      "backends",
      "drain",
      `127.0.1.1:${backends[0]!.port}`,
      "--runtime-dir",
      join(fairlead.directory, "run"),
    );
    await until(() => text().includes("127.0.1.2  db.test"), "the second backend is written");
    const { text: shown } = await fairlead.page("/admin/hosts");
    expect(JSON.parse(shown)).toMatchObject({ file, names: [{ name: "db.test", addresses: ["127.0.1.2"] }] });
    const other = `${file}.other`;
    writeFileSync(other, LOCAL);
    await fairlead.apply(`${hostsYaml(backends, undefined, `file: ${other}`)}routes: [{ pool: web }]`);
    const otherText = () => readFileSync(other, "utf8");
    await until(
      () => text() === LOCAL && otherText().includes("127.0.1.2  db.test"),
      "the names have moved to another file",
    );
    await fairlead.apply("routes: [{ respond: { status: 200 } }]");
    await until(() => otherText() === LOCAL, "the block is gone with its section");
    for (const backend of backends) await backend.kill();
  },
  PATIENCE,
);

test(
  "HF33 once and diff say why no backend is healthy, and a log of requests that cannot be written is nobody's trouble",
  async () => {
    const yaml = `
observability: { access_log: { path: /proc/no/such/folder/access.log } }
pools:
  db:
    strategy: sequential
    backends: [{ url: "http://127.0.1.1:1" }, { url: "http://nowhere.invalid:80" }]
    health_check: { type: tcp, interval: 100ms, timeout: 300ms }
hosts:
  names: [{ name: db.test, pool: db }]
`;
    await using place = new HostsPlace(yaml, { hosts: LOCAL });
    const diff = await place.command("diff");
    expect([diff.code, diff.error]).toEqual([0, ""]);
    expect(diff.out).toMatch(/^db\.test +127\.0\.1\.1:1 +unhealthy +no connection \(ECONNREFUSED\)$/m);
    expect(diff.out).toMatch(/^db\.test +nowhere\.invalid:80 +unknown +nowhere\.invalid has no address$/m);
    const once = await place.command("once", "--json");
    expect(JSON.parse(once.out)).toMatchObject({
      ok: true,
      changed: false,
      names: [{ name: "db.test", addresses: [], candidates: [{ health: "unhealthy" }, { address: null }] }],
    });
    await place.run();
  },
  PATIENCE,
);

test(
  "HF33 once does not give up a healthy backend for another one whose name has no address",
  async () => {
    await using backend = await BackendProcess.start("127.0.1.1");
    const configuration = (urls: readonly string[]) => `
pools:
  db:
    strategy: sequential
    backends: [${urls.map((url) => `{ url: "${url}" }`).join(", ")}]
    health_check: { type: tcp, interval: 100ms, timeout: 300ms, unhealthy_after: 1 }
hosts:
  names: [{ name: db.test, pool: db, on_all_down: remove }]
`;
    await using place = new HostsPlace(configuration(["http://nowhere.invalid:80", backend.url]), {
      hosts: LOCAL,
    });
    const { code } = await place.command("once");
    expect([code, place.block]).toEqual([0, ["127.0.1.1 db.test"]]);
    await backend.kill();
    await place.command("once");
    expect(place.block).toEqual([]);
  },
  PATIENCE,
);
