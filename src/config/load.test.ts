import { expect, test } from "bun:test";
import { z } from "zod";
import { inputFile } from "../core/schema/file_name.ts";
import { MemoryFiles } from "../platform/files.ts";
import { ConfigCache, MAX_FILES } from "./config_files.ts";
import { loadConfig, type LoadResult } from "./load.ts";
import type { ConfigParts } from "./parts.ts";
import { problemText } from "./problem.ts";
import { redactPlan } from "./redact.ts";
import { testParts } from "./test_parts.ts";

const MAIN = "/etc/fairlead/fairlead.yaml";
const extra = (name: string): string => `/etc/fairlead/conf.d/${name}`;
const GOOD = `listeners: { web: { address: ":8080" } }
pools: { web: { backends: [{ url: "http://127.0.0.1:1" }] } }
routes: [{ pool: web }]
`;
const route = (name: string): string =>
  `routes: [{ name: ${name}, match: "Path(\`/${name}\`)", pool: web }]\n`;

const routeNames = (result: LoadResult): string[] | undefined => result.plan?.routes.map(({ name }) => name);
const texts = (result: LoadResult): string[] => result.problems.map(problemText);

function loader(files: MemoryFiles, cache = new ConfigCache()): () => Promise<LoadResult> {
  return () => loadConfig({ file: MAIN, parts: testParts, files, cache, cores: 1 });
}

test("H-J2/config one bad file among 40: 39 are applied and one is reported", async () => {
  const files = new MemoryFiles({ [MAIN]: GOOD });
  for (let index = 0; index < 40; index++) files.write(extra(`${index}.yaml`), route(`r${index}`));
  files.write(extra("17.yaml"), "routes: [{ nam: r17, pool: web }]\n");
  const result = await loader(files)();
  expect(routeNames(result)?.toSorted()).toEqual(
    ["default", ...Array.from({ length: 40 }, (_, index) => `r${index}`)]
      .filter((name) => name !== "r17")
      .toSorted(),
  );
  expect(result.degradedFiles).toEqual([extra("17.yaml")]);
  expect(texts(result)).toEqual([
    `${extra("17.yaml")}:1:12: routes[0].nam: unknown key; expected one of name, match, priority, listeners, pool, respond, middlewares, upgrades, encoded_characters; did you mean "name"?`,
  ]);
});

test("a file of conf.d that turns bad keeps its last good content while the others change", async () => {
  const files = new MemoryFiles({
    [MAIN]: GOOD,
    [extra("a.yaml")]: route("a1"),
    [extra("b.yaml")]: route("b1"),
  });
  const load = loader(files);
  expect(routeNames(await load())).toEqual(["default", "a1", "b1"]);
  files.write(extra("a.yaml"), "routes: [");
  files.write(extra("b.yaml"), route("b2"));
  const degraded = await load();
  expect(routeNames(degraded)).toEqual(["default", "a1", "b2"]);
  expect(degraded.degradedFiles).toEqual([extra("a.yaml")]);
  files.write(extra("a.yaml"), route("a2"));
  const repaired = await load();
  expect(routeNames(repaired)).toEqual(["default", "a2", "b2"]);
  expect(repaired).toMatchObject({ problems: [], degradedFiles: [] });
  files.remove(extra("a.yaml"));
  expect(routeNames(await load())).toEqual(["default", "b2"]);
  files.write(extra("a.yaml"), "routes: [");
  expect(routeNames(await load())).toEqual(["default", "b2"]);
});

test("what cannot be read counts as bad", async () => {
  const files = new MemoryFiles({ [MAIN]: GOOD, [extra("a.yaml")]: route("a1") });
  const load = loader(files);
  await load();
  files.refuse(extra("a.yaml"), "permission denied");
  const result = await load();
  expect(routeNames(result)).toEqual(["default", "a1"]);
  expect(texts(result)).toEqual([`${extra("a.yaml")}: cannot be read: permission denied`]);
  expect(result.fileHashes[extra("a.yaml")]).toBe("");
  files.write(extra("a.yaml"), new Uint8Array([0x61, 0xff]));
  expect(texts(await load())).toEqual([`${extra("a.yaml")}: is not UTF-8 text`]);
});

test("a conf.d that cannot be listed keeps the last good content of its files, and says so", async () => {
  const files = new MemoryFiles({
    [MAIN]: GOOD,
    [extra("a.yaml")]: route("a1"),
    [extra("b.yaml")]: route("b1"),
  });
  const load = loader(files);
  const before = await load();
  files.refuse("/etc/fairlead/conf.d", "permission denied");
  const degraded = await load();
  expect(degraded.plan).toEqual(before.plan!);
  expect(texts(degraded)).toEqual(["/etc/fairlead/conf.d: cannot be listed: permission denied"]);
  expect(degraded.degradedFiles).toEqual(["/etc/fairlead/conf.d", extra("a.yaml"), extra("b.yaml")]);
  // The main file goes on to count.
  files.write(MAIN, `${GOOD}workers: 7\n`);
  expect((await load()).plan).toEqual({ ...before.plan!, workers: 7 });
  files.write(extra("a.yaml"), route("a2"));
  files.allow("/etc/fairlead/conf.d");
  const repaired = await load();
  expect(routeNames(repaired)).toEqual(["default", "a2", "b1"]);
  expect(repaired).toMatchObject({ problems: [], degradedFiles: [] });
});

test("more files in conf.d than may be there are refused, not left out", async () => {
  const files = new MemoryFiles({ [MAIN]: GOOD });
  for (let index = 0; index < MAX_FILES; index++) files.write(extra(`${index}.yaml`), "");
  const load = loader(files);
  expect(await load()).toMatchObject({ problems: [], plan: {} });
  files.write(extra("zz.yaml"), route("late"));
  const result = await load();
  expect(result.plan).toBeNull();
  expect(texts(result)).toEqual([
    "/etc/fairlead/conf.d: holds more than 10000 files, which are expected at most",
  ]);
});

test.each([
  ["a bad main file", MAIN, "wrokers: 1\n", `${MAIN}:1:1: wrokers: unknown key`],
  ["a main file that cannot be parsed", MAIN, "a: [", `${MAIN}:1:5: flow sequence`],
  [
    "a conflict between files",
    extra("a.yaml"),
    `pools: { web: { backends: [{ url: "http://127.0.0.1:1" }] } }`,
    "a second backend",
  ],
])("H-J3/config %s gives no plan, and the next good state does", async (_, path, text, problem) => {
  const files = new MemoryFiles({ [MAIN]: GOOD });
  const load = loader(files);
  expect((await load()).plan).not.toBeNull();
  files.write(path, text);
  const bad = await load();
  expect(bad.plan).toBeNull();
  expect(bad.degradedFiles).toEqual([]);
  expect(texts(bad).join("\n")).toContain(problem);
  files.write(path, path === MAIN ? GOOD : route("a"));
  expect((await load()).plan).not.toBeNull();
});

test("a last good content that no longer fits the rest is a conflict, not a reason to drop it", async () => {
  const files = new MemoryFiles({
    [MAIN]: GOOD,
    [extra("a.yaml")]: `pools: { a: { backends: [{ url: "http://127.0.0.1:2" }] } }`,
    [extra("b.yaml")]: `routes: [{ match: "Path(\`/b\`)", pool: a }]`,
  });
  const load = loader(files);
  expect((await load()).plan).not.toBeNull();
  files.remove(extra("a.yaml"));
  files.write(extra("b.yaml"), "routes: [");
  const result = await load();
  expect(result.plan).toBeNull();
  expect(texts(result)).toEqual([
    `${extra("b.yaml")}:1:10: flow sequence in block collection must be sufficiently indented and end with a ]`,
    `${extra("b.yaml")}:1:39: routes[0].pool: there is no pool "a"`,
  ]);
});

test("unchanged files are not parsed again", async () => {
  const files = new MemoryFiles({
    [MAIN]: GOOD,
    [extra("a.yaml")]: route("a"),
    [extra("b.yaml")]: route("b"),
  });
  const cache = new ConfigCache();
  const load = loader(files, cache);
  const first = await load();
  expect(cache.parses).toBe(3);
  expect((await load()).plan).toEqual(first.plan!);
  expect(cache.parses).toBe(3);
  files.write(extra("b.yaml"), route("c"));
  expect(routeNames(await load())).toEqual(["default", "a", "c"]);
  expect(cache.parses).toBe(4);
});

test("loading does not change what the cache holds", async () => {
  const files = new MemoryFiles({ [MAIN]: GOOD, [extra("a.yaml")]: "timeouts: { drain: 1s }" });
  const cache = new ConfigCache();
  const load = (text: string): Promise<LoadResult> =>
    loadConfig({
      file: MAIN,
      parts: testParts,
      files,
      cache,
      environment: { FAIRLEAD_POOLS__WEB__BACKENDS__0__WEIGHT: text, FAIRLEAD_TIMEOUTS__DRAIN: "2s" },
    });
  expect((await load("5")).plan?.pools[0]?.backends[0]?.weight).toBe(5);
  const plain = await loader(files, cache)();
  expect(plain.plan?.pools[0]?.backends[0]?.weight).toBe(1);
  expect(plain.plan?.timeouts.drain).toBe(1_000);
});

test("the hash of every file that was read is told: configuration, certificates and secrets", async () => {
  const files = new MemoryFiles({
    [MAIN]: `${GOOD}middlewares: { a: { basic_auth: { users: ["file:secret"], users_file: users } } }\n`,
    [extra("a.yaml")]: "workers: 1",
    "/etc/fairlead/secret": "a:b",
    "/etc/fairlead/users": "c:d",
  });
  const { fileHashes, files: contents } = await loader(files)();
  expect(contents).toEqual({ "/etc/fairlead/users": "c:d" });
  expect(Object.keys(fileHashes).toSorted()).toEqual(
    [MAIN, extra("a.yaml"), "/etc/fairlead/secret", "/etc/fairlead/users"].toSorted(),
  );
  for (const hash of Object.values(fileHashes)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

test("a file that is missing is watched for, also when what names it is left out", async () => {
  const tls = `listeners: { s: { address: ":8443", tls: { certificates: [{ cert: c, key: c }] } } }`;
  const files = new MemoryFiles({ [MAIN]: GOOD, [extra("tls.yaml")]: tls });
  const load = loader(files);
  const without = await load();
  expect(without.plan?.listeners.map(({ name }) => name)).toEqual(["web"]);
  expect(without.fileHashes[extra("c")]).toBe("");
  files.write(extra("c"), "x");
  expect((await load()).plan?.listeners.map(({ name }) => name)).toEqual(["web", "s"]);
});

const SECRET = `${GOOD}middlewares:
  a: { basic_auth: { users: ["admin:hunter2", "\${SECRET}"] } }
pools:
  p:
    backends: [{ url: "http://127.0.0.1:2" }]
    health_check: { type: http, headers: { Authorization: hunter3 } }
redirect:
  service:
    oidc: { issuer: "https://id.example", audience: a, client_id: a, client_secret: hunter8, roles: { a: admin } }
`
  .replace(/^pools: .*\n/m, "")
  .replace("routes: [{ pool: web }]", "routes: [{ pool: p, middlewares: [a] }]");

test("H-J14/config secrets stand in the plan, and in no dump and no problem", async () => {
  const files = new MemoryFiles({ [MAIN]: SECRET });
  const result = await loadConfig({
    file: MAIN,
    parts: testParts,
    files,
    environment: { SECRET: "x:hunter4" },
  });
  const plan = JSON.stringify(result.plan);
  for (const secret of ["hunter2", "hunter3", "hunter4", "hunter8"]) expect(plan).toContain(secret);
  const dumps = JSON.stringify(redactPlan(result.plan!, testParts)) + JSON.stringify(result.origins.rows());
  expect(dumps).not.toMatch(/hunter|SECRET/);
  expect(dumps.match(/REDACTED/g)?.length).toBeGreaterThanOrEqual(8);

  files.write(
    MAIN,
    SECRET.replace('"admin:hunter2"', "{ hunter5: hunter6 }").replace("hunter3", "[hunter7]"),
  );
  const wrong = await loadConfig({ file: MAIN, parts: testParts, files, environment: {} });
  expect(wrong.plan).toBeNull();
  expect(texts(wrong).join("\n")).not.toContain("hunter");
});

test("what is wrong with certificates, keys and authorities stands at their file names, and names the file", async () => {
  const finding = (about: "certificate" | "key", severity: "error" | "warning", message: string) =>
    ({ about, severity, message }) as const;
  const tls = z.strictObject({ ca: inputFile(), cert: inputFile() });
  const parts: ConfigParts = {
    ...testParts,
    probes: [{ name: "tls", summary: "A handshake.", schema: z.strictObject({ tls }) }],
    certificates: {
      pair: (certificate, key) => [
        ...(certificate === "old" ? [finding("certificate", "warning", "expired")] : []),
        ...(key === "other" ? [finding("key", "error", "is another's")] : []),
      ],
      authorities: (text) => (text === "ca" ? [] : [finding("certificate", "error", "holds nobody")]),
    },
  };
  const files = new MemoryFiles({
    [MAIN]: `listeners:
  a:
    address: ":1"
    tls:
      certificates:
        - { cert: old, key: key }
        - { cert: new, key: other, client_ca: new }
        - { cert: new, key: missing }
      client_ca: ca
pools:
  p: { backends: [{ url: "https://a" }], tls: { cert: new, key: other, ca: key } }
  q:
    backends: [{ url: "https://a" }]
    tls: { cert: ca, key: key, ca: ca }
    health_check: { type: tls, tls: { cert: old, ca: new } }
routes: [{ pool: p }, { pool: q, match: "Host(\`q\`)" }]
`,
  });
  for (const name of ["old", "new", "key", "other", "ca"]) files.write(`/etc/fairlead/${name}`, name);
  const result = await loadConfig({ file: MAIN, parts, files });
  expect(texts(result)).toEqual([
    `${MAIN}:7:29: listeners.a.tls.certificates[1].key: /etc/fairlead/other is another's`,
    `${MAIN}:7:47: listeners.a.tls.certificates[1].client_ca: /etc/fairlead/new holds nobody`,
    `${MAIN}:8:19: listeners.a.tls.certificates[2].cert: /etc/fairlead/new holds nobody`,
    `${MAIN}:8:29: listeners.a.tls.certificates[2].key: cannot read /etc/fairlead/missing: no such file`,
    `${MAIN}:11:65: pools.p.tls.key: /etc/fairlead/other is another's`,
    `${MAIN}:11:76: pools.p.tls.ca: /etc/fairlead/key holds nobody`,
    `${MAIN}:15:54: pools.q.health_check.tls.ca: /etc/fairlead/new holds nobody`,
  ]);
  expect(result.warnings.map(problemText)).toEqual([
    `${MAIN}:6:19: listeners.a.tls.certificates[0].cert: /etc/fairlead/old expired`,
    `${MAIN}:15:45: pools.q.health_check.tls.cert: /etc/fairlead/old expired`,
  ]);
});

test("what the program says about all rules together is a warning", async () => {
  const parts = { ...testParts, rulesWarning: (rules: readonly string[]) => `${rules.length} rules` };
  const files = new MemoryFiles({ [MAIN]: GOOD, [extra("a.yaml")]: route("a") });
  const { warnings } = await loadConfig({ file: MAIN, parts, files });
  expect(warnings.map(problemText)).toEqual([`${MAIN}:3:1: routes: 1 rules`]);
});

test("runtime_dir follows --state-dir, and only that", async () => {
  const files = new MemoryFiles({ [MAIN]: GOOD, "/other.yaml": `${GOOD}state_dir: /srv/state\n` });
  const flags = [{ flag: "--state-dir", path: "state_dir", text: "/tmp/state" }];
  const load = (file: string, withFlags: typeof flags) =>
    loadConfig({ file, parts: testParts, files, flags: withFlags });
  expect((await load(MAIN, flags)).plan).toMatchObject({
    state_dir: "/tmp/state",
    runtime_dir: "/tmp/state/run",
  });
  expect((await load("/other.yaml", [])).plan).toMatchObject({
    state_dir: "/srv/state",
    runtime_dir: "/run/fairlead",
  });
  const both = [...flags, { flag: "--runtime-dir", path: "runtime_dir", text: "/tmp/r" }];
  expect((await load(MAIN, both)).plan).toMatchObject({ state_dir: "/tmp/state", runtime_dir: "/tmp/r" });
});

test("runtime_dir is known as long as it can be made out, also without a plan", async () => {
  const known = async (text: string, flags: readonly { flag: string; path: string; text: string }[] = []) => {
    const files = new MemoryFiles({ [MAIN]: text });
    return (await loadConfig({ file: MAIN, parts: testParts, files, flags })).runtimeDir;
  };
  expect(await known("runtime_dir: ../run\nwrokers: 1\n")).toBe("/etc/run");
  expect(await known("wrokers: 1\n")).toBe("/run/fairlead");
  expect(await known("wrokers: 1\n", [{ flag: "--state-dir", path: "state_dir", text: "/s" }])).toBe(
    "/s/run",
  );
  expect(await known("runtime_dir: [a]\n")).toBeNull();
  expect(await known("routes: [\n")).toBeNull();
});

test("a runtime_dir that is too long for a socket in it is told at the setting that makes it so", async () => {
  const load = (text: string, flags: readonly { flag: string; path: string; text: string }[] = []) =>
    loadConfig({ file: MAIN, parts: testParts, files: new MemoryFiles({ [MAIN]: text }), flags });
  const longest = `/${"d".repeat(93)}`;
  expect((await load(`${GOOD}runtime_dir: ${longest}\n`)).plan?.runtime_dir).toBe(longest);
  const words = "is too long for the path of a unix socket in it; expected at most 94 bytes";
  expect(texts(await load(`${GOOD}runtime_dir: ${longest}d\n`))).toEqual([
    `${MAIN}:4:14: runtime_dir: ${longest}d ${words}`,
  ]);
  const flag = { flag: "--state-dir", path: "state_dir", text: longest };
  expect(texts(await load(GOOD, [flag]))).toEqual([`--state-dir: state_dir: ${longest}/run ${words}`]);
});

test("10,000 routes: the fast reader is used, a wrong one is found, and the plan is plain JSON", async () => {
  const lines = Array.from(
    { length: 10_000 },
    (_, index) =>
      `  - { match: "Host(\`h${index}.example\`)", pool: web, middlewares: [{ headers: { set: { A: b } } }] }`,
  );
  const big = (last: string): string =>
    `${GOOD.replace(/routes.*\n/, "")}routes:\n${lines.join("\n")}\n${last}`;
  const files = new MemoryFiles({ [MAIN]: big("") });
  const good = await loader(files)();
  expect(good.problems).toEqual([]);
  expect(good.plan?.routes.length).toBe(10_000);
  expect(JSON.parse(JSON.stringify(good.plan))).toEqual(good.plan);
  files.write(MAIN, big("  - { pool: web, mach: x }\n"));
  expect(texts(await loader(files)())[0]).toStartWith(`${MAIN}:10004:18: routes[10000].mach: unknown key`);
}, 60_000);
