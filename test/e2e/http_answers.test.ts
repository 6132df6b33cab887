/** Answers of our own beside those of backends: the request's id, and what a route's middlewares do to them. */
import { expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { z } from "zod";
import { createStep } from "../../src/planes/http/middleware/all.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";
import { NEXT, type Step } from "../../src/net/exchange.ts";
import { startFairlead, type FairleadOptions } from "../support/fairlead.ts";
import { askOnce, type Answer } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";

/** The password is `secret`. */
const USER = "staff:$apr1$x1LGQ9pL$ZUY9gzLRLWZjxYx3WqPmK.";
const HEADERS = {
  headers: {
    response: { set: { "X-Site": "a", "Cache-Control": "public" } },
    security: { frame_options: "DENY" },
  },
};

const get = (target: string, ...fields: string[]): string =>
  [`GET ${target} HTTP/1.1`, "Host: a.example", ...fields, "", ""].join("\r\n");

/** Address of a backend that refuses connections. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

interface RouteLines {
  readonly path: string;
  readonly middlewares: readonly object[];
  /** Default: the pool whose backend is dead. */
  readonly target?: object;
}

/** Routes as JSON, which is YAML too. */
const routesOf = (routes: readonly RouteLines[]): string =>
  `routes: ${JSON.stringify(
    routes.map(({ path, middlewares, target = { pool: "dead" } }) => ({
      match: `Path(\`${path}\`)`,
      middlewares,
      ...target,
    })),
  )}`;

const deadPool = async (): Promise<string> =>
  `pools: { dead: { backends: [{ url: "${await deadUrl()}" }] } }\n`;

/** Which of the fields of `HEADERS` an answer has. */
const seen = (answer: Answer): unknown[] => [
  answer.status,
  answer.get("x-site"),
  answer.get("x-frame-options"),
  answer.get("cache-control"),
];

test("request_id_in_answers: every answer has one X-Request-ID, that of the access log", async () => {
  using origin = await rawOrigin(() => answerText("ok", 200, "X-Request-ID: of-the-backend\r\n"));
  await using fairlead = await startFairlead(`forwarding: { request_id_in_answers: true }
pools: { app: { backends: [{ url: "${origin.url}" }] }, dead: { backends: [{ url: "${await deadUrl()}" }] } }
${routesOf([
  { path: "/", middlewares: [], target: { pool: "app" } },
  { path: "/dead", middlewares: [] },
  { path: "/own", middlewares: [], target: { respond: { status: 200, body: "own" } } },
  { path: "/ready", middlewares: [], target: { respond: "ready" } },
  { path: "/secret", middlewares: [{ basic_auth: { users: [USER] } }] },
  { path: "/old", middlewares: [{ redirect_regex: { regex: "/old$", replacement: "/new" } }] },
])}`);
  const requests = ["/", "/dead", "/own", "/ready", "/secret", "/old", "/nowhere", "/%zz\x01"].map((path) =>
    get(path),
  );
  requests.push(
    "TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
  );
  const ids: string[][] = [];
  const statuses: number[] = [];
  for (const request of requests) {
    const answer = await askOnce(fairlead.port(), request);
    statuses.push(answer.status);
    ids.push(answer.all("x-request-id"));
  }
  expect(statuses).toEqual([200, 502, 200, 200, 401, 302, 404, 400, 405, 204]);
  const logged = (await fairlead.log(requests.length)).map(({ id }) => [id]);
  expect(ids).toEqual(logged as string[][]);
});

test("without request_id_in_answers the backend's X-Request-ID goes to the client, and ours nowhere", async () => {
  using origin = await rawOrigin(() => answerText("ok", 200, "X-Request-ID: of-the-backend\r\n"));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ match: "Path(\`/\`)", pool: app }]`,
  );
  expect((await askOnce(fairlead.port(), get("/"))).all("x-request-id")).toEqual(["of-the-backend"]);
  expect((await askOnce(fairlead.port(), get("/nowhere"))).all("x-request-id")).toEqual([]);
});

test("errors of the pool and refusals get the fields of the headers listed before, and stay out of caches", async () => {
  const auth = { basic_auth: { users: [USER] } };
  const closed = { ip_allow_list: { source_range: ["192.0.2.0/24"] } };
  const moved = { redirect_regex: { regex: "/moved.*", replacement: "/new" } };
  await using fairlead = await startFairlead(
    (await deadPool()) +
      routesOf([
        { path: "/dead", middlewares: [HEADERS] },
        { path: "/own", middlewares: [HEADERS], target: { respond: { status: 404, body: "own" } } },
        { path: "/auth", middlewares: [HEADERS, auth] },
        { path: "/auth-first", middlewares: [auth, HEADERS] },
        { path: "/between", middlewares: [closed, HEADERS, auth] },
        { path: "/closed", middlewares: [HEADERS, closed] },
        { path: "/moved", middlewares: [HEADERS, moved] },
        { path: "/moved-first", middlewares: [moved, HEADERS] },
      ]),
  );
  const answer = async (path: string): Promise<Answer> => askOnce(fairlead.port(), get(path));
  expect(seen(await answer("/dead"))).toEqual([502, "a", "DENY", "no-store"]);
  expect(seen(await answer("/own"))).toEqual([404, "a", "DENY", "public"]);
  const challenge = await answer("/auth");
  expect(seen(challenge)).toEqual([401, "a", "DENY", "no-store"]);
  expect(challenge.get("www-authenticate")).toStartWith("Basic realm=");
  expect(seen(await answer("/auth-first"))).toEqual([401, null, null, "no-store"]);
  expect(seen(await answer("/between"))).toEqual([403, null, null, "no-store"]);
  expect(seen(await answer("/closed"))).toEqual([403, "a", "DENY", "no-store"]);
  const elsewhere = await answer("/moved");
  expect(seen(elsewhere)).toEqual([302, "a", "DENY", "public"]);
  expect(elsewhere.get("location")).toEndWith("/new");
  expect(seen(await answer("/moved-first"))).toEqual([302, null, null, null]);
  expect(seen(await answer("/nowhere"))).toEqual([404, null, null, "no-store"]);
});

test("a query parameter that cannot stand in a field stands in no answer of ours either", async () => {
  const page = { headers: { response: { set: { "X-Page": "{query.page}", "X-Site": "a" } } } };
  await using fairlead = await startFairlead(
    (await deadPool()) +
      routesOf([
        { path: "/auth", middlewares: [page, { basic_auth: { users: [USER] } }] },
        { path: "/dead", middlewares: [page] },
      ]),
  );
  const fields = async (target: string) => {
    const answer = await askOnce(fairlead.port(), get(target));
    return [answer.status, answer.get("x-page"), answer.get("x-injected"), answer.get("x-site")];
  };
  expect(await fields("/auth?page=1")).toEqual([401, "1", null, "a"]);
  expect(await fields("/dead?page=1")).toEqual([502, "1", null, "a"]);
  expect(await fields("/auth?page=1%0d%0aX-Injected:%20yes")).toEqual([401, null, null, "a"]);
  expect(await fields("/dead?page=1%0d%0aX-Injected:%20yes")).toEqual([400, null, null, "a"]);
});

/** A program with steps of a test: `middlewares: [{ test_step: { name: … } }]`. */
function withSteps(steps: Readonly<Record<string, Omit<Step, "name">>>): FairleadOptions {
  return {
    middlewares: [{ name: "test_step", summary: "For tests.", schema: z.strictObject({ name: z.string() }) }],
    createProgram: (identity) =>
      new HttpProgram(identity, {
        createStep(kind, options, context) {
          if (kind !== "test_step") return createStep(kind, options, context);
          const { name } = options as { readonly name: string };
          return { name, ...steps[name]! };
        },
      }),
  };
}

const testSteps = (...names: string[]): object[] => names.map((name) => ({ test_step: { name } }));

test("an answer of ours meets the steps that were entered, backwards, and each of them once", async () => {
  const met: string[] = [];
  const meets = (name: string): Omit<Step, "name"> => ({
    onResponse(exchange, head) {
      met.push(`${name} ${exchange.status}`);
      head.add("X-Met", name);
    },
  });
  const options = withSteps({
    one: meets("one"),
    two: { ...meets("two"), onRequest: () => NEXT },
    refuses: { onRequest: (exchange) => exchange.respond(403) },
    three: meets("three"),
    instead: { onResponse: (exchange) => void exchange.respond(410, "", "gone") },
    throws: {
      onResponse() {
        throw new Error("the step is broken");
      },
    },
  });
  await using fairlead = await startFairlead(
    (await deadPool()) +
      routesOf([
        { path: "/refuses", middlewares: testSteps("one", "two", "refuses", "three") },
        { path: "/dead", middlewares: testSteps("one", "two", "three") },
        { path: "/instead", middlewares: testSteps("one", "instead", "three") },
        { path: "/throws", middlewares: testSteps("one", "throws", "three") },
      ]),
    options,
  );
  const ask = async (path: string) => {
    met.length = 0;
    const answer = await askOnce(fairlead.port(), get(path));
    return [answer.status, answer.all("x-met").join(), met.join()];
  };
  expect(await ask("/refuses")).toEqual([403, "two,one", "two 403,one 403"]);
  expect(await ask("/dead")).toEqual([502, "three,two,one", "three 502,two 502,one 502"]);
  expect(await ask("/instead")).toEqual([410, "one", "three 502,one 410"]);
  expect(await ask("/throws")).toEqual([500, "one", "three 502,one 500"]);
  expect((await fairlead.log(4)).map(({ status }) => status)).toEqual([403, 502, 410, 500]);
});

test("a backend's answer that a step replaces meets the steps that are left", async () => {
  using origin = await rawOrigin(() => answerText("of the backend"));
  const mark = (name: string): Omit<Step, "name"> => ({ onResponse: (_, head) => head.add("X-Met", name) });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\n${routesOf([
      { path: "/", middlewares: testSteps("one", "instead", "two"), target: { pool: "app" } },
    ])}`,
    withSteps({
      one: mark("one"),
      two: mark("two"),
      instead: { onResponse: (exchange) => void exchange.respond(410, "", "gone") },
    }),
  );
  const answer = await askOnce(fairlead.port(), get("/"));
  expect([answer.status, answer.all("x-met"), answer.body.toString()]).toEqual([410, ["one"], "gone"]);
});
