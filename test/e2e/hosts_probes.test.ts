/** Probes of the hosts plane: as the original's files say them and as our own do, and with the whole program. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadHostsRedirector } from "../../src/config/hosts_redirector/load.ts";
import { parseBackendUrl } from "../../src/core/schema/backend_url.ts";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import type { ProbeResult } from "../../src/probes/contract.ts";
import { http } from "../../src/probes/http.ts";
import { answering, backend, checkOnce, targetOf, type TestBackend } from "../../src/probes/test_backend.ts";
import { PROGRAM } from "../support/program.ts";
import { HostsPlace } from "./hosts_program.ts";
import { until } from "./processes_program.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-probes-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

let folders = 0;

/** Probes `host`, which stands in an original's file, at the port of `server` on its address. */
async function probeOriginal(
  server: TestBackend,
  config: Readonly<Record<string, unknown>>,
  host = "127.0.0.1",
): Promise<ProbeResult> {
  const folder = join(directory, `original-${folders++}`);
  mkdirSync(join(folder, "lb_configs"), { recursive: true });
  writeFileSync(join(folder, "config.yml"), "");
  const check = { type: "http", period: 1, config: { port: server.port, path: "health", ...config } };
  const file = { name: "web", local_host: "web.local", backend_hosts: [host], strategy: "sequential" };
  writeFileSync(join(folder, "lb_configs/web.yml"), JSON.stringify({ ...file, healthcheck: check }));
  const { value, problems } = await loadHostsRedirector({ file: join(folder, "config.yml") });
  if (value === null) throw new Error(JSON.stringify(problems));
  const { pools } = value as unknown as {
    pools: Record<string, { backends: { url: string }[]; health_check: Record<string, unknown> }>;
  };
  const { backends, health_check } = pools["web"]!;
  const own = ["type", "interval", "timeout", "jitter", "healthy_after", "unhealthy_after"];
  const options = Object.fromEntries(Object.entries(health_check).filter(([key]) => !own.includes(key)));
  const url = parseBackendUrl(backends[0]!.url);
  if ("problem" in url) throw new Error(url.problem);
  const target = targetOf(url.endpoint, { tls: url.tls });
  return await checkOnce(http, options, target, { endpoint: server.endpoint });
}

function heads(server: TestBackend): string[] {
  return server.received.map((head) => head.split("\r\n")[0]!);
}

test("HF13 each method, headers as a map and a query go out as the original's file says", async () => {
  using server = answering(OK);
  for (const method of ["HEAD", "GET", "OPTIONS", "POST"]) {
    const config = {
      method,
      query: "deep=1&q=a b",
      headers: { "X-Check": "yes", Authorization: "Bearer t" },
    };
    expect([method, await probeOriginal(server, config)]).toEqual([
      method,
      { healthy: true, reason: "status 200" },
    ]);
    const head = server.received.at(-1)!;
    expect(head).toStartWith(
      `${method} /health?deep=1&q=a%20b HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`,
    );
    expect(head).toContain("\r\nX-Check: yes\r\n");
    expect(head).toContain("\r\nAuthorization: Bearer t\r\n");
  }
});

test("HF13 Host is the configured name of the backend, else its address, and a configured Host wins", async () => {
  using server = answering(OK);
  await probeOriginal(server, {}, "web.internal");
  await probeOriginal(server, {}, "127.0.0.1");
  await probeOriginal(server, { headers: { hOsT: "public.example" } }, "web.internal");
  await checkOnce(http, { host: "public.example" }, targetOf(server.endpoint));
  expect(server.received.map((head) => /^Host: (.*)\r$/m.exec(head)?.[1])).toEqual([
    `web.internal:${server.port}`,
    `127.0.0.1:${server.port}`,
    "public.example",
    "public.example",
  ]);
});

test("HF13 expected_status is a regex in the original's files and a set in ours", async () => {
  const cases: [string | number, number, boolean][] = [
    ["^2", 204, true],
    ["^2", 302, false],
    ["^2", 429, false],
    ["200|429", 429, true],
    ["200|429", 201, false],
    ["401", 401, true],
    [401, 200, false],
  ];
  for (const [expected_status, status, healthy] of cases) {
    using server = answering(`HTTP/1.1 ${status} Word\r\nContent-Length: 0\r\n\r\n`);
    const found = await probeOriginal(server, { expected_status });
    expect([expected_status, status, found.healthy]).toEqual([expected_status, status, healthy]);
  }
  using limited = answering("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n");
  expect((await checkOnce(http, { expect_status: "200,429" }, targetOf(limited.endpoint))).healthy).toBe(
    true,
  );
});

/** `/1` leads to `/2` and so on up to `/last`, which answers. */
function hopping(last: number, location: (next: number, port: number) => string = (next) => `/${next}`) {
  const server: TestBackend = answering((head) => {
    const at = Number(/^\S+ \/(\d+)/.exec(head)?.[1] ?? 0);
    if (at >= last) return OK;
    return `HTTP/1.1 302 Found\r\nLocation: ${location(at + 1, server.port)}\r\nContent-Length: 0\r\n\r\n`;
  });
  return server;
}

test("HF13 the original's files follow 10 redirects on one host and port; for ours 3xx is a normal answer", async () => {
  using ten = hopping(10);
  expect(await probeOriginal(ten, {})).toEqual({ healthy: true, reason: "status 200" });
  expect(ten.accepted).toBe(11);
  using eleven = hopping(11);
  expect(await probeOriginal(eleven, {})).toEqual({ healthy: false, reason: "more than 10 redirects" });
  using absolute = hopping(1, (next, port) => `http://127.0.0.1:${port}/${next}`);
  expect((await probeOriginal(absolute, {})).healthy).toBe(true);
  for (const away of ["http://127.0.0.2:PORT/1", "http://127.0.0.1:1/1", "https://127.0.0.1:PORT/1"]) {
    using leading = hopping(1, (_, port) => away.replace("PORT", `${port}`));
    const found = await probeOriginal(leading, {});
    expect(found.reason).toBe(
      `redirected to ${away.replace("PORT", `${leading.port}`)}, which is not this backend`,
    );
    expect([found.healthy, leading.accepted]).toEqual([false, 1]);
  }
  using ours = hopping(1);
  const options = { path: "/0", expect_status: "200-399" };
  expect(await checkOnce(http, options, targetOf(ours.endpoint))).toEqual({
    healthy: true,
    reason: "status 302",
  });
  expect(ours.accepted).toBe(1);
});

test("HF13 a POST that is redirected goes on as a GET, but for 307 and 308", async () => {
  for (const [status, method] of [
    [301, "GET"],
    [302, "GET"],
    [303, "GET"],
    [307, "POST"],
    [308, "POST"],
  ] as const) {
    using server = answering((head) =>
      head.includes(" /there ")
        ? OK
        : `HTTP/1.1 ${status} Word\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n`,
    );
    expect((await probeOriginal(server, { method: "POST" })).healthy).toBe(true);
    expect(heads(server)).toEqual(["POST /health HTTP/1.1", `${method} /there HTTP/1.1`]);
    expect(server.received[1]!.includes("Content-Length")).toBe(method === "POST");
  }
});

/** A server with a certificate for these names, and the file of its authority. */
function secure(names: readonly string[]): { server: TestBackend; ca: string } {
  const { cert, key } = issueCertificate({ commonName: names[0]!, names });
  const ca = join(directory, `ca-${folders++}.pem`);
  writeFileSync(ca, cert);
  return { server: answering(OK, { tls: { cert, key } }), ca };
}

test("HF13 https: the configured name is sent and verified, a configured Host wins, an address is verified as one", async () => {
  const cases: { names: string[]; host: string; headers?: Record<string, string>; healthy: boolean }[] = [
    { names: ["web.internal"], host: "web.internal", healthy: true },
    { names: ["other.internal"], host: "web.internal", healthy: false },
    {
      names: ["public.example"],
      host: "web.internal",
      headers: { Host: "public.example:8443" },
      healthy: true,
    },
    { names: ["web.internal"], host: "web.internal", headers: { Host: "public.example" }, healthy: false },
    { names: ["127.0.0.1"], host: "127.0.0.1", healthy: true },
    { names: ["127.0.0.2"], host: "127.0.0.1", healthy: false },
    { names: ["web.internal"], host: "127.0.0.1", healthy: false },
    { names: ["public.example"], host: "127.0.0.1", headers: { Host: "public.example" }, healthy: true },
    { names: ["127.0.0.9"], host: "web.internal", headers: { Host: "127.0.0.9:8443" }, healthy: true },
    { names: ["web.internal"], host: "web.internal", headers: { Host: "127.0.0.9" }, healthy: false },
  ];
  for (const { names, host, headers, healthy } of cases) {
    const { server, ca } = secure(names);
    using _ = server;
    const config = { scheme: "https", cacerts: ca, ...(headers === undefined ? {} : { headers }) };
    const found = await probeOriginal(server, config, host);
    expect([names, host, headers, found.healthy, found.reason]).toEqual([
      names,
      host,
      headers,
      healthy,
      healthy ? "status 200" : expect.stringContaining("the TLS handshake failed"),
    ]);
  }
});

test("HF13 SNI is the configured name, a configured Host wins, and an address is not sent", async () => {
  const cases: [string, Record<string, string>, string | null][] = [
    ["web.internal", {}, "web.internal"],
    ["web.internal", { Host: "public.example:8443" }, "public.example"],
    ["127.0.0.1", {}, null],
    ["127.0.0.1", { Host: "public.example" }, "public.example"],
    ["web.internal", { Host: "127.0.0.9" }, null],
  ];
  for (const [host, headers, name] of cases) {
    using server = backend({ data: (socket) => socket.terminate() });
    await probeOriginal(server, { scheme: "https", headers }, host);
    const hello = server.received[0]!;
    const found = /\0\0[^]([a-z]+\.[a-z]+)/.exec(hello)?.[1] ?? null;
    expect([host, headers, hello.slice(0, 2), found]).toEqual([host, headers, "\x16\x03", name]);
  }
});

test("HF13 https without cacerts does not trust what nobody has signed", async () => {
  const { server } = secure(["127.0.0.1"]);
  using _ = server;
  const found = await probeOriginal(server, { scheme: "https" });
  expect([found.healthy, found.reason]).toEqual([false, expect.stringContaining("the TLS handshake failed")]);
});

const PATIENCE_MS = 60_000;
const INTERVAL_MS = 200;
const TIMEOUT_MS = 500;
/** What a busy machine may add. */
const SLACK_MS = 500;

/** Answers every request with 200; from SIGUSR2 on it sends one byte of a head each half second, for ever. */
const BACKEND = `
let drips = false;
process.on("SIGUSR2", () => { drips = true; console.log("drips"); });
const [hostname, port] = process.argv.slice(1);
const server = Bun.listen({ hostname, port: Number(port), socket: {
  data(socket) {
    if (!drips) return void socket.end("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok");
    const head = "HTTP/1.1 200 OK\\r\\nX-Slow: " + "x".repeat(1000);
    let at = 0;
    const timer = setInterval(() => { if (socket.write(head[at++ % head.length]) < 0) clearInterval(timer); }, 500);
    socket.data = timer;
  },
  close(socket) { clearInterval(socket.data); },
  error() {},
} });
console.log(server.port);`;

type Child = Bun.Subprocess<"ignore", "pipe", "inherit">;

async function firstLine(child: Child): Promise<string> {
  for await (const chunk of child.stdout) return new TextDecoder().decode(chunk).trim();
  throw new Error("the process has ended");
}

/** A network of its own. 198.18.0.0/16 leads to where everything is dropped; nothing else has a route. */
class Network implements AsyncDisposable {
  readonly #holder: Child;
  readonly #children: Child[] = [];

  private constructor(holder: Child) {
    this.#holder = holder;
  }

  static async start(): Promise<Network> {
    // What the loopback sends to itself and nobody owns is dropped without a word.
    const script = "ip link set lo up; ip route add 198.18.0.0/16 dev lo; echo up; exec sleep 600";
    const holder = Bun.spawn(["unshare", "-n", "sh", "-ec", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await firstLine(holder);
    return new Network(holder);
  }

  /** Words that run a program here. */
  words(program: readonly string[]): string[] {
    return ["nsenter", "-t", String(this.#holder.pid), "-n", ...program];
  }

  async ip(...args: readonly string[]): Promise<void> {
    const child = Bun.spawn(this.words(["ip", ...args]));
    if ((await child.exited) !== 0) throw new Error(`ip ${args.join(" ")}`);
  }

  /** A backend that can be stopped or told to drip. */
  async backend(address: string, port: number): Promise<Child> {
    const child = Bun.spawn(this.words([process.execPath, "-e", BACKEND, address, String(port)]), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.push(child);
    await firstLine(child);
    return child;
  }

  /** Attempts to connect that nobody has answered. */
  get synSent(): number {
    const lines = readFileSync(`/proc/${this.#holder.pid}/net/tcp`, "latin1").split("\n");
    return lines.filter((line) => line.trim().split(/\s+/)[3] === "02").length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children, this.#holder]) {
      child.kill("SIGKILL");
      await child.exited;
    }
  }
}

const PORT = 8080;

function pool(name: string, type: "tcp" | "http", hosts: readonly string[], interval = INTERVAL_MS): string {
  const list = hosts.map((host) => `{ url: "http://${host}:${PORT}" }`).join(", ");
  return `  ${name}:
    strategy: sequential
    backends: [${list}]
    health_check: { type: ${type}, interval: ${interval}ms, timeout: ${TIMEOUT_MS}ms, jitter: 0%, healthy_after: 1, unhealthy_after: 1 }
`;
}

function yamlOf(pools: Readonly<Record<string, string>>): string {
  const names = Object.keys(pools).map((name) => `    - { name: ${name}.test, pool: ${name} }\n`);
  return `pools:\n${Object.values(pools).join("")}hosts:\n  names:\n${names.join("")}`;
}

test(
  "HF12 tcp: refused, timeout, unreachable and unresolvable are told with their reason and the next backend is taken",
  async () => {
    await using network = await Network.start();
    await network.backend("127.0.1.1", PORT);
    const bad = {
      refused: ["127.0.1.9", "no connection (ECONNREFUSED)"],
      timeout: ["198.18.9.9", `no answer within ${TIMEOUT_MS}ms`],
      unreachable: ["203.0.113.9", "no connection (ENETUNREACH)"],
      unresolvable: ["nowhere.invalid", ""],
    };
    const names = Object.entries(bad);
    const pools = Object.fromEntries(
      names.map(([name, [host]]) => [name, pool(name, "tcp", [host!, "127.0.1.1"])]),
    );
    await using place = new HostsPlace(yamlOf(pools), {
      hosts: "127.0.0.1 localhost\n",
      words: network.words(PROGRAM),
    });
    const program = await place.run();
    await place.untilBlock(...names.map(([name]) => `127.0.1.1 ${name}.test`));
    const told = (): string[] => program.said.map(({ message }) => message);
    for (const [name, [host, reason]] of names) {
      const expected =
        name === "unresolvable"
          ? /^nowhere\.invalid cannot be resolved \(.+\): it has no address$/
          : `pool ${name}: backend ${host}:${PORT} is unhealthy (${reason})`;
      await until(
        () => told().some((text) => (typeof expected === "string" ? text === expected : expected.test(text))),
        `${name} is told: ${told().join("\n")}`,
      );
    }
  },
  PATIENCE_MS,
);

test(
  "HF45 a stopped backend, one that drips its head and a route that drops SYN: left in interval and timeout",
  async () => {
    await using network = await Network.start();
    const hosts = ["198.18.1.1", "198.18.1.2", "198.18.1.3"] as const;
    for (const host of hosts) await network.ip("addr", "add", `${host}/32`, "dev", "lo");
    const stopped = await network.backend(hosts[0], PORT);
    const dripping = await network.backend(hosts[1], PORT);
    await network.backend(hosts[2], PORT);
    await network.backend("127.0.1.1", PORT);
    const kinds = { stopped: hosts[0], dripping: hosts[1], dropped: hosts[2] };
    const pools = Object.fromEntries(
      (["http", "tcp"] as const).flatMap((type) =>
        Object.entries(kinds).map(([kind, host]) => {
          const name = `${kind}-${type}`;
          return [name, pool(name, type, [host, "127.0.1.1"])] as const;
        }),
      ),
    );
    await using place = new HostsPlace(yamlOf(pools), {
      hosts: "127.0.0.1 localhost\n",
      words: network.words(PROGRAM),
    });
    await place.run();
    const led = new Map<string, string>(
      Object.keys(pools).map((name) => [name, kinds[name.split("-")[0] as keyof typeof kinds]]),
    );
    const lines = (): string[] => [...led].map(([name, address]) => `${address} ${name}.test`);
    await place.untilBlock(...lines());
    const faults: [readonly string[], () => void | Promise<void>][] = [
      [["stopped-http"], () => stopped.kill("SIGSTOP")],
      [["dripping-http"], () => dripping.kill("SIGUSR2")],
      [["dropped-http", "dropped-tcp"], () => network.ip("addr", "del", `${hosts[2]}/32`, "dev", "lo")],
    ];
    for (const [left, fault] of faults) {
      await fault();
      const begin = performance.now();
      for (const name of left) led.set(name, "127.0.1.1");
      await place.untilBlock(...lines());
      expect([left, performance.now() - begin < INTERVAL_MS + TIMEOUT_MS + SLACK_MS]).toEqual([left, true]);
    }
    // The kernel goes on to accept for the first two: a tcp probe sees no difference.
    expect(place.block).toContain(`${hosts[0]} stopped-tcp.test`);
    expect(place.block).toContain(`${hosts[1]} dripping-tcp.test`);
  },
  PATIENCE_MS,
);

test(
  "HF45 sockets stay as many over 1,000 probes that time out, and none is left in SYN-SENT",
  async () => {
    await using network = await Network.start();
    await network.ip("addr", "add", "198.18.1.1/32", "dev", "lo");
    const stopped = await network.backend("198.18.1.1", PORT);
    stopped.kill("SIGSTOP");
    await network.backend("127.0.1.1", PORT);
    const holes = Array.from({ length: 60 }, (_, index) => `198.18.2.${index + 1}`);
    const good = ["127.0.1.1"];
    const lost = (name: string, type: "tcp" | "http", hosts: readonly string[]): string =>
      pool(name, type, [...hosts, ...good], 100).replace(`${TIMEOUT_MS}ms`, "100ms");
    const bad = {
      tcp: lost("tcp", "tcp", holes),
      http: lost("http", "http", ["198.18.1.1", ...holes.slice(0, 30)]),
    };
    await using place = new HostsPlace(yamlOf(bad), {
      hosts: "127.0.0.1 localhost\n",
      words: network.words(PROGRAM),
    });
    const program = await place.run();
    await place.untilBlock("127.0.1.1 tcp.test", "127.0.1.1 http.test");
    const failures = async (): Promise<number> => {
      const answer = await fetch("http://fairlead/metrics", { unix: join(place.state, "run/admin.sock") });
      const found = (await answer.text()).matchAll(
        /^fairlead_probes_total\{[^}]*result="failure"[^}]*\} (\d+)$/gm,
      );
      return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await until(() => network.synSent > 0, "attempts stand in SYN-SENT");
    const descriptors = (): number => readdirSync(`/proc/${program.child.pid}/fd`).length;
    await until(async () => (await failures()) >= 200, "200 probes have failed");
    const most = descriptors() + holes.length * 2;
    await until(async () => (await failures()) >= 1_200, "1,000 more have failed");
    expect(descriptors()).toBeLessThanOrEqual(most);
    expect(network.synSent).toBeLessThanOrEqual(holes.length * 2);

    place.write(yamlOf({ tcp: pool("tcp", "tcp", good), http: pool("http", "http", good) }));
    program.child.kill("SIGHUP");
    await until(() => network.synSent === 0, "no attempt is left in SYN-SENT");
    await until(async () => {
      const before = await failures();
      await Bun.sleep(INTERVAL_MS * 2);
      return network.synSent === 0 && (await failures()) === before;
    }, "no probe fails any more");
    expect(descriptors()).toBeLessThanOrEqual(most - holes.length * 2);
  },
  PATIENCE_MS,
);
