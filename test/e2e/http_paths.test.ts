/** Paths, long inputs and what trusted proxies say: nobody gets around a rule by the way a request is written. */
import { expect, test } from "bun:test";
import { startFairlead } from "../support/fairlead.ts";
import { askOnce } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";

const get = (target: string, fields = "Host: a.example\r\n") => `GET ${target} HTTP/1.1\r\n${fields}\r\n`;

test("H-I11/slashes no spelling of a path passes a rule and reaches what the rule guards", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => new Response(new URL(request.url).pathname),
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "http://127.0.0.1:${server.port}" }] } }\nroutes: [{ match: "PathPrefix(\`/admin\`)", respond: { status: 403 } }, { pool: app }]`,
  );
  const statuses: Record<string, number> = {
    "/admin/x": 403,
    "//admin//x": 403,
    "/a/..//admin/x": 403,
    "/admin//../x": 400,
    "/admin//..": 400,
    "/admin/.//../x": 400,
    "/admin//%2e%2e/x": 400,
    "/admin/x//../..": 400,
    "/x//y": 200,
    "/x//y/../z": 200,
  };
  for (const [target, status] of Object.entries(statuses)) {
    const answer = await askOnce(fairlead.port(), get(target));
    expect([target, answer.status]).toEqual([target, status]);
    if (status === 200) expect(answer.body.toString()).not.toStartWith("/admin");
  }
});

test("H-I11/padding no length of a request passes a regex of a rule", async () => {
  await using fairlead = await startFairlead(`
limits: { target_bytes: 64KiB, header_bytes: 64KiB }
routes:
  - { match: "PathRegexp(\`^/admin(/.*)?$\`)", respond: { status: 403 } }
  - { match: "HeaderRegexp(\`User-Agent\`, \`(?i)bad-?bot\`)", respond: { status: 403 } }
  - { match: "QueryRegexp(\`q\`, \`^drop [a-z]+\`)", respond: { status: 403 } }
  - { match: "HostRegexp(\`^admin[.].+$\`)", respond: { status: 403 } }
  - { respond: { status: 200 } }`);
  for (const length of [10, 8_200, 40_000]) {
    const pad = "a".repeat(length);
    const requests = [
      get(`/admin/${pad}`),
      get("/", `Host: a\r\nUser-Agent: ${pad} badbot\r\n`),
      get(`/?q=drop+${pad}`),
      get("/", `Host: admin.${pad}\r\n`),
    ];
    for (const request of requests)
      expect([length, (await askOnce(fairlead.port(), request)).status]).toEqual([length, 403]);
    expect((await askOnce(fairlead.port(), get(`/${pad}`))).status).toBe(200);
  }
});

test("H-I11/middlewares what a regex matches in a long request is rewritten, redirected or refused", async () => {
  using origin = await rawOrigin((request) => answerText(request.target.slice(0, 4)));
  await using fairlead = await startFairlead(`
limits: { target_bytes: 64KiB }
pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes:
  - { match: "PathPrefix(\`/redirect\`)", pool: app, middlewares: [{ redirect_regex: { regex: "^https?://[^/]+/redirect", replacement: "https://sso.example/" } }] }
  - { match: "PathPrefix(\`/replace\`)", pool: app, middlewares: [{ replace_path_regex: { regex: "^/replace", replacement: "/new" } }] }
  - { match: "PathPrefix(\`/strip\`)", pool: app, middlewares: [{ strip_prefix_regex: { regex: ["^/str[a-z]p"] } }] }`);
  const outcome = async (target: string) => {
    const answer = await askOnce(fairlead.port(), get(target));
    return answer.status === 200 ? answer.body.toString() : String(answer.status);
  };
  const outcomes = async (length: number) => {
    const pad = "a".repeat(length);
    return [
      await outcome(`/redirect?${pad}`),
      await outcome(`/replace/${pad}`),
      await outcome(`/strip/${pad}`),
    ];
  };
  expect(await outcomes(10)).toEqual(["302", "/new", "/aaa"]);
  expect(await outcomes(8_200)).toEqual(["302", "/new", "/aaa"]);
  expect(await outcomes(16_500)).toEqual(["400", "400", "400"]);
});

const TRUSTED = 'listeners: { web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8, 10.0.0.0/8] } }';

test("H-G2/scheme the first element of X-Forwarded-Proto counts, and none leaves the connection's own scheme", async () => {
  using origin = await rawOrigin((request) => answerText(request.all("x-forwarded-proto").join("|")));
  await using fairlead = await startFairlead(
    `${TRUSTED}\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app, middlewares: [{ redirect_scheme: {} }] }]`,
  );
  const passed: Record<string, string> = {
    https: "https",
    HTTPS: "HTTPS",
    "https, http": "https, http",
    ", https,http": ", https,http",
    "https\r\nX-Forwarded-Proto: http": "https|http",
    "\r\nX-Forwarded-Proto: https": "|https",
  };
  for (const [value, received] of Object.entries(passed)) {
    const answer = await askOnce(
      fairlead.port(),
      get("/", `Host: a.example\r\nX-Forwarded-Proto: ${value}\r\n`),
    );
    expect([value, answer.status, answer.body.toString()]).toEqual([value, 200, received]);
  }
  for (const value of ["http", "http, https", "", ",", "gopher"]) {
    const answer = await askOnce(
      fairlead.port(),
      get("/", `Host: a.example\r\nX-Forwarded-Proto: ${value}\r\n`),
    );
    expect([value, answer.status]).toEqual([value, 302]);
  }
  await fairlead.reload(
    `${TRUSTED}\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  for (const value of ["", " , "]) {
    const answer = await askOnce(fairlead.port(), get("/", `Host: a\r\nX-Forwarded-Proto: ${value}\r\n`));
    expect(answer.body.toString()).toBe("http");
  }
});

test("H-G5/empty Forwarded leaves the host out where a request names none", async () => {
  using origin = await rawOrigin((request) => answerText(request.all("forwarded").join("|")));
  const rest = `forwarding: { forwarded: true }\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`;
  await using fairlead = await startFairlead(rest);
  for (const request of ["GET / HTTP/1.0\r\n\r\n", get("/", "Host:\r\n")])
    expect((await askOnce(fairlead.port(), request)).body.toString()).toBe("for=127.0.0.1;proto=http");
  await fairlead.reload(`${TRUSTED}\n${rest}`);
  expect((await askOnce(fairlead.port(), get("/", "Host:\r\n"))).body.toString()).toBe(
    "for=127.0.0.1;proto=http",
  );
});

test("H-G2/both where X-Forwarded-For and Forwarded name different clients, neither is believed", async () => {
  await using fairlead = await startFairlead(
    `${TRUSTED}\nroutes: [{ respond: { status: 200 }, middlewares: [{ ip_allow_list: { source_range: [10.0.0.0/8, 127.0.0.0/8, "2001:db8::/32"] } }] }]`,
  );
  const table: [xForwardedFor: string, forwarded: string, status: number, client: string][] = [
    ["10.0.0.1", "for=203.0.113.5", 403, ""],
    ["203.0.113.5", "for=10.0.0.1", 403, ""],
    ["203.0.113.5", "for=203.0.113.5", 403, "203.0.113.5"],
    ["10.0.0.1", "for=10.0.0.1", 200, "10.0.0.1"],
    // The second of two proxies writes one of the fields alone.
    ["10.0.0.1, 10.0.0.2", "for=10.0.0.1", 200, "10.0.0.1"],
    ["2001:DB8::1", 'for="[2001:db8:0::1]:80"', 200, "2001:DB8::1"],
    // No address is said beside the other field's.
    ["203.0.113.5", "proto=https", 403, "203.0.113.5"],
    ["203.0.113.5", "for=_hidden", 403, "203.0.113.5"],
    ["unknown", "for=203.0.113.5", 200, "127.0.0.1"],
  ];
  for (const [index, [xForwardedFor, forwarded, status, client]] of table.entries()) {
    const fields = `Host: a\r\nX-Forwarded-For: ${xForwardedFor}\r\nForwarded: ${forwarded}\r\n`;
    const answer = await askOnce(fairlead.port(), get("/", fields));
    const line = (await fairlead.log(index + 1))[index]!;
    expect([xForwardedFor, forwarded, answer.status, line["client"]]).toEqual([
      xForwardedFor,
      forwarded,
      status,
      client,
    ]);
  }
});
