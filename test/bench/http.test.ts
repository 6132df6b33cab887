import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStubStatus } from "../../bench/http/backends.ts";
import { bestMeasure, ratioTo, verdict } from "../../bench/http/compare.ts";
import { parseConnections } from "../../bench/http/connections.ts";
import { missingFields } from "../../bench/http/inspect.ts";
import { parseClientReport, parseWrkReport } from "../../bench/http/load.ts";
import { choose, readOptions } from "../../bench/http/options.ts";
import type { Places } from "../../bench/http/peer.ts";
import { ALL_PEERS } from "../../bench/http/peers/all.ts";
import { parseStraceCounts } from "../../bench/http/profile.ts";
import { isClean, markdownReport, textReport } from "../../bench/http/report.ts";
import type { BenchResult, CellResult, Measurement } from "../../bench/http/result.ts";
import { fillTemplate } from "../../bench/support/template.ts";

const ROOT = join(import.meta.dir, "../..");

const places: Places = {
  directory: "/d",
  plainPort: 1,
  tlsPort: 2,
  adminPort: 3,
  backends: [4, 5],
  certificate: "/d/chain.pem",
  key: "/d/key.pem",
  certificateAndKey: "/d/all.pem",
  openFiles: 20_000,
};

for (const peer of ALL_PEERS) {
  for (const shape of [
    { workers: 1, routes: 10, routedBy: "host", tls: true },
    { workers: 2, routes: 3, routedBy: "host", tls: false },
  ] as const) {
    test(`the template of ${peer.name} takes all values, ${shape.tls ? "with" : "without"} TLS`, () => {
      const template = readFileSync(join(ROOT, "bench/http/configs", `${peer.template}.template`), "utf8");
      const text = fillTemplate(template, peer.values(places, shape));
      const more = Object.values(peer.files?.(places, shape) ?? {}).join("\n");
      expect(`${text}${more}`.match(/service-\d{5}\.bench\.example/g)).toHaveLength(shape.routes);
      expect(text.includes("/d/chain.pem") || text.includes("/d/all.pem")).toBe(shape.tls);
      expect(peer.command("/bin/x", places, shape, "/d/config").words.join(" ")).toContain("/d/config");
    });
  }
}

test.each(["host", "prefix"] as const)(
  "Fairlead accepts the configuration of the bench by %s",
  (routedBy) => {
    const shape = { workers: 1, routes: 10, routedBy, tls: false };
    const directory = mkdtempSync(join(tmpdir(), "fairlead-bench-test-"));
    try {
      const peer = ALL_PEERS.find(({ name }) => name === "fairlead")!;
      const template = readFileSync(join(ROOT, "bench/http/configs", `${peer.template}.template`), "utf8");
      const here = { ...places, directory };
      const file = join(directory, "fairlead.yaml");
      writeFileSync(file, fillTemplate(template, peer.values(here, shape)));
      const checked = Bun.spawnSync([process.execPath, "src/main.ts", "check", "-c", file], { cwd: ROOT });
      expect(`${checked.stdout.toString()}${checked.stderr.toString()}`).not.toMatch(/fairlead\.yaml:\d/);
      expect(checked.exitCode).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);

test("the backends' counters are read", () => {
  const text =
    "HTTP/1.1 200 OK\r\n\r\nActive connections: 3 \nserver accepts handled requests\n 16 16 210 \nReading: 0 Writing: 1 Waiting: 2 \n";
  expect(parseStubStatus(text)).toEqual({ connections: 16, requests: 210 });
  expect(parseStubStatus("HTTP/1.1 502 Bad Gateway\r\n\r\n")).toBeNull();
});

test("the kernel's list of connections is read", () => {
  const text =
    "0 0 127.0.0.1:8080 127.0.0.1:40000\n\t cubic bytes_sent:900 bytes_acked:800 bytes_received:7 segs_in:9 data_segs_in:3\n" +
    "0 5 127.0.0.1:8080 127.0.0.1:40001\n\t cubic bytes_acked:42 data_segs_in:2\n";
  expect(parseConnections(text, 3)).toEqual({ count: 2, asking: 1, acknowledgedBytes: 842 });
  expect(parseConnections(text, 1).asking).toBe(2);
  expect(parseConnections("", 1)).toEqual({ count: 0, asking: 0, acknowledgedBytes: 0 });
});

test("the report of wrk is read, with what failed", () => {
  const line =
    'result {"seconds":2.5,"requests":1000,"bytes":25000,"p50_us":900,"p99_us":4000,"connect":0,"read":2,"write":0,"status":1,"timeout":0}';
  expect(parseWrkReport(line)).toEqual({
    seconds: 2.5,
    requests: 1_000,
    failed: 3,
    failure: "2 read, 1 status",
    p50Us: 900,
    p99Us: 4_000,
    resumedShare: null,
  });
  expect(() => parseWrkReport("Requests/sec: 1")).toThrow("not a report");
});

test("the report of the own client is read; the first handshake of a connection cannot resume", () => {
  const line =
    '{"seconds":1.000,"requests":164,"failed":0,"handshakes":164,"resumed":100,"p50_us":5,"p99_us":9,"failure":""}';
  expect(parseClientReport(line, 64)).toMatchObject({ requests: 164, failed: 0, resumedShare: 1 });
  expect(parseClientReport(line.replace('"resumed":100', '"resumed":50'), 64).resumedShare).toBe(0.5);
  expect(parseClientReport(line.replaceAll("164", "64"), 64).resumedShare).toBeNull();
});

test("fields that a backend must see are missed when they are not there, twice or wrong", () => {
  const lines = [
    "GET / HTTP/1.1",
    "x-forwarded-for: 127.0.0.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: service-00007.bench.example",
    "X-Forwarded-Port: 8080",
    "X-Request-ID: 0123456789abcdef0123456789abcdef",
    "Via: 1.1 someone",
  ];
  const head = (all: readonly string[]): string => `${all.join("\r\n")}\r\n\r\n`;
  expect(missingFields(head(lines))).toEqual([]);
  expect(missingFields(head(lines.slice(0, -1)))).toEqual(["via is missing"]);
  expect(missingFields(head([...lines, "via: 1.1 again"]))).toEqual(["via stands 2 times"]);
  expect(missingFields(head(lines.with(2, "X-Forwarded-Proto: https")))).toEqual([
    "x-forwarded-proto is https",
  ]);
});

test("system calls are read from strace's table", () => {
  const text = [
    "% time     seconds  usecs/call     calls    errors syscall",
    "------ ----------- ----------- --------- --------- ----------------",
    " 60.00    0.500000           5    100000           sendto",
    " 40.00    0.300000           3     90000     12000 recvfrom",
    "------ ----------- ----------- --------- --------- ----------------",
    "100.00    0.800000                190000     12000 total",
  ].join("\n");
  expect([...parseStraceCounts(text)]).toEqual([
    ["sendto", 100_000],
    ["recvfrom", 90_000],
  ]);
});

test("cells and peers are chosen by name and by beginning", () => {
  expect(choose("b*,a", ["a", "ba", "bb", "c"], "cell")).toEqual(["a", "ba", "bb"]);
  expect(choose(undefined, ["a", "b"], "cell")).toEqual(["a", "b"]);
  expect(() => choose("d", ["a", "b"], "cell")).toThrow('no cell "d"; there are a, b');
  const options = readOptions(["--cells", "tls-*,idle-tls", "--peers", "nginx,fairlead", "--rounds", "2"])!;
  expect(options.cells.map(({ id }) => id)).toEqual(["tls-25b", "tls-100k", "tls-10m", "tls-25b-3000"]);
  expect(options.footprints).toEqual(["idle-tls"]);
  expect(options.peers.map(({ name }) => name)).toEqual(["fairlead", "nginx"]);
  expect(() => readOptions(["--rounds", "0"])).toThrow("--rounds 0");
  expect(readOptions(["--help"])).toBeNull();
});

const measurement = (cpu: number): Measurement => ({
  seconds: 4,
  requests: 100_000,
  userUs: cpu / 4,
  systemUs: (cpu * 3) / 4,
  requestsPerSecond: 25_000,
  p50Us: 2_000,
  p99Us: 5_000,
  rssBytes: 2 ** 25,
  reuse: 1,
  ownShare: 0.9,
  foreignShare: 0.01,
  stolenShare: 0,
});

function cell(title: string, cpu: Readonly<Record<string, readonly number[]>>): CellResult {
  const measurements = Object.fromEntries(
    Object.entries(cpu).map(([peer, values]) => [peer, values.map((value) => measurement(value))]),
  );
  return { id: title, title, measurements, problems: [] };
}

const result = (cells: CellResult[]): BenchResult => ({
  date: "2026-01-02T03:04:05.000Z",
  machine: { cpu: "a processor", cores: 2, kernel: "Linux 6", memory: "8 GiB" },
  rounds: 3,
  seconds: 4,
  load: "wrk 4",
  peers: ["fairlead", "nginx", "haproxy", "caddy"].map((name) => ({
    name,
    label: name.toUpperCase(),
    version: "1",
    problems: [],
    inspection: {
      request: "GET /",
      received: "GET / here",
      answer: "200",
      accessLogLine: "{}",
      tls: "TLSv1.3",
    },
  })),
  missing: [],
  cells,
  footprints: {
    fairlead: { coldStartMs: [250, 260], workerRssBytes: [], rssBytes: [], idlePlain: [], idleTls: [] },
  },
  problems: [],
});

test("the ratio is that to the better of nginx and HAProxy, round by round", () => {
  const one = cell("one", {
    fairlead: [9, 10, 11],
    nginx: [20, 20, 20],
    haproxy: [10, 10, 10],
    caddy: [50, 50, 50],
  });
  expect(bestMeasure(one)).toBe("haproxy");
  expect(ratioTo(one, "haproxy")).toEqual({ median: 1, lowest: 0.9, highest: 1.1 });
  expect(ratioTo(one, "envoy")).toBeNull();
  expect(bestMeasure(cell("none", { fairlead: [1] }))).toBeNull();
});

test("the report counts the cells with a ratio of at most 0.95, at most 1.0 and above 1.1", () => {
  const at = (ratio: number): CellResult => cell("x", { fairlead: [10 * ratio], nginx: [10] });
  const all = result([at(0.9), at(1), at(1.1), at(1.2)]);
  expect(verdict(all)).toEqual({ cells: 4, clearlyLess: 1, atMostEqual: 2, clearlyMore: 1 });
  expect(textReport(all)).toContain(
    "Of 4 cells, Fairlead needs at most 0.95 × the best of nginx and HAProxy in 1, at most 1.0 in 2, and more than 1.1 in 1.",
  );
  expect(verdict(result([])).cells).toBe(0);
});

test("the report shows medians, what was not measured, and problems", () => {
  const measured = result([cell("plain, 25 B", { fairlead: [9, 10, 11], nginx: [20, 20, 20] })]);
  const text = textReport(measured);
  expect(text).toContain("10.0 (9.00 to 11.0)");
  expect(text).toContain("0.50 (0.45 to 0.55) × NGINX");
  expect(text).toContain("All checks held.");
  expect(text).toContain("255 (250 to 260)");
  expect(isClean(measured)).toBe(true);
  measured.cells[0]!.problems.push("NGINX: 3 failures");
  expect(isClean(measured)).toBe(false);
  const page = markdownReport(measured);
  expect(page).toContain("| plain, 25 B | 10.0 (9.00 to 11.0) | 20.0 (20.0 to 20.0) | – | – |");
  expect(page).toContain("- plain, 25 B: NGINX: 3 failures");
  expect(page).toContain("```text\nGET / here\n```");
});
