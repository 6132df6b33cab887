import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryFiles } from "../../platform/files.ts";
import { problemText } from "../problem.ts";
import { loadHostsRedirector, type HostsRedirectorResult } from "./load.ts";

const EXAMPLES = join(import.meta.dir, "../../../examples");

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-redirector-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const TCP = `name: db
local_host: db.local
backend_hosts: [10.0.0.1, db2.internal]
strategy: sequential
healthcheck:
  type: tcp
  period: 5
  config:
    port: 5432
`;
const HTTP = `name: web
local_host: web.local
backend_hosts: [10.0.0.1]
strategy: random
healthcheck:
  type: http
  period: 0.5
  config:
    port: 9000
    path: health
`;

/** Loads `/etc/r/config.yml` with `main` in it and load balancers' files beside it. */
async function load(
  main: string,
  lbs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<HostsRedirectorResult> {
  const files = new MemoryFiles({ "/etc/r/config.yml": main });
  for (const [name, text] of Object.entries(lbs)) files.write(join("/etc/r", name), text);
  return await loadHostsRedirector({ file: "/etc/r/config.yml", files, environment });
}

const texts = (problems: HostsRedirectorResult["problems"]): string[] =>
  problems.map((problem) => problemText(problem).replaceAll("/etc/r/", ""));

interface Hosts {
  readonly names: readonly Record<string, unknown>[];
  readonly [key: string]: unknown;
}
interface Pool {
  readonly strategy: string;
  readonly backends: readonly Record<string, unknown>[];
  readonly health_check: Readonly<Record<string, unknown>>;
  readonly zones?: unknown;
}

/** What a good configuration became. */
function parts(result: HostsRedirectorResult): { pools: Readonly<Record<string, Pool>>; hosts: Hosts } {
  if (result.value === null) throw new Error(texts(result.problems).join("\n"));
  return result.value as unknown as { pools: Record<string, Pool>; hosts: Hosts };
}

/** The pool of one load balancer. */
const poolOf = async (text: string): Promise<Pool> =>
  Object.values(parts(await load("", { "lb_configs/a.yml": text })).pools)[0]!;

test.each([
  ["1_tcp.yml", "2_http.yml"],
  ["2_tcp.yml", "1_http.yml"],
])("HF1 the original's examples load, the tcp file as %s and the http file as %s", async (tcp, http) => {
  cpSync(EXAMPLES, folder, { recursive: true });
  const lbs = join(folder, "lb_configs");
  renameSync(join(lbs, "lb_tcp_healthcheck.yml"), join(lbs, tcp));
  renameSync(join(lbs, "lb_http_healthcheck.yml"), join(lbs, http));
  const result = await loadHostsRedirector({ file: join(folder, "config.yml") });
  expect([result.problems, result.warnings]).toEqual([[], []]);
  expect(result).toMatchObject({
    log: {
      level: "INFO",
      format: "%(asctime)s :: %(levelname)s :: %(message)s",
      path: "/var/log/redirector.log",
      maxBytes: 5_000_000,
      backups: 5,
    },
    pidFile: null,
    folder: lbs,
  });
  const { pools, hosts } = parts(result);
  expect(Object.keys(pools)).toEqual(tcp < http ? ["postgres", "minio"] : ["minio", "postgres"]);
  expect(hosts.names.map(({ name }) => String(name)).toSorted()).toEqual(["minio.local", "postgres.local"]);
  expect(Object.keys(result.fileHashes).toSorted()).toEqual(
    [join(folder, "config.yml"), join(lbs, tcp), join(lbs, http)].toSorted(),
  );
});

test("HF1 every key of the main example is commented out, and is the default", () => {
  const text = readFileSync(join(EXAMPLES, "config.yml"), "utf8");
  expect(text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
  const keys = [...text.matchAll(/^# ([a-z_]+): /gm)].map(([, key]) => key);
  expect(keys).toEqual([
    ...["log_level", "log_format", "log_file_path", "log_file_max_bytes", "log_file_max_backups"],
    ...["lb_configs_dir", "persist_hosts_block", "pid_file"],
  ]);
});

test("HF2 every key of the main file acts, and numbers are seconds", async () => {
  const main = `
log_level: DEBUG
log_format: "%(levelname)-8s %(message)s"
log_file_path: /tmp/x.log
log_file_max_bytes: 5_000
log_file_max_backups: 0
lb_configs_dir: other
persist_hosts_block: no
pid_file: /run/r.pid
hosts_file: etc/hosts
mode: in_place
dry_run: yes
resolve_interval: 0.5
hooks:
  - command: [/bin/true, x]
  - { command: [/bin/false], timeout: 2.5 }
  - { command: [/bin/false], timeout: 1m }
`;
  const result = await load(main, { "other/a.yml": TCP });
  expect(result.warnings).toEqual([]);
  expect(result).toMatchObject({
    log: {
      level: "DEBUG",
      format: "%(levelname)-8s %(message)s",
      path: "/tmp/x.log",
      maxBytes: 5_000,
      backups: 0,
    },
    pidFile: "/run/r.pid",
    folder: "/etc/r/other",
  });
  expect(parts(result).hosts).toMatchObject({
    file: "/etc/r/etc/hosts",
    write: "in_place",
    dry_run: true,
    resolve_interval: "500ms",
    on_stop: "remove",
    hooks: [
      { command: ["/bin/true", "x"], timeout: "10000ms" },
      { command: ["/bin/false"], timeout: "2500ms" },
      { command: ["/bin/false"], timeout: "60000ms" },
    ],
  });
});

test("HF2 a folder may be absolute", async () => {
  const result = await load("lb_configs_dir: /srv/lbs", { "../../srv/lbs/a.yml": TCP });
  expect(Object.keys(parts(result).pools)).toEqual(["db"]);
});

test("HF2 a tcp file becomes a pool and a name", async () => {
  expect(parts(await load("", { "lb_configs/a.yml": TCP }))).toEqual({
    pools: {
      db: {
        strategy: "sequential",
        backends: [{ url: "http://10.0.0.1:5432" }, { url: "http://db2.internal:5432" }],
        health_check: {
          type: "tcp",
          interval: "5000ms",
          timeout: "10000ms",
          jitter: 0,
          healthy_after: 1,
          unhealthy_after: 1,
        },
      },
    },
    hosts: {
      on_stop: "keep",
      hooks: [],
      names: [
        {
          name: "db.local",
          aliases: [],
          pool: "db",
          family: "ipv4",
          failover: "next",
          failback: "never",
          on_all_down: "keep",
          max_entries: 1,
        },
      ],
    },
  });
});

test("HF2 an http file has the original's defaults", async () => {
  expect((await poolOf(HTTP)).health_check).toEqual({
    type: "http",
    interval: "500ms",
    timeout: "10000ms",
    jitter: 0,
    healthy_after: 1,
    unhealthy_after: 1,
    method: "GET",
    path: "/health",
    headers: {},
    expect_status: "200",
    follow_redirects: 10,
    tls: false,
  });
});

test("HF2 every option of an http check acts", async () => {
  const files = new MemoryFiles({
    "/etc/r/config.yml": "",
    "/etc/r/lb_configs/ca.pem": "PEM",
    "/etc/r/lb_configs/token": "x",
    "/etc/r/lb_configs/a.yml": `${HTTP.replace("path: health", "path: /a b#ö?x")}
    method: POST
    headers:
      host: web.example.com:9000
      Accept: [text/plain, text/html]
      Cookie: [a=1, b=2]
      Authorization: "Bearer \${TOKEN}"
      X-Token: file:token
    scheme: https
    query: a=1&b=%20
    timeout: 2.5
    cacerts: ca.pem
    expected_status: 200|4[0-2]9
    expected_response: OK$
    expected_response_encoding: Latin-1
`,
  });
  const result = await loadHostsRedirector({ file: "/etc/r/config.yml", files, environment: { TOKEN: "t" } });
  const { health_check, backends } = parts(result).pools["web"]!;
  expect(backends).toEqual([{ url: "https://10.0.0.1:9000" }]);
  expect(health_check).toMatchObject({
    timeout: "2500ms",
    method: "POST",
    path: "/a%20b%23%C3%B6?x?a=1&b=%20",
    host: "web.example.com:9000",
    headers: {
      Accept: "text/plain, text/html",
      Cookie: "a=1; b=2",
      Authorization: "Bearer ${TOKEN}",
      "X-Token": "file:/etc/r/lb_configs/token",
    },
    expect_status: "200,409,419,429",
    expect_body_regex: "OK(?:\\n?\\z)",
    expect_body_encoding: "iso-8859-1",
    tls: { ca: "/etc/r/lb_configs/ca.pem", server_name: "web.example.com" },
  });
  expect(Object.keys(result.fileHashes)).toContain("/etc/r/lb_configs/ca.pem");
});

test("https without a Host and authorities, and a Host that is an address", async () => {
  const https = `${HTTP}    scheme: https\n`;
  expect((await poolOf(https)).health_check["tls"]).toBe(true);
  for (const [given, server_name] of [
    ["10.0.0.9:1", "10.0.0.9"],
    ["[2001:db8::1]:1", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
  ]) {
    const { host, tls } = (await poolOf(`${https}    headers: { Host: "${given}" }\n`)).health_check;
    expect([host, tls]).toEqual([given, { server_name }]);
  }
});

test("the keys that the original does not have act", async () => {
  const text = `${TCP.replace("[10.0.0.1, db2.internal]", "[{ host: 10.0.0.1, weight: 3, zone: a }, '::1']")}
rise: 2
fall: 3
jitter: 10%
failback: { after: 30 }
on_all_down: { last_resort: "::2" }
family: both
aliases: [db, db.example.com]
max_entries: 3
`;
  const { pools, hosts } = parts(await load("local_zone: a", { "lb_configs/a.yml": text }));
  expect(pools["db"]).toMatchObject({
    backends: [{ url: "http://10.0.0.1:5432", weight: 3, zone: "a" }, { url: "http://[::1]:5432" }],
    health_check: { jitter: 0.1, healthy_after: 2, unhealthy_after: 3 },
    zones: { local: "a" },
  });
  expect(hosts.names).toEqual([
    {
      name: "db.local",
      aliases: ["db", "db.example.com"],
      pool: "db",
      family: "both",
      failover: "next",
      failback: { after: "30000ms" },
      on_all_down: { last_resort: "::2" },
      max_entries: 3,
    },
  ]);
  const byEnvironment = await load("", { "lb_configs/a.yml": text }, { FAIRLEAD_ZONE: "b" });
  expect(parts(byEnvironment).pools["db"]!.zones).toEqual({ local: "b" });
  expect(texts((await load("", { "lb_configs/a.yml": text })).problems)).toEqual([
    "lb_configs/a.yml:3:46: backend_hosts[0].zone: which zone is local is not said; " +
      "expected local_zone in the main file, or FAIRLEAD_ZONE",
  ]);
});

test.each([
  ["sequential", "sequential"],
  ["random", "random"],
  ["rendezvous", "rendezvous"],
  ["round_robin_per_host", "rendezvous"],
])("HF7 the strategy %s is %s here, and one backend is legal", async (theirs, ours) => {
  const pool = await poolOf(
    TCP.replace("sequential", theirs).replace("[10.0.0.1, db2.internal]", "[10.0.0.1]"),
  );
  expect([pool.strategy, pool.backends]).toEqual([ours, [{ url: "http://10.0.0.1:5432" }]]);
});

test("HF7 a host that stands in the list twice is two backends", async () => {
  const pool = await poolOf(TCP.replace("db2.internal", "10.0.0.1"));
  expect(pool.backends).toEqual([
    { url: "http://10.0.0.1:5432" },
    { id: "2/10.0.0.1:5432", url: "http://10.0.0.1:5432" },
  ]);
});

test("HF3 an unknown key is a warning with its place and a suggestion, and changes nothing", async () => {
  const main = "log_levle: DEBUG\npersist_hosts_block: false\n";
  const lb = `${TCP}    tiemout: 3\n  rise: 3\nbackends: []\nfailback: { after: 3s, before: 1 }\n`;
  const result = await load(main, { "lb_configs/a.yml": lb });
  expect(texts(result.warnings)).toEqual([
    expect.stringMatching(
      /^config.yml:1:1: log_levle: unknown key, which is ignored; expected one of log_level, .*; did you mean "log_level"\?$/,
    ),
    'lb_configs/a.yml:10:5: healthcheck.config.tiemout: unknown key, which is ignored; expected one of port, timeout; did you mean "timeout"?',
    "lb_configs/a.yml:11:3: healthcheck.rise: unknown key, which is ignored; expected it at the top of the file",
    expect.stringMatching(
      /^lb_configs\/a.yml:12:1: backends: unknown key, which is ignored; expected one of name, /,
    ),
    "lb_configs/a.yml:13:24: failback.before: unknown key, which is ignored; expected after",
  ]);
  const { pools, hosts } = parts(result);
  const { pools: without } = parts(await load("", { "lb_configs/a.yml": TCP }));
  expect(pools).toEqual(without);
  expect(hosts).toMatchObject({ on_stop: "remove", names: [{ failback: { after: "3000ms" } }] });
  expect(result.log.level).toBe("INFO");
});

test("HF23 one name or one host name in two files: an error that names both", async () => {
  const result = await load("", {
    "lb_configs/a.yml": TCP,
    "lb_configs/b.yml": HTTP.replace("local_host: web", "local_host: DB"),
    "lb_configs/c.yaml": `${HTTP.replace("name: web", "name: db")}aliases: [db.local, web.local, ok]\n`,
  });
  expect(texts(result.problems)).toEqual([
    'lb_configs/b.yml:2:13: local_host: the host name "db.local" stands in lb_configs/a.yml:2 already',
    'lb_configs/c.yaml:1:7: name: the name "db" stands in lb_configs/a.yml:1 already',
    'lb_configs/c.yaml:11:11: aliases[0]: the host name "db.local" stands in lb_configs/a.yml:2 already',
    'lb_configs/c.yaml:11:21: aliases[1]: the host name "web.local" stands in lb_configs/c.yaml:2 already',
  ]);
  expect(result.value).toBeNull();
});

test("HF24 what is more than a hosts file takes is told with its place in the original's file", async () => {
  const hooks = Array.from({ length: 9 }, () => "  - command: [/bin/true]\n").join("");
  const aliases = Array.from({ length: 33 }, (_, index) => `a${index}`).join(", ");
  const text = `${TCP}max_entries: 17\naliases: [${aliases}]\n`;
  expect(texts((await load(`hooks:\n${hooks}`, { "lb_configs/a.yml": text })).problems)).toEqual([
    "config.yml:2:3: hooks: expected at most 8 entries",
    "lb_configs/a.yml:10:14: max_entries: expected a number from 1 to 16",
    "lb_configs/a.yml:11:10: aliases: expected at most 32 entries",
  ]);
});

const REQUIRED = ["name", "local_host", "backend_hosts", "strategy", "healthcheck"];
test.each(REQUIRED)("HF24 without %s one line says so", async (key) => {
  const text = TCP.replace(new RegExp(`^${key}:.*\n(?: .*\n)*`, "m"), "");
  expect(text).not.toBe(TCP);
  const problems = texts((await load("", { "lb_configs/a.yml": text })).problems);
  expect(problems).toEqual([
    expect.stringMatching(new RegExp(`^lb_configs/a.yml:1:1: ${key}: is missing; expected `)),
  ]);
});

test.each([
  ["  type: tcp\n", "5:1: healthcheck.type: is missing; expected one of tcp, http"],
  [
    "  period: 5\n",
    "5:1: healthcheck.period: is missing; expected a number of seconds from 0.001 to 2147483, such as 5 or 0.5",
  ],
  ["  config:\n    port: 5432\n", "5:1: healthcheck.config: is missing; expected a map"],
])("HF24 without %p of the health check one line says so", async (lines, message) => {
  const problems = texts((await load("", { "lb_configs/a.yml": TCP.replace(lines, "") })).problems);
  expect(problems).toEqual([`lb_configs/a.yml:${message}`]);
});

const SECONDS = "expected a number of seconds from 0.001 to 2147483, such as 5 or 0.5";
test.each([
  [TCP, "period: 5", "period: 0", `7:11: healthcheck.period: ${SECONDS}`],
  [TCP, "period: 5", "period: -1", `7:11: healthcheck.period: ${SECONDS}`],
  [TCP, "period: 5", "period: soon", `7:11: healthcheck.period: ${SECONDS}, got "soon"`],
  [TCP, "port: 5432", "port: 0", "9:11: healthcheck.config.port: expected a port from 1 to 65535"],
  [TCP, "port: 5432", "port: 65536", "9:11: healthcheck.config.port: expected a port from 1 to 65535"],
  [
    TCP,
    "port: 5432",
    "timeout: 1",
    "8:3: healthcheck.config.port: is missing; expected a port from 1 to 65535",
  ],
  [TCP, "port: 5432", "{ port: 1, timeout: 0 }", `9:25: healthcheck.config.timeout: ${SECONDS}`],
  [
    TCP,
    "type: tcp",
    "type: tpc",
    '6:9: healthcheck.type: expected one of tcp, http, got "tpc"; did you mean "tcp"?',
  ],
  [TCP, "[10.0.0.1, db2.internal]", "[]", "3:16: backend_hosts: expected at least 1 entry"],
  [TCP, "[10.0.0.1, db2.internal]", "10.0.0.1", '3:16: backend_hosts: expected a list, got "10.0.0.1"'],
  [
    TCP,
    "db2.internal",
    "'10.0.0.2:5432'",
    '3:27: backend_hosts[1]: "10.0.0.2:5432" is not a host; expected an IP address or a host name; the port is that of the health check',
  ],
  [TCP, "name: db", "name: 7", "1:7: name: expected text, got 7"],
  [
    TCP,
    "db.local",
    "10.1.1.1",
    '2:13: local_host: "10.1.1.1" is not a name for the hosts file; expected a host name such as minio.local, without a dot at its end',
  ],
  [
    TCP,
    "sequential",
    "sequentiel",
    '4:11: strategy: expected one of sequential, random, round_robin_per_host, rendezvous, got "sequentiel"; did you mean "sequential"?',
  ],
  [HTTP, "path: health", "method: GET", "8:3: healthcheck.config.path: is missing; expected text"],
  [
    HTTP,
    "path: health",
    "path: /\n    method: get",
    '11:13: healthcheck.config.method: expected one of HEAD, GET, OPTIONS, POST, got "get"; did you mean "GET"?',
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    expected_status: '2(0'",
    "11:22: healthcheck.config.expected_status: malformed regex (missing closing ): `2(0`); expected Go's regex syntax, without look-around and back-references",
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    expected_status: OK",
    '11:22: healthcheck.config.expected_status: "OK" is found in no status from 100 to 599',
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    expected_response: (?=x)",
    "11:24: healthcheck.config.expected_response: malformed regex (invalid or unsupported Perl syntax: `(?=`); expected Go's regex syntax, without look-around and back-references",
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    expected_response_encoding: utf-99",
    '11:33: healthcheck.config.expected_response_encoding: "utf-99" is not a known encoding; expected the name of one of Python\'s codecs, such as utf-8, latin-1 or cp1252',
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    headers: { Connection: x }",
    "11:28: healthcheck.config.headers.Connection: is set by the check itself",
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    headers: [{ A: b }]",
    "11:14: healthcheck.config.headers: expected a map, got a list",
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    headers: { A: 5 }",
    "11:19: healthcheck.config.headers.A: expected text or a list of texts, got a number",
  ],
  [
    HTTP,
    "path: health",
    "path: /\n    cacerts: none.pem",
    "11:14: healthcheck.config.cacerts: cannot read lb_configs/none.pem: no such file",
  ],
])("HF24 of %#: one line with the place", async (text, from, to, message) => {
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  const result = await load("", { "lb_configs/a.yml": changed });
  expect(texts(result.problems)).toEqual([`lb_configs/a.yml:${message}`]);
  expect(result.value).toBeNull();
});

test.each([
  [
    "log_level: info",
    '1:12: log_level: expected one of CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET, got "info"; did you mean "INFO"?',
  ],
  ["log_file_path: x.log", "1:16: log_file_path: expected an absolute path"],
  ["log_file_max_bytes: -1", "1:21: log_file_max_bytes: expected a number of bytes"],
  ["log_file_max_backups: many", '1:23: log_file_max_backups: expected a number from 0 to 10000, got "many"'],
  ["persist_hosts_block: maybe", '1:22: persist_hosts_block: expected true or false, got "maybe"'],
  ["pid_file: 5", "1:11: pid_file: expected the name of a file, or null, got 5"],
  ["lb_configs_dir: 5", "1:17: lb_configs_dir: expected the name of a folder, got 5"],
  [
    'log_format: "%(levelname)s %(mesage)s"',
    /^1:30: log_format: unknown attribute "mesage"; expected one of asctime, .*; did you mean "message"\?$/,
  ],
  [
    "log_format: '%(message)d'",
    /^1:24: log_format: %\(message\) is text, for which there is no conversion "d"/,
  ],
  ["mode: copy", '1:7: mode: expected one of rename, in_place, got "copy"'],
])("HF24 the main file with %s: one line with the place", async (main, message) => {
  const result = await load(main, { "lb_configs/a.yml": TCP });
  expect(texts(result.problems)).toHaveLength(1);
  expect(texts(result.problems)[0]!.replace("config.yml:", "")).toMatch(message);
  expect([result.value, result.log.level, result.pidFile]).toEqual([null, "INFO", null]);
});

test("HF24 all that is wrong in all files is told at once", async () => {
  const result = await load("log_level: x\nmode: y\n", {
    "lb_configs/a.yml": TCP.replace("period: 5", "period: 0").replace("5432", "0"),
    "lb_configs/b.yml": "a: [",
    "lb_configs/c.yml": "# nothing\n",
    "lb_configs/d.yml": "- a\n",
  });
  expect(result.problems.map(({ source, line }) => `${source}:${line}`)).toEqual([
    ...["/etc/r/config.yml:1", "/etc/r/config.yml:2"],
    ...["/etc/r/lb_configs/a.yml:7", "/etc/r/lb_configs/a.yml:9"],
    ...["/etc/r/lb_configs/b.yml:1", "/etc/r/lb_configs/c.yml:1", "/etc/r/lb_configs/d.yml:1"],
  ]);
});

test("addresses of the other family are a warning, and an error where nothing else is there", async () => {
  const some = await load("", { "lb_configs/a.yml": TCP.replace("10.0.0.1", "'::1'") });
  expect(texts(some.warnings)).toEqual([
    "lb_configs/a.yml:3:17: backend_hosts[0]: is never used: family is ipv4; expected a name, an address of that family, or family: both",
  ]);
  expect(parts(some).pools["db"]!.backends[0]).toEqual({ url: "http://[::1]:5432" });
  const all = await load("", { "lb_configs/a.yml": `${TCP}family: ipv6\n`.replace(", db2.internal", "") });
  expect(texts(all.problems)).toEqual([
    "lb_configs/a.yml:3:17: backend_hosts[0]: is never used: family is ipv6; expected a name, an address of that family, or family: both",
  ]);
});

test("HF42 other endings, hidden files and folders are not read, and the order is that of the names", async () => {
  const lbs = join(folder, "lb_configs");
  mkdirSync(join(lbs, "folder.yml"), { recursive: true });
  mkdirSync(join(lbs, "old"));
  writeFileSync(join(folder, "config.yml"), "");
  for (const name of ["a.yml.bak", "b.json", ".c.yml", "old/d.yml", "folder.yml/e.yml", "yml"])
    writeFileSync(join(lbs, name), "not read: [");
  writeFileSync(join(lbs, "20.yaml"), TCP);
  writeFileSync(join(lbs, "10.yml"), HTTP);
  const result = await loadHostsRedirector({ file: join(folder, "config.yml") });
  expect([...texts(result.problems), ...texts(result.warnings)]).toEqual([]);
  expect(Object.keys(parts(result).pools)).toEqual(["web", "db"]);
});

test("HF42 a folder without files, a missing one and a missing main file: one clear line", async () => {
  expect(texts((await load("", {})).problems)).toEqual([
    "config.yml:1:1: lb_configs_dir: lb_configs is no folder; expected one with a .yml or .yaml file at least",
  ]);
  expect(texts((await load("# x\nlb_configs_dir: lbs\n", { "lbs/a.json": "" })).problems)).toEqual([
    "config.yml:2:17: lb_configs_dir: lbs holds no load balancer; expected a .yml or .yaml file at least",
  ]);
  const files = new MemoryFiles();
  const { problems, value } = await loadHostsRedirector({ file: "/etc/r/config.yml", files });
  expect([texts(problems), value]).toEqual([["config.yml: cannot be read: no such file"], null]);
});

test("HF42 a folder that cannot be listed is told, and so is a file that cannot be read", async () => {
  const files = new MemoryFiles({ "/etc/r/config.yml": "", "/etc/r/lb_configs/a.yml": TCP });
  files.refuse("/etc/r/lb_configs/b.yml", "permission denied");
  const one = await loadHostsRedirector({ file: "/etc/r/config.yml", files });
  expect(texts(one.problems)).toEqual(["lb_configs/b.yml: cannot be read: permission denied"]);
  files.refuse("/etc/r/lb_configs", "permission denied");
  const two = await loadHostsRedirector({ file: "/etc/r/config.yml", files });
  expect(texts(two.problems)).toEqual([
    "config.yml:1:1: lb_configs_dir: lb_configs cannot be listed: permission denied",
  ]);
});

test("a load balancer's file stands alone, with the defaults of the main file", async () => {
  const files = new MemoryFiles({ "/etc/r/a.yml": TCP });
  const result = await loadHostsRedirector({ file: "/etc/r/a.yml", files });
  expect(Object.keys(parts(result).pools)).toEqual(["db"]);
  expect([result.folder, result.log.path]).toEqual([null, "/var/log/redirector.log"]);
});

test("a header's secret that is not set is an error with its place, and shows nothing", async () => {
  const text = `${HTTP}    headers: { Authorization: "Bearer \${TOKEN}" }\n`;
  expect(texts((await load("", { "lb_configs/a.yml": text })).problems)).toEqual([
    "lb_configs/a.yml:11:31: healthcheck.config.headers.Authorization: the environment variable TOKEN is not set",
  ]);
  const bad = await load("", { "lb_configs/a.yml": text }, { TOKEN: "geheim\n" });
  expect(texts(bad.problems)).toEqual([
    expect.stringMatching(
      /^lb_configs\/a.yml:11:31: healthcheck.config.headers.Authorization: a field value holds no line break/,
    ),
  ]);
});
