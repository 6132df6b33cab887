/** Tries over reloads and new addresses, and what holds for tries, budgets, and connections of one client alone. */
import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { z } from "zod";
import { NEXT, WAIT } from "../../src/net/exchange.ts";
import { createStep } from "../../src/planes/http/middleware/all.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import { pass, startFairlead, until, type Fairlead } from "../support/fairlead.ts";
import { askOnce, rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection } from "../support/raw_origin.ts";

const get = (target: string, fields = "") => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;

const NTLM = answerText("who", 401, "WWW-Authenticate: NTLM\r\n");

/** A pool `app` for all requests; `more` are settings of it. */
const poolOf = (backends: readonly string[], more = "") =>
  `pools: { app: { strategy: sequential, backends: [${backends.join(", ")}]${more} } }\nroutes: [{ pool: app }]`;

/** Its first probe comes within a day: what a test says of health stands. */
const HEALTH_CHECK = ", health_check: { type: tcp, interval: 24h }";

const backendAt = (url: string, more = "") => `{ url: "${url}"${more} }`;

const queued = (fairlead: Fairlead) => fairlead.instance.program.stats()["queued"];

/** A port on which nothing listens. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/**
 * An origin that answers `name`; what it is asked for below /hold waits for `answer`, which gives the oldest its answer,
 * or for `die`, which ends its connection. /login asks for an authentication of the connection.
 */
async function holdingOrigin(name: string) {
  const held: OriginConnection[] = [];
  const origin = await rawOrigin((request, connection) => {
    if (request.target === "/login") return NTLM;
    if (!request.target.startsWith("/hold")) return answerText(`${name} ${connection.index}`);
    held.push(connection);
    return undefined;
  });
  return {
    origin,
    url: origin.url,
    get targets() {
      return origin.requests.map(({ target }) => target);
    },
    get held() {
      return held.length;
    },
    answer: () => held.shift()!.send(answerText(`${name} held`)),
    die: () => held.shift()!.socket.destroy(),
    [Symbol.dispose]: () => origin.close(),
  };
}

/** Sends `request` on a connection of its own and waits until `there` holds. */
async function begin(fairlead: Fairlead, request: string, there: () => boolean) {
  const client = await rawClient(fairlead.port());
  client.send(request);
  await until(there, request.split("\r\n", 1)[0]!);
  return client;
}

/** A program with the middleware `test_hold`: requests wait in it until `go` is called. */
function programWithHold() {
  const waiting: (() => void)[] = [];
  return {
    get waiting() {
      return waiting.length;
    },
    go: () => waiting.shift()!(),
    options: {
      middlewares: [{ name: "test_hold", summary: "For tests.", schema: z.strictObject({}) }],
      createProgram: (identity: ConstructorParameters<typeof HttpProgram>[0]) =>
        new HttpProgram(identity, {
          createStep: (name, options, context) =>
            name !== "test_hold"
              ? createStep(name, options, context)
              : {
                  name,
                  onRequest(exchange) {
                    const token = exchange.wait(60_000);
                    waiting.push(() => exchange.resume(token, NEXT));
                    return WAIT;
                  },
                },
        }),
    },
  };
}

test("a request that waited in a step over a reload goes to the backends that act now and blocks nobody", async () => {
  const steps = programWithHold();
  using old = await holdingOrigin("old");
  using now = await holdingOrigin("now");
  const yaml = (url: string, pools = "") =>
    `pools: { app: { backends: [${backendAt(url, ", max_in_flight: 1")}] }${pools} }
routes: [{ match: "Path(\`/late\`)", pool: app, middlewares: [{ test_hold: {} }] }, { pool: app }]`;
  await using fairlead = await startFairlead(yaml(old.url), steps.options);
  using _busy = await begin(fairlead, get("/hold"), () => old.held === 1);
  using late = await begin(fairlead, get("/late"), () => steps.waiting === 1);
  await fairlead.reload(yaml(now.url));
  using busy = await begin(fairlead, get("/hold"), () => now.held === 1);
  steps.go();
  await until(() => queued(fairlead) === 1, "the late one waits");
  using next = await begin(fairlead, get("/next"), () => queued(fairlead) === 2);
  expect(fairlead.metric("queue_length", 'pool="app"')).toBe(2);
  await fairlead.reload(yaml(now.url, `, other: { backends: [${backendAt(now.url)}] }`));
  expect(fairlead.metric("queue_length", 'pool="app"')).toBe(2);
  now.answer();
  for (const client of [busy, late, next]) expect((await client.answer()).body.toString()).toMatch(/^now /);
  expect(now.targets).toEqual(["/hold", "/late", "/next"]);
  expect(fairlead.metric("queue_length", 'pool="app"')).toBe(0);
});

test("the budget of retries does not count the request against itself", async () => {
  using origin = await rawOrigin();
  const dead = [await deadUrl(), await deadUrl(), origin.url].map((url) => backendAt(url));
  await using fairlead = await startFairlead(
    poolOf(dead, ", retries: { attempts: 2, budget: 0%, budget_min: 1 }"),
  );
  expect((await askOnce(fairlead.port(), get("/"))).status).toBe(200);
  expect(fairlead.metric("retries_total", 'reason="FL_CONNECT_REFUSED"')).toBe(2);
  expect(fairlead.metric("retry_budget_exhausted_total")).toBe(0);
});

test("a new connection in place of a dead one leaves the budget to others", async () => {
  using first = await holdingOrigin("first");
  using second = await rawOrigin(() => answerText("second"));
  using failing = await rawOrigin(() => answerText("no", 503));
  await using fairlead = await startFairlead(
    poolOf(
      [first.url, failing.url, second.url].map((url) => backendAt(url, ", max_in_flight: 1")),
      ", retries: { on_status: [503], budget: 0%, budget_min: 1 }",
    ),
  );
  using client = await rawClient(fairlead.port());
  await client.ask(get("/"));
  client.send(get("/hold"));
  await until(() => first.held === 1, "it is sent on the kept connection");
  first.die();
  await until(() => first.held === 1, "it is sent again");
  expect((await askOnce(fairlead.port(), get("/"))).body.toString()).toBe("second");
  expect(fairlead.metric("retry_budget_exhausted_total")).toBe(0);
  first.answer();
  expect((await client.answer()).body.toString()).toBe("first held");
});

test("who waits in the queue knows over a reload what has been tried", async () => {
  using busy = await holdingOrigin("busy");
  const yaml = (dead: string, timeout: string) =>
    poolOf(
      [backendAt(dead), backendAt(busy.url, ", max_in_flight: 1")],
      `, retries: { attempts: 1 }, queue: { timeout: ${timeout} }`,
    );
  const dead = await deadUrl();
  await using fairlead = await startFairlead(yaml(dead, "20s"));
  using holder = await begin(fairlead, get("/hold"), () => busy.held === 1);
  using waiter = await begin(fairlead, get("/"), () => queued(fairlead) === 1);
  await fairlead.reload(yaml(dead, "30s"));
  expect(queued(fairlead)).toBe(1);
  busy.answer();
  expect((await holder.answer()).status).toBe(200);
  expect((await waiter.answer()).status).toBe(200);
  expect(fairlead.metric("retries_total")).toBe(2);
});

test("a name's new addresses do not make a backend another one for a request that has tried it", async () => {
  using origin = await holdingOrigin("origin");
  await using fairlead = await startFairlead(
    poolOf(
      [`{ id: x, url: "http://localhost:${origin.origin.port}" }`],
      ", retries: { on_status: [200], budget_min: 10 }",
    ),
  );
  const { program } = fairlead.instance as unknown as { program: HttpProgram };
  const keys = () => program.plane.runtime.pools.get("app")!.upstreams.map(({ key }) => key);
  const move = async (...addresses: readonly string[]) => {
    fairlead.instance.publish({ members: { "app/x": addresses } });
    const expected = addresses.map((address) => `x@${address}`).join();
    await until(() => keys().join() === expected, expected);
  };
  await until(() => keys().length > 0, "the name is resolved");
  await move("127.0.0.1");
  using client = await begin(fairlead, get("/hold"), () => origin.held === 1);
  await move("127.0.0.1", "127.0.0.2");
  await move("127.0.0.1");
  origin.answer();
  expect((await client.answer()).body.toString()).toBe("origin held");
  expect(origin.targets).toEqual(["/hold"]);
});

test("without tries left a dead kept connection to a backend that became unhealthy is a 502", async () => {
  using first = await holdingOrigin("first");
  using second = await rawOrigin();
  await using fairlead = await startFairlead(
    poolOf([backendAt(first.url), backendAt(second.url)], `${HEALTH_CHECK}, retries: { attempts: 0 }`),
  );
  using client = await rawClient(fairlead.port());
  expect((await client.ask(get("/"))).status).toBe(200);
  client.send(get("/hold"));
  await until(() => first.held === 1, "it is sent on the kept connection");
  await makeUnhealthy(fairlead, first.origin.port, second.port);
  first.die();
  expect((await client.answer()).status).toBe(502);
  expect(second.requests.length).toBe(0);
});

test("a new connection in place of a dead one keeps the request's place before those who wait", async () => {
  using origin = await holdingOrigin("origin");
  await using fairlead = await startFairlead(
    poolOf([backendAt(origin.url, ", max_in_flight: 1")], ", retries: { attempts: 0 }"),
  );
  using client = await rawClient(fairlead.port());
  await client.ask(get("/"));
  client.send(get("/hold"));
  await until(() => origin.held === 1, "it is sent on the kept connection");
  using waiter = await begin(fairlead, get("/waits"), () => queued(fairlead) === 1);
  origin.die();
  await until(() => origin.held === 1, "it is sent again");
  origin.answer();
  expect((await client.answer()).status).toBe(200);
  expect((await waiter.answer()).status).toBe(200);
  expect(origin.targets).toEqual(["/", "/hold", "/hold", "/waits"]);
});

test("the duration of a backend counts from its choice: not the tries before, not the queue", async () => {
  const clock = new ManualClock();
  using slow = await holdingOrigin("slow");
  using quick = await rawOrigin();
  await using fairlead = await startFairlead(
    poolOf(
      [`{ id: slow, url: "${slow.url}", max_in_flight: 1 }`, `{ id: quick, url: "${quick.url}" }`],
      ", retries: { on_status: [200], budget: 100% }",
    ),
    { clock },
  );
  const sum = (backend: string) =>
    fairlead.metric("backend_request_duration_seconds_sum", `backend="${backend}"`);
  using retried = await begin(fairlead, get("/hold"), () => slow.held === 1);
  await pass(clock, 500);
  slow.answer();
  expect((await retried.answer()).status).toBe(200);
  expect([sum("slow"), sum("quick")]).toEqual([0.5, 0]);
  await fairlead.reload(poolOf([`{ id: slow, url: "${slow.url}", max_in_flight: 1 }`]));
  const before = sum("slow");
  using holder = await begin(fairlead, get("/hold"), () => slow.held === 1);
  using waiter = await begin(fairlead, get("/"), () => queued(fairlead) === 1);
  await pass(clock, 1_000);
  slow.answer();
  for (const client of [holder, waiter]) expect((await client.answer()).status).toBe(200);
  expect(sum("slow") - before).toBe(1);
});

test("a connection that a client authenticates unasked is its own from then on", async () => {
  using origin = await rawOrigin((_, connection) => answerText(String(connection.index)));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using first = await rawClient(fairlead.port());
  using second = await rawClient(fairlead.port());
  const ask = async (client: RawClient, fields = ""): Promise<string> =>
    (await client.ask(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`)).body.toString();
  expect(await ask(first, "Authorization: Basic YTpi\r\n")).toBe("0");
  expect(await ask(second, "Authorization: negotiate YIIB\r\n")).toBe("0");
  expect(await ask(first)).toBe("1");
  expect(await ask(second)).toBe("0");
});

test("behind a trusted proxy a connection that NTLM authenticates serves no further request", async () => {
  for (const [one, other] of [
    ["203.0.113.1", "203.0.113.2"],
    ["203.0.113.1", "203.0.113.1"],
  ] as const) {
    using origin = await holdingOrigin("origin");
    await using fairlead = await startFairlead(
      `listeners: { web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.1] } }\n${poolOf([backendAt(origin.url)])}`,
    );
    using proxy = await rawClient(fairlead.port());
    expect((await proxy.ask(get("/login", `X-Forwarded-For: ${one}\r\n`))).status).toBe(401);
    const answer = await proxy.ask(get("/", `X-Forwarded-For: ${other}\r\n`));
    expect(answer.body.toString()).toBe("origin 1");
    await until(() => origin.origin.connections[0]!.closed, "the authenticated connection ends");
  }
});

test("a client that is a trusted peer itself comes back to its authenticated connection", async () => {
  using origin = await holdingOrigin("origin");
  await using fairlead = await startFairlead(
    `listeners: { web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.1] } }\n${poolOf([backendAt(origin.url)])}`,
  );
  using client = await rawClient(fairlead.port());
  expect((await client.ask(get("/login"))).status).toBe(401);
  expect((await askOnce(fairlead.port(), get("/"))).body.toString()).toBe("origin 1");
  expect((await client.ask(get("/"))).body.toString()).toBe("origin 0");
});

test("an authenticated connection has no place beyond the backend's limit, and its client waits for it", async () => {
  using first = await holdingOrigin("first");
  using second = await holdingOrigin("second");
  await using fairlead = await startFairlead(
    poolOf([first.url, second.url].map((url) => backendAt(url, ", max_in_flight: 1"))),
  );
  using bound = await rawClient(fairlead.port());
  expect((await bound.ask(get("/login"))).status).toBe(401);
  using one = await begin(fairlead, get("/hold"), () => first.held === 1);
  using two = await begin(fairlead, get("/hold"), () => second.held === 1);
  bound.send(get("/bound"));
  await until(() => queued(fairlead) === 1, "its client waits");
  using free = await begin(fairlead, get("/free"), () => queued(fairlead) === 2);
  second.answer();
  expect((await two.answer()).status).toBe(200);
  // Who is bound to the one is passed over when the other is free.
  expect((await free.answer()).body.toString()).toBe("second 0");
  expect(queued(fairlead)).toBe(1);
  first.answer();
  expect((await one.answer()).status).toBe(200);
  expect((await bound.answer()).body.toString()).toBe("first 0");
  expect(first.targets).toEqual(["/login", "/hold", "/bound"]);
});

test("an authenticated connection to an unhealthy backend ends, and its client goes elsewhere", async () => {
  using first = await holdingOrigin("first");
  using second = await holdingOrigin("second");
  await using fairlead = await startFairlead(
    poolOf([backendAt(first.url), backendAt(second.url)], HEALTH_CHECK),
  );
  using client = await rawClient(fairlead.port());
  expect((await client.ask(get("/login"))).status).toBe(401);
  await makeUnhealthy(fairlead, first.origin.port, second.origin.port);
  expect((await client.ask(get("/"))).body.toString()).toMatch(/^second /);
  await until(() => first.origin.open.length === 0, "the connection ends");
});

test("an authenticated connection that is idle for too long ends", async () => {
  const clock = new ManualClock();
  using origin = await holdingOrigin("origin");
  await using fairlead = await startFairlead(
    poolOf([backendAt(origin.url)], ", timeouts: { upstream_idle: 5s }"),
    { clock },
  );
  using client = await rawClient(fairlead.port());
  expect((await client.ask(get("/login"))).status).toBe(401);
  await pass(clock, 4_000);
  expect((await client.ask(get("/"))).body.toString()).toBe("origin 0");
  client.send(get("/hold"));
  await until(() => origin.held === 1, "it is at work");
  await pass(clock, 10_000);
  expect(origin.origin.open.length).toBe(1);
  origin.answer();
  expect((await client.answer()).status).toBe(200);
  await pass(clock, 7_000);
  await until(() => origin.origin.open.length === 0, "the connection ends");
  expect((await client.ask(get("/"))).body.toString()).toBe("origin 1");
});

test("an authenticated connection to a backend that a reload removes ends, at once or after its request", async () => {
  for (const target of ["/", "/hold"]) {
    using old = await holdingOrigin("old");
    using now = await holdingOrigin("now");
    await using fairlead = await startFairlead(poolOf([backendAt(old.url)]));
    using client = await rawClient(fairlead.port());
    expect((await client.ask(get("/login"))).status).toBe(401);
    if (target === "/hold") {
      client.send(get(target));
      await until(() => old.held === 1, "it is at work");
    }
    await fairlead.reload(poolOf([backendAt(now.url)]));
    if (target === "/hold") {
      old.answer();
      expect((await client.answer()).body.toString()).toBe("old held");
    }
    await until(() => old.origin.open.length === 0, "the connection ends");
    expect((await client.ask(get("/"))).body.toString()).toBe("now 0");
  }
});

/** One backend of the pool may not serve any more, and the other one may. */
async function makeUnhealthy(fairlead: Fairlead, port: number, other: number): Promise<void> {
  fairlead.instance.publish({
    health: { [`app/127.0.0.1:${port}`]: "unhealthy", [`app/127.0.0.1:${other}`]: "healthy" },
  });
  const { program } = fairlead.instance as unknown as { program: HttpProgram };
  const { upstreams } = program.plane.runtime.pools.get("app")!;
  await until(() => !upstreams[0]!.available && upstreams[1]!.available, "the worker knows");
}
