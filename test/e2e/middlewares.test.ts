/** Middlewares through real sockets: from the text of a configuration to what clients and backends see. */
import { expect, test } from "bun:test";
import { startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient, type Answer } from "../support/raw_client.ts";
import { answerText, rawOrigin, type RawOrigin } from "../support/raw_origin.ts";

/** A configuration with one backend and these routes. Middlewares are JSON, which is YAML too. */
const config = (
  origin: RawOrigin,
  routes: readonly { readonly path: string; readonly middlewares: readonly object[] }[],
): string =>
  [
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }`,
    "routes:",
    ...routes.map(
      ({ path, middlewares }) =>
        `  - { match: "PathPrefix(\`${path}\`)", pool: app, middlewares: ${JSON.stringify(middlewares)} }`,
    ),
  ].join("\n");

const TRUSTING = `listeners: { web: { address: "127.0.0.1:0", trusted_proxies: ["127.0.0.1"] } }\n`;

const get = (target: string, ...fields: string[]): string =>
  [`GET ${target} HTTP/1.1`, "Host: a.example", ...fields, "", ""].join("\r\n");

test("H-A22 strip-prefix /api on /api../x is 400 and reaches no backend", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    config(origin, [{ path: "/api", middlewares: [{ strip_prefix: { prefixes: ["/api"] } }] }]),
  );
  for (const target of ["/api../x", "/api..", "/api%2e./x", "/x/../api../y"])
    expect((await askOnce(fairlead.port(), get(target))).status).toBe(400);
  expect(origin.requests).toEqual([]);
  expect((await askOnce(fairlead.port(), get("/api/x?y=/.."))).status).toBe(200);
  const [request] = origin.requests;
  expect(request!.target).toBe("/x?y=/..");
  expect(request!.get("x-forwarded-prefix")).toBe("/api");
});

test("H-I5 the in-flight limit is free again after answers, aborts, refusals, upgrades and a reload", async () => {
  using origin = await rawOrigin((request, connection) => {
    if (request.target === "/hold") return;
    if (request.get("upgrade") !== null) {
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      );
      return;
    }
    return answerText("ok");
  });
  const yaml = config(origin, [{ path: "/", middlewares: [{ in_flight_req: { amount: 2 } }] }]);
  await using fairlead = await startFairlead(yaml);
  const status = async (target = "/"): Promise<number> =>
    (await askOnce(fairlead.port(), get(target))).status;
  const held = (): number => origin.requests.filter(({ target }) => target === "/hold").length;

  using aborted = await rawClient(fairlead.port());
  aborted.send(get("/hold"));
  using upgraded = await rawClient(fairlead.port());
  upgraded.send(get("/ws", "Connection: Upgrade", "Upgrade: websocket"));
  expect((await upgraded.answer()).status).toBe(101);
  await until(() => held() === 1, "the held request at the backend");
  const refused = await askOnce(fairlead.port(), get("/"));
  expect([refused.status, refused.get("retry-after")]).toEqual([429, "1"]);
  expect(fairlead.metric("limits_hit_total", 'limit="in_flight_req"')).toBe(1);
  expect(fairlead.metric("request_errors_total", 'code="FL_TOO_MANY_IN_FLIGHT"')).toBe(1);

  // Another route and other memory for counters: what is at work still counts.
  await fairlead.reload(`${yaml}\n  - { match: "Path(\`/other\`)", respond: { status: 204 } }`);
  expect(await status()).toBe(429);

  aborted.socket.resetAndDestroy();
  await until(
    () =>
      fairlead.metric("http_requests_total", 'class="none"') +
        fairlead.metric("http_requests_total", 'class="4xx"') >=
      3,
    "the end of the aborted request",
  );
  expect(await status()).toBe(200);
  upgraded.close();
  await until(() => fairlead.instance.program.stats()["active"] === 0, "the end of the tunnel");
  using first = await rawClient(fairlead.port());
  using second = await rawClient(fairlead.port());
  // A POST is not tried again when its connection breaks.
  for (const client of [first, second])
    client.send("POST /hold HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
  await until(() => held() === 3, "two requests at work again");
  expect(await status()).toBe(429);
  for (const connection of origin.connections) connection.resetNow();
  expect([(await first.answer()).status, (await second.answer()).status]).toEqual([502, 502]);
  for (let round = 0; round < 20; round++) expect(await status()).toBe(200);
});

test("H-I6 the allow list knows IPv4 in IPv6 form, edges of networks and zones", async () => {
  using origin = await rawOrigin();
  const list = {
    ip_allow_list: { source_range: ["10.0.0.0/9", "192.168.1.7", "2001:db8::/127", "fe80::/10"] },
  };
  await using fairlead = await startFairlead(TRUSTING + config(origin, [{ path: "/", middlewares: [list] }]));
  const from = async (address: string): Promise<number> =>
    (await askOnce(fairlead.port(), get("/", `X-Forwarded-For: ${address}`))).status;
  for (const address of [
    "10.0.0.0",
    "10.127.255.255",
    "::ffff:10.1.2.3",
    "[::ffff:10.1.2.3]:4711",
    "::ffff:a01:203",
    "192.168.1.7",
    "2001:db8::1",
    "2001:DB8:0:0::",
    "fe80::1%eth0",
  ])
    expect(`${address} ${await from(address)}`).toBe(`${address} 200`);
  for (const address of [
    "9.255.255.255",
    "10.128.0.0",
    "192.168.1.6",
    "192.168.1.8",
    "::ffff:10.128.0.0",
    "2001:db8::2",
    "fec0::1",
    "::a00:1",
  ])
    expect(`${address} ${await from(address)}`).toBe(`${address} 403`);
  expect(fairlead.metric("request_errors_total", 'code="FL_FORBIDDEN"')).toBe(8);
});

test("H-I6 a client over IPv4 on a dual-stack listener is the IPv4 address", async () => {
  using origin = await rawOrigin();
  const list = { ip_allow_list: { source_range: ["127.0.0.1/32"] } };
  await using fairlead = await startFairlead(
    `listeners: { web: { address: ":0" } }\n${config(origin, [{ path: "/", middlewares: [list] }])}`,
  );
  expect((await askOnce(fairlead.port(), get("/"))).status).toBe(200);
  using client = await rawClient({ host: "::1", port: fairlead.port() });
  const answer = await client.ask(get("/"));
  expect(answer.status).toBe(403);
  expect(answer.body.toString()).toContain("refused by policy");
  const forged = await client.ask(get("/", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"));
  expect(forged.status).toBe(403);
});

const BCRYPT = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";
const HASHES = {
  bcrypt: BCRYPT,
  argon2:
    "$argon2id$v=19$m=1024,t=2,p=1$TSgV47gmvnAwR4LlJV7ETReKK26fSOsbkbirp4lg6s8$g6nHds040BjHrOaqyTT89ZbVgk1cRF5Y9f6T4JbbMXU",
  apr1: "$apr1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/",
  sha: "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
};

const login = (name: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

test("H-I7 basic_auth takes bcrypt, argon2, apr1 and SHA-1, from the configuration and from a file", async () => {
  using origin = await rawOrigin();
  const lines = Object.entries(HASHES).map(([name, hash]) => `${name}:${hash}`);
  const options = {
    users: lines.slice(0, 2),
    users_file: "users",
    header_field: "X-User",
    remove_header: true,
  };
  const yaml = config(origin, [{ path: "/", middlewares: [{ basic_auth: options }] }]);
  await using fairlead = await startFairlead(yaml, { files: { users: `${lines.slice(2).join("\n")}\n` } });
  for (const name of Object.keys(HASHES)) {
    for (let round = 0; round < 2; round++) {
      const right = await askOnce(
        fairlead.port(),
        get("/", login(name, "secret"), "X_User: root", "X-User: root"),
      );
      expect(`${name} ${right.status}`).toBe(`${name} 200`);
      const received = origin.requests.at(-1)!;
      expect([received.all("x-user"), received.all("x_user"), received.get("authorization")]).toEqual([
        [name],
        [],
        null,
      ]);
      const wrong = await askOnce(fairlead.port(), get("/", login(name, "Secret")));
      expect(`${name} ${wrong.status}`).toBe(`${name} 401`);
      expect(wrong.get("www-authenticate")).toBe('Basic realm="fairlead", charset="UTF-8"');
    }
  }
  for (const fields of [
    [],
    [login("nobody", "secret")],
    ["Authorization: Basic"],
    ["Authorization: Bearer x"],
  ])
    expect((await askOnce(fairlead.port(), get("/", ...fields))).status).toBe(401);
  const entries = await fairlead.log(20);
  expect(entries.filter(({ status }) => status === 200).map(({ user }) => user)).toEqual(
    Object.keys(HASHES).flatMap((name) => [name, name]),
  );
  expect(JSON.stringify(entries)).not.toContain(Buffer.from("bcrypt:secret").toString("base64"));
});

test("H-I7 a wrong name takes as long as a wrong password", async () => {
  using origin = await rawOrigin();
  const hash = await Bun.password.hash("secret", { algorithm: "bcrypt", cost: 8 });
  await using fairlead = await startFairlead(
    config(origin, [{ path: "/", middlewares: [{ basic_auth: { users: [`anna:${hash}`] } }] }]),
  );
  using client = await rawClient(fairlead.port());
  const times = { anna: [] as number[], nobody: [] as number[] };
  for (let round = 0; round < 7; round++) {
    for (const name of ["anna", "nobody"] as const) {
      const started = performance.now();
      expect((await client.ask(get("/", login(name, `guess${round}`)))).status).toBe(401);
      times[name].push(performance.now() - started);
    }
  }
  // A hash of this cost takes some 20 ms; without it the answer takes less than one.
  const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[3]!;
  expect(median(times.nobody)).toBeGreaterThan(median(times.anna) / 4);
  expect(median(times.nobody)).toBeLessThan(median(times.anna) * 4);
});

test("H-I7 a flood of logins is bounded and does not hold up others", async () => {
  using origin = await rawOrigin();
  const hash = await Bun.password.hash("secret", { algorithm: "bcrypt", cost: 10 });
  const yaml = config(origin, [
    { path: "/staff", middlewares: [{ basic_auth: { users: [`anna:${hash}`] } }] },
    { path: "/", middlewares: [] },
  ]);
  await using fairlead = await startFairlead(yaml);
  const ended: number[] = [];
  const flood = Array.from({ length: 40 }, async (_, index) => {
    const { status } = await askOnce(fairlead.port(), get("/staff", login("anna", `guess${index}`)));
    ended.push(status);
  });
  await until(() => ended.length >= 32, "answers to those who may not wait");
  expect(ended).toEqual(Array.from({ length: 32 }, () => 429));
  // Eight logins are being verified, some 80 ms each.
  expect((await askOnce(fairlead.port(), get("/"))).status).toBe(200);
  expect(ended.length).toBeLessThan(40);
  await Promise.all(flood);
  expect(ended.filter((status) => status === 401)).toHaveLength(8);
  expect((await askOnce(fairlead.port(), get("/staff", login("anna", "secret")))).status).toBe(200);
});

test("H-I7 a users file that is malformed changes nothing, and says where", async () => {
  using origin = await rawOrigin();
  const yaml = (file: string): string =>
    config(origin, [{ path: "/", middlewares: [{ basic_auth: { users_file: file } }] }]);
  const files = { good: `anna:${BCRYPT}\n`, bad: `# staff\nanna:hunter2\n` };
  await using fairlead = await startFairlead(yaml("good"), { files });
  const result = await fairlead.reload(yaml("bad"));
  expect(JSON.stringify(result)).toContain("bad:2: a password that is in clear or hashed in an unknown way");
  expect(JSON.stringify(result)).not.toContain("hunter2");
  expect((await askOnce(fairlead.port(), get("/", login("anna", "secret")))).status).toBe(200);
});

const chunked = (...sizes: number[]): string =>
  sizes.map((size) => `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`).join("");

test("H-I16/h1 the body limit holds to the byte, with Content-Length and chunked, and the backend is cut", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    config(origin, [{ path: "/", middlewares: [{ buffering: { max_request_body_bytes: "10" } }] }]),
  );
  const post = (fields: string, body: string): string =>
    `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
  const ask = async (fields: string, body: string): Promise<Answer> =>
    await askOnce(fairlead.port(), post(fields, body));
  expect((await ask("Content-Length: 10", "x".repeat(10))).status).toBe(200);
  expect((await ask("Transfer-Encoding: chunked", `${chunked(4, 6)}0\r\n\r\n`)).status).toBe(200);
  expect(origin.requests.map(({ body }) => body.length)).toEqual([10, 10]);

  expect((await ask("Content-Length: 11", "")).status).toBe(413);
  const waiting = await ask("Content-Length: 11\r\nExpect: 100-continue", "");
  expect(waiting.status).toBe(413);
  expect((await ask("Transfer-Encoding: chunked", `${chunked(11)}0\r\n\r\n`)).status).toBe(413);
  expect((await ask("Transfer-Encoding: chunked", `${chunked(4, 6, 1)}0\r\n\r\n`)).status).toBe(413);
  expect(origin.requests).toHaveLength(2);

  // The part within the limit has gone to the backend before the rest comes.
  using client = await rawClient(fairlead.port());
  client.send(post("Transfer-Encoding: chunked", chunked(10)));
  const atBackend = () =>
    origin.connections.find(
      ({ everything }) =>
        everything.toString().includes("a\r\nxxxxxxxxxx\r\n") && !everything.includes("\r\n0\r\n"),
    );
  await until(() => atBackend() !== undefined, "the first part at the backend");
  client.send(chunked(1));
  expect((await client.answer()).status).toBe(413);
  await until(() => atBackend()!.closed, "the end of the backend's connection");
  expect(atBackend()!.everything.toString()).not.toContain("\r\n0\r\n");
  expect(fairlead.metric("limits_hit_total", 'limit="request_body_bytes"')).toBe(5);
});

test("H-I20 redirects keep the method, and lead nowhere that a client chooses", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    TRUSTING.replace("web:", 'open: { address: "127.0.0.1:0" }, web:') +
      config(origin, [
        { path: "/tls", middlewares: [{ redirect_scheme: {} }] },
        { path: "/for-ever", middlewares: [{ redirect_scheme: { permanent: true, port: 8443 } }] },
        {
          path: "/",
          middlewares: [
            { redirect_regex: { regex: "^https?://[^/]+/old/(.*)", replacement: "https://new.example/$1" } },
            {
              redirect_regex: {
                regex: "^https?://a.example(/site.*)",
                replacement: "https://www.a.example$1",
                permanent: true,
              },
            },
            {
              redirect_regex: { regex: "^https?://a.example(.*)/go", replacement: "https://www.a.example$1" },
            },
            { redirect_regex: { regex: "^https?://[^/]+/to(.*)", replacement: "$1" } },
          ],
        },
      ]),
  );
  const ask = async (
    method: string,
    target: string,
    host = "a.example",
    ...fields: string[]
  ): Promise<string> => {
    const request = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields, "", ""].join("\r\n");
    const answer = await askOnce(fairlead.port("open"), request, { head: method === "HEAD" });
    return `${answer.status} ${answer.get("location")}`;
  };
  for (const [method, status, permanent] of [
    ["GET", 302, 301],
    ["HEAD", 307, 308],
    ["POST", 307, 308],
    ["DELETE", 307, 308],
  ] as const) {
    expect(await ask(method, "/tls/x?y=%20")).toBe(`${status} https://a.example/tls/x?y=%20`);
    expect(await ask(method, "/for-ever", "a.example:8080")).toBe(
      `${permanent} https://a.example:8443/for-ever`,
    );
    expect(await ask(method, "/old/x?y")).toBe(`${status} https://new.example/x?y`);
    expect(await ask(method, "/site/x")).toBe(`${permanent} https://www.a.example/site/x`);
  }

  // The authority that counts is the one that routes the request.
  expect(await ask("GET", "http://b.example/tls")).toBe("302 https://b.example/tls");
  expect(
    await ask("GET", "/tls", "a.example", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"),
  ).toBe("302 https://a.example/tls");
  expect(await ask("GET", "/tls//evil.example/%2e%2e")).toBe(
    "302 https://a.example/tls//evil.example/%2e%2e",
  );
  for (const host of [
    "a.example@evil.example",
    "a.example/evil",
    "evil.example#a.example",
    "a.example evil.example",
  ])
    expect(await ask("GET", "/tls", host)).toBe("400 null");
  expect(await ask("GET", "/tls", "")).toBe("400 null");
  expect(await ask("GET", "/x/go", "a.example.evil.example")).toBe("400 null");
  expect(await ask("GET", "/to//evil.example")).toBe("400 null");
  expect(await ask("GET", "/tohttps://evil.example")).toBe("400 null");
  expect(origin.requests).toEqual([]);

  const secure = get("/tls", "X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1");
  expect((await askOnce(fairlead.port(), secure)).status).toBe(200);
  expect((await askOnce(fairlead.port("open"), secure)).status).toBe(302);
});

test("H-I21 captures of a rewrite are sent as they came: no line of their own, no second decoding", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    config(origin, [
      {
        path: "/foo",
        middlewares: [{ replace_path_regex: { regex: "^/foo/(.*)", replacement: "/bar/$1" } }],
      },
      { path: "/cut", middlewares: [{ strip_prefix_regex: { regex: ["^/cut/[a-z]+"] } }] },
      {
        path: "/old",
        middlewares: [
          { redirect_regex: { regex: "^http://[^/]+/old/(.*)", replacement: "https://b.example/$1" } },
        ],
      },
    ]),
  );
  for (const rest of [
    "%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<html>",
    "%250d%250aX:y",
    "%252e%252e%252f%252e%252e%252fetc",
    "%2e%2e%2fetc",
    "a%3Fb%23c%25%5c%00",
    "$1${1}$$",
    "%C3%A9%E2%82%AC",
    "%ff%fe",
    "x?q=%0d%0aSet-Cookie:a=b&$1",
  ]) {
    const before = origin.requests.length;
    for (const [prefix, expected] of [
      ["/foo/", "/bar/"],
      ["/cut/x/", "/"],
    ] as const) {
      const { status } = await askOnce(fairlead.port(), get(prefix + rest));
      expect(`${rest} ${status}`).toBe(`${rest} 200`);
      const { target, fields } = origin.requests.at(-1)!;
      expect(canonical(target)).toBe(canonical(expected + rest));
      expect(fields.map(([name]) => name.toLowerCase())).not.toContain("set-cookie");
      expect(target).toMatch(/^[\x21-\x7e]+$/);
    }
    expect(origin.requests).toHaveLength(before + 2);
    const redirected = await askOnce(fairlead.port(), get(`/old/${rest}`));
    expect(redirected.status).toBe(302);
    expect(canonical(redirected.get("location")!)).toBe(canonical(`https://b.example/${rest}`));
    expect(redirected.get("set-cookie")).toBeNull();
    expect(redirected.get("x")).toBeNull();
  }
});

/** Escapes in upper case, characters that no URI holds as escapes, and letters, digits, `-._~` decoded once: the same URI. */
function canonical(uri: string): string {
  return uri
    .replace(/["<>^`{|}]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
    .replace(/%[0-9a-f]{2}/gi, (escape) => {
      const decoded = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(decoded) ? decoded : escape.toUpperCase();
    });
}

test("H-I25 what a request says cannot end a field", async () => {
  using origin = await rawOrigin((request) => answerText(request.target));
  const middlewares = [
    {
      headers: {
        request: {
          set: { "X-Page": "p={query.page}", "X-Seen": "{header.User-Agent} {path} {client_address}" },
        },
        response: { set: { "X-Back": "{query.page}", "X-Host": "{authority}" } },
      },
    },
  ];
  await using fairlead = await startFairlead(config(origin, [{ path: "/", middlewares }]));
  for (const value of [
    "%0d%0aX-Evil:%201",
    "%0aX-Evil:%201",
    "a%0d",
    "%00",
    "%0d%0a%0d%0aGET%20/evil%20HTTP/1.1%0d%0a",
  ]) {
    const answer = await askOnce(fairlead.port(), get(`/?page=${value}`));
    expect(`${value} ${answer.status}`).toBe(`${value} 400`);
    expect(answer.raw.toString("latin1").toLowerCase()).not.toContain("\nx-evil");
  }
  for (const fields of [["User-Agent: a\rX-Evil: 1"], ["User-Agent: a\0b"], ["User-Agent: a\n X-Evil: 1"]])
    expect((await askOnce(fairlead.port(), get("/", ...fields))).status).toBe(400);
  expect(origin.requests).toEqual([]);

  const harmless = await askOnce(fairlead.port(), get("/p?page=a%09b%C3%A9%22", "User-Agent: agent"));
  expect(harmless.status).toBe(200);
  expect(harmless.get("x-back")).toBe('a\tb\u00c3\u00a9"');
  expect(harmless.get("x-host")).toBe("a.example");
  const [request] = origin.requests;
  expect(request!.get("x-page")).toBe('p=a\tb\u00c3\u00a9"');
  expect(request!.get("x-seen")).toBe("agent /p 127.0.0.1");
});

test("H-G3 depth, excluded addresses and IPv6 subnets choose the address as in Traefik's tables", async () => {
  using origin = await rawOrigin(({ target }) => (target === "/shared" ? undefined : answerText("ok")));
  const cases: { strategy: object; chain: string; expected: string }[] = [];
  const four = "10.0.0.1,11.0.0.1,12.0.0.1,13.0.0.1";
  for (const [depth, expected] of [
    [1, "13.0.0.1"],
    [2, "12.0.0.1"],
    [3, "11.0.0.1"],
    [5, ""],
  ] as const)
    cases.push({ strategy: { depth }, chain: four, expected });
  for (const [excluded, expected] of [
    ["12.0.0.1,13.0.0.1", "11.0.0.1"],
    ["15.0.0.1,13.0.0.1", "12.0.0.1"],
    ["10.0.0.1,13.0.0.1", "12.0.0.1"],
    ["15.0.0.1,16.0.0.1", "13.0.0.1"],
  ] as const)
    cases.push({ strategy: { excluded_ips: excluded.split(",") }, chain: four, expected });
  cases.push({
    strategy: { excluded_ips: ["10.0.0.1", "11.0.0.1"] },
    chain: "10.0.0.1,11.0.0.1",
    expected: "",
  });
  for (const [ipv6_subnet, expected] of [
    [64, "::"],
    [80, "::abcd:0:0:0"],
    [96, "::abcd:1111:0:0"],
  ] as const)
    cases.push({ strategy: { depth: 1, ipv6_subnet }, chain: "::abcd:1111:2222:3333", expected });

  const routes = cases.map(({ strategy, expected }, index) => ({
    path: `/${index}/`,
    middlewares: [
      // Only the one expected address may pass: which one was found shows in the status.
      { ip_allow_list: { source_range: [expected === "" ? "0.0.0.0/0" : expected], ip_strategy: strategy } },
    ],
  }));
  const shared = { in_flight_req: { amount: 1, source_criterion: { ip_strategy: { depth: 5 } } } };
  await using fairlead = await startFairlead(
    TRUSTING.replace("web:", 'open: { address: "127.0.0.1:0" }, web:') +
      config(origin, [...routes, { path: "/shared", middlewares: [shared] }]),
  );
  for (const [index, { strategy, chain, expected }] of cases.entries()) {
    const { status } = await askOnce(fairlead.port(), get(`/${index}/`, `X-Forwarded-For: ${chain}`));
    expect(`${JSON.stringify(strategy)} ${status}`).toBe(
      `${JSON.stringify(strategy)} ${expected === "" ? 403 : 200}`,
    );
    // The list of a peer that is not trusted counts as empty.
    const open = await askOnce(fairlead.port("open"), get(`/${index}/`, `X-Forwarded-For: ${chain}`));
    expect(open.status).toBe(403);
  }

  // Without an address, clients share one place.
  using holding = await rawClient(fairlead.port());
  holding.send(get("/shared", "X-Forwarded-For: 10.0.0.1"));
  await until(() => origin.requests.at(-1)!.target === "/shared", "a request at work");
  expect((await askOnce(fairlead.port(), get("/shared", "X-Forwarded-For: 10.0.0.2"))).status).toBe(429);
});
