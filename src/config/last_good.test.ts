import { expect, test } from "bun:test";
import { MemoryFiles } from "../platform/files.ts";
import { LastGoodLoader } from "./last_good.ts";
import type { LoadResult } from "./load.ts";
import { problemText } from "./problem.ts";
import { testParts } from "./test_parts.ts";

const MAIN = "/etc/fairlead/fairlead.yaml";
const COPY = "/var/lib/fairlead/last-good.json";
const extra = (name: string): string => `/etc/fairlead/conf.d/${name}`;
const main = (pool: string): string => `listeners: { web: { address: ":8080" } }
pools: { ${pool}: { backends: [{ url: "http://127.0.0.1:1" }] } }
routes: [{ pool: ${pool} }]
`;
const route = (name: string): string =>
  `routes: [{ name: ${name}, match: "Path(\`/${name}\`)", respond: ready }]\n`;

const NOON = Date.parse("2030-01-02T12:00:00Z");
const start = (files: MemoryFiles, environment: Readonly<Record<string, string>> = {}): LastGoodLoader =>
  new LastGoodLoader({ file: MAIN, parts: testParts, files, environment, cores: 1 }, () => NOON);
/** Loads what is good, as a program that then runs with it. */
const run = async (files: MemoryFiles, environment: Readonly<Record<string, string>> = {}): Promise<void> => {
  const loader = start(files, environment);
  await loader.load();
  await loader.acts();
};
const poolNames = ({ plan }: LoadResult): string[] | undefined => plan?.pools.map(({ name }) => name);
const routeNames = ({ plan }: LoadResult): string[] | undefined => plan?.routes.map(({ name }) => name);
const notes = ({ warnings }: LoadResult): string[] =>
  warnings.filter(({ source }) => source.endsWith("last-good.json")).map(problemText);
const read = async (files: MemoryFiles, path: string): Promise<string> => {
  const content = await files.read(path, 1e6);
  return "bytes" in content ? new TextDecoder().decode(content.bytes) : content.problem;
};

test.each([
  ["no YAML", "pools: ["],
  ["an error", "wrokers: 1\n"],
  ["not there", null],
])(
  "a start with a main file that is bad (%s) uses the last good configuration and says so",
  async (_, text) => {
    const files = new MemoryFiles({ [MAIN]: main("one"), [extra("a.yaml")]: route("a") });
    await run(files);
    if (text === null) files.remove(MAIN);
    else files.write(MAIN, text);
    files.write(extra("a.yaml"), route("b"));
    const loader = start(files);
    const result = await loader.load();
    expect(poolNames(result)).toEqual(["one"]);
    expect(routeNames(result)).toEqual(["default", "a"]);
    expect(result.problems[0]?.source).toBe(MAIN);
    expect(notes(result)).toEqual([
      `${COPY}: the configuration is bad; the last good one, saved at 2030-01-02T12:00:00.000Z, is used`,
    ]);
    // The files as they are now, so that a repair is noticed.
    expect(Object.keys(result.fileHashes)).toContain(extra("a.yaml"));

    // A reload is no start: what acts stays, until the files are good.
    expect((await loader.load()).plan).toBeNull();
    files.write(MAIN, main("two"));
    const repaired = await loader.load();
    expect(poolNames(repaired)).toEqual(["two"]);
    expect(routeNames(repaired)).toEqual(["default", "b"]);
    expect([repaired.problems, notes(repaired)]).toEqual([[], []]);
  },
);

test("a start with a bad file of conf.d keeps that file's last good content, and the rest is as it is now", async () => {
  const files = new MemoryFiles({
    [MAIN]: main("one"),
    [extra("a.yaml")]: route("a"),
    [extra("b.yaml")]: route("b"),
    [extra("c.yaml")]: route("c"),
  });
  await run(files);
  files.write(MAIN, main("two"));
  files.write(extra("a.yaml"), "routes: [");
  files.write(extra("b.yaml"), route("b2"));
  files.remove(extra("c.yaml"));
  const result = await start(files).load();
  expect(poolNames(result)).toEqual(["two"]);
  expect(routeNames(result)).toEqual(["default", "a", "b2"]);
  expect(result.degradedFiles).toEqual([extra("a.yaml")]);
  expect(notes(result)).toEqual([
    `${COPY}: bad files keep the content that was saved at 2030-01-02T12:00:00.000Z`,
  ]);
});

test("only what is good as a whole is kept: not a configuration with a file left out", async () => {
  const files = new MemoryFiles({ [MAIN]: main("one"), [extra("a.yaml")]: route("a") });
  const loader = start(files);
  await loader.load();
  await loader.acts();
  const before = await read(files, COPY);
  files.write(MAIN, main("two"));
  files.write(extra("a.yaml"), "routes: [");
  expect(poolNames(await loader.load())).toEqual(["two"]);
  await loader.acts();
  expect(await read(files, COPY)).toBe(before);
  files.write(extra("a.yaml"), route("a"));
  await loader.load();
  await loader.acts();
  expect(await read(files, COPY)).not.toBe(before);
});

test("what is good and then refused is not kept, not even when the next load is bad", async () => {
  const files = new MemoryFiles({ [MAIN]: main("one") });
  const loader = start(files);
  await loader.load();
  await loader.acts();
  files.write(MAIN, main("refused"));
  expect(poolNames(await loader.load())).toEqual(["refused"]);
  files.write(MAIN, "pools: [");
  await loader.load();
  await loader.acts();
  expect(poolNames(await start(files).load())).toEqual(["one"]);
});

test("without a copy that can be used a bad configuration gives no plan", async () => {
  const files = new MemoryFiles({ [MAIN]: "wrokers: 1\n" });
  const refused = async (): Promise<void> => {
    const result = await start(files).load();
    expect(result.plan).toBeNull();
    expect(notes(result)).toEqual([]);
  };
  await refused();
  const good = (fields: object): string =>
    JSON.stringify({ version: 1, saved_at: "2030-01-01T00:00:00Z", main: MAIN, files: {}, ...fields });
  const mainOnly = { [MAIN]: btoa(main("one")) };
  for (const text of [
    "",
    "{",
    "null",
    good({ files: mainOnly, version: 2 }),
    good({ files: mainOnly, main: "/etc/other.yaml" }),
    good({ files: { [MAIN]: "%" } }),
    good({ files: { [MAIN]: btoa("wrokers: 1") } }),
    good({}),
  ]) {
    files.write(COPY, text);
    await refused();
  }
  files.write(COPY, good({ files: mainOnly }));
  expect(poolNames(await start(files).load())).toEqual(["one"]);
});

test.each([
  ["in the environment", "", { FAIRLEAD_STATE_DIR: "/srv/state" }],
  ["in the file", "state_dir: /srv/state\n", {}],
  ["in the file, relative and in quotes", `state_dir: "../../srv/state" # here\n`, {}],
])("the copy is found by state_dir %s, although the main file is no YAML", async (_, line, environment) => {
  const files = new MemoryFiles({ [MAIN]: main("one") + line });
  await run(files, environment);
  expect(await read(files, "/srv/state/last-good.json")).toContain(MAIN);
  files.write(MAIN, `${line}pools: [\n`);
  expect(poolNames(await start(files, environment).load())).toEqual(["one"]);
});

test("keys and secrets that settings name are not copied, and are read where they are", async () => {
  const secure = `listeners: { web: { address: ":1", tls: { certificates: [{ cert: c, key: k }] } } }
middlewares: { a: { basic_auth: { users: ["file:users"] } } }
routes: [{ respond: ready, middlewares: [a] }]
`;
  const files = new MemoryFiles({ [MAIN]: secure });
  for (const name of ["c", "k", "users"]) files.write(`/etc/fairlead/${name}`, `content of ${name}`);
  await run(files);
  const copy = JSON.parse(await read(files, COPY)) as { files: object };
  expect(Object.keys(copy.files)).toEqual([MAIN]);
  files.write(MAIN, "a");
  files.write("/etc/fairlead/k", "new key");
  const result = await start(files).load();
  expect(result.files["/etc/fairlead/k"]).toBe("new key");
  files.remove("/etc/fairlead/k");
  expect((await start(files).load()).plan).toBeNull();
});

test("a place where nothing can be written is told once, and the configuration acts", async () => {
  const files = new MemoryFiles({ [MAIN]: main("one") });
  files.refuse(COPY, "permission denied");
  const loader = start(files);
  expect(poolNames(await loader.load())).toEqual(["one"]);
  const told = await loader.acts();
  expect(told === null ? null : problemText(told)).toBe(
    `${COPY}: no copy can be kept there: permission denied`,
  );
  await loader.load();
  expect(await loader.acts()).toBeNull();
});

test("a start with a conf.d that cannot be listed uses the content that was kept", async () => {
  const files = new MemoryFiles({ [MAIN]: main("one"), [extra("a.yaml")]: route("a") });
  await run(files);
  files.write(MAIN, main("two"));
  files.refuse("/etc/fairlead/conf.d", "permission denied");
  const result = await start(files).load();
  expect(poolNames(result)).toEqual(["two"]);
  expect(routeNames(result)).toEqual(["default", "a"]);
  expect(result.degradedFiles).toEqual(["/etc/fairlead/conf.d", extra("a.yaml")]);
});
