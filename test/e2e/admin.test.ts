/** The admin address of the whole program: what a scraper and a balancer in front see. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseExposition, type Exposition } from "../../src/observe/test_exposition.ts";
import { startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { PROGRAM } from "../support/program.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

async function scrape(admin: string): Promise<Exposition> {
  const answer = await fetch(`http://${admin}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await answer.text());
}

async function health(admin: string): Promise<{ code: number; report: Record<string, unknown> }> {
  const answer = await fetch(`http://${admin}/health`);
  return { code: answer.status, report: (await answer.json()) as Record<string, unknown> };
}

const poolYaml = (url: string): string =>
  `pools: { app: { backends: [{ id: one, url: "${url}" }] } }\nroutes: [{ name: all, pool: app }]`;

test("a scrape shows what clients did, well-formed to a strict reader", async () => {
  using origin = await rawOrigin((request) => answerText("x", request.target === "/missing" ? 404 : 200));
  await using fairlead = await startFairlead(poolYaml(origin.url));
  using client = await rawClient(fairlead.port());
  let bytesIn = 0;
  let bytesOut = 0;
  for (const request of [
    GET,
    GET,
    GET.replace("/", "/missing"),
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
  ]) {
    bytesIn += request.length;
    bytesOut += (await client.ask(request)).raw.length;
  }
  const found = await scrape(fairlead.admin);
  const requests = (method: string, group: string): number =>
    found.value("fairlead_http_requests_total", { route: "all", method, class: group });
  expect([requests("GET", "2xx"), requests("GET", "4xx"), requests("POST", "2xx")]).toEqual([2, 1, 1]);
  expect(found.value("fairlead_http_request_bytes_total", { route: "all" })).toBe(bytesIn);
  expect(found.value("fairlead_http_response_bytes_total", { route: "all" })).toBe(bytesOut);
  expect(found.value("fairlead_http_request_duration_seconds_count", { route: "all" })).toBe(4);
  const backend = { pool: "app", backend: "one" };
  expect(found.value("fairlead_backend_requests_total", { ...backend, class: "2xx" })).toBe(3);
  expect(found.value("fairlead_backend_request_duration_seconds_count", backend)).toBe(4);
  expect(found.value("fairlead_backend_connections_opened_total", backend)).toBe(1);
  expect(found.value("fairlead_backend_connections_open", backend)).toBe(1);
  expect(found.value("fairlead_connections_accepted_total", { listener: "web" })).toBe(1);
  expect(found.value("fairlead_connections_open", { listener: "web" })).toBe(1);
  expect(found.value("fairlead_workers_running")).toBe(1);
  expect(found.value("fairlead_build_info", { version: "0.1.0", runtime: `bun ${Bun.version}` })).toBe(1);
});

test("a page of another name is refused, and so are paths and methods that are not there", async () => {
  await using fairlead = await startFairlead("routes: [{ respond: { status: 204 } }]");
  const port = Number(fairlead.admin.split(":")[1]);
  const ask = async (line: string, host: string): Promise<number> =>
    (await askOnce(port, `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status;
  expect(await ask("GET /metrics", `localhost:${port}`)).toBe(200);
  expect(await ask("GET /metrics", `rebound.example:${port}`)).toBe(421);
  expect(await ask("GET /", "localhost")).toBe(404);
  expect(await ask("GET /admin", "localhost")).toBe(404);
  expect(await ask("POST /metrics", "localhost")).toBe(405);
});

test("H-J3 a refused reload leaves the configuration that serves, and the metric says so", async () => {
  await using fairlead = await startFairlead("routes: [{ respond: { status: 200, body: one } }]");
  const body = async (): Promise<string> => (await askOnce(fairlead.port(), GET)).body.toString();
  const shown = async (): Promise<number[]> => {
    const found = await scrape(fairlead.admin);
    return [
      found.value("fairlead_config_last_reload_success"),
      found.value("fairlead_config_reloads_total", { result: "success" }),
      found.value("fairlead_config_reloads_total", { result: "failure" }),
    ];
  };
  expect(await shown()).toEqual([1, 0, 0]);
  expect((await fairlead.reload("routes: [{ respond: { status: 200, body: two }, pol: app }]")).ok).toBe(
    false,
  );
  expect(await body()).toBe("one");
  expect(await shown()).toEqual([0, 0, 1]);
  expect((await fairlead.reload("routes: [{ respond: { status: 200, body: three } }]")).ok).toBe(true);
  expect(await body()).toBe("three");
  expect(await shown()).toEqual([1, 1, 1]);
});

test("counters go on over a reload that changes every name", async () => {
  await using fairlead = await startFairlead("routes: [{ name: before, respond: { status: 200 } }]");
  await askOnce(fairlead.port(), GET);
  await fairlead.reload(
    "routes: [{ name: after, respond: { status: 200 } }]\npools: { new: { backends: [{ url: 'http://127.0.0.1:1' }] } }",
  );
  await askOnce(fairlead.port(), GET);
  const found = await scrape(fairlead.admin);
  for (const route of ["before", "after"])
    expect(found.sum("fairlead_http_requests_total", { route })).toBe(1);
  expect(found.value("fairlead_connections_accepted_total", { listener: "web" })).toBe(2);
});

test("another admin address acts with the reload; one beyond this machine is refused without a token", async () => {
  const routes = "routes: [{ respond: { status: 204 } }]";
  await using fairlead = await startFairlead(routes);
  const before = fairlead.admin;
  const moved = await fairlead.reload(`${routes}\nadmin: { address: "127.0.0.2:0" }`);
  expect(moved.ok).toBe(true);
  const [after = ""] = fairlead.instance.supervisor.partAddresses;
  expect(after).not.toBe(before);
  expect((await health(after)).code).toBe(200);
  expect(fetch(`http://${before}/health`)).rejects.toThrow();
  const refused = await fairlead.reload(`${routes}\nadmin: { address: ":9900" }`);
  expect(refused).toMatchObject({ ok: false });
  expect(JSON.stringify(refused)).toContain("other machines reach :9900, so it needs admin.token");
  expect((await health(after)).code).toBe(200);
});

test("a drain turns health to 503 at once, while what is under way is finished", async () => {
  const release = Promise.withResolvers<void>();
  using origin = await rawOrigin(async () => {
    await release.promise;
    return answerText("late");
  });
  await using fairlead = await startFairlead(poolYaml(origin.url));
  const before = await health(fairlead.admin);
  expect(before.code).toBe(200);
  expect(before.report).toMatchObject({ status: "serving", version: "0.1.0", workers: 1 });
  using client = await rawClient(fairlead.port());
  client.send(GET);
  await until(() => origin.requests.length === 1, "the request is at the backend");
  const stopped = fairlead.instance.stop();
  const during = await health(fairlead.admin);
  expect(during.code).toBe(503);
  expect(during.report).toMatchObject({ status: "draining", since: before.report["since"] });
  release.resolve();
  expect((await client.answer()).body.toString()).toBe("late");
  await stopped;
  expect(health(fairlead.admin)).rejects.toThrow();
});

test("an admin address in use refuses the start in one sentence", async () => {
  await using other = await startFairlead("routes: [{ respond: { status: 204 } }]");
  expect(
    startFairlead(`routes: [{ respond: { status: 204 } }]\nadmin: { address: "${other.admin}" }`),
  ).rejects.toThrow(`admin: cannot listen on ${other.admin}: the address is in use`);
});

/** The program in processes of its own. */
class Program {
  readonly directory = mkdtempSync(join(tmpdir(), "fairlead-admin-"));
  readonly said: Record<string, unknown>[] = [];
  readonly child: Bun.Subprocess<"ignore", "ignore", "pipe">;

  constructor(yaml: string) {
    const file = join(this.directory, "fairlead.yaml");
    writeFileSync(file, `runtime_dir: ${this.directory}/run\nstate_dir: ${this.directory}/state\n${yaml}\n`);
    this.child = Bun.spawn([...PROGRAM, "run", "-c", file, "--log-format", "json"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    void this.#read();
  }

  async #read(): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stderr) {
      const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("{")) this.said.push(JSON.parse(line));
    }
  }

  async until(event: string): Promise<Record<string, unknown>> {
    const find = () => this.said.find((said) => said["event"] === event);
    await until(
      () => find() !== undefined || this.child.exitCode !== null,
      `the program says ${event}`,
      20_000,
    );
    return find() ?? Promise.reject(new Error(`ended: ${JSON.stringify(this.said)}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await this.child.exited;
    clearTimeout(timer);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

test("two workers count as one program, also when one of them is killed", async () => {
  await using program = new Program(
    [
      "workers: 2",
      'listeners: { web: { address: "127.0.0.1:0" } }',
      'admin: { address: "127.0.0.1:0" }',
      "routes: [{ name: all, respond: { status: 200, body: hello } }]",
    ].join("\n"),
  );
  const ready = await program.until("ready");
  const admin = ready["admin"] as string;
  const [{ port }] = ready["listeners"] as [{ port: number }];
  for (let index = 0; index < 20; index++) expect((await askOnce(port, GET)).status).toBe(200);
  const requests = async (): Promise<number> => (await scrape(admin)).sum("fairlead_http_requests_total");
  /** A worker counts a request when its answer has left, so the client may know of it first. */
  const counted = async (count: number): Promise<void> => {
    for (let turn = 0; turn < 100 && (await requests()) < count; turn++);
    expect(await requests()).toBe(count);
  };
  await counted(20);
  expect((await health(admin)).report).toMatchObject({ status: "serving", workers: 2 });
  const children = await Bun.file(`/proc/${program.child.pid}/task/${program.child.pid}/children`).text();
  const workers = children.trim().split(" ").map(Number);
  expect(workers.length).toBe(2);
  process.kill(workers[0]!, "SIGKILL");
  await program.until("worker_ready");
  expect(await requests()).toBe(20);
  for (let index = 0; index < 10; index++) expect((await askOnce(port, GET)).status).toBe(200);
  await counted(30);
  const found = await scrape(admin);
  expect(found.value("fairlead_worker_restarts_total")).toBe(1);
  expect(found.value("fairlead_workers_running")).toBe(2);
  for (let open = 1, turn = 0; open > 0; turn++) {
    open = (await scrape(admin)).value("fairlead_connections_open", { listener: "web" });
    if (turn > 100) throw new Error(`${open} connections are still open`);
  }
}, 60_000);
