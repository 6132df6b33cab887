import { expect, test } from "bun:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { parseRule, type Expression } from "../../../core/rules/parser.ts";
import { PlainRequest, type RequestValues } from "../../../core/rules/plain_request.ts";
import { compileRouter, RouterBuilder, type Router, type RouteRule } from "./router.ts";
import { routerCounter } from "./counter.ts";

const route = (match: string, priority = 0, ...listeners: string[]): RouteRule => ({
  match,
  priority,
  listeners,
});
const find = (router: Router, values: RequestValues): number => router.find(new PlainRequest(values));

test("the longest rule wins, a number beats it, and equals keep their order", () => {
  const router = compileRouter([
    route(""),
    route("Host(`a`)"),
    route("Host(`a`) && PathPrefix(`/x`)"),
    route("Host(`b`) && PathPrefix(`/x`)"),
    route("PathPrefix(`/`)", 1_000),
    route("Host(`c`)"),
    route("Host(`c`)"),
    route("Host(`d`)", -5),
  ]);
  expect(find(router, { host: "a" })).toBe(4);
  const lower = compileRouter([
    route(""),
    route("Host(`a`)"),
    route("Host(`a`) && PathPrefix(`/x`)"),
    route("Host(`c`)"),
    route("Host(`c`)"),
    route("Host(`d`)", -5),
  ]);
  expect(find(lower, { host: "a" })).toBe(1);
  expect(find(lower, { host: "a", path: "/x/y" })).toBe(2);
  expect(find(lower, { host: "c" })).toBe(3);
  expect(find(lower, { host: "d" })).toBe(5);
  expect(find(lower, { host: "e" })).toBe(0);
  expect(find(compileRouter([]), { host: "a" })).toBe(-1);
  expect(find(compileRouter([route("Host(`a`)")]), { host: "b" })).toBe(-1);
});

test("a default route with a number takes that place", () => {
  const router = compileRouter([route("Host(`a`)"), route("", 100)]);
  expect(find(router, { host: "a" })).toBe(1);
});

test("a route serves only its listeners", () => {
  const router = compileRouter([
    route("Host(`a`)", 0, "secure"),
    route("PathPrefix(`/`)", 0, "web", "other"),
    route(""),
  ]);
  expect(find(router, { host: "a", listener: "secure" })).toBe(0);
  expect(find(router, { host: "a", listener: "web" })).toBe(1);
  expect(find(router, { host: "a", listener: "third" })).toBe(2);
});

test("H-A13/router a request without a host goes to routes without a condition on it", () => {
  const router = compileRouter([
    route("Host(`*`)"),
    route("!Host(`a`) && PathPrefix(`/x`)"),
    route("HostRegexp(`.*`) || Path(`/x`)"),
    route("Path(`/x`)"),
    route(""),
  ]);
  expect(find(router, { host: "", path: "/x" })).toBe(3);
  expect(find(router, { host: "", path: "/y" })).toBe(4);
  expect(find(router, { host: "b", path: "/y" })).toBe(2);
});

test("wildcards of one label, of many, and of all", () => {
  const router = compileRouter([
    route("Host(`a.example.com`)"),
    route("Host(`*.example.com`)"),
    route("Host(`**.example.com`)"),
    route("Host(`**.com`)"),
    route("Host(`*`)"),
    route(""),
  ]);
  const table: [string, number][] = [
    ["a.example.com", 0],
    ["b.example.com", 1],
    ["a.b.example.com", 2],
    ["example.com", 3],
    ["a.b.c.com", 3],
    ["com", 4],
    [".example.com", 3],
    ["..example.com", 2],
    [".com", 4],
    ["[::1]", 4],
    ["", 5],
  ];
  for (const [host, index] of table) expect([host, find(router, { host })]).toEqual([host, index]);
});

test("the table of a host may be kept by a connection", () => {
  const router = compileRouter([route("Host(`a`) && PathPrefix(`/x`)"), route("Host(`a`)")]);
  const table = router.forHost("a");
  expect(table.find(new PlainRequest({ host: "a", path: "/x" }))).toBe(0);
  expect(table.find(new PlainRequest({ host: "a", path: "/y" }))).toBe(1);
  expect(router.forHost("a")).toBe(table);
  expect(router.forHost("b")).toBe(router.forHost("c"));
});

test("header and query are read only for routes that are reached", () => {
  const router = compileRouter([
    route("Host(`a`) && PathPrefix(`/x`)"),
    route("Host(`a`) && Query(`q`)"),
    route("Host(`b`) && Header(`x`, `y`)"),
  ]);
  const request = new PlainRequest({ host: "a", path: "/x" });
  request.query = request.header = () => {
    throw new Error("read");
  };
  expect(router.find(request)).toBe(0);
  request.path = "/y";
  expect(() => router.find(request)).toThrow("read");
});

test("regexes that need the engine are counted once", () => {
  const router = compileRouter([
    route("PathRegexp(`^/a[0-9]`)"),
    route("Host(`b`) && PathRegexp(`^/a[0-9]`)"),
    route("PathRegexp(`^/api`)"),
  ]);
  expect(router.regexCount).toBe(1);
});

test("a rule that cannot be read stops the building with its message", () => {
  expect(() => compileRouter([route("Host(`a`)"), route("Hots(`a`)")])).toThrow(
    "unknown matcher `Hots` at column 1",
  );
});

/** Meaning of a rule, written without any of the code under test but the parser. */
function naive(expression: Expression, request: PlainRequest): boolean {
  switch (expression.kind) {
    case "and":
      return expression.operands.every((each) => naive(each, request));
    case "or":
      return expression.operands.some((each) => naive(each, request));
    case "not":
      return !naive(expression.operand, request);
    case "matcher": {
      const [first, second] = expression.values.map(({ value }) => value) as [string, string | undefined];
      return naiveMatcher(expression.name, first, second, request);
    }
  }
}

function naiveMatcher(
  name: string,
  first: string,
  second: string | undefined,
  request: PlainRequest,
): boolean {
  const pairs = request.query();
  const values = pairs.filter((_, index) => index % 2 === 1 && pairs[index - 1] === first);
  switch (name) {
    case "Host":
      return new RegExp(
        `^${first
          .replaceAll(".", "\\.")
          .replace("**", "!")
          .replace("*", first === "*" ? ".+" : "[^.]+")
          .replace("!", ".+")}$`,
      ).test(request.host);
    case "HostRegexp":
      return RE2JS.compile(first).test(request.host);
    case "Path":
      return request.path === first;
    case "PathPrefix":
      return request.path.indexOf(first) === 0;
    case "PathRegexp":
      return RE2JS.compile(first).test(decodeURIComponent(request.path));
    case "Method":
      return request.method === first;
    case "Header":
      return request.header(first.toLowerCase()).some((value) => value === second);
    case "HeaderRegexp":
      return request.header(first.toLowerCase()).some((value) => RE2JS.compile(second!).test(value));
    case "Query":
      return values.includes(second ?? "");
    case "QueryRegexp":
      return values.some((value) => RE2JS.compile(second!).test(value));
    case "ClientIP":
      return first.endsWith("/8") ? request.clientAddress.startsWith("10.") : request.clientAddress === first;
  }
  throw new Error(name);
}

/** Tries all routes in order. */
function bruteForce(routes: readonly RouteRule[], request: PlainRequest): number {
  const priority = ({ match, priority }: RouteRule): number =>
    priority !== 0 ? priority : match === "" ? -Infinity : match.length - 2 * (match.split("**.").length - 1);
  const order = routes
    .map((each, index) => ({ each, index }))
    .sort((one, other) => priority(other.each) - priority(one.each) || one.index - other.index);
  for (const { each, index } of order) {
    if (each.listeners.length > 0 && !each.listeners.includes(request.listener)) continue;
    if (each.match === "") return index;
    if (request.host === "" && each.match.includes("Host")) continue;
    if (naive(parseRule(each.match), request)) return index;
  }
  return -1;
}

const HOSTS = ["a.com", "b.com", "x.a.com", "y.x.a.com", "z.y.x.a.com", "b.x.a.com", "com"];
const PATHS = ["/", "/a", "/ab", "/a/b", "/a/b/c", "/b", "/abc/d", "/a%20b", "/c", "/d", "/e", "/f"];
const call = (name: string, ...values: string[]): string =>
  `${name}(${values.map((each) => `\`${each}\``).join(", ")})`;
const from = (name: string, values: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...values).map((value) => call(name, value));
const matcher = fc.oneof(
  { weight: 6, arbitrary: from("Host", HOSTS) },
  { weight: 3, arbitrary: from("Host", ["*.a.com", "*.x.a.com", "**.a.com", "**.com", "**.x.a.com", "*"]) },
  {
    weight: 2,
    arbitrary: from("HostRegexp", ["^(a|b)\\.com$", "^x\\.", "^.+\\.a\\.com$", "^[a-b]\\.com$", "^$"]),
  },
  { weight: 3, arbitrary: from("Path", PATHS) },
  { weight: 6, arbitrary: from("PathPrefix", PATHS) },
  {
    weight: 2,
    arbitrary: from("PathRegexp", ["^/(a|b)$", "^/a", "^/a/[a-z]", "b", "^/a b$", "^/ab.+", "(?i)^/A"]),
  },
  from("Method", ["GET", "POST"]),
  fc.constantFrom(call("Header", "X-A", "1"), call("HeaderRegexp", "x-a", "^[0-9]$")),
  fc.constantFrom(call("Query", "q"), call("Query", "q", "1"), call("QueryRegexp", "q", "[0-9]")),
  from("ClientIP", ["10.0.0.0/8", "10.0.0.1"]),
);
const rule = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 3, arbitrary: matcher },
    {
      weight: 2,
      arbitrary: fc.array(tie("rule"), { minLength: 2, maxLength: 3 }).map((all) => `(${all.join(" && ")})`),
    },
    {
      weight: 2,
      arbitrary: fc.array(tie("rule"), { minLength: 2, maxLength: 3 }).map((all) => `(${all.join(" || ")})`),
    },
    { weight: 1, arbitrary: tie("rule").map((each) => `!${each}`) },
  ),
})).rule;
const routes = fc.array(
  fc.record({
    match: fc.oneof({ weight: 15, arbitrary: rule }, { weight: 1, arbitrary: fc.constant("") }),
    priority: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -3, max: 60 }) },
    ),
    listeners: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constant(["web"]) },
    ),
  }),
  { maxLength: 25 },
);
const request = fc
  .record({
    host: fc.constantFrom(...HOSTS, "", ".a.com", "c.net"),
    path: fc.constantFrom(...PATHS, "/a/", "/abx", "/a/b/cd", "/x", "*"),
    method: fc.constantFrom("GET", "POST", "get"),
    listener: fc.constantFrom("web", "secure"),
    clientAddress: fc.constantFrom("10.0.0.1", "10.2.0.1", "192.0.2.1", ""),
    headers: fc.constantFrom(
      [],
      [["x-a", "1"]] as const,
      [
        ["X-A", "x"],
        ["X-A", "2"],
      ] as const,
    ),
    query: fc.constantFrom("", "q", "q=1", "q=x&q=2", "p=1"),
  })
  .map((values) => new PlainRequest(values));

test("H-J22/router the first route found is the one that trying all in order finds", () => {
  let found = 0;
  fc.assert(
    fc.property(routes, fc.array(request, { minLength: 10, maxLength: 20 }), (list, requests) => {
      const router = compileRouter(list);
      for (const each of requests) {
        const expected = bruteForce(list, each);
        if (expected >= 0) found++;
        expect(router.find(each)).toBe(expected);
        expect(router.forHost(each.host).find(each)).toBe(expected);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(found).toBeGreaterThan(1_000);
});

test("H-J22/router many paths on one host are found as one by one", () => {
  const pathText = fc
    .array(fc.constantFrom("a", "b", "/"), { maxLength: 10 })
    .map((parts) => `/${parts.join("")}`.replace(/\/+/g, "/"));
  const list = fc.array(fc.tuple(fc.constantFrom("Path", "PathPrefix"), pathText), {
    minLength: 20,
    maxLength: 80,
  });
  fc.assert(
    fc.property(list, fc.array(pathText, { minLength: 30, maxLength: 30 }), (patterns, paths) => {
      const all = patterns.map(([name, path]) => route(`Host(\`h\`) && ${call(name, path)}`));
      const router = compileRouter(all);
      for (const path of [...paths, ...patterns.map(([, each]) => each)]) {
        const each = new PlainRequest({ host: "h", path });
        expect([path, router.find(each)]).toEqual([path, bruteForce(all, each)]);
      }
    }),
    { numRuns: 100 },
  );
});

/** Comparisons of one lookup, on average over `requests`. */
function comparisons(router: Router, requests: readonly PlainRequest[]): number {
  routerCounter.comparisons = 0;
  for (const each of requests) expect(router.find(each)).toBeGreaterThanOrEqual(0);
  return routerCounter.comparisons / requests.length;
}

const number = (index: number): string => `${index}`.padStart(5, "0");

test("10,000 literal hosts cost at most 1.3 times the comparisons of ten", () => {
  const hosts = (count: number): number => {
    const list = Array.from({ length: count }, (_, index) =>
      route(`Host(\`host-${number(index)}.example.com\`)`),
    );
    const requests = Array.from(
      { length: 1_000 },
      (_, index) =>
        new PlainRequest({ host: `host-${number((index * 7) % count)}.example.com`, path: "/some/page" }),
    );
    return comparisons(compileRouter(list), requests);
  };
  const ten = hosts(10);
  expect(ten).toBeGreaterThan(1);
  expect(hosts(10_000)).toBeLessThanOrEqual(1.3 * ten);
});

test("10,000 prefixes on one host cost at most 1.3 times the comparisons of ten", () => {
  const prefixes = (count: number): number => {
    const list = Array.from({ length: count }, (_, index) =>
      route(`Host(\`example.com\`) && PathPrefix(\`/service-${number(index)}/\`)`),
    );
    const requests = Array.from(
      { length: 1_000 },
      (_, index) =>
        new PlainRequest({ host: "example.com", path: `/service-${number((index * 7) % count)}/items/7` }),
    );
    return comparisons(compileRouter(list), requests);
  };
  const ten = prefixes(10);
  expect(ten).toBeGreaterThan(2);
  expect(prefixes(10_000)).toBeLessThanOrEqual(1.3 * ten);
});

test("prefixes of many lengths cost one comparison for each length, not for each prefix", () => {
  const list = Array.from({ length: 10_000 }, (_, index) =>
    route(`Host(\`a\`) && PathPrefix(\`/s${index}\`)`),
  );
  const requests = Array.from(
    { length: 1_000 },
    (_, index) => new PlainRequest({ host: "a", path: `/s${index * 7}/x` }),
  );
  expect(comparisons(compileRouter(list), requests)).toBeLessThan(12);
});

test("paths that share a hash with a known prefix do not match it, nor hide a shorter one", () => {
  const hash = (text: string): number => {
    let value = 0x811c9dc5 | 0;
    for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
    return value;
  };
  // FNV-1a of texts of one length: search pairs that collide among random texts (birthday bound: 2^16 each way).
  const seen = new Map<number, string>();
  let pair: [string, string] | null = null;
  for (let index = 0; pair === null && index < 1_000_000; index++) {
    const text = `/a/${Math.imul(index, 0x9e3779b1) >>> 0}`.padEnd(13, "x");
    const other = seen.get(hash(text));
    if (other !== undefined && other !== text) pair = [other, text];
    seen.set(hash(text), text);
  }
  const [known, forged] = pair!;
  const filler = Array.from({ length: 10 }, (_, index) => route(`PathPrefix(\`/filler-${index}\`)`));
  const one = compileRouter([...filler, route("PathPrefix(`/a/`)"), route(`PathPrefix(\`${known}\`)`)]);
  expect(find(one, { path: known })).toBe(11);
  expect(find(one, { path: forged })).toBe(10);
  const both = compileRouter([
    ...filler,
    route(`PathPrefix(\`${known}\`)`),
    route(`PathPrefix(\`${forged}\`)`),
  ]);
  expect(find(both, { path: known })).toBe(10);
  expect(find(both, { path: `${forged}/more` })).toBe(11);
});

test("a router is built in slices beside other work", () => {
  const list = Array.from({ length: 2_000 }, (_, index) =>
    route(`Host(\`h${index % 50}\`) && PathPrefix(\`/p${index}\`)`),
  );
  // The clock advances by one per reading, so a budget of ten allows about ten pieces of work: one rule that is
  // compiled, or a few of what is short.
  let time = 0;
  const builder = new RouterBuilder(list);
  let steps = 0;
  let router: Router | null = null;
  while (router === null && steps < 10_000) {
    router = builder.step(10, () => time++);
    steps++;
  }
  expect(steps).toBeGreaterThan(200);
  expect(find(router!, { host: "h7", path: "/p1007/x" })).toBe(1_007);
});

test("a rule that names very many hosts and paths is indexed within limits", () => {
  const anyOf = (name: string, values: string[]): string =>
    `(${values.map((each) => call(name, each)).join(" || ")})`;
  const names = Array.from({ length: 100 }, (_, index) => `h${index}`);
  const prefixes = Array.from({ length: 100 }, (_, index) => `/p${index}`);
  const router = compileRouter([route(`${anyOf("Host", names)} && ${anyOf("PathPrefix", prefixes)}`)]);
  expect(find(router, { host: "h99", path: "/p99" })).toBe(0);
  expect(find(router, { host: "h99", path: "/q" })).toBe(-1);
  expect(find(router, { host: "x", path: "/p99" })).toBe(-1);
});

test("a router that follows another one answers as one that is made alone", () => {
  const list = [
    route("Host(`a`) && PathPrefix(`/x`)"),
    route("Host(`b`)"),
    route("Host(`**.c`) && PathRegexp(`^/[0-9]+z`)"),
    route("Path(`/any`)"),
  ];
  const first = compileRouter(list);
  expect(after(first, [...list])).toBe(first);
  expect(
    after(
      first,
      list.map((each) => ({ ...each })),
    ),
  ).toBe(first);
  const changed = [
    [...list.slice(1), route("Host(`a`)", 5)],
    [route("Host(`d`)"), ...list],
    list.map((each) => ({ ...each, priority: 100 })),
    list.map((each, index) => (index === 1 ? { ...each, listeners: ["other"] } : each)),
    [],
  ];
  for (const next of changed) {
    const [followed, alone] = [after(first, next), compileRouter(next)];
    expect(followed).not.toBe(first);
    expect(followed.regexCount).toBe(alone.regexCount);
    for (const host of ["a", "b", "d", "x.c", ""])
      for (const path of ["/x/y", "/12z", "/any", "/"])
        expect(find(followed, { host, path })).toBe(find(alone, { host, path }));
  }
});

function after(before: Router, list: readonly RouteRule[]): Router {
  const router = new RouterBuilder(list, before).step(Number.POSITIVE_INFINITY, () => 0);
  if (router === null) throw new Error("not made at once");
  return router;
}
