import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { testParts } from "../config/test_parts.ts";
import { checkCommand } from "./check.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Writes files into a new folder and checks the first of them. */
async function check(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; error: string }> {
  const home = join(folder, String(++count));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  const written = { out: "", error: "" };
  const main = join(home, Object.keys(files)[0] ?? "none.yaml");
  const code = await checkCommand(
    ["-c", main, ...args],
    testParts,
    { out: (text) => void (written.out += text), error: (text) => void (written.error += text) },
    environment,
  );
  return { code, out: written.out.replaceAll(`${home}/`, ""), error: written.error };
}

const GOOD = `listeners: { web: { address: ":8080" } }
pools: { web: { backends: [{ url: "http://127.0.0.1:1" }] } }
routes: [{ pool: web }]
`;

test("a good configuration: exit code 0 and what it holds", async () => {
  expect(await check({ "f.yaml": GOOD })).toEqual({
    code: 0,
    out: "f.yaml: ok: 1 listener, 1 pool, 1 route\n",
    error: "",
  });
});

test.each([
  ["a typo in a key", "wrokers: 1", /^f\.yaml:1:1: wrokers: unknown key; .*did you mean "workers"\?$/m],
  ["a wrong type", "routes: {}", /^f\.yaml:1:9: routes: expected a list, got a map$/m],
  [
    "an unknown reference",
    `${GOOD}  - { pool: wbe }`.replace("[{ pool: web }]", "\n  - { pool: web }"),
    /^f\.yaml:5:13: routes\[1\]\.pool: there is no pool "wbe"; did you mean "web"\?$/m,
  ],
  ["a duplicate key", "workers: 1\nworkers: 2", /^f\.yaml:2:1: the key workers stands here a second time$/m],
  [
    "a duplicate name",
    "routes:\n  - { name: a, respond: ready }\n  - { name: a, respond: ready, priority: 1 }",
    /^f\.yaml:3:13: routes\[1\]\.name: a second route has the name "a" \(f\.yaml:2\)$/m,
  ],
  [
    "a cycle",
    "middlewares:\n  a: [b]\n  b: [a]",
    /^f\.yaml:2:3: middlewares\.a: the group contains itself: a → b → a$/m,
  ],
  [
    "a bad duration",
    "timeouts: { connect: 5 seconds }",
    /^f\.yaml:1:22: timeouts\.connect: "5 seconds" is not a duration; expected a duration such as 5s/m,
  ],
  [
    "a bad CIDR",
    'listeners: { web: { address: ":1", trusted_proxies: [10.0.0.0/33] } }',
    /^f\.yaml:1:54: listeners\.web\.trusted_proxies\[0\]: "10\.0\.0\.0\/33" is not a network; expected/m,
  ],
  [
    "a port clash",
    'listeners:\n  a: { address: ":80" }\n  b: { address: "127.0.0.1:80" }',
    /^f\.yaml:3:17: listeners\.b\.address: 127\.0\.0\.1:80 is already taken by listeners\.a \(f\.yaml:2\)$/m,
  ],
])(
  "H-J1 %s: file, line, column, path, a hint where one is near, and exit code 1",
  async (_, text, expected) => {
    const { code, out } = await check({ "f.yaml": text });
    expect(out).toMatch(expected);
    expect(out).toContain("f.yaml: 1 problem\n");
    expect(code).toBe(1);
  },
);

test("all problems of all files are told at once, in order", async () => {
  const { code, out } = await check({
    "f.yaml": `${GOOD}timeouts: { connect: x, drain: y }\n`,
    "conf.d/b.yaml": "wrokers: 1\n",
    "conf.d/a.yaml": "pools: [\n",
  });
  expect(code).toBe(1);
  expect(out.split("\n").map((line) => line.split(": ")[0])).toEqual([
    "conf.d/a.yaml:2:1",
    "conf.d/b.yaml:1:1",
    "f.yaml:4:22",
    "f.yaml:4:32",
    "f.yaml",
    "",
  ]);
});

test("a bad file of conf.d alone is a problem too", async () => {
  const { code, out } = await check({ "f.yaml": GOOD, "conf.d/a.yaml": "wrokers: 1" });
  expect(code).toBe(1);
  expect(out).toContain("conf.d/a.yaml:1:1: wrokers: unknown key");
});

test("a missing file is one sentence", async () => {
  const { code, out } = await check({});
  expect(code).toBe(1);
  expect(out).toBe("none.yaml: cannot be read: no such file\nnone.yaml: 1 problem\n");
});

test("--origin says who set what, without secrets", async () => {
  const { code, out } = await check(
    {
      "f.yaml": `${GOOD}middlewares: { a: { basic_auth: { users: ["admin:hunter2"] } } }\n`,
      "conf.d/a.yaml": "workers: 3\n",
    },
    ["--origin", "--set", "timeouts.drain=1s"],
    { FAIRLEAD_TIMEOUTS__CONNECT: "2s" },
  );
  expect(code).toBe(0);
  expect(out).toMatch(/^workers +3 +conf\.d\/a\.yaml:1$/m);
  expect(out).toMatch(/^listeners\.web\.address +":8080" +f\.yaml:1$/m);
  expect(out).toMatch(/^timeouts\.connect +"2s" +environment variable FAIRLEAD_TIMEOUTS__CONNECT$/m);
  expect(out).toMatch(/^timeouts\.drain +"1s" +--set timeouts\.drain$/m);
  expect(out).toMatch(/^timeouts\.first_byte +"30s" +default$/m);
  expect(out).toMatch(/^limits\.header_bytes +"32KiB" +default$/m);
  expect(out).toMatch(/^listeners\.web\.backlog +4096 +default$/m);
  expect(out).toMatch(/^middlewares\.a\.basic_auth\.users\[0\] +"REDACTED" +f\.yaml:4$/m);
  expect(out).not.toContain("hunter2");
});

test("H-J14/config a password in a backend's URL is refused and shown nowhere", async () => {
  const files = {
    "f.yaml": `listeners: { web: { address: ":8080" } }
pools: { web: { backends: [{ url: "http://admin:hunter2@127.0.0.1:1" }] } }
routes: [{ pool: web }]
`,
  };
  for (const options of [["--origin"], ["--origin", "--json"], []]) {
    const { code, out } = await check(files, options);
    expect(code).toBe(1);
    expect(out).toContain("holds no user and password");
    expect(out).not.toContain("hunter2");
  }
});

test.each([
  ["of another kind", `{ basic_auth: { users: "hunter2" } }`],
  ["of another kind, deeper", `{ basic_auth: { users: { hunter2: hunter2 } } }`],
  ["of another kind, higher", `{ basic_auth: hunter2 }`],
  ["under a key with a typo", `{ basic_auth: { userz: [hunter2] } }`],
  ["under a middleware with a typo", `{ basic_auht: { users: [hunter2] } }`],
])("H-J14/config a secret %s is shown nowhere", async (_, middleware) => {
  const files = { "f.yaml": `${GOOD}middlewares: { a: ${middleware} }\n` };
  for (const options of [["--origin"], ["--origin", "--json"], []]) {
    const { code, out } = await check(files, options);
    expect(code).toBe(1);
    expect(out).not.toContain("hunter2");
    expect(out).toMatch(/unknown key|expected a (?:list|map), got (?:text|a map)/);
    if (options.length === 1) expect(out).toMatch(/^middlewares\.a\.\S+ +"REDACTED" +f\.yaml:4$/m);
  }
});

test("H-J14/config a secret of a health check whose type has a typo is shown nowhere", async () => {
  const health = `{ type: htpp, path: /up, headers: { Authorization: hunter2 } }`;
  const files = {
    "f.yaml": GOOD.replace("backends:", `health_check: ${health}, backends:`),
  };
  const { out } = await check(files, ["--origin"]);
  expect(out).not.toContain("hunter2");
  expect(out).toMatch(/^pools\.web\.health_check\.path +"\/up" /m);
});

test("--json gives the same as data", async () => {
  const { code, out } = await check({ "f.yaml": "wrokers: 1\n" }, ["--json", "--origin"]);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    ok: false,
    problems: [
      {
        source: expect.stringMatching(/f\.yaml$/),
        line: 1,
        column: 1,
        path: "wrokers",
        suggestion: "workers",
      },
    ],
    warnings: [{ message: "there is no listener, so nothing is served" }],
    degraded_files: [],
    origins: expect.arrayContaining([
      { path: "wrokers", value: "REDACTED", source: expect.stringMatching(/f\.yaml:1$/) },
    ]),
  });
});

test("--schema prints a JSON Schema", async () => {
  const { code, out } = await check({}, ["--schema"]);
  expect(code).toBe(0);
  const schema = JSON.parse(out) as { $schema: string; properties: Record<string, unknown> };
  expect(schema.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
  expect(Object.keys(schema.properties)).toContain("pools");
});

test("--help has examples and the exit codes; wrong arguments are one sentence and 2", async () => {
  const help = await check({}, ["--help"]);
  expect(help.code).toBe(0);
  expect(help.out).toContain("examples:");
  expect(help.out).toContain("exit code: 0");
  const wrong = await check({}, ["--orign"]);
  expect(wrong.code).toBe(2);
  expect(wrong.error).toContain("--orign");
  const malformed = await check({}, ["--set", "a"]);
  expect(malformed.code).toBe(2);
  expect(malformed.error).toContain("--set a: expected PATH=VALUE");
});
