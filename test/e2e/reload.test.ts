/** Reloads of the real program in processes of its own: by command, signal and file, under traffic, good and bad. */
import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { runFairlead, type RunningFairlead, until } from "./processes_program.ts";
import { reloadUnderTraffic } from "./processes_reloads.ts";

const PATIENCE = { timeout: 90_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** A configuration whose only route answers `body`. */
const answering = (body: string, workers = 1) =>
  `workers: ${workers}\nroutes: [{ respond: { status: 200, body: ${JSON.stringify(body)} } }]`;

const bodyOf = async (fairlead: RunningFairlead): Promise<string> =>
  (await askOnce(fairlead.port(), GET)).body.toString();

test(
  "H-J3 a bad reload: the old configuration serves, the metric says so, the command and the log say why",
  async () => {
    await using fairlead = await runFairlead(answering("one", 2));
    expect(await fairlead.metric("config_last_reload_success")).toBe(1);
    for (const [yaml, words] of [
      ["workers: 2\nrotues: []", /fairlead\.yaml:4:1: rotues: unknown key/],
      ["workers: 2\nroutes: [", /fairlead\.yaml:\d+:\d+: /],
      [
        `${answering("two", 2)}\nlisteners: { web: { address: "127.0.0.1:1" }, other: { address: "203.0.113.1:80" } }`,
        /listener other/,
      ],
    ] as const) {
      fairlead.write(yaml);
      const refused = await fairlead.reload();
      expect(refused).toMatchObject({ code: 1, out: "" });
      expect(refused.error).toMatch(words);
      expect(await bodyOf(fairlead)).toBe("one");
      expect(await fairlead.metric("config_last_reload_success")).toBe(0);
    }
    expect((await fairlead.program.until("reload_refused")).message).toMatch(
      /^reload refused, generation 1 goes on: .*rotues: unknown key/,
    );
    await fairlead.apply(answering("three", 2));
    expect(await bodyOf(fairlead)).toBe("three");
    expect(await fairlead.metric("config_last_reload_success")).toBe(1);
    expect(await fairlead.metric("config_reloads_total", 'result="failure"')).toBeGreaterThanOrEqual(3);
  },
  PATIENCE,
);

test(
  "H-J2 one bad file among 40: 39 are in force, one is reported, and it counts as degraded",
  async () => {
    await using fairlead = await runFairlead(
      `workers: 1\nroutes: [{ name: base, respond: { status: 404 } }]\nlisteners: { web: { address: "127.0.0.1:0" } }`,
    );
    const folder = join(fairlead.directory, "conf.d");
    const file = (index: number) => join(folder, `${String(index).padStart(2, "0")}.yaml`);
    const route = (index: number, body: string) =>
      `routes: [{ name: r${index}, match: "Path(\`/${index}\`)", respond: { status: 200, body: "${body}" } }]\n`;
    const ask = async (index: number) =>
      (await askOnce(fairlead.port(), `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`)).body.toString();
    mkdirSync(folder);
    for (let index = 0; index < 40; index++) writeFileSync(file(index), route(index, "one"));
    expect((await fairlead.reload()).code).toBe(0);
    expect(await fairlead.metric("config_degraded_files")).toBe(0);

    for (let index = 0; index < 40; index++) writeFileSync(file(index), route(index, "two"));
    writeFileSync(file(17), "routes: [{ name: r17, match: 5 }]\n");
    expect((await fairlead.reload()).code).toBe(0);
    const said = await fairlead.program.until("config_problem");
    expect(said.message).toStartWith(`${file(17)}:1:`);
    const bodies = await Promise.all(Array.from({ length: 40 }, (_, index) => ask(index)));
    expect(bodies).toEqual(Array.from({ length: 40 }, (_, index) => (index === 17 ? "one" : "two")));
    expect(await fairlead.metric("config_degraded_files")).toBe(1);
    expect(await fairlead.metric("config_last_reload_success")).toBe(1);

    writeFileSync(file(17), route(17, "two"));
    await until(async () => (await ask(17)) === "two", "the repaired file acts");
    expect(await fairlead.metric("config_degraded_files")).toBe(0);
  },
  PATIENCE,
);

test(
  "H-J1 a start with a bad configuration: each problem with its place, exit code 1, nothing serves",
  async () => {
    const started = runFairlead(
      "workers: 1\nwrokers: 2\npools: { app: { backends: [{ url: 5 }], strategy: fastest } }\nroutes: [{ pool: ap }]",
    );
    const problems = await started.then(() => "started", String);
    for (const words of [
      /fairlead\.yaml:4:1: wrokers: unknown key; .*did you mean .*workers/,
      /fairlead\.yaml:5:\d+: pools\.app\.backends/,
      /fairlead\.yaml:5:\d+: pools\.app\.strategy/,
    ])
      expect(problems).toMatch(words);
    expect(problems).not.toContain('"event":"ready"');
  },
  PATIENCE,
);

test(
  "H-J5 a file that is written in parts, renamed into place, deleted, brought back, or behind a link that is swapped is followed",
  async () => {
    await using fairlead = await runFairlead(answering("one"));
    const { file } = fairlead;
    const first = await Bun.file(file).text();
    writeFileSync(file, first.replace('"one"', '"two"'));
    await until(async () => (await bodyOf(fairlead)) === "two", "the written file acts");
    writeFileSync(`${file}.new`, first.replace('"one"', '"three"'));
    renameSync(`${file}.new`, file);
    await until(async () => (await bodyOf(fairlead)) === "three", "the renamed file acts");
    rmSync(file);
    await fairlead.program.until("reload_refused");
    expect(await bodyOf(fairlead)).toBe("three");
    writeFileSync(file, first.replace('"one"', '"four"'));
    await until(async () => (await bodyOf(fairlead)) === "four", "the file that came back acts");

    // Half a file is no YAML, and joined with the rest within the time that events are waited for.
    const fifth = first.replace('"one"', '"five"');
    writeFileSync(file, fifth.slice(0, fifth.indexOf("body:") + 6));
    appendFileSync(file, fifth.slice(fifth.indexOf("body:") + 6));
    await until(async () => (await bodyOf(fairlead)) === "five", "the whole file acts");

    // As the kubelet does with a ConfigMap: a link to a link to a folder, of which the second is swapped.
    const { directory } = fairlead;
    for (const [folder, body] of [
      ["..one", "six"],
      ["..two", "seven"],
    ] as const) {
      mkdirSync(join(directory, folder));
      writeFileSync(join(directory, folder, "fairlead.yaml"), first.replace('"one"', JSON.stringify(body)));
    }
    symlinkSync("..one", join(directory, "..data"));
    symlinkSync("..data/fairlead.yaml", `${file}.link`);
    renameSync(`${file}.link`, file);
    await until(async () => (await bodyOf(fairlead)) === "six", "the file behind the link acts");
    symlinkSync("..two", join(directory, "..data_tmp"));
    renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
    await until(async () => (await bodyOf(fairlead)) === "seven", "the other folder acts");
  },
  PATIENCE,
);

test(
  "H-J4 50 reloads by command, signal and file under kept-alive traffic: no request fails, no descriptor is left",
  async () => {
    const { outcomes, connections, clients, descriptors, said } = await reloadUnderTraffic(50);
    expect(Object.keys(outcomes)).toEqual(["200 ok"]);
    // Kept-alive connections outlive the reloads.
    expect(connections).toBe(clients);
    expect(said.filter(({ event }) => event === "reload_refused" || event === "worker_ended")).toEqual([]);
    for (const { early, late } of descriptors) expect(late - early).toBeLessThan(15);
  },
  PATIENCE,
);

test(
  "H-F7 tunnels outlive a reload, also one of the route and the pool",
  async () => {
    using origin = await rawOrigin(undefined, {
      onData(connection, bytes) {
        if (!connection.everything.includes("\r\n\r\n")) return true;
        if (connection.everything.length === bytes.length)
          connection.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
          );
        else connection.send(`echo ${bytes.toString("latin1")}`);
        return true;
      },
    });
    const config = (pool: string, path: string) =>
      `workers: 2\npools: { ${pool}: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ name: ${pool}, match: "PathPrefix(\`${path}\`)", pool: ${pool} }]`;
    await using fairlead = await runFairlead(config("app", "/"));
    const clients = await Promise.all(Array.from({ length: 8 }, () => rawClient(fairlead.port())));
    const upgrade =
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n";
    for (const client of clients) expect((await client.ask(upgrade)).status).toBe(101);
    const echo = async (text: string) => {
      for (const client of clients) {
        client.received = Buffer.alloc(0);
        client.send(text);
        await client.until(() => client.received.toString() === `echo ${text}`);
      }
    };
    await echo("before");
    await fairlead.apply(`${config("app", "/")}\ntimeouts: { first_byte: 7s }`);
    await echo("route as it was");
    await fairlead.apply(config("other", "/other"));
    await echo("route and pool gone");
    expect((await askOnce(fairlead.port(), upgrade)).status).toBe(404);
    for (const client of clients) client.close();
  },
  PATIENCE,
);

test(
  "H-J6 SIGTERM: readiness answers 503 at once, requests under way end well, tunnels go on until drain_tunnels, exit 0",
  async () => {
    const answer = Promise.withResolvers<void>();
    using origin = await rawOrigin(async (request, connection) => {
      if (request.get("upgrade") !== null) {
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        );
        return;
      }
      await answer.promise;
      return answerText("late");
    });
    // Well above the 3 s after which a client tries its SYN for the third time: the first ones may be dropped.
    await using fairlead = await runFairlead(
      `workers: 2\ntimeouts: { drain: 10s, drain_tunnels: 8s }\npools: { app: { backends: [{ url: "${origin.url}" }] } }\n` +
        `routes: [{ name: ready, match: "Path(\`/ready\`)", respond: ready }, { name: app, pool: app }]`,
    );
    const { child } = fairlead.program;
    const READY = "GET /ready HTTP/1.1\r\nHost: a\r\n\r\n";
    const probe = await rawClient(fairlead.port());
    expect((await probe.ask(READY)).status).toBe(200);
    const [slow, tunnel] = [await rawClient(fairlead.port()), await rawClient(fairlead.port())];
    slow.send(GET);
    const upgrade =
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n";
    expect((await tunnel.ask(upgrade)).status).toBe(101);
    await until(() => origin.requests.length >= 2, "the slow request is at the origin");
    // Begun before the signal and complete after it: what a check sees that comes at that moment.
    const check = await rawClient(fairlead.port());
    check.send(READY.slice(0, -2));
    // The bytes have arrived once a later request on another connection of each worker was answered.
    for (let asked = 0; asked < 20; asked++) await askOnce(fairlead.port(), READY);
    const since = performance.now();
    fairlead.signal("SIGTERM");
    await fairlead.program.until("stopping");
    const page = await fairlead.page("/health");
    expect([page.status, page.text]).toEqual([503, expect.stringContaining('"draining"')]);
    await until(
      () =>
        rawClient(fairlead.port()).then(
          (client) => {
            client.close();
            return false;
          },
          () => true,
        ),
      "new connections are refused",
    );
    await probe.end();
    check.send("\r\n");
    expect((await check.answer()).status).toBe(503);
    expect(tunnel.ended || tunnel.closed).toBe(false);
    answer.resolve();
    const late = await slow.answer();
    expect([late.status, late.body.toString(), late.get("connection")]).toEqual([200, "late", "close"]);
    await tunnel.end(15_000);
    const tunnelMs = performance.now() - since;
    expect(tunnelMs).toBeGreaterThan(7_900);
    expect(await child.exited).toBe(0);
    expect(performance.now() - since).toBeLessThan(15_000);
    for (const client of [probe, check, slow, tunnel]) client.close();
  },
  PATIENCE,
);

test("a dry run by command: what a reload would change, or why it would be refused, and everything stays as it is", async () => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const token = "0123456789-0123456789-0123456789";
  const yaml = (body: string, more = "") =>
    `listeners: { web: { address: "127.0.0.1:0" }${more} }
admin: { address: "127.0.0.1:0", token: ${token} }
routes: [{ name: all, respond: { status: 200, body: ${body} } }]`;
  await using fairlead = await runFairlead(yaml("one"));
  const dryRun = () =>
    fairlead.command("reload", "--dry-run", "--runtime-dir", join(fairlead.directory, "run"));
  expect(await dryRun()).toEqual({
    code: 0,
    out: "nothing would change\nnot reloaded, generation 1 goes on\n",
    error: "",
  });
  // The program sees by itself that its file is another one, and refuses it: the port is taken.
  fairlead.write(yaml("two", `, more: { address: "127.0.0.1:${taken.port}" }`));
  await fairlead.program.until("reload_refused");
  const refused = await dryRun();
  expect([refused.code, refused.out]).toEqual([1, ""]);
  expect(refused.error).toContain(`listener more: cannot listen on 127.0.0.1:${taken.port}`);
  taken.stop(true);
  const { code, out } = await dryRun();
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    'routes[0].respond.body: "one" -> "two"',
    `listeners.more.address: not set -> "127.0.0.1:${taken.port}"`,
    ...["protocol", "backlog", "defer_accept"].map(() => expect.any(String)),
    expect.stringContaining("listeners.more."),
    expect.stringContaining("listeners.more."),
    "not reloaded, generation 1 goes on",
    "",
  ]);
  expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("one");
  expect((await fairlead.reload()).out).toBe("reloaded, generation 2\n");
  expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("two");
}, 60_000);
