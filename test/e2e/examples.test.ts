/** Each file of examples/ passes `fairlead check` as it stands, and does what it says when it runs. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { checkCommand } from "../../src/cli/check.ts";
import { configuration } from "../../src/cli/configuration.ts";
import { parts } from "../../src/composition.ts";
import type { ConfigParts } from "../../src/config/parts.ts";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { startInProcess, type InProcessInstance } from "../../src/run/start_in_process.ts";
import { until } from "../support/fairlead.ts";
import { rawClient, tlsClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";

const EXAMPLES = join(import.meta.dir, "../../examples");
const FILES = [...new Bun.Glob("**/*.yaml").scanSync(EXAMPLES)]
  .filter((file) => !file.includes("conf.d/"))
  .toSorted();

/** A copy of the examples, with the certificates that they name. */
let folder = "";
let config: ConfigParts;
const certificates: Record<string, { readonly cert: string; readonly key: string }> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-examples-"));
  cpSync(EXAMPLES, folder, { recursive: true });
  const authority = issueCertificate({ commonName: "staff", authority: true });
  certificates["staff"] = issueCertificate({ commonName: "somebody", issuer: authority });
  writeFileSync(join(folder, "staff-ca.crt"), authority.cert);
  for (const name of ["www", "api", "admin"]) {
    const host = `${name}.example.com`;
    const issued = issueCertificate({ commonName: host, names: [host] });
    certificates[name] = issued;
    writeFileSync(join(folder, `${name}.crt`), issued.cert);
    writeFileSync(join(folder, `${name}.key`), issued.key);
  }
  config = await parts.config();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs an example in this process. `set` replaces addresses, by path. */
async function start(file: string, set: Readonly<Record<string, string>>): Promise<InProcessInstance> {
  const flags = { "admin.address": "127.0.0.1:0", ...set };
  const { load } = configuration(
    {
      file: join(folder, file),
      set: Object.entries(flags).map(([path, value]) => `${path}=${value}`),
      stateDirectory: folder,
    },
    config,
  );
  const loaded = await load();
  if (loaded.plan === null) throw new Error(loaded.problems.join("\n"));
  const { counters, parts: supervised } = await parts.supervisor();
  return await startInProcess(loaded.plan, {
    createProgram: parts.createProgram,
    counters,
    files: loaded.files,
    ...(supervised === undefined ? {} : { parts: supervised }),
  });
}

const ANY = "127.0.0.1:0";
const request = (host: string, path: string, fields = "", method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;

/** One answer as status and body. */
async function ask(
  target: Parameters<typeof rawClient>[0],
  text: string,
): Promise<readonly [number, string]> {
  using client = await rawClient(target);
  const { status, body } = await client.ask(text);
  return [status, body.toString("latin1")];
}

/** An origin that answers with its name, and with 200 to health checks. */
const named = (name: string, listen: number | string = 0) => rawOrigin(() => answerText(name), { listen });

test("there are examples, and the page of examples names each", () => {
  const page = readFileSync(join(EXAMPLES, "README.md"), "utf8");
  expect(FILES.length).toBeGreaterThanOrEqual(8);
  expect(FILES.filter((file) => !page.includes(`(${file})`))).toEqual([]);
});

test.each(FILES)("%s passes fairlead check", async (file) => {
  let printed = "";
  const output = {
    out: (text: string) => void (printed += text),
    error: (text: string) => void (printed += text),
  };
  const code = await checkCommand(["-c", join(folder, file)], config, output, {});
  expect(printed).toMatch(new RegExp(`^${join(folder, file)}: ok: [^\n]*\n$`));
  expect(printed).toContain(basename(file));
  expect(code).toBe(0);
});

test("minimal.yaml: two backends take turns", async () => {
  using one = await named("one");
  using two = await named("two");
  await using fairlead = await start("minimal.yaml", {
    "listeners.web.address": ANY,
    "pools.app.backends.0.url": one.url,
    "pools.app.backends.1.url": two.url,
  });
  using client = await rawClient(fairlead.port("web"));
  for (let count = 0; count < 6; count++) await client.ask(request("a.example", "/"));
  expect([one.requests.length, two.requests.length]).toEqual([3, 3]);
});

test("tls.yaml: certificates by name, plain HTTP is redirected, one name asks for a certificate", async () => {
  using www = await named("www");
  using api = await named("api");
  const { cert, key } = certificates["admin"]!;
  const admin = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert, key },
    fetch: () => new Response("admin"),
  });
  await using fairlead = await start("tls.yaml", {
    "listeners.plain.address": ANY,
    "listeners.secure.address": ANY,
    "pools.www.backends.0.url": www.url,
    "pools.api.backends.0.url": api.url,
    "pools.admin.backends.0.url": `https://127.0.0.1:${admin.port}`,
  });
  const port = fairlead.port("secure");
  const connect = (name: string, options = {}) =>
    tlsClient(port, {
      servername: `${name}.example.com`,
      ca: certificates[name]!.cert,
      rejectUnauthorized: true,
      ...options,
    });
  {
    using client = await connect("www");
    const answer = await client.ask(request("www.example.com", "/"));
    expect([answer.body.toString(), answer.get("strict-transport-security")]).toEqual([
      "www",
      "max-age=15552000",
    ]);
  }
  {
    using client = await connect("api");
    expect((await client.ask(request("api.example.com", "/"))).body.toString()).toBe("api");
  }
  const old = await connect("api", { maxVersion: "TLSv1.2" }).catch((error: Error) => error);
  expect(old).toBeInstanceOf(Error);
  {
    using client = await connect("admin", certificates["staff"]);
    expect((await client.ask(request("admin.example.com", "/"))).body.toString()).toBe("admin");
  }
  {
    using client = await connect("admin");
    client.send(request("admin.example.com", "/"));
    await client.end();
    expect(client.received.toString()).toBe("");
  }
  using plain = await rawClient(fairlead.port("plain"));
  const redirect = await plain.ask(request("www.example.com", "/x?y"));
  expect([redirect.status, redirect.get("location")]).toEqual([301, "https://www.example.com/x?y"]);
  await admin.stop(true);
});

test("weights_and_health.yaml: weights, sticky keys, and a reserve", async () => {
  const origins = await Promise.all(
    ["large", "small", "canary", "cart1", "cart2", "report1", "main", "reserve"].map((name) => named(name)),
  );
  const [large, small, canary, cart1, cart2, report1, main, reserve] = origins;
  try {
    await using fairlead = await start("weights_and_health.yaml", {
      "listeners.web.address": ANY,
      "pools.shop.backends.0.url": large!.url,
      "pools.shop.backends.1.url": small!.url,
      "pools.shop.backends.2.url": canary!.url,
      "pools.carts.backends.0.url": cart1!.url,
      "pools.carts.backends.1.url": cart2!.url,
      "pools.reports.backends.0.url": report1!.url,
      "pools.files.backends.0.url": main!.url,
      "pools.files.backends.1.url": reserve!.url,
    });
    const known = () => Object.values(fairlead.snapshot().health).filter((health) => health === "healthy");
    await until(() => known().length === 7, "all backends with a health check are healthy");
    using client = await rawClient(fairlead.port("web"));
    const served = async (path: string, fields = ""): Promise<string> =>
      (await client.ask(request("a.example", path, fields))).body.toString();
    const counts: Record<string, number> = {};
    for (let count = 0; count < 8; count++) {
      const name = await served("/");
      counts[name] = (counts[name] ?? 0) + 1;
    }
    expect(counts).toEqual({ large: 5, small: 2, canary: 1 });
    for (const session of ["a", "b", "c", "d"]) {
      const first = await served("/cart/", `Cookie: session=${session}\r\n`);
      expect(await served("/cart/x", `Cookie: session=${session}\r\n`)).toBe(first);
    }
    expect(await served("/reports/2026")).toBe("report1");
    expect(await served("/files/a")).toBe("main");
    main!.close();
    expect(await served("/files/a")).toBe("reserve");
  } finally {
    for (const origin of origins) origin.close();
  }
});

test("websocket_and_events.yaml: a tunnel and a stream, and no upgrade where none is listed", async () => {
  const upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const chatting = () =>
    rawOrigin(({ get }) =>
      get("upgrade") === null
        ? answerText("no upgrade", 400)
        : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello",
    );
  using chat1 = await chatting();
  using chat2 = await chatting();
  using ticker = await rawOrigin(({ get }) =>
    get("upgrade") === null
      ? "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
      : answerText("an upgrade", 400),
  );
  await using fairlead = await start("websocket_and_events.yaml", {
    "listeners.web.address": ANY,
    "pools.chat.backends.0.url": chat1.url,
    "pools.chat.backends.1.url": chat2.url,
    "pools.ticker.backends.0.url": ticker.url,
  });
  using one = await rawClient(fairlead.port("web"));
  using two = await rawClient(fairlead.port("web"));
  for (const client of [one, two]) {
    expect((await client.ask(request("a.example", "/chat", upgrade))).status).toBe(101);
    await client.until(() => client.received.toString() === "hello");
  }
  expect([chat1.requests.length, chat2.requests.length]).toEqual([1, 1]);
  using events = await rawClient(fairlead.port("web"));
  events.send(request("a.example", "/events", upgrade));
  await events.until(() => events.received.toString().endsWith("9\r\ndata: 1\n\n\r\n"));
});

test("behind_load_balancer.yaml: the client's address by header and by field, and a page for checks", async () => {
  using app = await rawOrigin(({ get }) => answerText(get("x-forwarded-for") ?? ""));
  using mail = await rawOrigin(undefined, {
    onData: (connection) => {
      if (connection.everything.includes("\r\n\r\n")) connection.end(answerText("mail"));
      return true;
    },
  });
  await using fairlead = await start("behind_load_balancer.yaml", {
    "listeners.web.address": ANY,
    "listeners.web.proxy_protocol.trusted": '["127.0.0.0/8"]',
    "listeners.web-http.address": ANY,
    "listeners.web-http.trusted_proxies": '["127.0.0.0/8"]',
    "listeners.checks.address": ANY,
    "pools.app.backends.0.url": app.url,
    "pools.mail.backends.0.url": mail.url,
  });
  const header = "PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n";
  const web = fairlead.port("web");
  expect(await ask(web, `${header}${request("a.example", "/")}`)).toEqual([200, "192.0.2.7"]);
  expect(
    await ask(fairlead.port("web-http"), request("a.example", "/", "X-Forwarded-For: 192.0.2.8\r\n")),
  ).toEqual([200, "192.0.2.8, 127.0.0.1"]);
  expect(await ask(web, `${header}${request("mail.example.com", "/")}`)).toEqual([200, "mail"]);
  const signature = Buffer.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11]);
  const { everything } = mail.connections[0]!;
  expect(everything.subarray(0, 14)).toEqual(signature);
  expect([...everything.subarray(16, 20)]).toEqual([192, 0, 2, 7]);
  expect(await ask(fairlead.port("checks"), request("balancer", "/ready"))).toEqual([200, "ready\n"]);
  expect((await ask(fairlead.port("checks"), request("a.example", "/")))[0]).toBe(404);
});

test("unix_sockets.yaml: no port anywhere", async () => {
  const socket = (name: string): string => join(folder, `${name}.sock`);
  using app1 = await rawOrigin(({ get }) => answerText(get("host") ?? ""), { listen: socket("1") });
  using app2 = await rawOrigin(({ get }) => answerText(get("host") ?? ""), { listen: socket("2") });
  await using fairlead = await start("unix_sockets.yaml", {
    "listeners.web.address": `unix:${socket("web")}`,
    "pools.app.backends.0.url": `unix:${socket("1")}`,
    "pools.app.backends.1.url": `unix:${socket("2")}`,
    "admin.address": `unix:${socket("admin")}`,
  });
  expect(fairlead.listeners().map(({ port }) => port)).toEqual([0]);
  const known = () => Object.values(fairlead.snapshot().health).filter((health) => health === "healthy");
  await until(() => known().length === 2, "both backends are healthy");
  for (let count = 0; count < 2; count++)
    expect(await ask({ path: socket("web") }, request("localhost", "/"))).toEqual([200, "app.example.com"]);
  expect([app1, app2].map(({ requests }) => requests.some(({ target }) => target === "/"))).toEqual([
    true,
    true,
  ]);
  const [status, metrics] = await ask({ path: socket("admin") }, request("localhost", "/metrics"));
  expect(status).toBe(200);
  expect(metrics).toContain("\nfairlead_http_requests_total{");
});

test("middlewares.yaml: login, limits, redirects, paths and fields", async () => {
  using site = await rawOrigin(() => answerText("site", 200, "X-Powered-By: php\r\nServer: x\r\n"));
  using api = await rawOrigin(({ target, get }) => answerText(`${target} ${get("x-client")}`));
  using admin = await rawOrigin(({ target, get }) =>
    answerText(`${target} ${get("x-user")} ${get("authorization")}`),
  );
  await using fairlead = await start("middlewares.yaml", {
    "listeners.web.address": ANY,
    "pools.site.backends.0.url": site.url,
    "pools.api.backends.0.url": api.url,
    "pools.admin.backends.0.url": admin.url,
  });
  const web = fairlead.port("web");
  const login = `Authorization: Basic ${btoa("staff:example")}\r\n`;
  expect((await ask(web, request("a.example", "/admin/x")))[0]).toBe(401);
  expect(await ask(web, request("a.example", "/admin/x", login))).toEqual([200, "/x staff null"]);
  expect(await ask(web, request("a.example", "/api/v1/items"))).toEqual([200, "/items 127.0.0.1"]);
  const large = request("a.example", "/api/v1/items", "Content-Length: 10000001\r\n", "POST");
  expect((await ask(web, large))[0]).toBe(413);
  expect((await ask(web, request("a.example", "/robots.txt")))[1]).toContain("Disallow: /admin/");
  using client = await rawClient(web);
  const moved = await client.ask(request("a.example", "/blog/2026?a=b"));
  expect([moved.status, moved.get("location")]).toEqual([301, "https://blog.example.com/2026?a=b"]);
  const page = await client.ask(request("a.example", "/"));
  expect(
    ["x-powered-by", "server", "x-frame-options", "x-content-type-options"].map((name) => page.get(name)),
  ).toEqual([null, null, "DENY", "nosniff"]);
});

test("blue_green: the file of the deployment switches, the environment wins", async () => {
  using blue = await named("blue");
  using green = await named("green");
  const urls = (pool: string, url: string): Record<string, string> => ({
    [`pools.${pool}.backends.0.url`]: url,
    [`pools.${pool}.backends.1.url`]: `${url}/`,
  });
  const set = {
    "listeners.web.address": ANY,
    "observability.access_log.path": join(folder, "access.log"),
    ...urls("blue", blue.url),
    ...urls("green", green.url),
  };
  const served = async (fields = ""): Promise<string> => {
    await using fairlead = await start("blue_green/fairlead.yaml", set);
    expect(fairlead.snapshot().plan.timeouts.drain).toBe(60_000);
    return (await ask(fairlead.port("web"), request("a.example", "/", fields)))[1];
  };
  expect(await served()).toBe("blue");
  expect(await served("X-Release: green\r\n")).toBe("green");
  const release = join(folder, "blue_green/conf.d/50-release.yaml");
  writeFileSync(release, readFileSync(release, "utf8").replace("pool: blue", "pool: green"));
  expect(await served()).toBe("green");
  let printed = "";
  const output = { out: (text: string) => void (printed += text), error: () => {} };
  const environment = { FAIRLEAD_TIMEOUTS__CONNECT: "1s" };
  await checkCommand(
    ["-c", join(folder, "blue_green/fairlead.yaml"), "--origin"],
    config,
    output,
    environment,
  );
  expect(printed).toMatch(/^routes\[\d\]\.pool +"green" +\S+conf\.d\/50-release\.yaml:3$/m);
  expect(printed).toMatch(/^timeouts\.connect +"1s" +environment variable FAIRLEAD_TIMEOUTS__CONNECT$/m);
});

test("the configuration of README.md passes fairlead check alone, and serves", async () => {
  const readme = readFileSync(join(EXAMPLES, "../README.md"), "utf8");
  const [, yaml] = /^```yaml\n([^]*?)^```$/m.exec(readme)!;
  writeFileSync(join(folder, "readme.yaml"), yaml!);
  expect(yaml!.trimEnd().split("\n")).toHaveLength(20);
  const quiet = { out: () => {}, error: () => {} };
  expect(await checkCommand(["-c", join(folder, "readme.yaml")], config, quiet, {})).toBe(0);
  using shop = await named("shop");
  using api = await rawOrigin(({ target }) => answerText(target));
  await using fairlead = await start("readme.yaml", {
    "listeners.web.address": ANY,
    "observability.access_log.path": join(folder, "access.log"),
    "pools.shop.backends.0.url": shop.url,
    "pools.shop.backends.1.url": `${shop.url}/`,
    "pools.api.backends.0.url": api.url,
  });
  const web = fairlead.port("web");
  expect(await ask(web, request("a.example", "/v1/items"))).toEqual([200, "shop"]);
  expect(await ask(web, request("api.example.com", "/v1/items"))).toEqual([200, "/items"]);
});
