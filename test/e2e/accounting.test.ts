/** Metrics, access log and what clients counted, over two workers of the real program. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseExposition, type Exposition } from "../../src/observe/test_exposition.ts";
import { until, type LogLine } from "../support/fairlead.ts";
import { rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type RawOrigin } from "../support/raw_origin.ts";
import { runFairlead, type RunningFairlead } from "./processes_program.ts";

const CLIENTS = 8;
const ROUNDS = 44;

const head = (method: string, target: string, fields = ""): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;

const yaml = (origin: RawOrigin, sample: string): string => `
workers: 2
pools:
  app: { backends: [{ id: one, url: "${origin.url}" }] }
  dead: { backends: [{ id: gone, url: "http://127.0.0.1:1" }] }
  flaky: { backends: [{ id: gone, url: "http://127.0.0.1:1" }, { id: good, url: "${origin.url}" }] }
routes:
  - { name: dead, priority: 9, match: "Path(\`/dead\`)", pool: dead }
  - { name: flaky, priority: 9, match: "Path(\`/flaky\`)", pool: flaky }
  - { name: text, priority: 9, match: "Path(\`/text\`)", respond: { status: 200, body: tea } }
  - { name: all, priority: 1, match: "!Path(\`/nowhere\`)", pool: app }
observability: { access_log: { path: access.log, flush: 20ms${sample} } }
`;

const startOrigin = (): Promise<RawOrigin> =>
  rawOrigin((request, connection) => {
    if (request.target.startsWith("/hold")) return undefined;
    if (request.target === "/missing") return answerText("none", 404);
    if (request.target !== "/closes") return answerText(request.method === "HEAD" ? "" : "hello");
    connection.end();
    return undefined;
  });

/** What all clients have seen, each counting for itself what it did. */
class Counts {
  connections = 0;
  sent = 0;
  received = 0;
  readonly statuses = new Map<number, number>();

  status(status: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }

  get requests(): number {
    return [...this.statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Requests by class of status, as the metric has it. */
  get classes(): Record<string, number> {
    const classes: Record<string, number> = {};
    for (const [status, count] of this.statuses) {
      const name = `${Math.floor(status / 100)}xx`;
      classes[name] = (classes[name] ?? 0) + count;
    }
    return classes;
  }
}

/** One client: some of its requests share a connection, others have one of their own. */
class Client {
  readonly #port: number;
  readonly #origin: RawOrigin;
  readonly #counts: Counts;
  #kept: RawClient | null = null;
  static #holds = 0;

  constructor(port: number, origin: RawOrigin, counts: Counts) {
    this.#port = port;
    this.#origin = origin;
    this.#counts = counts;
  }

  async #connect(): Promise<RawClient> {
    this.#counts.connections++;
    return await rawClient(this.#port);
  }

  #leave({ socket }: RawClient): void {
    this.#counts.sent += socket.bytesWritten;
    this.#counts.received += socket.bytesRead;
    socket.resetAndDestroy();
  }

  async kept(request: string): Promise<void> {
    const client = (this.#kept ??= await this.#connect());
    const answer = await client.ask(request, { head: request.startsWith("HEAD"), timeoutMs: 20_000 });
    this.#counts.status(answer.status);
    if (answer.get("connection")?.toLowerCase() === "close") this.end();
  }

  async alone(request: string): Promise<void> {
    const client = await this.#connect();
    const answer = await client.ask(request, { timeoutMs: 20_000 });
    this.#counts.status(answer.status);
    await client.end(20_000);
    this.#leave(client);
  }

  /** Leaves when its request is at the backend: the answer that nobody waits for has the status 499. */
  async aborted(): Promise<void> {
    const target = `/hold/${Client.#holds++}`;
    const client = await this.#connect();
    client.send(head("GET", target));
    await until(() => this.#origin.requests.some((request) => request.target === target), target, 20_000);
    this.#counts.status(499);
    this.#leave(client);
  }

  end(): void {
    if (this.#kept !== null) this.#leave(this.#kept);
    this.#kept = null;
  }
}

const KINDS: readonly ((client: Client) => Promise<void>)[] = [
  (client) => client.kept(head("GET", "/")),
  (client) => client.kept(head("POST", "/", "Content-Length: 5\r\n") + "abcde"),
  (client) => client.kept(head("HEAD", "/")),
  (client) => client.kept(head("GET", "/missing")),
  (client) => client.kept(head("GET", "/nowhere")),
  (client) => client.kept(head("GET", "/text")),
  (client) => client.kept(head("GET", "/dead")),
  (client) => client.kept(head("GET", "/flaky")),
  (client) => client.alone(head("GET", "/closes", "Connection: close\r\n")),
  (client) => client.alone(head("GET", "/", "Connection: close\r\n")),
  (client) => client.alone("GARBAGE\r\n\r\n"),
  (client) => client.aborted(),
];

async function runClients(fairlead: RunningFairlead, origin: RawOrigin, counts: Counts): Promise<void> {
  const clients = Array.from({ length: CLIENTS }, () => new Client(fairlead.port(), origin, counts));
  await Promise.all(
    clients.map(async (client, index) => {
      for (let round = 0; round < ROUNDS; round++) await KINDS[(index * 5 + round) % KINDS.length]!(client);
    }),
  );
  if (counts.connections < CLIENTS) throw new Error("no clients");
  for (const client of clients) client.end();
}

const linesOf = ({ directory }: RunningFairlead): LogLine[] =>
  readFileSync(join(directory, "access.log"), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);

const scrape = async (fairlead: RunningFairlead): Promise<Exposition> =>
  parseExposition((await fairlead.page("/metrics")).text);

/** The metrics when `requests` have ended: the last ones end after their clients. */
async function scrapeAfter(fairlead: RunningFairlead, requests: number): Promise<Exposition> {
  for (const end = performance.now() + 20_000; ; await Bun.sleep(20)) {
    const found = await scrape(fairlead);
    const ended = found.sum("fairlead_http_requests_total");
    if (ended >= requests) return found;
    if (performance.now() > end) throw new Error(`${ended} of ${requests} requests have ended`);
  }
}

function countBy(lines: readonly LogLine[], name: string): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const { [name]: value } of lines) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

const sorted = (counts: ReadonlyMap<unknown, number>) =>
  [...counts].toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1));

const sumOf = (lines: readonly LogLine[], name: string): number =>
  lines.reduce((sum, line) => sum + Number(line[name]), 0);

test("H-J16 metrics, access log and clients count the same, over two workers, in every way that requests end", async () => {
  using origin = await startOrigin();
  await using fairlead = await runFairlead(yaml(origin, ""));
  const counts = new Counts();
  await runClients(fairlead, origin, counts);
  const total = CLIENTS * ROUNDS;
  expect(counts.requests).toBe(total);
  const found = await scrapeAfter(fairlead, total);
  await until(() => linesOf(fairlead).length >= total, "all lines are there", 20_000);
  const lines = linesOf(fairlead);

  // Requests, by status and by what else both know of them.
  expect(lines.length).toBe(total);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(total);
  expect(sorted(countBy(lines, "status"))).toEqual(sorted(counts.statuses));
  expect([...counts.statuses.keys()].toSorted((one, other) => one - other)).toEqual([
    200, 400, 404, 499, 502,
  ]);
  expect(found.sum("fairlead_http_requests_total")).toBe(total);
  for (const [name, count] of Object.entries(counts.classes))
    expect([name, found.sum("fairlead_http_requests_total", { class: name })]).toEqual([name, count]);
  for (const [route, count] of countBy(lines, "route"))
    expect(found.sum("fairlead_http_requests_total", { route: String(route) })).toBe(count);
  for (const [code, count] of countBy(lines, "reason"))
    if (code !== "-")
      expect(found.value("fairlead_request_errors_total", { code: String(code) })).toBe(count);
  expect(found.sum("fairlead_http_request_duration_seconds_count")).toBe(total);
  expect(found.value("fairlead_access_log_lines_dropped_total")).toBe(0);
  expect(found.value("fairlead_access_log_lines_sampled_out_total")).toBe(0);

  // Connections, bytes, tries.
  expect(found.sum("fairlead_connections_accepted_total")).toBe(counts.connections);
  expect(found.sum("fairlead_http_request_bytes_total")).toBe(counts.sent);
  expect(found.sum("fairlead_http_response_bytes_total")).toBe(counts.received);
  expect([sumOf(lines, "bytes_in"), sumOf(lines, "bytes_out")]).toEqual([counts.sent, counts.received]);
  const retried = sumOf(lines, "retries");
  expect(retried).toBeGreaterThan(0);
  expect(found.sum("fairlead_retries_total")).toBe(retried);
  const tries = (backend: string) => found.sum("fairlead_backend_requests_total", { backend });
  expect(tries("one") + tries("good")).toBe(origin.requests.length);
  expect(tries("one") + tries("good") + tries("gone")).toBe(
    lines.filter(({ pool }) => pool !== "-").length + retried,
  );

  // Both workers have served: each has connections of its own now.
  const idle = await Promise.all(Array.from({ length: 24 }, () => rawClient(fairlead.port())));
  const perWorker: number[] = [];
  for (const client of idle) await client.ask(head("GET", "/text"));
  const status = JSON.parse((await fairlead.command("status", "--json", "-c", fairlead.file)).out);
  for (const { stats } of status.workers) perWorker.push(stats.connections);
  expect(perWorker.length).toBe(2);
  expect(Math.min(...perWorker)).toBeGreaterThan(0);
  for (const client of idle) client.close();
}, 60_000);

test("H-J16 lines, those that sampling left out and those that were dropped are together all requests", async () => {
  using origin = await startOrigin();
  await using fairlead = await runFairlead(
    yaml(origin, ", sample: { share: 30%, from_status: 400, slower_than: 0 }"),
  );
  const counts = new Counts();
  await runClients(fairlead, origin, counts);
  const total = counts.requests;
  const found = await scrapeAfter(fairlead, total);
  const leftOut = found.value("fairlead_access_log_lines_sampled_out_total");
  await until(() => linesOf(fairlead).length >= total - leftOut, "all lines are there", 20_000);
  const lines = linesOf(fairlead);
  expect(found.sum("fairlead_http_requests_total")).toBe(total);
  expect(lines.length + leftOut + found.value("fairlead_access_log_lines_dropped_total")).toBe(total);
  const bad = lines.filter(({ status }) => Number(status) >= 400);
  const statuses = [...counts.statuses].filter(([status]) => status >= 400);
  expect(sorted(countBy(bad, "status"))).toEqual(sorted(new Map(statuses)));
  expect(sumOf(lines, "retries")).toBe(found.sum("fairlead_retries_total"));
  const chosen = lines.filter(({ sample }) => sample === 0.3);
  expect(chosen.length).toBeGreaterThan(0);
  expect(leftOut).toBeGreaterThan(0);
  expect(lines.filter(({ sample }) => sample === 1).length).toBe(lines.length - chosen.length);
}, 60_000);
