/** Slow start, zones, passive health and drains through the program: which backend clients get, and when. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginHandler } from "../support/raw_origin.ts";
import { Program } from "./processes_fixture.ts";
import { answersOf, runFairlead, until, type RunningFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const get = (target = "/") => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

/** A backend that answers its name to requests and 200 or 503 to probes. */
async function origin(name: string, handler?: OriginHandler) {
  const state = { healthy: true, probes: true, requests: 0 };
  const raw = await rawOrigin((request, connection) => {
    if (request.target === "/healthz")
      return state.probes ? answerText("", state.healthy ? 200 : 503) : undefined;
    state.requests++;
    return handler === undefined ? answerText(name) : handler(request, connection);
  });
  return {
    name,
    url: raw.url,
    state,
    raw,
    [Symbol.dispose]: () => raw.close(),
  };
}

type Origin = Awaited<ReturnType<typeof origin>>;

const CHECK =
  "health_check: { type: http, path: /healthz, interval: 50ms, timeout: 5s, healthy_after: 1, unhealthy_after: 1 }";
const backend = ({ name, url }: Origin, more = "") => `{ id: ${name}, url: "${url}"${more} }`;
const poolText = (backends: readonly string[], more: string, workers = 1) =>
  `workers: ${workers}\npools: { web: { backends: [${backends.join(", ")}], ${more} } }\nroutes: [{ name: all, pool: web }]`;

const answers = (fairlead: { port(): number }, requests: number) => answersOf(fairlead, requests, get());

const isHealthy = (fairlead: RunningFairlead, name: string) =>
  fairlead.metric("backend_healthy", `backend="${name}"`);

const set = (fairlead: RunningFairlead, ...words: string[]) =>
  fairlead.command("backends", ...words, "--runtime-dir", join(fairlead.directory, "run"), "--json");

test(
  "H-H23 slow start: a backend that comes back begins with a part of its weight, which grows evenly to all of it",
  async () => {
    using a = await origin("a");
    using b = await origin("b");
    const seconds = 4;
    const more = `${CHECK}, slow_start: { duration: ${seconds}s, initial_share: 10% }`;
    const text = poolText([backend(a), backend(b)], more);
    await using fairlead = await runFairlead(text);
    // A cold start is none.
    expect(await answers(fairlead, 40)).toEqual({ a: 20, b: 20 });
    b.state.healthy = false;
    await until(async () => (await isHealthy(fairlead, "b")) === 0, "b is unhealthy");
    await until(async () => (await answers(fairlead, 4))["b"] === undefined, "the worker knows");
    b.state.healthy = true;
    const before = b.state.requests;
    const begun = performance.now();
    await until(
      async () => (await answers(fairlead, 1)) && b.state.requests > before,
      "b gets its first request",
    );
    // The part of all requests that b gets, by the time since it came back.
    const seen: { at: number; share: number }[] = [];
    let reloaded = false;
    while (performance.now() - begun < seconds * 1_000 * 0.9) {
      const from = performance.now() - begun;
      const { b: got = 0 } = await answers(fairlead, 60);
      seen.push({ at: (from + performance.now() - begun) / 2, share: got / 60 });
      if (!reloaded) await fairlead.apply(`${text}\nlimits: { header_fields: 90 }`);
      reloaded = true;
    }
    for (const { at, share } of seen) {
      const part = 0.1 + (0.9 * at) / (seconds * 1_000);
      // The check takes up to its interval to notice, and a busy machine longer; one request more or less is 2 %.
      const expected = part / (1 + part);
      expect(share).toBeLessThan(expected + 0.06);
      expect(share).toBeGreaterThan(expected - 0.16);
    }
    await until(async () => {
      const { b: got = 0 } = await answers(fairlead, 40);
      return got === 20;
    }, "b has its whole weight");
  },
  PATIENCE,
);

test(
  "zones: our own first, in proportion to others when too few of it serve, full ones pass on, retries may leave",
  async () => {
    using a = await origin("a");
    using b = await origin("b");
    using c = await origin("c", (request, connection) => {
      if (request.target !== "/hold") return answerText("c");
      held.push(() => connection.send(answerText("c held")));
      return undefined;
    });
    const held: (() => void)[] = [];
    const zones = "zones: { order: [y], spill_below: 100% }";
    const list = [backend(a, ", zone: x"), backend(b, ", zone: x"), backend(c, ", zone: y")];
    await using fairlead = await runFairlead(`zone: x\n${poolText(list, `${CHECK}, ${zones}`)}`);
    expect(await answers(fairlead, 40)).toEqual({ a: 20, b: 20 });
    b.state.healthy = false;
    await until(async () => (await isHealthy(fairlead, "b")) === 0, "b is unhealthy");
    await until(async () => (await answers(fairlead, 4))["b"] === undefined, "the worker knows");
    expect(await answers(fairlead, 40)).toEqual({ a: 20, c: 20 });
    await set(fairlead, "drain", "a");
    expect(await answers(fairlead, 10)).toEqual({ c: 10 });

    // Here the zone is c's own; it takes one request at a time, and its first try at a dead backend goes elsewhere.
    const full = [backend(c, ", zone: x, max_in_flight: 1"), backend(a, ", zone: y")];
    await fairlead.apply(`zone: x\n${poolText(full, zones)}`);
    await set(fairlead, "enable", "a");
    expect(await answers(fairlead, 5)).toEqual({ c: 5 });
    using waiting = await rawClient(fairlead.port());
    waiting.send(get("/hold"));
    await until(() => held.length === 1, "c is full");
    expect(await answers(fairlead, 5)).toEqual({ a: 5 });
    held[0]!();
    expect((await waiting.answer()).body.toString()).toBe("c held");
    expect(await answers(fairlead, 5)).toEqual({ c: 5 });
    c.raw.close();
    expect(await answers(fairlead, 5)).toEqual({ a: 5 });
  },
  PATIENCE,
);

test(
  "H-H8/broken an answer that its backend breaks off counts as a failure, one that its client leaves does not",
  async () => {
    using a = await origin("a", (_request, connection) => {
      connection.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      return undefined;
    });
    using b = await origin("b");
    const outliers = "outliers: { failures: 3, ejection: 1m, max_ejected: 50% }, retries: { attempts: 0 }";
    await using fairlead = await runFairlead(poolText([backend(a), backend(b)], outliers));
    const ejected = () => fairlead.metric("backend_ejected", 'backend="a"');
    let broken = 0;
    for (let count = 0; count < 12; count++) {
      using client = await rawClient(fairlead.port());
      client.send(get());
      const whole = await client.answer().then(
        () => true,
        () => false,
      );
      if (!whole) broken++;
    }
    expect(broken).toBe(3);
    expect(await ejected()).toBe(1);
    using slow = await origin("slow", (_request, connection) => {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      return undefined;
    });
    await fairlead.apply(poolText([backend(slow), backend(b)], outliers));
    for (let count = 0; count < 10; count++) {
      using client = await rawClient(fairlead.port());
      client.send(get());
      await until(() => client.received.length > 0, "an answer begins");
      client.socket.resetAndDestroy();
    }
    await until(
      async () =>
        (await fairlead.metric("request_errors_total", 'code="FL_CLIENT_ABORT"')) >= slow.state.requests,
      "all who left are counted",
    );
    expect(slow.state.requests).toBeGreaterThan(3);
    expect(await fairlead.metric("backend_ejected", 'backend="slow"')).toBe(0);
  },
  PATIENCE,
);

test(
  "a backend that drains keeps clients whose connection it has authenticated, and its tunnels, until it is disabled",
  async () => {
    using a = await origin("a", (request, connection) => {
      if (request.target === "/login") return answerText("who", 401, "WWW-Authenticate: NTLM\r\n");
      if (request.target !== "/tunnel") return answerText(`a ${connection.index}`);
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
      connection.socket.on("data", (bytes: Buffer) => connection.socket.write(bytes));
      return undefined;
    });
    using b = await origin("b");
    const timeouts = "timeouts: { drain: 3s, drain_tunnels: 3200ms }";
    await using fairlead = await runFairlead(poolText([backend(a)], timeouts));
    using own = await rawClient(fairlead.port());
    expect((await own.ask(get("/login"))).status).toBe(401);
    using tunnel = await rawClient(fairlead.port());
    tunnel.send(
      "GET /tunnel HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    await until(() => tunnel.received.includes("101 "), "the tunnel stands");
    await fairlead.apply(poolText([backend(a), backend(b)], timeouts));
    await set(fairlead, "drain", "a");
    expect(await answers(fairlead, 5)).toEqual({ b: 5 });
    for (let count = 0; count < 3; count++) expect((await own.ask(get())).body.toString()).toMatch(/^a \d$/);
    tunnel.send("still here");
    await until(() => tunnel.received.includes("still here"), "the tunnel goes on");
    await set(fairlead, "disable", "a");
    const listed = JSON.parse((await set(fairlead)).out) as { backends: { disabled_in_ms?: number }[] };
    expect(listed.backends[0]!.disabled_in_ms).toBeLessThanOrEqual(3_000);
    await until(() => a.raw.connections.every(({ closed }) => closed), "all is cut at the pool's deadlines");
    expect((await own.ask(get())).body.toString()).toBe("b");
  },
  PATIENCE,
);

test(
  "H-H10/ops over a reload an unchanged backend keeps health, counts, its time and its ejection",
  async () => {
    const slow = (name: string, ms: number) =>
      origin(name, async () => {
        await Bun.sleep(ms);
        return answerText(name);
      });
    // The quickest one is asked until it is left out, then the one behind it.
    using a = await slow("a", 20);
    using b = await slow("b", 150);
    using c = await origin("c", () => answerText("c", 500));
    const more = `strategy: { name: least_time, decay: 10m }, ${CHECK}, outliers: { failures: 2, ejection: 1m, statuses: [500] }`;
    const text = poolText([backend(a), backend(b), backend(c)], more);
    await using fairlead = await runFairlead(text);
    const ejected = () => fairlead.metric("backend_ejected", 'backend="c"');
    const requests = (name: string) => fairlead.metric("backend_requests_total", `backend="${name}"`);
    await until(async () => {
      await answers(fairlead, 10);
      return (await ejected()) === 1 && b.state.requests > 0;
    }, "c is left out and the time of b is known");
    const counted = { a: a.state.requests, b: b.state.requests, c: c.state.requests };
    for (const fields of [90, 91, 92]) {
      await fairlead.apply(`${text}\nlimits: { header_fields: ${fields} }`);
      expect(await isHealthy(fairlead, "a")).toBe(1);
      expect(await ejected()).toBe(1);
      expect(await answers(fairlead, 5)).toEqual({ a: 5 });
    }
    expect(a.state.requests).toBe(counted.a + 15);
    // A request is counted when it is over, which its client may see first.
    await until(
      async () => (await requests("a")) === a.state.requests,
      "the metric counts on over all reloads",
    );
    expect([b.state.requests, c.state.requests]).toEqual([counted.b, counted.c]);
  },
  PATIENCE,
);

test(
  "health is kept in state_dir: a new start serves by it at once, and the first results decide",
  async () => {
    using a = await origin("a");
    using b = await origin("b");
    b.state.healthy = false;
    // Only the first result of a start comes within this test.
    const check = CHECK.replace("interval: 50ms", "interval: 1h");
    await using fairlead = await runFairlead(poolText([backend(a), backend(b)], check));
    await until(
      async () => (await isHealthy(fairlead, "a")) === 1 && (await isHealthy(fairlead, "b")) === 0,
      "judged",
    );
    const runtime = join(fairlead.directory, "run");
    await fairlead.command("stop", "--runtime-dir", runtime);
    await until(() => fairlead.program.child.exitCode !== null, "it has ended");
    const path = join(fairlead.directory, "state", "health.json");
    const file = JSON.parse(readFileSync(path, "utf8")) as { members: Record<string, { health: string }> };
    expect([file.members["web/a"]!.health, file.members["web/b"]!.health]).toEqual(["healthy", "unhealthy"]);
    // Probes hang now: what is known comes from the file.
    a.state.probes = b.state.probes = false;
    const next = new Program(
      ["-c", fairlead.file, "--log-format", "json"],
      [process.execPath, join(import.meta.dir, "../../src/main.ts")],
    );
    try {
      const [{ port }] = (await next.until("ready"))["listeners"] as [{ port: number }];
      expect(await answers({ port: () => port }, 10)).toEqual({ a: 10 });
      await fairlead.command("stop", "--runtime-dir", runtime);
    } finally {
      await next.kill();
    }
  },
  PATIENCE,
);

test(
  "H-H7/ops 1,000 backends of one pool: bounded first probes at once, first results within one interval, then even spread and traffic to all that are well",
  async () => {
    const COUNT = 1_000;
    const INTERVAL_MS = 4_000;
    const times = new Map<string, number[]>();
    const served = new Set<string>();
    let open = 0;
    let most = 0;
    const sick = "127.0.3.7";
    const server = Bun.serve({
      port: 0,
      hostname: "0.0.0.0",
      async fetch({ url }) {
        const { hostname, pathname } = new URL(url);
        if (pathname !== "/healthz") {
          served.add(hostname);
          return new Response(hostname);
        }
        times.set(hostname, [...(times.get(hostname) ?? []), performance.now()]);
        most = Math.max(most, ++open);
        await Bun.sleep(5);
        open--;
        return new Response("", { status: hostname === sick ? 503 : 200 });
      },
    });
    try {
      const backends = Array.from({ length: COUNT }, (_, index) => {
        const host = `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
        return `{ id: "${host}", url: "http://${host}:${server.port}" }`;
      });
      const check = `health_check: { type: http, path: /healthz, interval: ${INTERVAL_MS}ms, timeout: 3s, jitter: 0%, unhealthy_after: 1 }`;
      const text = poolText(backends, `${check}, host_header: backend`, 2);
      await using fairlead = await runFairlead(text);
      const judged = async () => {
        const { text: page } = await fairlead.page("/metrics");
        return page.split("\n").filter((line) => line.startsWith("fairlead_backend_healthy{")).length;
      };
      await until(async () => (await judged()) === COUNT, "all are judged");
      const firsts = [...times.values()].map(([first]) => first!);
      const start = Math.min(...firsts);
      expect(performance.now() - start).toBeLessThan(INTERVAL_MS);
      expect([most > 20, most <= 512]).toEqual([true, true]);
      await until(() => [...times.values()].every(({ length }) => length >= 2), "second probes");
      const slices = Array.from({ length: 8 }, () => 0);
      for (const [, second] of times.values())
        slices[Math.min(7, Math.floor(((second! - start) / INTERVAL_MS) * 8))]!++;
      // 125 in each where nothing else runs; all at once would be 1,000 in one.
      expect(Math.max(...slices)).toBeLessThan(500);
      expect(slices.filter((count) => count > 30).length).toBeGreaterThanOrEqual(5);
      using client = await rawClient(fairlead.port());
      for (let count = 0; count < COUNT; count++) {
        const { status } = await client.ask(get());
        expect(status).toBe(200);
      }
      expect(served.size).toBeGreaterThan(COUNT * 0.99 - 1);
      expect(served.has(sick)).toBe(false);
    } finally {
      await server.stop(true);
    }
  },
  PATIENCE,
);
