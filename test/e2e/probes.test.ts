/** Probes and names through the whole program: what clients get while backends come, go and move. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuration } from "../../src/cli/configuration.ts";
import { parts } from "../../src/composition.ts";
import type { Health } from "../../src/core/model.ts";
import { realClock } from "../../src/platform/clock.ts";
import { SystemNames } from "../../src/platform/names_system.ts";
import { testDnsServer } from "../../src/platform/names_test_server.ts";
import { probes } from "../../src/probes/all.ts";
import { HealthKeeper } from "../../src/probes/health_keeper.ts";
import {
  answering,
  backend,
  certificate,
  openDescriptors,
  testDirectory,
  until,
  type TestBackend,
} from "../../src/probes/test_backend.ts";
import { startInProcess } from "../../src/run/start_in_process.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";

/** Starts the pools of `yaml` behind one listener. Names are resolved by `dns` alone. */
async function start(yaml: string, dns?: string) {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-probes-e2e-"));
  const file = join(directory, "fairlead.yaml");
  const { load } = configuration({ file, set: [] }, { ...(await parts.config()), probes });
  const loadText = async (text: string) => {
    const head = `runtime_dir: ${directory}/run\nstate_dir: ${directory}/state\nadmin: { address: "127.0.0.1:0" }`;
    writeFileSync(file, `${head}\nlisteners: { web: { address: "127.0.0.1:0" } }\n${text}\n`);
    const loaded = await load();
    if (loaded.plan === null) throw new Error(loaded.problems.join("\n"));
    return { ...loaded, plan: loaded.plan };
  };
  const names = new SystemNames({
    clock: realClock,
    hostsFile: join(directory, "hosts"),
    resolverFile: join(directory, "resolv.conf"),
    servers: [dns ?? "127.0.0.1:9"],
  });
  const loaded = await loadText(yaml);
  const instance = await startInProcess(loaded.plan, {
    createProgram: parts.createProgram,
    counters: (await parts.supervisor()).counters,
    files: loaded.files,
    parts: [
      (supervisor) => new HealthKeeper(supervisor, { probes, names, clock: realClock, random: Math.random }),
    ],
  });
  const healthOf = (id: string): Health => instance.snapshot().health[id] ?? "unknown";
  return {
    instance,
    healthOf,
    get port() {
      return instance.port("web");
    },
    /** Statuses of `count` requests, one connection each. */
    async statuses(count: number, target = "/"): Promise<number[]> {
      const found: number[] = [];
      for (let index = 0; index < count; index++)
        found.push((await askOnce(instance.port("web"), `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)).status);
      return found;
    },
    /** Waits until a member has this health. */
    becomes: (id: string, health: Health) => until(`${id} is ${health}`, () => healthOf(id) === health),
    async reload(text: string) {
      const next = await loadText(text);
      const result = await instance.reload(next);
      if (!result.ok) throw new Error(result.problems.join("\n"));
    },
    async [Symbol.asyncDispose]() {
      await instance[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const PROBE_TARGET = "/healthz";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const DOWN = "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n";

/** A backend whose probes are told from requests by their target. */
interface Origin extends Disposable {
  readonly server: TestBackend;
  readonly url: string;
  /** What probes get. */
  probe: string | ((head: string) => string | null);
  /** Requests of clients and probes so far. */
  readonly requests: number;
  readonly probes: number;
}

/** The last of the request heads that came on a connection. */
function lastHead(received: string): string {
  return received.split("\r\n\r\n").at(-2) ?? "";
}

function origin(probe: Origin["probe"] = OK, where: Parameters<typeof backend>[1] = {}): Origin {
  let requests = 0;
  let probeCount = 0;
  const server = backend(
    {
      data(socket, received) {
        if (!received.endsWith("\r\n\r\n")) return;
        const head = lastHead(received);
        const isProbe = head.includes(PROBE_TARGET);
        if (isProbe) probeCount++;
        else requests++;
        const answer = isProbe ? (typeof it.probe === "string" ? it.probe : it.probe(head)) : OK;
        if (answer !== null) socket.write(answer);
      },
    },
    where,
  );
  const it = {
    server,
    probe,
    url: server.endpoint.kind === "unix" ? `unix:${server.endpoint.path}` : `http://127.0.0.1:${server.port}`,
    get requests() {
      return requests;
    },
    get probes() {
      return probeCount;
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  };
  return it;
}

const FAST = "interval: 100ms, timeout: 80ms, jitter: 0%, healthy_after: 2, unhealthy_after: 3";
const pool = (urls: Readonly<Record<string, string>>, check: string): string =>
  `pools: { app: { backends: [${Object.entries(urls)
    .map(([id, url]) => `{ id: ${id}, url: "${url}" }`)
    .join(", ")}], health_check: { ${check} } } }\nroutes: [{ pool: app }]`;
const httpCheck = `type: http, path: ${PROBE_TARGET}, ${FAST}`;

const all200 = (count: number) => Array.from({ length: count }, () => 200);

test("H-H5/h1 rise and fall: a backend leaves after three failures and comes back after two successes", async () => {
  using one = origin();
  using two = origin();
  await using it = await start(pool({ one: one.url, two: two.url }, httpCheck));
  await it.becomes("app/one", "healthy");
  await it.becomes("app/two", "healthy");
  two.probe = DOWN;
  const failing = two.probes;
  await it.becomes("app/two", "unhealthy");
  // Exactly three made the change; another one may have come before we saw it.
  expect([3, 4, 5]).toContain(two.probes - failing);
  const [first, second] = [one.requests, two.requests];
  expect(await it.statuses(20)).toEqual(all200(20));
  expect([one.requests - first, two.requests - second]).toEqual([20, 0]);
  two.probe = OK;
  const succeeding = two.probes;
  await it.becomes("app/two", "healthy");
  expect([2, 3, 4]).toContain(two.probes - succeeding);
  expect(await it.statuses(20)).toEqual(all200(20));
  expect(two.requests - second).toBe(10);
  one.probe = two.probe = DOWN;
  await it.becomes("app/one", "unhealthy");
  await it.becomes("app/two", "unhealthy");
  expect(await it.statuses(3)).toEqual([503, 503, 503]);
});

const answerOf = (status: number, body = "", fields = "") =>
  `HTTP/1.1 ${status} X\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

/** Settings of an http check, and what a good and a bad backend answer to its probe. */
const HTTP_SETTINGS: readonly [settings: string, good: Origin["probe"], bad: Origin["probe"]][] = [
  ["method: HEAD", (head) => (head.startsWith("HEAD ") ? answerOf(200) : DOWN), DOWN],
  ["headers: { X-Check: deep }", (head) => (/\r\nX-Check: deep(?:\r|$)/.test(head) ? OK : DOWN), DOWN],
  ["host: app.example", (head) => (head.includes("\r\nHost: app.example\r\n") ? OK : DOWN), DOWN],
  ['expect_status: "200-299,301"', answerOf(301), answerOf(302)],
  ["expect_status: 418", answerOf(418), OK],
  ['expect_body: "all good"', answerOf(200, "it is all good"), answerOf(200, "it is all bad")],
  ['expect_body_regex: "^up since \\\\d+$"', answerOf(200, "up since 12"), answerOf(200, "up since ever")],
  [
    "follow_redirects: 1",
    (head) => (head.includes("/again") ? OK : answerOf(302, "", `Location: ${PROBE_TARGET}/again\r\n`)),
    (head) => (head.includes("/again") ? DOWN : answerOf(302, "", `Location: ${PROBE_TARGET}/again\r\n`)),
  ],
  ["follow_redirects: 0", OK, answerOf(302, "", `Location: ${PROBE_TARGET}/again\r\n`)],
];

test("H-H5/h1 http settings: each decides which backend gets the requests", async () => {
  for (const [settings, good, bad] of HTTP_SETTINGS) {
    using one = origin(good);
    using two = origin(bad);
    const check = `${httpCheck}, ${settings}`;
    await using it = await start(pool({ one: one.url, two: two.url }, check));
    await it.becomes("app/one", "healthy");
    await it.becomes("app/two", "unhealthy");
    expect([settings, await it.statuses(4), one.requests, two.requests]).toEqual([settings, all200(4), 4, 0]);
  }
});

test("H-H5/h1 tcp: connect, send and expect, on a port of its own", async () => {
  using one = origin();
  using two = origin();
  using pong = backend({ data: (socket, text) => void (text === "PING\r\n" && socket.write("+PONG\r\n")) });
  using error = backend({ data: (socket) => void socket.write("-LOADING\r\n") });
  const tcpCheck = `type: tcp, ${FAST}`;
  await using it = await start(pool({ one: one.url, two: two.url }, tcpCheck));
  await it.becomes("app/one", "healthy");
  await it.becomes("app/two", "healthy");
  const talk = 'send: "PING\\r\\n", expect: "+PONG"';
  await it.reload(pool({ one: one.url, two: two.url }, `${tcpCheck}, ${talk}, port: ${pong.port}`));
  await until("the other port is probed", () => pong.received.includes("PING\r\n"));
  expect([it.healthOf("app/one"), it.healthOf("app/two")]).toEqual(["healthy", "healthy"]);
  await it.reload(pool({ one: one.url, two: two.url }, `${tcpCheck}, ${talk}, port: ${error.port}`));
  await it.becomes("app/one", "unhealthy");
  await it.becomes("app/two", "unhealthy");
  expect(await it.statuses(2)).toEqual([503, 503]);
  await it.reload(pool({ one: one.url, two: two.url }, `${tcpCheck}, ${talk}, port: ${pong.port}`));
  await it.becomes("app/one", "healthy");
  expect(await it.statuses(2)).toEqual([200, 200]);
});

test("H-H5/h1 tls: the check's own authority and name, by a file beside the configuration", async () => {
  using directory = testDirectory();
  const own = certificate(directory, "web.test");
  using secure = answering(OK, { tls: { cert: own.cert, key: own.key } });
  const url = `https://127.0.0.1:${secure.port}`;
  const text = (tls: string) =>
    pool({ one: url }, `${httpCheck}, tls: ${tls}`).replace("backends:", "tls: { verify: false }, backends:");
  await using it = await start(text(`{ ca: "${own.certPath}", server_name: web.test, verify: true }`));
  await it.becomes("app/one", "healthy");
  expect(await it.statuses(2)).toEqual([200, 200]);
  await it.reload(text("{ server_name: web.test, verify: true }"));
  await it.becomes("app/one", "unhealthy");
  await it.reload(text("true"));
  await it.becomes("app/one", "healthy");
  await it.reload(text("false"));
  await it.becomes("app/one", "unhealthy");
});

test("H-H5/h1 tls: probes judge an address in the certificate as requests do", async () => {
  using directory = testDirectory();
  const [right, wrong] = [certificate(directory, "127.0.0.1"), certificate(directory, "127.0.0.2")];
  using good = answering(OK, { tls: { cert: right.cert, key: right.key } });
  using bad = answering(OK, { tls: { cert: wrong.cert, key: wrong.key } });
  const cases = {
    good: [good, `ca: "${right.certPath}"`],
    bad: [bad, `ca: "${wrong.certPath}"`],
    trusted: [bad, "verify: false"],
  } as const;
  const pools = Object.entries(cases).flatMap(([name, [server, tls]]) => {
    const base = `backends: [{ id: one, url: "https://127.0.0.1:${server.port}" }], tls: { ${tls} }`;
    return [`  ${name}: { ${base} }`, `  ${name}_probed: { ${base}, health_check: { ${httpCheck} } }`];
  });
  const names = Object.keys(cases).flatMap((name) => [name, `${name}_probed`]);
  const routes = names.map((name) => `  - { match: "Path(\`/${name}\`)", pool: ${name} }`);
  await using it = await start(`pools:\n${pools.join("\n")}\nroutes:\n${routes.join("\n")}`);
  await it.becomes("good_probed/one", "healthy");
  await it.becomes("bad_probed/one", "unhealthy");
  await it.becomes("trusted_probed/one", "healthy");
  const found: Record<string, number | undefined> = {};
  for (const name of names) [found[name]] = await it.statuses(1, `/${name}`);
  expect(found).toEqual({
    good: 200,
    good_probed: 200,
    bad: 502,
    bad_probed: 503,
    trusted: 200,
    trusted_probed: 200,
  });
});

test("H-H6 hanging, resetting, dripping, flooding and babbling backends fail at the timeout, get no requests and leak nothing", async () => {
  const drips = new Set<Timer>();
  const every = (ms: number, run: () => void) => void drips.add(setInterval(run, ms));
  const bad: Readonly<Record<string, TestBackend>> = {
    hanging: backend({}),
    resetting: backend({ data: (socket) => socket.terminate() }),
    dripping: backend({
      data(socket) {
        socket.write("HTTP/1.1 200 OK\r\nX: ");
        every(10, () => void socket.write("x"));
      },
    }),
    flooding: backend({
      data(socket) {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        every(2, () => void socket.write("x".repeat(30_000)));
      },
    }),
    babbling: backend({ open: (socket) => void socket.write("SSH-2.0-OpenSSH\r\n") }),
    halved: answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
  };
  using good = origin(answerOf(200, "fine"));
  const urls = Object.fromEntries(
    Object.entries(bad).map(([id, server]) => [id, `http://127.0.0.1:${server.port}`]),
  );
  const check = `${httpCheck}, expect_body: fine`;
  await using it = await start(pool({ ...urls, good: good.url }, check));
  await it.becomes("app/good", "healthy");
  for (const id of Object.keys(bad)) await it.becomes(`app/${id}`, "unhealthy");
  const requests = () =>
    Object.values(bad).flatMap(({ received }) => received.filter((text) => text.startsWith("GET / ")));
  expect(await it.statuses(10)).toEqual(all200(10));
  expect(requests()).toEqual([]);
  const settled = openDescriptors();
  const rounds = good.probes;
  await until("twenty more rounds of probes", () => good.probes >= rounds + 20);
  // Each probe has at most one socket here, and two ends of it are in this process.
  expect(openDescriptors()).toBeLessThanOrEqual(settled + 2 * (Object.keys(bad).length + 1));
  for (const [id, server] of Object.entries(bad)) {
    expect([id, server.accepted >= 5]).toEqual([id, true]);
    await until(`${id} has at most one connection`, () => server.open <= 1);
  }
  await it.instance.stop();
  await until("no probe is open after the end", () => Object.values(bad).every(({ open }) => open === 0));
  for (const timer of drips) clearInterval(timer);
  for (const server of Object.values(bad)) server[Symbol.dispose]();
}, 20_000);

test("H-H7 1,000 backends: first probes at once but bounded, all judged within one interval, later probes spread", async () => {
  const COUNT = 1_000;
  const INTERVAL_MS = 3_000;
  const times = Array.from({ length: COUNT }, (): number[] => []);
  let open = 0;
  let most = 0;
  using server = backend({
    open: () => void (most = Math.max(most, ++open)),
    data(socket, head) {
      const index = Number(/\r\nHost: b(\d+)\.test\r\n/.exec(head)?.[1]);
      times[index]!.push(performance.now());
      setTimeout(() => void (socket.write(OK), open--), 5);
    },
  });
  const pools = Array.from(
    { length: COUNT },
    (_, index) =>
      `  p${index}: { backends: [{ id: b, url: "http://127.0.0.1:${server.port}" }], health_check: { type: http, ` +
      `host: b${index}.test, interval: ${INTERVAL_MS}ms, timeout: 2s, jitter: 0% } }`,
  );
  const begun = performance.now();
  await using it = await start(`pools:\n${pools.join("\n")}\nroutes: [{ pool: p0 }]`);
  const judged = () =>
    Object.values(it.instance.snapshot().health).filter((health) => health === "healthy").length;
  await until("all backends are judged", () => judged() === COUNT);
  const firsts = times.map(([first]) => first!);
  const start0 = Math.min(...firsts);
  expect(Math.max(...firsts) - start0).toBeLessThan(INTERVAL_MS);
  expect(performance.now() - start0).toBeLessThan(INTERVAL_MS);
  expect(start0 - begun).toBeLessThan(INTERVAL_MS);
  expect([most > 50, most <= 512]).toEqual([true, true]);
  await until("all backends have had their second probe", () => times.every(({ length }) => length >= 2));
  const seconds = times.map(([, second]) => second! - start0);
  const slices = Array.from({ length: 6 }, () => 0);
  for (const at of seconds) slices[Math.min(5, Math.floor((at / INTERVAL_MS) * 6))]!++;
  // An even spread has 167 in each, all at once would be 1,000 in one; a busy machine moves some to the next.
  for (const slice of slices) expect(slice).toBeLessThan(600);
  expect(slices.filter((slice) => slice > 50).length).toBeGreaterThanOrEqual(4);
}, 30_000);

test("H-H10/reload an unchanged backend keeps its health over a reload, also while its probe fails", async () => {
  using one = origin();
  using two = origin(DOWN);
  const text = pool({ one: one.url, two: two.url }, httpCheck);
  await using it = await start(text);
  await it.becomes("app/one", "healthy");
  await it.becomes("app/two", "unhealthy");
  for (let round = 0; round < 5; round++) {
    await it.reload(`${text}\n# ${round}\nlimits: { header_fields: ${100 + round} }`);
    expect([it.healthOf("app/one"), it.healthOf("app/two")]).toEqual(["healthy", "unhealthy"]);
    expect(await it.statuses(4)).toEqual(all200(4));
  }
  expect(two.requests).toBe(0);
});

test("H-H11 a backend that joins gets nothing before its first success while another is healthy; with none, it takes all", async () => {
  using one = origin();
  // Neither success nor failure before the test says so.
  const waiting: (() => void)[] = [];
  using two = answering((head, socket) => {
    if (!head.includes(PROBE_TARGET)) return OK;
    waiting.push(() => void socket.write(OK));
    return null;
  });
  const twoUrl = `http://127.0.0.1:${two.port}`;
  const slow = `type: http, path: ${PROBE_TARGET}, interval: 30s, timeout: 20s`;
  const requests = () => two.received.join("").split("GET / ").length - 1;
  await using it = await start(pool({ one: one.url }, slow));
  await it.becomes("app/one", "healthy");
  await it.reload(pool({ one: one.url, two: twoUrl }, slow));
  await until("the new backend is probed", () => waiting.length === 1);
  expect(it.healthOf("app/two")).toBe("unknown");
  expect(await it.statuses(20)).toEqual(all200(20));
  expect(requests()).toBe(0);
  await it.reload(pool({ two: twoUrl }, slow));
  expect(it.healthOf("app/two")).toBe("unknown");
  expect(await it.statuses(4)).toEqual(all200(4));
  expect(requests()).toBe(4);
  await it.reload(pool({ one: one.url, two: twoUrl }, slow));
  await it.becomes("app/one", "healthy");
  expect(await it.statuses(10)).toEqual(all200(10));
  expect(requests()).toBe(4);
  for (const answer of waiting) answer();
  await it.becomes("app/two", "healthy");
  expect(await it.statuses(10)).toEqual(all200(10));
  expect(requests()).toBe(9);
}, 20_000);

test("H-H29 a backend of weight 0 gets nothing while the other is up, down, and up again", async () => {
  using a = origin();
  using b = origin();
  const text = pool({ a: a.url, b: b.url }, httpCheck).replace("id: b,", "id: b, weight: 0,");
  await using it = await start(text);
  await it.becomes("app/a", "healthy");
  await it.becomes("app/b", "healthy");
  expect(await it.statuses(5)).toEqual(all200(5));
  a.probe = DOWN;
  await it.becomes("app/a", "unhealthy");
  expect(await it.statuses(5)).toEqual([503, 503, 503, 503, 503]);
  a.probe = OK;
  await it.becomes("app/a", "healthy");
  expect(await it.statuses(5)).toEqual(all200(5));
  expect([a.requests, b.requests]).toEqual([10, 0]);
});

for (const [how, check] of [
  ["without a health check", ""],
  ["with one", `, health_check: { ${httpCheck} }`],
] as const) {
  test(`H-E21${check === "" ? "" : "/probed"} a changed DNS answer is used within its time to live, old connections drain, ${how}`, async () => {
    await using dns = await testDnsServer();
    const held: (() => void)[] = [];
    const serving = (name: string, hostname: string, port: number) =>
      answering(
        (head, socket) => {
          const answer = () => void socket.write(answerOf(200, name));
          if (!lastHead(head).includes("/slow")) answer();
          else held.push(answer);
          return null;
        },
        { hostname, port },
      );
    using before = serving("before", "127.0.0.1", 0);
    using after = serving("after", "127.0.0.2", before.port);
    dns.zone.set("web.test", [{ address: "127.0.0.1", ttl: 1 }]);
    const url = `http://web.test:${before.port}`;
    const text = `pools: { app: { backends: [{ id: web, url: "${url}" }]${check} } }\nroutes: [{ pool: app }]`;
    expect(after.open).toBe(0);
    await using it = await start(text, dns.address);
    using slow = await rawClient(it.port);
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await until("the slow request is under way", () => held.length === 1);
    using client = await rawClient(it.port);
    const body = async () => {
      const answer = await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      return `${answer.status} ${answer.body.toString()}`;
    };
    expect(await body()).toBe("200 before");
    dns.zone.set("web.test", [{ address: "127.0.0.2", ttl: 1 }]);
    const changed = performance.now();
    let now = "200 before";
    while (now === "200 before" && performance.now() - changed < 5_000) {
      await Bun.sleep(5);
      now = await body();
    }
    expect(now).toBe("200 after");
    // A second to live, and room for a busy machine; the fall-back and the longest time to live are far above.
    expect(performance.now() - changed).toBeLessThan(2_500);
    for (let count = 0; count < 20; count++) expect(await body()).toBe("200 after");
    await until("only the slow request is left at the old address", () => before.open <= 1);
    held[0]!();
    expect((await slow.answer()).body.toString()).toBe("before");
    await until("nothing is left at the old address", () => before.open === 0);
    dns.zone.set("web.test", "failure");
    const asked = dns.questions.length;
    await until("lookups fail", () => dns.questions.length > asked);
    expect(await body()).toBe("200 after");
  }, 20_000);
}

test("H-E21/addresses a name with several addresses is several candidates, and one that is down gets nothing", async () => {
  await using dns = await testDnsServer();
  const named = (name: string, hostname: string, port: number) =>
    answering((head) => (head.includes("GET /healthz") && name === "sick" ? DOWN : answerOf(200, name)), {
      hostname,
      port,
    });
  using one = named("one", "127.0.0.1", 0);
  using two = named("two", "127.0.0.2", one.port);
  using sick = named("sick", "127.0.0.3", one.port);
  dns.zone.set(
    "web.test",
    ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map((address) => ({ address, ttl: 60 })),
  );
  const url = `http://web.test:${one.port}`;
  await using it = await start(pool({ web: url }, httpCheck), dns.address);
  await it.becomes("app/web@127.0.0.1", "healthy");
  await it.becomes("app/web@127.0.0.2", "healthy");
  await it.becomes("app/web@127.0.0.3", "unhealthy");
  expect(await it.statuses(20, "/x")).toEqual(all200(20));
  const count = (server: TestBackend) => server.received.join("").split("GET /x ").length - 1;
  expect([count(one), count(two), count(sick)]).toEqual([10, 10, 0]);
});

test("H-H11/name a name's new address gets nothing before its first success while another one is healthy; alone it takes all", async () => {
  await using dns = await testDnsServer();
  // Probes of the second address hang until the test answers them.
  const waiting: (() => void)[] = [];
  using one = answering(() => answerOf(200, "one"), { hostname: "127.0.0.1", port: 0 });
  using two = answering(
    (head, socket) => {
      if (!lastHead(head).includes(PROBE_TARGET)) return answerOf(200, "two");
      waiting.push(() => void socket.write(OK));
      return null;
    },
    { hostname: "127.0.0.2", port: one.port },
  );
  const zone = (...addresses: string[]) =>
    dns.zone.set(
      "web.test",
      addresses.map((address) => ({ address, ttl: 1 })),
    );
  zone("127.0.0.1");
  const slow = `type: http, path: ${PROBE_TARGET}, interval: 30s, timeout: 20s`;
  await using it = await start(pool({ web: `http://web.test:${one.port}` }, slow), dns.address);
  await it.becomes("app/web@127.0.0.1", "healthy");
  const requests = () => two.received.join("").split("GET / ").length - 1;
  zone("127.0.0.1", "127.0.0.2");
  await until("the new address is probed", () => waiting.length === 1);
  expect(await it.statuses(10)).toEqual(all200(10));
  expect(requests()).toBe(0);
  zone("127.0.0.2");
  await until("the old address is gone", () => it.healthOf("app/web@127.0.0.1") === "unknown");
  expect(it.healthOf("app/web@127.0.0.2")).toBe("unknown");
  expect(await it.statuses(4)).toEqual(all200(4));
  expect(requests()).toBe(4);
  zone("127.0.0.1", "127.0.0.2");
  await it.becomes("app/web@127.0.0.1", "healthy");
  expect(await it.statuses(6)).toEqual(all200(6));
  expect(requests()).toBe(4);
  for (const answer of waiting) answer();
  await it.becomes("app/web@127.0.0.2", "healthy");
  expect(await it.statuses(10)).toEqual(all200(10));
  expect(requests()).toBe(9);
}, 20_000);

test("a name without an answer at the start does not keep the program from starting", async () => {
  await using dns = await testDnsServer();
  using good = origin();
  const text = (name: string) =>
    `pools: { bad: { backends: [{ id: x, url: "http://${name}:${good.server.port}" }] }, good: { backends: [{ url: "${good.url}" }] } }
routes: [{ match: "Path(\`/bad\`)", pool: bad }, { pool: good }]`;
  await using it = await start(text("web.test"), dns.address);
  expect(await it.statuses(2)).toEqual([200, 200]);
  expect(await it.statuses(1, "/bad")).toEqual([503]);
  dns.zone.set("web.test", [{ address: "127.0.0.1", ttl: 60 }]);
  let status = 503;
  for (const end = performance.now() + 5_000; status === 503 && performance.now() < end;) {
    await Bun.sleep(20);
    [status = 503] = await it.statuses(1, "/bad");
  }
  expect(status).toBe(200);
});
