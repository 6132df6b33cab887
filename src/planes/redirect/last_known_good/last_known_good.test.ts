import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import { requireRoot } from "../../../../test/support/require.ts";
import { NamedLists } from "../../../core/redirect/named_lists.ts";
import { modelOf, stackOf } from "../../../core/redirect/test_decider.ts";
import { anyModel, groupedByOperator, namedLists } from "../../../core/redirect/test_models.ts";
import { filesOf, folderOf, type KnownGood, wholeFiles } from "./content.ts";
import { readContent } from "./read_content.ts";
import { contentOf, folderAt, OPTIONS } from "./test_known_good.ts";

const GOLDEN = join(import.meta.dir, "../../../../test/golden/redirect");
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fairlead-known-good-"));
  path = join(directory, "state", "redirect");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const generations = (): string[] => readdirSync(path).toSorted();

/** Writes generations with these versions. */
async function written(...versions: number[]): Promise<void> {
  const folder = folderAt(path);
  for (const version of versions) expect(await folder.write(contentOf(version))).toBeNull();
}

test("what is written reads the same, and the status says since when it acts", async () => {
  const folder = folderAt(path);
  expect(await folder.read()).toEqual({ content: null, source: null, problems: [] });
  expect(await folder.write(contentOf(4))).toBeNull();
  const again = folderAt(path);
  const { content, source, problems } = await again.read();
  expect(content).toEqual(contentOf(4));
  expect(problems).toEqual([]);
  expect(source).toEqual({ kind: "generation", number: 1, saved_at_ms: 1_700_000_000_000 });
  const versions = {
    lists: 4,
    models: [
      { application: "a1", version: 4 },
      { application: "b/2", version: 4 },
    ],
  };
  for (const { status } of [folder, again])
    expect(status).toEqual({ path, source, age_ms: 0, versions, is_offline: false, problems: [] });
});

test("the files have the original's names, and nobody else may read them", async () => {
  const before = process.umask(0o077);
  try {
    expect(await folderAt(path, { static_applications: new Set(["a1"]) }).write(contentOf(1))).toBeNull();
  } finally {
    process.umask(before);
  }
  const generation = join(path, "generation-000000000001");
  const names = readdirSync(generation, { recursive: true }).map(String).toSorted();
  expect(names).toEqual([
    "a1",
    "a1/manualbackup.json",
    "a1/modelmetadata.json",
    "a1/selectserver.xml",
    "a1/urlrules.xml",
    "a1/whitelist.xml",
    "applications.json",
    "b%2F2",
    "b%2F2/modelmetadata.json",
    "b%2F2/selectserver.xml",
    "b%2F2/urlrules.xml",
    "b%2F2/whitelist.xml",
    "manifest.json",
    "namespacedlists-backup.json",
    "namespacedlists.json",
    "redirectorConfig.json",
    "stacks.json",
  ]);
  for (const name of [".", ...names]) {
    const stat = statSync(join(generation, name));
    expect([name, stat.mode & 0o777]).toEqual([name, stat.isDirectory() ? 0o750 : 0o640]);
  }
  expect(statSync(path).mode & 0o777).toBe(0o750);
  expect(JSON.parse(readFileSync(join(generation, "namespacedlists.json"), "utf8"))).toEqual({
    dataNodeVersion: 1,
    namespacedLists: { macs: ["900150983CD24FB0D6963F7D28E17F72"] },
  });
  expect(JSON.parse(readFileSync(join(generation, "a1/manualbackup.json"), "utf8"))).toEqual({
    version: 0,
    snapshotList: [
      {
        path: "/EU/z1/1.0/a1",
        hosts: [
          { id: "host:0", ipv4: "10.0.0.1", weight: "7" },
          { id: "host:1", ipv4: "10.0.0.2", weight: "0" },
          { id: "host:2", ipv6: "2001:db8::1", weight: "1" },
        ],
      },
    ],
  });
});

test("names of applications that no folder can have", () => {
  const names = ["a1", "a/b", "..", ".x", "generation-1", "stacks.json", "a b", "ä", "%2E", "manifest.json"];
  const folders = names.map((name) => folderOf(name));
  expect(new Set(folders).size).toBe(names.length);
  for (const [index, folder] of folders.entries()) {
    expect(folder).not.toMatch(/[/ ]|^\.|^generation-|^stacks|^manifest/);
    expect(decodeURIComponent(folder)).toBe(names[index]!);
  }
});

test("RD132 whatever a model and lists hold survives, also what the original does not know", () => {
  fc.assert(
    fc.property(anyModel, namedLists, fc.nat(), fc.boolean(), (model, lists, version, isStatic) => {
      const content: KnownGood = {
        ...contentOf(version),
        models: new Map([["a1", { model, version }]]),
        lists: { version, lists },
      };
      const static_applications = new Set(isStatic ? ["a1"] : []);
      const files = wholeFiles(filesOf(content, static_applications));
      const { problems, ...read } = readContent(files, { ...OPTIONS, static_applications });
      expect(problems).toEqual([]);
      const { is_offline, ...expected } = content;
      expect(is_offline).toBe(false);
      expect(read).toEqual(expected);
      // A gateway of the original sees the same hosts whatever the application is.
      expect(readContent(files, OPTIONS).stacks).toEqual(content.stacks);
    }),
    { numRuns: 100 },
  );
});

test("of four writes the last three are kept; numbers go on", async () => {
  await written(1, 2, 3, 4);
  expect(generations()).toEqual([2, 3, 4].map((number) => `generation-00000000000${number}`));
  await written(5);
  expect(generations().at(-1)).toBe("generation-000000000005");
  expect((await folderAt(path).read()).content?.lists.version).toBe(5);
});

test("content that is given during a write takes the place of what waits", async () => {
  const folder = folderAt(path, { generations: 10 });
  const all = [1, 2, 3, 4].map((version) => folder.write(contentOf(version)));
  expect(await Promise.all(all)).toEqual([null, null, null, null]);
  expect(generations()).toEqual(["generation-000000000001", "generation-000000000002"]);
  expect((await folderAt(path).read()).content?.lists.version).toBe(4);
});

describe("RD78 a damaged generation: the one before is used, and it is said", () => {
  const at = (name: string): string => join(path, "generation-000000000003", name);
  const flip = (name: string): void => {
    const bytes = readFileSync(at(name));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(at(name), bytes);
  };
  test.each([
    [
      "a truncated model",
      () => truncateSync(at("a1/selectserver.xml"), 100),
      /selectserver.xml: has 100 bytes and not \d+$/,
    ],
    [
      "a truncated list",
      () => truncateSync(at("namespacedlists.json"), 0),
      /namespacedlists.json: has 0 bytes/,
    ],
    ["another byte", () => flip("stacks.json"), /stacks.json: does not have the checksum/],
    ["a missing file", () => rmSync(at("a1/urlrules.xml")), /urlrules.xml: no such file$/],
    ["a truncated manifest", () => truncateSync(at("manifest.json"), 99), /manifest.json is no JSON$/],
    ["another byte of the manifest", () => flip("manifest.json"), /manifest.json (?:is no|is not|does not)/],
    ["no manifest", () => rmSync(at("manifest.json")), /manifest.json: no such file$/],
    ["JSON that is no manifest", () => writeFileSync(at("manifest.json"), "[]"), /is not a manifest/],
    ["an empty folder", () => rmSync(at("."), { recursive: true }), null],
  ] as const)("%s", async (_name, damage, problem) => {
    await written(1, 2, 3);
    damage();
    const folder = folderAt(path);
    const { content, source, problems } = await folder.read();
    expect(content).toEqual(contentOf(2));
    expect(source).toMatchObject({ kind: "generation", number: 2 });
    if (problem === null) expect(problems).toEqual([]);
    else {
      expect(problems.length).toBe(1);
      expect(problems[0]).toStartWith(`${path}: generation-000000000003 was skipped: `);
      expect(problems[0]).toMatch(problem);
    }
    expect(folder.status.problems).toEqual([...problems]);
    // The next write is well again.
    expect(await folder.write(contentOf(9))).toBeNull();
    expect(folder.status.problems).toEqual([]);
    expect((await folderAt(path).read()).content?.lists.version).toBe(9);
  });

  test("all of them: nothing is used, and each is named", async () => {
    await written(1, 2, 3);
    for (const name of generations()) truncateSync(join(path, name, "stacks.json"), 3);
    const { content, source, problems } = await folderAt(path).read();
    expect([content, source, problems.length]).toEqual([null, null, 3]);
  });

  test("a generation of a newer program is passed over", async () => {
    await written(1);
    const folder = folderAt(path);
    await folder.write(contentOf(2));
    const { manifestBytes } = await import("./manifest.ts");
    const manifest = { format: 2, files: [] } as unknown as Parameters<typeof manifestBytes>[0];
    writeFileSync(join(path, "generation-000000000002/manifest.json"), manifestBytes(manifest));
    const { content, problems } = await folderAt(path).read();
    expect(content?.lists.version).toBe(1);
    expect(problems[0]).toEndWith("manifest.json is of a format that this program does not know");
  });
});

describe("files of the original's layout in the folder itself", () => {
  /** As an administrator copies a bundle there. */
  function putBundle(application = "a1"): void {
    mkdirSync(join(path, application), { recursive: true });
    const put = (name: string, value: unknown): void =>
      writeFileSync(join(path, name), typeof value === "string" ? value : JSON.stringify(value));
    put("applications.json", { apps: [application] });
    for (const name of ["selectserver.xml", "urlrules.xml", "whitelist.xml"])
      cpSync(join(GOLDEN, name), join(path, application, name));
    put(`${application}/modelmetadata.json`, { version: 12 });
    const snapshotList = [
      {
        path: `/EU/z1/1.0/${application}`,
        hosts: [{ ipv4: "10.0.0.1", weight: "2.5" }, { ipv4: "10.0.0.2" }],
      },
    ];
    put(`${application}/manualbackup.json`, { version: 0, snapshotList });
    // As the original's bundle has it: the plain values of ENCODED lists.
    put("namespacedlists.json", { dataNodeVersion: 5, namespacedLists: { macs: ["abc"] } });
    put("namespacedlists-backup.json", {
      dataNodeVersion: 5,
      namespace: [{ name: "macs", type: "ENCODED", version: 1, valueSet: [{ value: "abc" }] }],
    });
    put("whitelist_updates.xml", "<whitelistedUpdates/>");
    put(`${application}/flavorTemplates.json`, readFileSync(join(GOLDEN, "flavor_rules.json"), "utf8"));
  }

  test("RD86 stacks.json is absent: it is made of the applications' manualbackup.json", async () => {
    putBundle();
    const { content, source, problems } = await folderAt(path).read();
    expect(problems).toEqual([]);
    expect(source).toEqual({ kind: "plain" });
    const hosts = [
      { key: "/EU/z1/1.0/a1/10.0.0.1", ipv4: "10.0.0.1", ipv6: null, weight: 3 },
      {
        key: "/EU/z1/1.0/a1/10.0.0.2",
        ipv4: "10.0.0.2",
        ipv6: null,
        weight: DEFAULT_REDIRECT.discovery.default_weight,
      },
    ];
    expect(content?.stacks).toEqual(new Map([["a1", [{ stack: "/EU/z1", flavor: "1.0", hosts }]]]));
  });

  test("RD86 where both are there, hosts of static applications are those of their own file", async () => {
    putBundle();
    const snapshotList = [{ path: "/EU/z1/1.0/a1", hosts: [{ ipv4: "10.9.9.9" }] }];
    writeFileSync(join(path, "stacks.json"), JSON.stringify({ version: 0, snapshotList }));
    const addresses = async (...names: string[]): Promise<unknown> => {
      const { content } = await folderAt(path, { static_applications: new Set(names) }).read();
      return content?.stacks.get("a1")?.[0]?.hosts.map(({ ipv4 }) => ipv4);
    };
    expect(await addresses()).toEqual(["10.9.9.9"]);
    expect(await addresses("a1")).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  test("RD133 the bundle is used instead of the generations, with its ENCODED lists, until something is written", async () => {
    await written(3);
    putBundle();
    const folder = folderAt(path);
    const { content, source, problems } = await folder.read();
    expect([source, problems]).toEqual([{ kind: "plain" }, []]);
    expect(content).toMatchObject({ applications: ["a1"], is_offline: true, settings: { min_hosts: 2 } });
    expect(content?.models.get("a1")).toMatchObject({
      version: 12,
      model: { whitelist: ["/EU/z1", "/US/z2"], default_server: { path: "1.0" } },
    });
    expect(content?.models.get("a1")?.model.rules.length).toBeGreaterThan(3);
    const templates = content!.models.get("a1")!.model.rule_templates;
    expect(templates.map((rule) => groupedByOperator(rule))).toEqual([...templates]);
    expect(templates.length).toBeGreaterThan(0);
    const named = NamedLists.of(content!.lists.lists);
    expect(named.texts("macs", true)).toEqual(["900150983CD24FB0D6963F7D28E17F72"]);
    expect(folder.status).toMatchObject({
      source: { kind: "plain" },
      age_ms: null,
      is_offline: true,
      versions: { lists: 5, models: [{ application: "a1", version: 12 }] },
    });
    // A further start, then the first write.
    expect((await folderAt(path).read()).source).toEqual({ kind: "plain" });
    expect(await folder.write({ ...content!, applications: ["a1", "a2"] })).toBeNull();
    const after = await folderAt(path).read();
    expect(after.source).toMatchObject({ kind: "generation", number: 2 });
    expect(after.content).toEqual({ ...content!, applications: ["a1", "a2"] });
    // Another bundle.
    writeFileSync(join(path, "a1/modelmetadata.json"), '{"version":13}');
    const another = await folderAt(path).read();
    expect(another.source).toEqual({ kind: "plain" });
    expect(another.content?.models.get("a1")?.version).toBe(13);
  });

  test("files of a gateway of the original, without lists with types, are no offline model", async () => {
    putBundle();
    rmSync(join(path, "namespacedlists-backup.json"));
    writeFileSync(
      join(path, "namespacedlists.json"),
      '{"dataNodeVersion":5,"namespacedLists":{"macs":["900150983CD24FB0D6963F7D28E17F72"]}}',
    );
    const { content, problems } = await folderAt(path).read();
    expect(problems).toEqual([]);
    expect(content).toMatchObject({ is_offline: false, lists: { version: 5 }, settings: null });
    const named = NamedLists.of(content!.lists.lists);
    expect(named.texts("macs", true)).toEqual(["900150983CD24FB0D6963F7D28E17F72"]);
  });

  test("a bundle that is half there: its parts are used, the rest is that of the generation, and it is said", async () => {
    const folder = folderAt(path);
    await folder.write(
      contentOf(3, {
        applications: ["a1", "a2"],
        models: new Map([["a2", { model: modelOf(), version: 3 }]]),
      }),
    );
    putBundle();
    cpSync(join(path, "a1"), join(path, "a2"), { recursive: true });
    writeFileSync(join(path, "applications.json"), '{"apps":["a1","a2","a3"]}');
    truncateSync(join(path, "a2/selectserver.xml"), 300);
    mkdirSync(join(path, "a3"));
    cpSync(join(path, "a1/urlrules.xml"), join(path, "a3/urlrules.xml"));
    rmSync(join(path, "namespacedlists-backup.json"));
    rmSync(join(path, "namespacedlists.json"));
    const { content, problems } = await folderAt(path).read();
    expect([...content!.models].map(([name, { version }]) => [name, version])).toEqual([
      ["a1", 12],
      ["a2", 3],
    ]);
    expect(content?.lists).toEqual(contentOf(3).lists);
    expect(problems.length).toBe(2);
    expect(problems[0]).toStartWith(`${path}: a2/selectserver.xml: `);
    expect(problems[1]).toBe(
      `${path}: a3: selectserver.xml and whitelist.xml is missing, so the application has no model`,
    );
  });

  test("a bundle without a model that can be used is passed over", async () => {
    await written(3);
    writeFileSync(join(path, "applications.json"), "{");
    const { content, source, problems } = await folderAt(path).read();
    expect(content).toEqual(contentOf(3));
    expect(source).toMatchObject({ kind: "generation" });
    expect(problems.length).toBe(2);
    expect(problems[1]).toBe(
      `${path}: the files in it have no model that can be used, so they were passed over`,
    );
  });

  test("a generation that is copied out of its folder is such a bundle as well", async () => {
    await written(3);
    for (const name of readdirSync(join(path, "generation-000000000001")))
      renameSync(join(path, "generation-000000000001", name), join(path, name));
    rmSync(join(path, "generation-000000000001"), { recursive: true });
    const { content, source } = await folderAt(path).read();
    expect(source).toEqual({ kind: "plain" });
    expect(content).toEqual(contentOf(3, { is_offline: true }));
  });
});

describe("bundles that are put there for the next start", () => {
  const bundleOf = (version: number): ReadonlyMap<string, Uint8Array> =>
    new Map(
      [...filesOf(contentOf(version, { applications: ["a1", "b/2"] }), new Set())].map(([name, pieces]) => [
        name,
        new TextEncoder().encode([...pieces].join("")),
      ]),
    );

  test("one is a new generation that was made offline, beside plain files that were taken before it", async () => {
    await written(3);
    cpSync(join(path, "generation-000000000001"), path, { recursive: true });
    const content = await folderAt(path).takeBundle(bundleOf(4));
    expect(content).toMatchObject({ is_offline: true, lists: { version: 4 } });
    const after = await folderAt(path).read();
    expect([after.problems, after.source]).toEqual([
      [],
      expect.objectContaining({ kind: "generation", number: 2 }),
    ]);
    expect(after.content).toEqual(content as KnownGood);
  });

  test("one with anything damaged, and one without a model, change nothing", async () => {
    await written(3);
    const files = new Map(bundleOf(4));
    files.set("a1/urlrules.xml", new TextEncoder().encode("<urlRules>"));
    expect(await folderAt(path).takeBundle(files)).toEqual([expect.stringContaining("a1/urlrules.xml")]);
    expect(await folderAt(path).takeBundle(new Map())).toEqual(["it has no model"]);
    expect(generations()).toEqual(["generation-000000000001"]);
  });

  test("a program that runs does not write over one that waits for the next start", async () => {
    const running = folderAt(path);
    await running.write(contentOf(1));
    await folderAt(path).takeBundle(bundleOf(4));
    const problem = await running.write(contentOf(5));
    expect(problem).toBe(
      `${path}: generation-000000000002 was made offline and waits for the next start, so nothing is written beside it`,
    );
    expect(running.status.problems).toEqual([problem!]);
    const next = folderAt(path);
    expect((await next.read()).content).toMatchObject({ is_offline: true, lists: { version: 4 } });
    expect(await next.write(contentOf(6))).toBeNull();
    expect((await folderAt(path).read()).content?.lists.version).toBe(6);
  });

  test("copied with its manifest into the folder itself, a file that is not whole refuses all of them", async () => {
    await written(3);
    const made = folderAt(join(directory, "other"));
    await made.takeBundle(bundleOf(4));
    cpSync(join(directory, "other", "generation-000000000001"), path, { recursive: true });
    const whole = await folderAt(path).read();
    expect([whole.source, whole.problems]).toEqual([{ kind: "plain" }, []]);
    expect(whole.content).toMatchObject({ is_offline: true, lists: { version: 4 } });
    truncateSync(join(path, "a1/whitelist.xml"), 10);
    const cut = await folderAt(path).read();
    expect([cut.source?.kind, cut.content?.lists.version]).toEqual(["generation", 3]);
    expect(cut.problems).toEqual([
      `${path}: has another a1/whitelist.xml than its manifest.json names, so they were passed over; copy all of them again, or remove the manifest to have them as they are`,
    ]);
    rmSync(join(path, "a1"), { recursive: true });
    expect((await folderAt(path).read()).problems[0]).toContain("lacks a1/selectserver.xml");
    writeFileSync(join(path, "manifest.json"), "{");
    expect((await folderAt(path).read()).problems[0]).toContain("has a manifest.json that is no JSON");
    rmSync(join(path, "manifest.json"));
    expect((await folderAt(path).read()).source).toEqual({ kind: "plain" });
  });
});

test("RD80 a folder that cannot be made is reported and not thrown", async () => {
  writeFileSync(join(directory, "state"), "a file");
  const folder = folderAt(path);
  expect(await folder.write(contentOf(1))).toBe(`${path}: no generation can be written there: no such file`);
  expect(folder.status.problems.length).toBe(1);
  rmSync(join(directory, "state"));
  expect(await folder.write(contentOf(1))).toBeNull();
  expect(folder.status.problems).toEqual([]);
});

test("content larger than may be read again is not written", async () => {
  const folder = folderAt(path, { max_file_bytes: 200 });
  expect(await folder.write(contentOf(1))).toMatch(/ has \d+ bytes or more; expected at most 200$/);
  expect(readdirSync(path)).toEqual([]);
});

const lacking = requireRoot();
test.skipIf(lacking !== null)("RD80 a full disk leaves the old generations, and says so", async () => {
  mkdirSync(path, { recursive: true });
  const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", path]);
  expect(mount.stderr.toString()).toBe("");
  try {
    await written(1, 2);
    const folder = folderAt(path);
    const large = Array.from({ length: 3_000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    const stacks = new Map([["a1", [stackOf("/EU/z1/1.0", ...large)]]]);
    expect(await folder.write(contentOf(3, { stacks }))).toBeNull();
    const problem = await folder.write(contentOf(4, { stacks }));
    expect(problem).toBe(`${path}: no generation can be written there: no space is left`);
    expect(folder.status.problems).toEqual([problem!]);
    // Nothing is left of it, and what acted still does.
    expect(generations()).toEqual([1, 2, 3].map((number) => `generation-00000000000${number}`));
    expect(folder.status.source).toMatchObject({ kind: "generation", number: 3 });
    const { content, problems } = await folderAt(path).read();
    expect([content?.lists.version, problems]).toEqual([3, []]);
    // It goes on as soon as there is room.
    expect(await folder.write(contentOf(5))).toBeNull();
    expect((await folderAt(path).read()).content?.lists.version).toBe(5);
  } finally {
    Bun.spawnSync(["umount", path]);
  }
});
