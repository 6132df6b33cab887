/** What every middleware must keep: each entry of both lists is run through all of this. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.ts";
import { problemText } from "../../src/config/problem.ts";
import { testParts } from "../../src/config/test_parts.ts";
import { STEP_STAGES, type StepResult } from "../../src/net/exchange.ts";
import { createStep, middlewareByName, middlewares } from "../../src/planes/http/middleware/all.ts";
import { middlewareParts } from "../../src/planes/http/middleware/all_parts.ts";
import { PLACEHOLDERS } from "../../src/planes/http/middleware/headers/template.ts";
import {
  responseHead,
  runStep,
  testContext,
  testStep,
  type TestRequest,
  type TestRun,
} from "../../src/planes/http/middleware/test_exchange.ts";
import { MemoryFiles } from "../../src/platform/files.ts";

const ROOT = join(import.meta.dir, "../..");
const DOCS = readFileSync(join(ROOT, "docs/middlewares.md"), "utf8");
const MAIN = "/etc/fairlead/fairlead.yaml";

interface Case {
  /** The least that a user must write. */
  readonly least: object;
  /** Options that are refused, and the one sentence that says so, behind the place. */
  readonly bad: readonly (readonly [options: object, message: string])[];
  /** A request that the step changes or answers, with `options`. */
  readonly options: object;
  readonly request: TestRequest;
  readonly works: (run: TestRun) => void;
}

const SHA1 = "anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

const CASES: Readonly<Record<string, Case>> = {
  ip_allow_list: {
    least: { source_range: ["10.0.0.0/8"] },
    bad: [
      [{}, "source_range: is missing; expected a list"],
      [{ source_range: [] }, "source_range: expected at least 1 entry"],
      [
        { source_range: ["10.0.0.0/33"] },
        'source_range[0]: "10.0.0.0/33" is not a network; expected an address or a network such as 10.0.0.0/8 or fd00::/8',
      ],
      [
        { source_range: ["10.0.0.1"], ip_strategy: { depth: 1, excluded_ips: ["10.0.0.1"] } },
        "ip_strategy.excluded_ips: is not used beside `depth`; expected one of them",
      ],
      [
        { source_range: ["10.0.0.1"], ip_strategy: { ipv6_subnet: 129 } },
        "ip_strategy.ipv6_subnet: expected at most 128",
      ],
      [
        { source_range: ["10.0.0.1"], reject_status_code: 42 },
        "reject_status_code: expected a status from 200 to 599",
      ],
    ],
    options: { source_range: ["10.0.0.0/8"] },
    request: {},
    works: (run) => expect(run.status).toBe(403),
  },
  redirect_scheme: {
    least: {},
    bad: [
      [{ scheme: "ftp" }, 'scheme: expected one of https, http, got "ftp"'],
      [{ port: 0 }, "port: expected a port from 1 to 65535"],
    ],
    options: {},
    request: { target: "/x" },
    works: (run) => expect(run.answerField("Location")).toBe("https://a.example/x"),
  },
  redirect_regex: {
    least: { regex: "^http://a/(.*)", replacement: "https://b/$1" },
    bad: [
      [{ regex: "(", replacement: "https://b/" }, "regex: malformed regex ("],
      [
        { regex: "^http://a/(.*)", replacement: "https://b/$2" },
        "replacement: the group `2`; expected a group of the regex, which has the group 1",
      ],
      [
        { regex: "^http://a/(.*)", replacement: "b/$1" },
        "replacement: `b/$1` is no location; expected a URL such as https://new.example/${1}, or a path",
      ],
      [
        { regex: "a", replacement: "https://b/%zz" },
        "replacement: a lone `%` in `https://b/%zz`; expected % and two hex digits (%25 for the character)",
      ],
      [{ regex: "a" }, "replacement: is missing; expected text"],
    ],
    options: { regex: "^http://a\\.example/(.*)", replacement: "https://b.example/$1", permanent: true },
    request: { target: "/x" },
    works: (run) => expect([run.status, run.answerField("Location")]).toEqual([301, "https://b.example/x"]),
  },
  in_flight_req: {
    least: { amount: 10 },
    bad: [
      [{}, "amount: is missing; expected a whole number above 0"],
      [{ amount: 0 }, "amount: expected a whole number above 0"],
      [
        { amount: 1, source_criterion: {} },
        "source_criterion: expected exactly one of ip_strategy, request_header_name and request_host: true, got 0",
      ],
      [
        { amount: 1, source_criterion: { request_host: true, request_header_name: "x" } },
        "source_criterion: expected exactly one of ip_strategy, request_header_name and request_host: true, got 2",
      ],
    ],
    options: { amount: 1 },
    request: {},
    works: (run) => {
      expect(run.result).toBe(0);
      expect(run.exchange.slots[0]).toBeNumber();
    },
  },
  basic_auth: {
    least: { users: [SHA1] },
    bad: [
      [{}, "expected users or users_file: without users nobody passes"],
      [
        { users: ["anna:hunter2"] },
        "users[0]: a password that is in clear or hashed in an unknown way; expected name:hash",
      ],
      [{ users: [SHA1, SHA1] }, "users[1]: a name that has come before; expected each user once"],
      [{ users: [SHA1], users_file: "none" }, "users_file: cannot read /etc/fairlead/none"],
      [
        { users_file: "users_bad" },
        "users_file: /etc/fairlead/users_bad:2: a password that is in clear or hashed in an unknown way; expected name:hash",
      ],
      [
        { users_file: "users_none" },
        "users_file: /etc/fairlead/users_none names no user; expected lines of name:hash",
      ],
      [{ users: [SHA1], realm: "\n" }, "realm: expected 1 to 256 visible ASCII characters"],
    ],
    options: { users: [SHA1] },
    request: {},
    works: (run) => {
      expect(run.status).toBe(401);
      expect(run.answerField("WWW-Authenticate")).toStartWith("Basic realm=");
    },
  },
  buffering: {
    least: {},
    bad: [
      [
        { max_request_body_bytes: "1 MB" },
        'max_request_body_bytes: "1 MB" is not a size; expected a size such as 64KiB, 10MB or 512 (bytes)',
      ],
    ],
    options: { max_request_body_bytes: "1KiB" },
    request: { method: "POST", fields: ["Host: a", "Content-Length: 1025"] },
    works: (run) => expect(run.status).toBe(413),
  },
  headers: {
    least: {},
    bad: [
      [
        { request: { set: { "X Y": "a" } } },
        'request.set."X Y": "X Y" is not a field name; expected a field name such as X-Request-ID',
      ],
      [
        { response: { set: { A: "a\r\nB: b" } } },
        "response.set.A: a field value holds no line break, no control character and nothing beyond latin1",
      ],
      [
        { response: { add: { A: "{hots}" } } },
        "response.add.A: unknown placeholder {hots}; expected one of {authority}",
      ],
      [
        { request: { set: { Host: "a" } } },
        "request.set.Host: is chosen by the pool; expected another field, or `host_header` in the pool",
      ],
      [
        { request: { remove: ["X-Forwarded-For"] } },
        "request.remove[0]: says where a request came from; expected another field, or `trusted_proxies` in the listener",
      ],
      [
        { response: { set: { "Transfer-Encoding": "gzip" } } },
        "response.set.Transfer-Encoding: belongs to the connection and not to the message; expected another field",
      ],
      [{ request: { set: { A: "1", a: "2" } } }, "request.set.a: is named twice; expected each field once"],
      [
        { security: { hsts: { max_age: "1.5d" } } },
        'security.hsts.max_age: "1.5d" is not a duration; expected a duration in whole seconds such as 365d or 1h',
      ],
    ],
    options: { request: { set: { "X-A": "a" } } },
    request: {},
    works: (run) => expect(run.sent).toEqual(["Host: a.example", "X-A: a"]),
  },
  add_prefix: {
    least: { prefix: "/api" },
    bad: [
      [{}, "prefix: is missing; expected a path such as /api"],
      [{ prefix: "api" }, "prefix: path `api` does not start with a slash; expected a path such as /api"],
      [{ prefix: "/" }, "prefix: `/` adds nothing; expected a path such as /api"],
      [{ prefix: "/a?b" }, "prefix: `?` in `/a?b`; expected a path without query and fragment"],
      [
        { prefix: "/a/../b" },
        "prefix: path `/a/../b` holds dot segments or repeated slashes; expected a path without them",
      ],
    ],
    options: { prefix: "/api" },
    request: { target: "/x" },
    works: (run) => expect(run.exchange.target).toBe("/api/x"),
  },
  strip_prefix: {
    least: { prefixes: ["/api"] },
    bad: [
      [{ prefixes: [] }, "prefixes: expected at least 1 entry"],
      [
        { prefixes: ["/a//b"] },
        "prefixes[0]: path `/a//b` can never be matched, as slashes are merged and dot segments resolved first; expected `/a/b`",
      ],
    ],
    options: { prefixes: ["/api"] },
    request: { target: "/api/x" },
    works: (run) => expect(run.exchange.target).toBe("/x"),
  },
  strip_prefix_regex: {
    least: { regex: ["^/[a-z]+"] },
    bad: [
      [{ regex: "^/a" }, 'regex: expected a list, got "^/a"'],
      [{ regex: ["(?=a)"] }, "regex[0]: malformed regex ("],
    ],
    options: { regex: ["^/[a-z]+"] },
    request: { target: "/api/x" },
    works: (run) => expect(run.exchange.target).toBe("/x"),
  },
  replace_path: {
    least: { path: "/" },
    bad: [[{ path: "/a#b" }, "path: `#` in `/a#b`; expected a path without query and fragment"]],
    options: { path: "/new" },
    request: { target: "/old?q" },
    works: (run) => expect(run.exchange.target).toBe("/new?q"),
  },
  replace_path_regex: {
    least: { regex: "^/a/(.*)", replacement: "/b/$1" },
    bad: [
      [
        { regex: "a", replacement: "/b?c" },
        "replacement: `?` in `/b?c`; expected a path without query and fragment",
      ],
      [
        { regex: "a", replacement: "$" },
        "replacement: a lone `$`; expected $1, ${1}, ${name}, or $$ for the character itself",
      ],
    ],
    options: { regex: "^/a/(.*)", replacement: "/b/$1" },
    request: { target: "/a/x" },
    works: (run) => expect(run.exchange.target).toBe("/b/x"),
  },
};

const caseOf = (name: string): Case => {
  const found = CASES[name];
  if (found === undefined) throw new Error(`add ${name} to CASES`);
  return found;
};

/** What the configuration says to a middleware with these options, without the place in the file. */
async function problemsOf(name: string, options: object): Promise<string[]> {
  const files = new MemoryFiles({
    "/etc/fairlead/users_bad": "# staff\nanna:hunter2\n",
    "/etc/fairlead/users_none": "\n",
    [MAIN]: `listeners: { web: { address: ":1" } }\nroutes: [{ respond: ready }]\nmiddlewares: ${JSON.stringify({ m: { [name]: options } })}\n`,
  });
  const { problems } = await loadConfig({
    file: MAIN,
    parts: { ...testParts, middlewares: middlewareParts },
    files,
    environment: {},
  });
  return problems.map((problem) => problemText(problem).replace(/^[^ ]+ middlewares\.m\.\w+(?:\.|: )?/, ""));
}

/** The modules that a module loads, as far as they are ours, and the names of packages. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  for (const { path } of transpiler.scanImports(readFileSync(file, "utf8"))) {
    if (path.startsWith(".")) loadedBy(join(dirname(file), path), seen);
    else seen.add(path);
  }
  return seen;
}

test("both lists have the same names, each once, and every name is found", () => {
  const names = middlewares.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(middlewareParts.map(({ name }) => name)).toEqual(names);
  expect(Object.keys(CASES).toSorted()).toEqual(names.toSorted());
  for (const name of names) {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(middlewareByName(name)?.name).toBe(name);
  }
  expect(middlewareByName("nothing")).toBeUndefined();
  expect(() => createStep("nothing", {}, testContext())).toThrow("no middleware nothing");
});

test("every placeholder of fields stands in the documentation", () => {
  expect(PLACEHOLDERS.filter((placeholder) => !DOCS.includes(`\`${placeholder}\``))).toEqual([]);
});

test("workers do not load the schema library, and configurations do not load steps", () => {
  const folder = join(ROOT, "src/planes/http/middleware");
  const worker = loadedBy(join(folder, "all.ts"));
  expect([...worker].filter((path) => path === "zod" || path.endsWith("schema.ts"))).toEqual([]);
  expect(worker.has("re2js")).toBe(true);
  const configuration = loadedBy(join(folder, "all_parts.ts"));
  expect([...configuration].filter((path) => path.endsWith("/step.ts"))).toEqual([]);
  expect(configuration.has("zod")).toBe(true);
});

describe.each(middlewareParts.map((part) => [part.name, part] as const))("%s", (name, part) => {
  const { least, bad, options, request, works } = caseOf(name);

  test("says what it is, and every option has a text and stands in the documentation", () => {
    expect(part.summary).toMatch(/^[A-Z].*\.$/);
    const section = new RegExp(`^### \`${name}\`\n(.*?)(?=^##|(?![^]))`, "ms").exec(DOCS)?.[1] ?? "";
    expect(section).not.toBe("");
    const visit = (schema: z.core.JSONSchema._JSONSchema): void => {
      if (typeof schema === "boolean") return;
      for (const [option, inner] of Object.entries(schema.properties ?? {})) {
        expect(typeof inner === "object" && inner.description?.endsWith(".")).toBe(true);
        expect(section).toContain(option);
        visit(inner);
      }
    };
    visit(z.toJSONSchema(part.schema, { io: "input" }));
  });

  test("the least that a user can write is complete, plain JSON, and survives the way to a worker", () => {
    const parsed = part.schema.parse(least);
    expect(JSON.parse(JSON.stringify(parsed))).toEqual(parsed as never);
    expect(part.schema.parse(parsed)).toEqual(parsed);
    expect(part.schema.safeParse({ ...least, surplus: 1 }).success).toBe(false);
  });

  test.each(bad.map(([wrong, message]) => [JSON.stringify(wrong), wrong, message] as const))(
    "%s is refused in one sentence",
    async (_text, wrong, message) => {
      const problems = await problemsOf(name, wrong);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toStartWith(message);
      expect(problems[0]).not.toContain("hunter2");
    },
  );

  test("is accepted by the configuration with the least", async () => {
    expect(await problemsOf(name, least)).toEqual([]);
  });

  test("its step has a known stage, answers at once, and ends without a trace", () => {
    const context = testContext();
    const step = testStep(part, least, context);
    expect(step.name).toBe(name);
    expect(STEP_STAGES).toContain(step.stage!);
    for (const target of ["/", "/a?b=c", "/%2F/x", "/api"]) {
      const run = runStep(step, { target });
      expect([0, 1, 2] as StepResult[]).toContain(run.result!);
      step.onResponse?.(run.exchange, responseHead(["Content-Type: text/plain"]));
      run.connection.onClose();
      expect(run.isDone).toBe(true);
    }
    expect(context.limits).toEqual([]);
  });

  test("its step does what it is for", () => {
    works(runStep(testStep(part, options), request));
  });
});
