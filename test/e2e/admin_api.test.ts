/** The admin API of the real program: who may ask, what can be set, and that nothing else changes anything. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askOnce } from "../support/raw_client.ts";
import { Program } from "./processes_fixture.ts";
import { answersOf, runFairlead, until, type RunningFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const TOKEN = "0123456789-0123456789-0123456789";
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

const origins: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const origin of origins.splice(0)) await origin.stop(true);
});

/** A backend that answers its name. */
function origin(name: string): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(name) });
  origins.push(server);
  return `{ id: ${name}, url: "http://127.0.0.1:${server.port}" }`;
}

const configuration = (backends: readonly string[], more = ""): string =>
  `workers: 2
pools:
  web: { backends: [${backends.join(", ")}] }
  spare: { backends: [{ id: a, url: "http://127.0.0.1:9" }] }
routes: [{ name: all, pool: web }]
${more}`;

interface Asked {
  readonly body?: string;
  readonly token?: string | null;
  readonly fields?: Readonly<Record<string, string>>;
}

interface Told {
  readonly status: number;
  readonly etag: string;
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** `GET /admin/backends` and such at the admin address of `fairlead`. */
async function ask({ admin }: { readonly admin: string }, what: string, asked: Asked = {}): Promise<Told> {
  const [method = "", path = ""] = what.split(" ");
  const { body, token = null, fields = {} } = asked;
  const answer = await fetch(`http://${admin}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...fields,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  const type = answer.headers.get("content-type") ?? "";
  const value: unknown = type.includes("json") ? JSON.parse(text) : text;
  return { status: answer.status, etag: answer.headers.get("etag") ?? "", type, body: value };
}

const answers = (fairlead: RunningFairlead, requests = 20) => answersOf(fairlead, requests, GET);

test(
  "H-J10 enable, drain, disable, weight and reset by the API: idempotent, audited, and they outlive reload, upgrade and crash",
  async () => {
    const backends = [origin("a"), origin("b")];
    await using fairlead = await runFairlead(configuration(backends));
    const runtime = join(fairlead.directory, "run");
    const set = (action: string, body?: string) =>
      ask(fairlead, `POST /admin/backends/${action}`, body === undefined ? {} : { body });
    const drained = await set("web/a/drain");
    expect(drained).toMatchObject({
      status: 200,
      body: {
        changed: true,
        warnings: [],
        backend: { pool: "web", id: "a", enabled: "draining", overridden: true },
      },
    });
    expect(await answers(fairlead)).toEqual({ b: 20 });
    expect((await set("web/a/drain")).body).toEqual({ ...drained.body, changed: false });
    expect((await set("web/a/enable")).body).toMatchObject({ changed: true, backend: { enabled: "active" } });
    expect((await set("web/a/enable")).body).toMatchObject({ changed: false });
    expect(Object.keys(await answers(fairlead)).toSorted()).toEqual(["a", "b"]);
    for (const changed of [true, false])
      expect((await set("b/disable?force=true")).body).toMatchObject({
        changed,
        backend: { enabled: "disabled" },
      });
    expect(await answers(fairlead)).toEqual({ a: 20 });
    for (const changed of [true, false])
      expect((await set("b/weight", '{ "weight": 5 }')).body).toMatchObject({
        changed,
        backend: { weight: 5 },
      });
    for (const changed of [true, false])
      expect((await set("b/reset")).body).toMatchObject({
        changed,
        backend: { enabled: "active", weight: 1, overridden: false },
      });

    const audited = fairlead.program.said.filter(({ event }) => event === "backend_set");
    expect(audited.map(({ message }) => message)).toEqual(
      [
        "web/a: drains until it is enabled",
        "web/a: enabled",
        "web/b: disabled at once",
        "web/b: weight 5",
        "web/b: back to the configuration",
      ].map((text) =>
        expect.stringMatching(new RegExp(`^backend ${text} \\(admin API, 127\\.0\\.0\\.1:\\d+\\)$`)),
      ),
    );
    expect(audited[3]).toMatchObject({ action: "weight", weight: 5, pool: "web", backend: "b" });

    await set("web/a/drain");
    await set("web/b/weight", '{ "weight": 7 }');
    const held = async () => {
      const { body } = await ask(fairlead, "GET /admin/backends");
      expect(body.backends).toMatchObject([
        { id: "a", enabled: "draining", overridden: true },
        { id: "b", enabled: "active", weight: 7, configured_weight: 1 },
        { pool: "spare", overridden: false },
      ]);
      expect(await answers(fairlead, 10)).toEqual({ b: 10 });
    };
    await held();
    await fairlead.apply(configuration(backends, "timeouts: { connect: 3s }"));
    await held();
    const readies = () => fairlead.program.said.filter(({ event }) => event === "ready");
    expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
    await until(() => readies().length === 2, "the successor is ready");
    fairlead.admin = String(readies().at(-1)!["admin"]);
    await held();
    // What is set now must be known to those who come later as well.
    await set("web/b/weight", '{ "weight": 8 }');
    await set("web/b/weight", '{ "weight": 7 }');
    process.kill(Number(readFileSync(join(runtime, "pid"), "utf8")), "SIGKILL");
    const next = new Program(
      ["-c", fairlead.file, "--log-format", "json"],
      [process.execPath, join(import.meta.dir, "../../src/main.ts")],
    );
    try {
      fairlead.admin = String((await next.until("ready"))["admin"]);
      await held();
      await fairlead.command("stop", "--runtime-dir", runtime);
    } finally {
      await next.kill();
    }
  },
  PATIENCE,
);

test(
  "H-H26 a backend that two pools have: 409 with both full names for the id alone, each by pool/id, as two segments or one",
  async () => {
    await using fairlead = await runFairlead(configuration([origin("a"), origin("b")]));
    for (const what of ["GET /admin/backends/a", "POST /admin/backends/a/drain"])
      expect(await ask(fairlead, what)).toEqual({
        status: 409,
        etag: "",
        type: "application/problem+json",
        body: {
          title: "Conflict",
          status: 409,
          detail: '"a" is in several pools: web/a, spare/a',
          matches: ["web/a", "spare/a"],
        },
      });
    expect((await ask(fairlead, "GET /admin/backends/spare/a")).body).toMatchObject({
      pool: "spare",
      id: "a",
    });
    expect((await ask(fairlead, "GET /admin/backends/web%2Fa")).body).toMatchObject({ pool: "web", id: "a" });
    expect((await ask(fairlead, "GET /admin/backends/b")).body).toMatchObject({ pool: "web", id: "b" });
    expect((await ask(fairlead, "POST /admin/backends/spare/a/drain")).status).toBe(200);
    const { body } = await ask(fairlead, "GET /admin/backends");
    expect(
      body.backends.map(({ pool, id, enabled }: Record<string, string>) => `${pool}/${id} ${enabled}`),
    ).toEqual(["web/a active", "web/b active", "spare/a draining"]);
    for (const id of ["c", "web/c", "pool/a", "a%2Fb%2Fc"])
      expect(await ask(fairlead, `GET /admin/backends/${id}`)).toMatchObject({
        status: 404,
        body: { detail: expect.stringMatching(/^no backend is named "/) },
      });
  },
  PATIENCE,
);

test(
  "H-J9 authentication, pages of other sites, other hosts, If-Match, concurrent writers and dry runs",
  async () => {
    const yaml = (more = "") =>
      configuration(
        [origin("a"), origin("b")],
        `admin: { address: "127.0.0.1:0", token: ${TOKEN} }\n${more}`,
      );
    await using fairlead = await runFairlead(yaml());
    const asked = (what: string, more: Asked = {}) => ask(fairlead, what, { token: TOKEN, ...more });
    const before = await asked("GET /admin/backends");
    const refusals: [what: string, more: Asked, status: number][] = [
      ["GET /admin/backends", { token: null }, 401],
      ["GET /metrics", { token: null }, 401],
      ["POST /admin/backends/b/drain", { token: null }, 401],
      ["POST /admin/backends/b/drain", { token: `${TOKEN}0` }, 401],
      ["POST /admin/backends/b/drain", { fields: { Origin: "https://evil.example" } }, 403],
      ["POST /admin/backends/b/drain", { fields: { Origin: "null" } }, 403],
      ["POST /admin/backends/b/drain", { fields: { "Sec-Fetch-Site": "cross-site" } }, 403],
      ["POST /admin/reload", { fields: { "Sec-Fetch-Site": "same-site" } }, 403],
      ["POST /admin/backends/b/weight", { body: "weight=5", fields: { "Content-Type": "text/plain" } }, 415],
      ["POST /admin/backends/b/drain", { fields: { Host: "rebound.example" } }, 421],
      ["POST /admin/backends/b/drain", { fields: { "If-Match": '"another"' } }, 412],
      ["POST /admin/backends/b/drain", { fields: { "If-Match": "another" } }, 400],
      ["POST /admin/reload", { fields: { "If-Match": '"another"' } }, 412],
    ];
    for (const [what, more, status] of refusals)
      expect([what, more, (await asked(what, more)).status]).toEqual([what, more, status]);
    expect((await ask(fairlead, "GET /health")).status).toBe(200);
    expect(await asked("GET /admin/backends")).toEqual(before);
    expect(fairlead.program.said.filter(({ event }) => event === "backend_set")).toEqual([]);
    const own = { Origin: `http://${fairlead.admin}`, "Sec-Fetch-Site": "same-origin" };
    expect((await asked("POST /admin/backends/b/enable", { fields: own })).status).toBe(200);

    // Each of them has seen the same state, and means to change that: one does.
    const { etag } = await asked("GET /admin/backends/b");
    const weights = [2, 3, 4, 5, 6, 7, 8, 9];
    const writers = await Promise.all(
      weights.map((weight) =>
        asked("POST /admin/backends/b/weight", {
          body: JSON.stringify({ weight }),
          fields: { "If-Match": etag },
        }),
      ),
    );
    const winner = writers.findIndex(({ status }) => status === 200);
    expect(writers.filter(({ status }) => status === 412).length).toBe(7);
    const now = await asked("GET /admin/backends/b");
    expect(now.body.weight).toBe(weights[winner]);
    expect(writers[winner]!.body.etag).toBe(now.etag);
    const loser = writers.find(({ status }) => status === 412)!;
    expect(loser).toMatchObject({ etag: now.etag, body: { etag: now.etag, current: now.body } });
    // With the new state at hand, each of them gets its turn.
    let last = now.etag;
    for (const weight of weights) {
      const fields = { "If-Match": `"other", ${last}` };
      const done = await asked("POST /admin/backends/b/weight", { body: JSON.stringify({ weight }), fields });
      expect(done.status).toBe(200);
      last = done.body.etag;
    }
    expect((await asked("POST /admin/backends/b/reset", { fields: { "If-Match": "*" } })).status).toBe(200);

    // Two who have seen the same configuration reload another one: the second would load what it has not seen.
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const listeners = `listeners: { web: { address: "127.0.0.1:0" }, more: { address: "127.0.0.1:${taken.port}" } }`;
    fairlead.write(yaml(listeners));
    // The program sees by itself that its file is another one.
    await fairlead.program.until("reload_refused");
    const refused = await asked("POST /admin/reload?dry_run=true");
    expect(refused).toMatchObject({ status: 422, body: { generation: 1 } });
    expect(refused.body.problems).toEqual([
      expect.stringContaining(`cannot listen on 127.0.0.1:${taken.port}`),
    ]);
    expect((await asked("POST /admin/reload")).status).toBe(422);
    taken.stop(true);
    const shown = await asked("GET /admin/config");
    const dry = await asked("POST /admin/reload?dry_run=true");
    expect(dry).toMatchObject({
      status: 200,
      body: { ok: true, dry_run: true, changed: true, generation: 1 },
    });
    expect(dry.body.changes).toContainEqual({
      path: "listeners.more.address",
      after: `127.0.0.1:${taken.port}`,
    });
    expect(await asked("GET /admin/config")).toEqual(shown);
    const fields = { "If-Match": shown.etag };
    const reloads = await Promise.all([1, 2].map(() => asked("POST /admin/reload", { fields })));
    expect(new Set(reloads.map(({ status }) => status))).toEqual(new Set([200, 412]));
    const after = await asked("GET /admin/config");
    expect(after.body.generation).toBe(2);
    expect(reloads.find(({ status }) => status === 412)!.body).toMatchObject({
      etag: after.etag,
      generation: 2,
    });
    expect(fairlead.program.said.findLast(({ event }) => event === "reloaded")).toMatchObject({
      by: expect.stringMatching(/^admin API, 127\.0\.0\.1:\d+, token$/),
    });
    const log = JSON.stringify(fairlead.program.said) + fairlead.program.other.join("");
    expect(log).toContain("without the right token");
    expect(log).not.toContain(TOKEN);
  },
  PATIENCE,
);

test(
  "H-J14/config no secret is shown: not in the configuration, in a dry run, in the status, in an error or in the log",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-secrets-"));
    writeFileSync(join(folder, "token"), `${TOKEN}\n`);
    process.env["ADMIN_TEST_USER"] = "staff:{SHA}hunter2hunter2hunter2abcdef=";
    const backends = [origin("a")];
    const yaml = (token: string, port = 0, more = "") =>
      `pools: { web: { backends: [${backends.join(", ")}] } }
listeners: { web: { address: "127.0.0.1:0" }, more: { address: "127.0.0.1:${port}" } }
routes: [{ pool: web, middlewares: [{ basic_auth: { users: ["\${ADMIN_TEST_USER}", "ops:{SHA}hunter3hunter3hunter3abcdef="] } }] }]
observability: { metrics: { address: "127.0.0.1:0", token: "metrics-${TOKEN}" } }
admin: { address: "127.0.0.1:0", token: "${token}" }
${more}`;
    await using fairlead = await runFairlead(yaml(`file:${folder}/token`));
    const asked = (what: string) => ask(fairlead, what, { token: TOKEN });
    const shown: unknown[] = [];
    const { status, body } = await asked("GET /admin/config");
    expect(status).toBe(200);
    const setting = (path: string) => body.settings.find((row: { path: string }) => row.path === path);
    const line = (number: number) => expect.stringMatching(new RegExp(`fairlead\\.yaml:${number}$`));
    expect(setting("admin.token")).toEqual({ path: "admin.token", value: "REDACTED", source: line(7) });
    expect(setting("pools.web.backends[0].id")).toMatchObject({ value: "a", source: line(3) });
    expect(setting("timeouts.connect")).toEqual({ path: "timeouts.connect", value: "5s", source: "default" });
    for (const path of ["health", "status", "backends", "openapi.json"])
      shown.push((await asked(`GET /admin/${path}`)).body);
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    fairlead.write(yaml("short-hunter4"));
    await fairlead.program.until("reload_refused");
    const refused = await asked("POST /admin/reload?dry_run=true");
    expect(refused.body.problems).toEqual([
      expect.stringMatching(/:7:\d+: admin\.token: expected a token of 32 /),
    ]);
    fairlead.write(yaml(`${TOKEN}-hunter5`, taken.port));
    await fairlead.program.until("reload_refused", 2);
    taken.stop(true);
    const dry = await asked("POST /admin/reload?dry_run=true");
    expect(dry.body.changes).toEqual([
      { path: "listeners.more.address", before: "127.0.0.1:0", after: `127.0.0.1:${taken.port}` },
    ]);
    shown.push(body, refused, dry, fairlead.program.said, fairlead.program.other);
    const text = JSON.stringify(shown);
    expect(text.match(/.{0,80}(?:hunter\d|0123456789-0).{0,80}/)?.[0]).toBeUndefined();
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);

test(
  "what cannot be asked is refused with one sentence, and changes nothing",
  async () => {
    await using fairlead = await runFairlead(configuration([origin("a"), origin("b")]));
    const port = Number(fairlead.admin.split(":")[1]);
    const before = [await ask(fairlead, "GET /admin/backends"), await ask(fairlead, "GET /admin/config")];
    const weight = "POST /admin/backends/b/weight";
    const cases: [what: string, body: string | null, status: number, detail: string | RegExp][] = [
      [weight, null, 400, "expected a body in JSON"],
      [weight, "{", 400, "the body is not JSON"],
      [weight, "\u00ff", 400, "the body is not JSON"],
      [weight, "[".repeat(60_000), 400, "the body is not JSON"],
      [weight, "[5]", 400, /^body: .*expected object/],
      [weight, "{}", 400, /^body\.weight: /],
      [weight, '{"weight":70000}', 400, /^body\.weight: .*65535/],
      [weight, '{"weight":-1}', 400, /^body\.weight: /],
      [weight, '{"weight":1.5}', 400, /^body\.weight: /],
      [weight, '{"weight":"5"}', 400, /^body\.weight: /],
      [weight, '{"weight":5,"wait":1}', 400, /^body: .*"wait"/],
      [`${weight}?force=true`, '{"weight":5}', 400, /^query: .*"force"/],
      ["POST /admin/backends/b/drain", '{"force":true}', 400, /^body: .*"force"/],
      ["POST /admin/backends/b/disable?force=yes", null, 400, "query.force: expected true or false"],
      [
        "POST /admin/backends/b/disable?force=true&force=false",
        null,
        400,
        'query: "force" stands there twice',
      ],
      ["POST /admin/reload?dry-run=true", null, 400, /^query: .*"dry-run"/],
      ["GET /admin/backends?pool=web", null, 400, /^query: .*"pool"/],
      ["POST /admin/backends/b/drain/", null, 404, /expected no slash at the end$/],
      ["GET /admin/backends/", null, 404, /expected no slash at the end$/],
      ["GET /admin", null, 404, 'nothing stands at "/admin"'],
      ["GET /admin//backends", null, 404, /nothing stands at/],
      ["GET /admin/%62ackends", null, 404, /nothing stands at/],
      ["GET /admin/../admin/config", null, 404, /nothing stands at/],
      ["POST /admin/backends/%ff/drain", null, 404, /nothing stands at/],
      ["POST /admin/backends/%00/drain", null, 404, /^no backend is named /],
      ["POST /admin/backends/b%2Fdrain", null, 405, "expected GET, HEAD, OPTIONS"],
      ["POST /admin/backends/b/explode", null, 405, "expected GET, HEAD, OPTIONS"],
      ["POST /admin/backends/%zz/drain", null, 400, "malformed request target"],
      ["GET /admin/backends/b/drain", null, 404, 'no backend is named "b/drain"'],
      ["GET /admin/reload", null, 405, "expected POST, OPTIONS"],
      ["PUT /admin/backends/b", null, 405, "expected GET, HEAD, OPTIONS"],
      ["PATCH /admin/backends/b/weight", null, 405, "expected GET, HEAD, POST, OPTIONS"],
      ["DELETE /admin/config", null, 405, "expected GET, HEAD, OPTIONS"],
      ["BREW /admin/status", null, 405, "expected GET, HEAD, OPTIONS"],
    ];
    for (const [what, body, status, detail] of cases) {
      const bytes = Buffer.from(body ?? "", "latin1");
      const type =
        body === null ? "" : `Content-Type: application/json\r\nContent-Length: ${bytes.length}\r\n`;
      const head = `${what} HTTP/1.1\r\nHost: localhost\r\n${type}Connection: close\r\n\r\n`;
      const answer = await askOnce(port, Buffer.concat([Buffer.from(head), bytes]));
      const problem = JSON.parse(answer.body.toString()) as Record<string, unknown>;
      expect([what, body, answer.status, problem["status"]]).toEqual([what, body, status, status]);
      expect([what, body, problem["detail"]]).toEqual([
        what,
        body,
        typeof detail === "string" ? detail : expect.stringMatching(detail),
      ]);
      expect(answer.get("content-type")).toBe("application/problem+json");
      if (status === 405)
        expect(answer.get("allow")).toBe(String(problem["detail"]).slice("expected ".length));
    }
    // Old clients and bare questions are answered as others are.
    expect((await askOnce(port, "GET /admin/backends/b HTTP/1.0\r\n\r\n")).status).toBe(200);
    const head = await askOnce(port, "HEAD /admin/config HTTP/1.1\r\nHost: localhost\r\n\r\n", {
      head: true,
    });
    expect([head.status, head.get("etag"), head.body.length]).toEqual([200, before[1]!.etag, 0]);
    const options = await askOnce(
      port,
      `OPTIONS ${weight.split(" ")[1]} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    expect([options.status, options.get("allow")]).toEqual([204, "GET, HEAD, POST, OPTIONS"]);
    expect([await ask(fairlead, "GET /admin/backends"), await ask(fairlead, "GET /admin/config")]).toEqual(
      before,
    );
    expect(fairlead.program.said.filter(({ event }) => /backend_set|reload/.test(event))).toEqual([]);
  },
  PATIENCE,
);

test(
  "an address that other machines reach takes the place of loopback with a token, on the same port, and a metrics address shows its two pages alone",
  async () => {
    const backends = [origin("a"), origin("b")];
    await using fairlead = await runFairlead(configuration(backends));
    const port = Number(fairlead.admin.split(":")[1]);
    expect((await ask(fairlead, "GET /admin/status")).status).toBe(200);
    const observability = `observability: { metrics: { address: "0.0.0.0:0", token: "metrics-${TOKEN}" } }`;
    const admin = `admin: { address: "0.0.0.0:${port}", token: "${TOKEN}", hosts: [lb1.example.com] }`;
    await fairlead.apply(configuration(backends, `${admin}\n${observability}`));
    expect((await ask(fairlead, "GET /admin/status")).status).toBe(401);
    const named = { Host: "lb1.example.com" };
    const status = await ask(fairlead, "GET /admin/status", { token: TOKEN, fields: named });
    expect(status.status).toBe(200);
    const shown = await fairlead.command(
      "status",
      "--json",
      "--runtime-dir",
      join(fairlead.directory, "run"),
    );
    expect(["ok", ...Object.keys(status.body)].toSorted()).toEqual(
      Object.keys(JSON.parse(shown.out)).toSorted(),
    );

    const { address } = await fairlead.program.until("metrics_listening");
    const metrics = { admin: String(address) };
    expect(metrics.admin).toMatch(/^0\.0\.0\.0:\d+$/);
    expect((await ask(metrics, "GET /health")).status).toBe(200);
    expect((await ask(metrics, "GET /metrics")).status).toBe(401);
    expect((await ask(metrics, "GET /metrics", { token: TOKEN })).status).toBe(401);
    expect((await ask(metrics, "GET /metrics", { token: `metrics-${TOKEN}` })).body).toContain(
      "fairlead_build_info",
    );
    expect((await ask(metrics, "GET /admin/status", { token: `metrics-${TOKEN}` })).status).toBe(404);
    expect((await ask(metrics, "POST /admin/reload", { token: `metrics-${TOKEN}` })).status).toBe(404);
    // The token of the metrics opens nothing at the admin address.
    expect((await ask(fairlead, "GET /metrics", { token: `metrics-${TOKEN}` })).status).toBe(401);

    // Another token acts at once, without another address; and the way back.
    await fairlead.apply(configuration(backends, admin.replace(TOKEN, `next-${TOKEN}`)));
    expect((await ask(fairlead, "GET /admin/status", { token: TOKEN })).status).toBe(401);
    expect((await ask(fairlead, "GET /admin/status", { token: `next-${TOKEN}` })).status).toBe(200);
    expect(await ask(metrics, "GET /health").catch(() => "refused")).toBe("refused");
    await fairlead.apply(configuration(backends, `admin: { address: "127.0.0.1:${port}" }`));
    expect((await ask(fairlead, "GET /admin/status")).status).toBe(200);
  },
  PATIENCE,
);
