/** `fairlead explain` of the real program: the same way in every process, and the one that requests take. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explanationSchema, type Explanation } from "../../src/core/explain/answer.ts";
import type { GivenQuestion } from "../../src/core/explain/question.ts";
import { askSupervisor } from "../../src/run/control_client.ts";
import { testFiles } from "../../src/platform/test_tls.ts";
import { startFairlead } from "../support/fairlead.ts";
import { askOnce, tlsClient } from "../support/raw_client.ts";
import { runFairlead, type RunningFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 90_000 };

/** Backend `n` is 127.0.1.n; the answer says which one it was. */
let server: Server;
beforeAll(async () => {
  server = createServer((request, response) => response.end(request.socket.localAddress));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const url = (number: number) => `http://127.0.1.${number}:${(server.address() as AddressInfo).port}`;

/** The same configuration with the entries of its maps in either order; the order of lists has a meaning. */
function configuration(reversed: boolean): string {
  const inOrder = (...entries: string[]): string => (reversed ? entries.toReversed() : entries).join("\n");
  const shop = `  shop:
    strategy: consistent_hash
    hash_on: header:X-User
    backends: [${[1, 2, 3].map((n) => `{ id: s${n}, url: "${url(n)}" }`).join(", ")}]`;
  const api = `  api:
    backends: [{ url: "${url(4)}", id: a1, max_in_flight: 5 }]
    strategy: sequential`;
  const listeners = `listeners:\n${inOrder(
    `  web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8] }`,
    `  other: { address: "127.0.0.1:0" }`,
  )}`;
  const middlewares = `middlewares:\n${inOrder(
    "  short: { strip_prefix: { prefixes: [/v1] } }",
    "  inside: { ip_allow_list: { source_range: [192.0.2.0/24] } }",
  )}`;
  const routes = `routes:
  - { name: staff, match: "Host(\`api.example\`) && Path(\`/v1/admin\`)", pool: api, middlewares: [inside] }
  - { name: api, match: "Host(\`api.example\`)", pool: api, middlewares: [short] }
  - { name: same, match: "Host(\`www.example\`)", respond: { status: 204 } }
  - { name: too, match: "Host(\`www.example\`)", pool: shop }
  - { name: shop, pool: shop }`;
  return `workers: 2\n${inOrder(listeners, `pools:\n${inOrder(shop, api)}`, middlewares, routes)}\n`;
}

async function explain(fairlead: RunningFairlead, ...words: string[]) {
  return fairlead.command("explain", ...words, "--runtime-dir", join(fairlead.directory, "run"));
}

/** The same question without the command line. */
async function explanationOf(fairlead: RunningFairlead, question: GivenQuestion): Promise<Explanation> {
  const asked = { command: "explain", ...question };
  const { ok, error, explanation } = await askSupervisor(join(fairlead.directory, "run"), asked);
  expect([ok, error]).toEqual([true, undefined]);
  return explanationSchema.parse(explanation);
}

/** Without what tells one process, port and plan from another. */
function timeless(explanation: Explanation): object {
  const { worker, listener } = explanation;
  return { ...explanation, generation: 0, worker: worker.index, listener: { ...listener, port: 0 } };
}

const QUESTIONS: readonly GivenQuestion[] = [
  ...["ann", "bob", "eve"].map((user) => ({ url: "http://a.example/x?y", headers: [`X-User: ${user}`] })),
  { url: "http://api.example/v1/x" },
  { url: "http://api.example/v1/admin" },
  { url: "http://www.example/", method: "POST", from: "198.51.100.1" },
  { url: "http://a.example/", headers: ["X-Forwarded-For: 203.0.113.9"], from: "127.0.0.9" },
  { url: "http://a.example/%zz" },
].map((question) => ({ ...question, listener: "web" }));

test(
  "H-J24 equal configurations and requests lead the same way with the same reasons, in every process and after reloads",
  async () => {
    await using one = await runFairlead(configuration(false));
    await using other = await runFairlead(configuration(true));
    const first = await Promise.all(QUESTIONS.map((question) => explanationOf(one, question)));
    expect(first.map(({ route }) => route)).toEqual([
      "shop",
      "shop",
      "shop",
      "api",
      "staff",
      "same",
      "shop",
      null,
    ]);
    const expectAll = async (program: RunningFairlead) => {
      for (const [index, question] of QUESTIONS.entries())
        expect(timeless(await explanationOf(program, question))).toEqual(timeless(first[index]!));
    };
    await expectAll(one);
    await expectAll(other);
    // Both workers of both programs send the keys to the backends that were told.
    for (const program of [one, other])
      for (const [index, user] of ["ann", "bob", "eve"].entries()) {
        const { outcome } = first[index]!;
        const request = `GET /x?y HTTP/1.1\r\nHost: a.example\r\nX-User: ${user}\r\n\r\n`;
        for (let count = 0; count < 6; count++) {
          const { body } = await askOnce(program.port(), request);
          expect(outcome).toMatchObject({ kind: "backend", candidate: `s${body.toString().at(-1)}` });
        }
      }
    await one.apply(configuration(false));
    await other.apply(configuration(false));
    await expectAll(one);
    await expectAll(other);
  },
  PATIENCE,
);

const LONG_FIELDS = Array.from({ length: 20 }, () => ["-H", `A: ${"x".repeat(30_000)}`]).flat();

test(
  "H-J24/cli a question shows the way as text, leaves no trace, and what cannot be asked is refused in one sentence",
  async () => {
    const log = join(tmpdir(), `fairlead-explain-${process.pid}.log`);
    using _log = { [Symbol.dispose]: () => rmSync(log, { force: true }) };
    await using fairlead = await runFairlead(
      `${configuration(false)}observability: { access_log: { path: "${log}" } }\n`,
    );
    const shown = await explain(fairlead, "http://api.example/v1/x", "--listener", "web");
    expect([shown.code, shown.error]).toEqual([0, ""]);
    for (const line of [
      /^listener +web, 127\.0\.0\.1:\d+ \(named\)$/m,
      /^client +127\.0\.0\.1, http \(a trusted proxy, which names no other client\)$/m,
      /^ +no +staff +\d+ +Path\(`\/v1\/admin`\) does not hold$/m,
      /^ +takes it +api +19 +Host\(`api\.example`\)$/m,
      /^middlewares +short \(strip_prefix\) +rewrite +passes +target \/v1\/x -> \/x, sets x-forwarded-prefix$/m,
      /^pool +api, serving, sequential$/m,
      /^ +next +a1 +127\.0\.1\.4:\d+ +1 +not checked +active +0 of 5$/m,
      /^result +goes to a1 \(127\.0\.1\.4:\d+\) as GET \/x, Host: api\.example$/m,
      /^as worker 0 \(pid \d+\) sees it, generation 1$/m,
    ])
      expect(shown.out).toMatch(line);
    expect(shown.out).not.toContain("\x1b");
    expect(await fairlead.metric("http_requests_total")).toBe(0);

    const web = `http://a.example:${fairlead.port()}/`;
    const refusals: readonly (readonly [number, RegExp, ...string[]])[] = [
      [2, /which request\? expected \[METHOD\] URL/],
      [2, /"more": expected no more than METHOD and URL/, "GET", web, "more"],
      [2, /header "A": expected "Name: value"/, web, "-H", "A"],
      [1, /^fairlead explain: url "ftp:\/\/a": expected http:\/\//, "ftp://a"],
      [1, /^fairlead explain: no listener is on port 1; there are web/, "http://a:1/"],
      [1, /^fairlead explain: no listener is named "\w+"; there are web/, web, "--listener", "nobody"],
      [1, /^fairlead explain: header 1: has a line break\n$/, web, "-H", "A: b\r\nC: d"],
      [1, /^fairlead explain: from: is no IP address\n$/, web, "--from", "home"],
      [1, /^fairlead explain: a request has at most 65536 bytes\n$/, web, ...LONG_FIELDS],
    ];
    for (const [code, message, ...words] of refusals) {
      const result = await explain(fairlead, ...words);
      expect([words.slice(0, 2), result.code, result.out]).toEqual([words.slice(0, 2), code, ""]);
      expect(result.error).toMatch(message);
    }
    const nobody = await fairlead.command("explain", web, "--runtime-dir", join(fairlead.directory, "none"));
    expect([nobody.code, nobody.error]).toEqual([1, expect.stringContaining("no supervisor answers in")]);
    const json = await explain(fairlead, web, "--json", "--from", "198.51.100.1");
    const { ok, explanation } = JSON.parse(json.out) as { ok: boolean; explanation: object };
    expect([ok, explanationSchema.parse(explanation).client.address]).toEqual([true, "198.51.100.1"]);
    const help = await fairlead.command("explain", "--help");
    expect([help.code, help.out]).toEqual([0, expect.stringContaining("examples:")]);
  },
  PATIENCE,
);

test("H-J24/tls certificates, hosts under another rule and strict names are as a client meets them; nothing is logged", async () => {
  const files = Object.fromEntries(Object.entries(testFiles()).map(([path, text]) => [path.slice(1), text]));
  const certificates = `[{ cert: a.crt, key: a.key }, { cert: b.crt, key: b.key, client_auth: request }]`;
  await using fairlead = await startFairlead(
    `listeners:
  web: { address: "127.0.0.1:0", tls: { certificates: ${certificates} } }
  strict: { address: "127.0.0.1:0", tls: { strict_sni: true, certificates: [{ cert: a.crt, key: a.key }] } }
routes: [{ name: all, respond: { status: 204 } }]`,
    { files },
  );
  const { supervisor } = fairlead.instance;
  const ask = async (listener: string, name: string, host: string) => {
    const url = `https://${name}:${fairlead.port(listener)}/`;
    return supervisor.explain({ url, headers: [`Host: ${host}`], listener });
  };
  const own = await ask("web", "b.test", "b.test");
  expect([own.certificate, own.outcome]).toMatchObject([
    { asked: "b.test", names: ["b.test"] },
    { kind: "answer", by: "route", status: 204 },
  ]);
  const misdirected = await ask("web", "b.test", "a.test");
  expect(misdirected.outcome).toMatchObject({ kind: "answer", status: 421, code: "FL_MISDIRECTED" });
  expect((await ask("strict", "x.w.test", "x.w.test")).outcome).toMatchObject({ status: 204 });
  expect((await ask("strict", "b.test", "b.test")).outcome).toEqual({
    kind: "no_connection",
    code: "FL_TLS_HANDSHAKE",
    detail: "no certificate is for b.test",
  });
  using client = await tlsClient(fairlead.port(), { servername: "b.test" });
  expect((await client.ask("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")).status).toBe(421);
  const lines = await fairlead.log(1);
  expect(lines.map((line) => line["status"])).toEqual([421]);
});
