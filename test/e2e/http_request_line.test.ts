/** Request lines, targets and Host fields (rows of group A). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startFairlead } from "../support/fairlead.ts";
import { refusalFaults, refusals } from "../support/http_refusals.ts";
import { startPair, type ProxyPair } from "../support/proxy_pair.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type ReceivedRequest } from "../support/raw_origin.ts";

const HOST = "Host: a.example\r\n";

let it: ProxyPair;
beforeAll(async () => {
  it = await startPair((request) => answerText(request.method === "HEAD" ? "" : "ok"));
});
afterAll(async () => await it[Symbol.asyncDispose]());

/** Two or more pools, told apart by the field X-Pool of the answer. */
async function withPools(names: readonly string[], routes: string) {
  const origins = await Promise.all(
    names.map((name) => rawOrigin(() => answerText(name, 200, `X-Pool: ${name}\r\n`))),
  );
  const pools = names.map((name, index) => `${name}: { backends: [{ url: "${origins[index]!.url}" }] }`);
  const fairlead = await startFairlead(`pools: { ${pools.join(", ")} }\nroutes: ${routes}`);
  return {
    fairlead,
    /** Pool and received request; the pool is the status where none answered. */
    async ask(request: string): Promise<{ pool: string; received: ReceivedRequest | undefined }> {
      const answer = await askOnce(fairlead.port(), request);
      const pool = answer.get("x-pool");
      if (pool === null) return { pool: String(answer.status), received: undefined };
      return { pool, received: origins[names.indexOf(pool)]!.requests.at(-1) };
    },
    async [Symbol.asyncDispose]() {
      for (const origin of origins) origin.close();
      await fairlead[Symbol.asyncDispose]();
    },
  };
}

const get = (target: string, fields = HOST) => `GET ${target} HTTP/1.1\r\n${fields}\r\n`;

test("H-A1 up to four empty lines before a request line are passed over, also before a later one", async () => {
  for (const lines of [1, 2, 4]) {
    expect((await it.forwarded(`${"\r\n".repeat(lines)}${get("/a")}`)).target).toBe("/a");
  }
  using client = await rawClient(it.fairlead.port());
  expect((await client.ask(get("/1"))).status).toBe(200);
  expect((await client.ask(`\r\n${get("/2")}`)).status).toBe(200);
  client.send("\r\n");
  expect((await client.ask(get("/3"))).status).toBe(200);
  expect(it.origin.requests.slice(-3).map(({ target }) => target)).toEqual(["/1", "/2", "/3"]);
  expect(
    await refusalFaults(
      it,
      refusals(400, "FL_BAD_REQUEST_LINE", [
        `${"\r\n".repeat(5)}${get("/")}`,
        `\n${get("/")}`,
        `\r${get("/")}`,
        `\r\n\n${get("/")}`,
      ]),
    ),
  ).toEqual([]);
});

test("H-A2 white space in the request line other than two spaces is refused", async () => {
  const lines = [
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET / HTTP/1.1\t",
    " GET / HTTP/1.1",
    "\tGET / HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET /\tHTTP/1.1",
    "GET\t/\tHTTP/1.1",
    "GET\x0b/ HTTP/1.1",
    "GET /\x0bHTTP/1.1",
    "GET /\x0cHTTP/1.1",
    "GET /\xa0HTTP/1.1",
    "GET\r/ HTTP/1.1",
    "GET / HTTP/1.1\r",
    "GET /a b HTTP/1.1",
    "GET / HTTP/1.1 x",
    "GET /",
    "GET / ",
    "GET",
  ];
  const cases = refusals(
    400,
    /^FL_BAD_(?:REQUEST_LINE|TARGET)$/,
    lines.map((line) => `${line}\r\n${HOST}\r\n`),
  );
  expect(await refusalFaults(it, cases)).toEqual([]);
});

test("H-A3 a method with a byte that no token has is refused", async () => {
  const bytes = [...'\0\x01\x1f"(),/:;<=>?@[\\]{}\x7f\x80\xa0\xff'];
  const methods = ["", ...bytes.flatMap((byte) => [`${byte}GET`, `GE${byte}T`, `GET${byte}`])];
  const cases = refusals(
    400,
    "FL_BAD_REQUEST_LINE",
    methods.map((method) => `${method} / HTTP/1.1\r\n${HOST}\r\n`),
  );
  expect(await refusalFaults(it, cases)).toEqual([]);
});

test("H-A4 unknown methods go on unchanged with their body, and their case is theirs", async () => {
  for (const method of ["FOO", "QUERY", "get", "Post", "PROPFIND", "M-SEARCH", "!#$%&'*+-.^_`|~9"]) {
    const bare = await it.forwarded(`${method} /m HTTP/1.1\r\n${HOST}\r\n`);
    expect([bare.method, bare.target, bare.body.length]).toEqual([method, "/m", 0]);
    const counted = await it.forwarded(`${method} /m HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nbody`);
    expect([counted.method, counted.body.toString()]).toEqual([method, "body"]);
    const chunked = await it.forwarded(
      `${method} /m HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
    );
    expect([chunked.method, chunked.body.toString()]).toEqual([method, "body"]);
  }
});

test("H-A5 a later minor version is 1.1, in the request that goes on and in the answer", async () => {
  for (const version of ["1.2", "1.9"]) {
    using client = await rawClient(it.fairlead.port());
    const answer = await client.ask(`GET /v HTTP/${version}\r\n${HOST}\r\n`);
    expect([answer.version, answer.status]).toEqual(["1.1", 200]);
    expect(it.origin.requests.at(-1)!.version).toBe("1.1");
    // The connection stays, as for 1.1.
    expect((await client.ask(get("/again"))).status).toBe(200);
  }
});

test("H-A6 another major version gets 505, what is no version 400", async () => {
  const withVersion = (version: string): [string, string] => [version, `GET / ${version}\r\n${HOST}\r\n`];
  expect(
    await refusalFaults(it, [
      ...refusals(505, "FL_BAD_VERSION", ["HTTP/2.0", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"].map(withVersion)),
      ...refusals(
        400,
        "FL_BAD_REQUEST_LINE",
        [
          ...["http/1.1", "HTTP/1", "HTTP/11", "HTTP/1.10", "HTTP/01.1", "HTTP/1,1", "HTTP/1.x", "HTTP/-1.1"],
          ...["HTTPS/1.1", "HTTP /1.1", "HTTP/ 1.1", "HTTP\\1.1", "HTTP/1.1;x", "TTP/1.1", "Http/1.1"],
        ].map(withVersion),
      ),
      // A request of HTTP/0.9 has no version at all.
      ...refusals(400, /^FL_BAD_(?:REQUEST_LINE|TARGET)$/, ["GET /\r\n", "GET /\r\n\r\n"]),
    ]),
  ).toEqual([]);
});

test("H-A7 a target that is no path, no URI and no asterisk of OPTIONS is refused", async () => {
  const targets = [
    ...["*", "**", "foo", "foo/bar", "a.example:80", "?x=1", "./a", "../a", "%2fa", ":", "http:", "http:/x"],
    ...["http:a/b", "ftp://a.example/", "ws://a.example/", "javascript:x", "urn:x:y", "http//a/b"],
  ];
  const cases = refusals(
    400,
    "FL_BAD_TARGET",
    targets.map((target) => [target, get(target)] as const),
  );
  const options = refusals(400, "FL_BAD_TARGET", [`OPTIONS ** HTTP/1.1\r\n${HOST}\r\n`]);
  expect(await refusalFaults(it, [...cases, ...options])).toEqual([]);
});

test("H-A8 OPTIONS * is answered by us, also in its absolute form, and the connection stays", async () => {
  const before = it.origin.requests.length;
  using client = await rawClient(it.fairlead.port());
  for (const target of ["*", "http://a.example"]) {
    const answer = await client.ask(`OPTIONS ${target} HTTP/1.1\r\n${HOST}\r\n`);
    expect([target, answer.status]).toEqual([target, 204]);
    expect(answer.get("allow")).toContain("OPTIONS");
    expect(answer.get("connection")).toBeNull();
  }
  expect(it.origin.requests.length).toBe(before);
  // OPTIONS of a path belongs to the backend.
  await client.ask(`OPTIONS /x HTTP/1.1\r\n${HOST}\r\n`);
  await client.ask(`OPTIONS http://a.example/ HTTP/1.1\r\n${HOST}\r\n`);
  expect(it.origin.requests.slice(before).map(({ method, target }) => `${method} ${target}`)).toEqual([
    "OPTIONS /x",
    "OPTIONS /",
  ]);
});

test("H-A9 the authority of an absolute target decides over the route and replaces Host", async () => {
  await using pools = await withPools(
    ["one", "two"],
    "[{ pool: one, match: 'Host(`one.example`)' }, { pool: two, match: 'Host(`two.example`)' }]",
  );
  const cases: [target: string, path: string, authority: string][] = [
    ["http://two.example/x/y?z=1", "/x/y?z=1", "two.example"],
    ["http://two.example:8080/x", "/x", "two.example:8080"],
    ["HTTP://TWO.example/x", "/x", "TWO.example"],
    ["http://two.example./x", "/x", "two.example."],
    ["http://two.example", "/", "two.example"],
    ["http://two.example?q=1", "/?q=1", "two.example"],
    ["http://two.example/a/../b/%2e%2E//c", "/a/../b/%2e%2E//c", "two.example"],
    ["http://two.example/x?http://one.example/", "/x?http://one.example/", "two.example"],
  ];
  for (const [target, path, authority] of cases) {
    const { pool, received } = await pools.ask(get(target, "Host: one.example\r\nX-A: 1\r\n"));
    expect([target, pool]).toEqual([target, "two"]);
    expect([received!.target, received!.all("host"), received!.all("x-forwarded-host")]).toEqual([
      path,
      [authority],
      [authority],
    ]);
  }
  const lines = await pools.fairlead.log(cases.length);
  expect(lines.map(({ host, path }) => [path, host])).toEqual(
    cases.map(([target, , authority]) => [target, authority]),
  );
});

test("H-A9 an absolute target does not do without a sound Host field", async () => {
  const absolute = "GET http://a.example/ HTTP/1.1\r\n";
  expect(
    await refusalFaults(
      it,
      refusals(400, "FL_BAD_HOST", [
        `${absolute}\r\n`,
        `${absolute}Host: b\r\nHost: b\r\n\r\n`,
        `${absolute}Host: b/c\r\n\r\n`,
      ]),
    ),
  ).toEqual([]);
});

test("H-A10 user information, fragments and an empty or malformed host in a target are refused", async () => {
  const targets = [
    ...["http://user@a.example/", "http://user:secret@a.example/", "http://@a.example/", "http://a@b@c/"],
    ...["http://a.example/#f", "http://a.example#f", "/#f", "/x#", "/x?y#z", "http:///x", "http://?x"],
    ...["http://:80/", "http://a.example:x/", "http://a.example:99999/", "http://[::1/", "http://a,b/"],
    ...["http://a.example\\@b.example/", "http://a%zz/", "http://[::1%25eth0]/", "http://a.example/%zz"],
  ];
  const cases = refusals(
    400,
    "FL_BAD_TARGET",
    targets.map((target) => [target, get(target)] as const),
  );
  expect(await refusalFaults(it, cases)).toEqual([]);
});

test("H-A11 CONNECT is refused whatever its target, and opens no tunnel", async () => {
  const targets = [
    "a.example:443",
    "a.example",
    "*",
    "/",
    "/x",
    "http://a.example/",
    "127.0.0.1:22",
    "[::1]:1",
  ];
  const hello = "\x16\x03\x01tunnel";
  const cases = refusals(501, "FL_CONNECT_REFUSED_BY_POLICY", [
    ...targets.map(
      (target) => [`CONNECT ${target}`, `CONNECT ${target} HTTP/1.1\r\n${HOST}\r\n${hello}`] as const,
    ),
    ["CONNECT of 1.0", `CONNECT a.example:443 HTTP/1.0\r\n\r\n${hello}`],
    ["CONNECT with a body", `CONNECT /x HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi`],
  ]);
  expect(await refusalFaults(it, cases)).toEqual([]);
});

test("H-A12 a missing, repeated or malformed Host is refused", async () => {
  const values = [
    ...["a b", "a/b", "a,b", "a, b", "user@a", "user:secret@a", "@a", "a?b", "a#b", "a\\b", "<a>", '"a"'],
    ...["a;b", "a=b", "(a)", "a:b", "a:80:80", ":80", ":", "a:-1", "a:+80", "a:65536", "a:999999", "a: 80"],
    ...["[::1", "::1", "[::1]x", "[::1]:x", "[::g]", "[1.2.3.4]", "[]", "[fe80::1%25eth0]", "[fe80::1%eth0]"],
    ...["[::1]:80:80", "a]", "[a", "a%zz", "a%2", "a\x80", "\xa0a", "a\x85", "http://a", "a\tb"],
  ];
  const lists = [
    "",
    "Host: a\r\nHost: a\r\n",
    "Host: a\r\nX: y\r\nhost: b\r\n",
    "Host:\r\nHost: a\r\n",
    "Hosts: a\r\n",
  ];
  expect(
    await refusalFaults(
      it,
      refusals(400, "FL_BAD_HOST", [
        ...values.map((value) => [`Host: ${value}`, get("/", `Host: ${value}\r\n`)] as const),
        ...lists.map((fields) => [JSON.stringify(fields), get("/", fields)] as const),
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n",
      ]),
    ),
  ).toEqual([]);
});

test("H-A12 sound values of Host are served as they are", async () => {
  for (const value of [
    "a",
    "a-b.c_d~e",
    "1.2.3.4:8080",
    "[::1]",
    "[2001:db8::1]:443",
    "a:",
    "xn--bcher-kva.example",
    "a%20b",
  ])
    expect((await it.forwarded(get("/", `Host: ${value}\r\n`))).all("host")).toEqual([value]);
});

const DEFAULT_AND_NAMED =
  "[{ pool: named, match: 'Host(`a.example`) || HostRegexp(`.*`) || Host(`*`)' }, { pool: other, match: '!Host(`b.example`)' }, { pool: rest }]";

test("H-A13 an empty Host is served by the default route alone", async () => {
  await using pools = await withPools(["named", "other", "rest"], DEFAULT_AND_NAMED);
  for (const fields of ["Host:\r\n", "Host: \r\n", "Host: \t \r\n"]) {
    const { pool, received } = await pools.ask(get("/", fields));
    expect([fields, pool, received!.all("host")]).toEqual([fields, "rest", [""]]);
    expect(received!.get("x-forwarded-host")).toBeNull();
  }
  expect((await pools.ask(get("/"))).pool).toBe("named");
});

test("H-A14 HTTP/1.0 without Host is served by the default route and ends unless it asks to stay", async () => {
  await using pools = await withPools(["named", "other", "rest"], DEFAULT_AND_NAMED);
  const port = pools.fairlead.port();
  using once = await rawClient(port);
  const answer = await once.ask("GET /old HTTP/1.0\r\n\r\n");
  expect([answer.status, answer.get("x-pool"), answer.all("connection")]).toEqual([200, "rest", ["close"]]);
  await once.end();
  // The backend gets a request of 1.1, which needs a Host.
  const { received } = await pools.ask("GET /old HTTP/1.0\r\n\r\n");
  expect([received!.version, received!.all("host").length]).toEqual(["1.1", 1]);
  expect(received!.get("host")).not.toBe("");
  using stays = await rawClient(port);
  for (const token of ["keep-alive", "Keep-Alive", "x, keep-alive"]) {
    const kept = await stays.ask(`GET / HTTP/1.0\r\nConnection: ${token}\r\n\r\n`);
    expect([kept.status, kept.delimited]).toEqual([200, "length"]);
    expect(kept.all("connection").map((value) => value.toLowerCase())).toEqual(["keep-alive"]);
  }
  const last = await stays.ask("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n");
  expect(last.all("connection")).toEqual(["close"]);
  await stays.end();
});

test("H-A15 case, a trailing dot and a port change nothing about the route, and Host goes on as it came", async () => {
  await using pools = await withPools(
    ["named", "rest"],
    "[{ pool: named, match: 'Host(`a.example`)' }, { pool: rest }]",
  );
  for (const host of [
    "a.example",
    "A.EXAMPLE",
    "a.Example.",
    "a.example:80",
    "A.example.:8443",
    "a.example:",
  ]) {
    const { pool, received } = await pools.ask(get("/", `Host: ${host}\r\n`));
    expect([host, pool, received!.all("host")]).toEqual([host, "named", [host]]);
  }
  for (const host of ["b.a.example", "a.example..", "a_example"])
    expect([host, (await pools.ask(get("/", `Host: ${host}\r\n`))).pool]).toEqual([host, "rest"]);
});

test("H-A17 a target holds visible ASCII alone", async () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte <= 32 || byte >= 127);
  const cases = bytes.flatMap((byte) => {
    const character = String.fromCharCode(byte);
    const name = `0x${byte.toString(16)}`;
    return [
      [`${name} in the path`, get(`/a${character}b`)] as const,
      [`${name} in the query`, get(`/a?b${character}c`)] as const,
    ];
  });
  expect(await refusalFaults(it, refusals(400, /^FL_BAD_(?:REQUEST_LINE|TARGET)$/, cases))).toEqual([]);
});

test("H-A18 a percent sign in a path stands before two hexadecimal digits", async () => {
  const targets = ["/%zz", "/%2", "/%", "/%%20", "/a%2gb", "/a%g2b", "/a%2/b", "/%2?x", "/a%", "/%u0041"];
  const cases = refusals(
    400,
    "FL_BAD_TARGET",
    targets.map((target) => [target, get(target)] as const),
  );
  expect(await refusalFaults(it, cases)).toEqual([]);
  // What a query means is the backend's affair.
  for (const target of ["/?%zz", "/?a=%", "/?%2", "/%20?%zz%"])
    expect((await it.forwarded(get(target))).target).toBe(target);
});

const ADMIN_AND_REST = "{ pool: admin, match: 'PathPrefix(`/admin`)' }, { pool: rest }";

test("H-A19 rules compare the resolved path, and the backend and the log get it as it came", async () => {
  await using pools = await withPools(["admin", "rest"], `[${ADMIN_AND_REST}]`);
  const toAdmin = [
    ...["/admin", "/a/../admin", "/a/%2e%2e/admin", "/a/%2E./admin", "/./admin", "/%2e/admin", "//admin"],
    ...["///admin", "//a/../admin", "/a/b/../../admin", "/../admin", "/%61dmin", "/a/..//admin/./x?y=/../z"],
  ];
  const toRest = [
    "/admin/../x",
    "/admin/%2e%2e",
    "/a/./b",
    "/a/../b",
    "/.admin",
    "/..admin",
    "/x?/../admin",
    "/",
  ];
  for (const target of [...toAdmin, ...toRest]) {
    const { pool, received } = await pools.ask(get(target));
    expect([target, pool, received?.target]).toEqual([
      target,
      toAdmin.includes(target) ? "admin" : "rest",
      target,
    ]);
  }
  const lines = await pools.fairlead.log(toAdmin.length + toRest.length);
  expect(lines.map(({ path }) => path)).toEqual([...toAdmin, ...toRest]);
});

test("H-A19 a route may refuse dot segments and repeated slashes", async () => {
  const routes = `[{ pool: admin, match: "PathPrefix(\`/admin\`)", encoded_characters: { deny: [dot_segments, double_slash] } }, { pool: rest }]`;
  await using pools = await withPools(["admin", "rest"], routes);
  for (const target of [
    "/a/../admin",
    "/a/%2e%2E/admin",
    "/./admin",
    "//admin",
    "/admin//x",
    "/admin/.",
    "/admin/x/.%2e",
  ])
    expect([target, (await pools.ask(get(target))).pool]).toEqual([target, "400"]);
  for (const target of ["/admin", "/admin/...", "/admin/.x", "/admin/a..b", "/admin?//", "/admin?/../"])
    expect([target, (await pools.ask(get(target))).pool]).toEqual([target, "admin"]);
  // The other route takes what it gets.
  expect((await pools.ask(get("/x/../y"))).pool).toBe("rest");
  const refused = (await pools.fairlead.log(14)).filter(({ status }) => status === 400);
  expect(refused.map(({ reason }) => reason)).toEqual(Array.from({ length: 7 }, () => "FL_BAD_TARGET"));
});

/** Characters that may be encoded in a path so that a backend reads it otherwise: name in a route, escapes. */
const ENCODED: readonly [name: string, upper: string, lower: string][] = [
  ["slash", "%2F", "%2f"],
  ["backslash", "%5C", "%5c"],
  ["null", "%00", "%00"],
  ["semicolon", "%3B", "%3b"],
  ["percent", "%25", "%25"],
  ["question_mark", "%3F", "%3f"],
  ["hash", "%23", "%23"],
];

test("H-A20 encoded separators stay encoded for rules, and go on byte for byte", async () => {
  await using pools = await withPools(
    ["admin", "encoded", "rest"],
    `[{ pool: admin, match: "Path(\`/a/b\`) || PathPrefix(\`/a/\`)" }, { pool: encoded, match: "${ENCODED.map(([, upper]) => `Path(\`/a${upper}b\`)`).join(" || ")}" }, { pool: rest }]`,
  );
  for (const [name, ...escapes] of ENCODED) {
    for (const escape of escapes) {
      const { pool, received } = await pools.ask(get(`/a${escape}b`));
      expect([name, pool, received?.target]).toEqual([name, "encoded", `/a${escape}b`]);
      const climbing = await pools.ask(get(`/x/..${escape}a/b`));
      expect([name, climbing.pool, climbing.received?.target]).toEqual([name, "rest", `/x/..${escape}a/b`]);
    }
  }
  // An encoded percent sign is not decoded twice.
  const twice = await pools.ask(get("/a%252Fb"));
  expect([twice.pool, twice.received?.target]).toEqual(["rest", "/a%252Fb"]);
});

test("H-A20 a route may refuse each of them, and only that one", async () => {
  for (const [denied] of ENCODED) {
    await using pools = await withPools(
      ["app"],
      `[{ pool: app, encoded_characters: { deny: ['${denied}'] } }]`,
    );
    for (const [name, ...escapes] of ENCODED) {
      for (const escape of escapes) {
        const { pool } = await pools.ask(get(`/a${escape}b`));
        expect([denied, escape, pool]).toEqual([denied, escape, name === denied ? "400" : "app"]);
      }
      // The query is no path.
      expect((await pools.ask(get(`/a?x=${escapes[0]}`))).pool).toBe("app");
    }
  }
});

test("H-A21 a backslash in a path is refused, also where the target is absolute", async () => {
  const targets = [
    "/\\",
    "/a\\b",
    "/a\\..\\b",
    "/..\\admin",
    "\\",
    "\\a",
    "/a/\\?x",
    "http://a.example/a\\b",
    "http://a.example\\b",
  ];
  const cases = refusals(
    400,
    "FL_BAD_TARGET",
    targets.map((target) => [target, get(target)] as const),
  );
  expect(await refusalFaults(it, cases)).toEqual([]);
  // Behind the question mark it means nothing and stays.
  expect((await it.forwarded(get("/a?b\\c"))).target).toBe("/a?b\\c");
});

test("H-A23 a query goes on byte for byte, and rules read it as documented", async () => {
  await using pools = await withPools(
    ["two", "space", "empty", "rest"],
    "[{ pool: two, match: 'Query(`b`, `2`)' }, { pool: space, match: 'Query(`q`, `x y`)' }, { pool: empty, match: 'Query(`none`)' }, { pool: rest }]",
  );
  const cases: [query: string, pool: string][] = [
    ["a=1&b=2", "two"],
    ["a=1;b=2", "rest"],
    ["b=2;a=1", "rest"],
    ["b=2&b=3", "two"],
    ["%62=%32", "two"],
    ["q=x+y", "space"],
    ["q=x%20y", "space"],
    ["q=x%2By", "rest"],
    ["none", "empty"],
    ["none=", "empty"],
    ["none&none=1", "empty"],
    ["&&none&&", "empty"],
    ["=&=x&==&&&", "rest"],
    ["?none", "rest"],
    ["a=b=2", "rest"],
  ];
  for (const [query, wanted] of cases) {
    const { pool, received } = await pools.ask(get(`/p?${query}`));
    expect([query, pool, received?.target]).toEqual([query, wanted, `/p?${query}`]);
  }
});

test("H-A24 a target over its limit gets 414, and one at the limit is served", async () => {
  const longest = `/${"a".repeat(8_191)}`;
  expect((await it.forwarded(get(longest))).target).toBe(longest);
  expect(
    await refusalFaults(
      it,
      refusals(414, "FL_TARGET_TOO_LONG", [
        ["one byte more", get(`${longest}a`)],
        ["in the query", get(`/?${"a".repeat(8_191)}`)],
        ["an absolute one", get(`http://a.example/${"a".repeat(8_192)}`)],
        ["64 KB", get(`/${"a".repeat(65_536)}`)],
        ["64 KB without the end of the line", `GET /${"a".repeat(65_536)}`],
      ]),
    ),
  ).toEqual([]);
  expect(it.fairlead.metric("limits_hit_total", 'limit="target_bytes"')).toBe(5);
});

test("H-A24 the limit is what the configuration says", async () => {
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${it.origin.url}" }] } }\nroutes: [{ pool: app }]\nlimits: { target_bytes: 1KiB }`,
  );
  expect((await askOnce(fairlead.port(), get(`/${"a".repeat(1_023)}`))).status).toBe(200);
  const own = { fairlead, origin: it.origin };
  expect(
    await refusalFaults(own, refusals(414, "FL_TARGET_TOO_LONG", [get(`/${"a".repeat(1_024)}`)])),
  ).toEqual([]);
});

test("H-A25 targets go on byte for byte", async () => {
  const targets = [
    ...[
      "/x?",
      "/x??",
      "/x?&",
      "/x?=",
      "/?=&&=",
      "/x?a=%2F%2f",
      "/x?%41",
      "/%41",
      "/%7e~%7E",
      "/a;b=c;d",
      "/;",
    ],
    ...["/x?u=http://b.example:80/y?z=1&v=/../", "/x?b[]=1&b[]=2", "/x?b%5B%5D=1", "/!$&'()*+,;=:@-._~"],
    ...["/x?!$&'()*+,;=:@-._~/?", "/a|b", "/{a}", "/<a>", '/"a"', "/^a", "/`a`", "/[a]", '/x?{}|<>"^`[]\\'],
    ...[
      "/%c3%bc",
      "/%C3%BC",
      "/%ff",
      "/x?%ff",
      "/a/",
      "/a//",
      "//",
      "//a.example/x",
      "/./",
      "/x/..",
      "/:a",
      "/@a",
    ],
    ...["/http://a.example/", "/%20", "/+", "/x?+", "/%0d%0aX:%20y", "/x?%0d%0aX:%20y", "/%00"],
  ];
  for (const target of targets) {
    const received = await it.forwarded(get(target));
    expect(received.target).toBe(target);
    expect(received.raw.toString("latin1")).toStartWith(`GET ${target} HTTP/1.1\r\n`);
  }
});
