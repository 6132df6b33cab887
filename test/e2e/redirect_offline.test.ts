/** Work without the store, as operators do it: bundles, gateways that start with them, and the way back. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import { readZip } from "../../src/planes/redirect/offline/zip.ts";
import { startZookeeper, zookeeperLacking } from "../daemons/zookeeper.ts";
import { PROGRAM } from "../support/program.ts";
import { requirement } from "../support/require.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 90_000;
const lacksZookeeper = requirement("zookeeper", zookeeperLacking());
const token = (name: string): string => `${name}-${"x".repeat(32)}`;

const configuration = (folder: string, store = "") => `workers: 2
redirect:
  address: "127.0.0.1:0"
  apps: { a1: { compat: redirector-1 } }
  last_known_good: { path: ${folder} }
${store}  service:
    tokens:
      - { name: ann, token: "${token("ann")}", roles: [editor] }
      - { name: bob, token: "${token("bob")}", roles: [approver] }
      - { name: root, token: "${token("root")}", roles: [admin] }
`;

/** Asks the management service; throws for any status that is not `expected`. */
async function call(
  fairlead: RunningFairlead,
  who: string,
  method: string,
  path: string,
  { body, type = "application/json", expected = [200, 201] }: Sent = {},
): Promise<Response> {
  const headers = { authorization: `Bearer ${token(who)}`, "content-type": type };
  const sent = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const answer = await fetch(`http://${fairlead.admin}/admin/redirect${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: sent as Uint8Array<ArrayBuffer> | string }),
  });
  if (!expected.includes(answer.status)) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

interface Sent {
  readonly body?: unknown;
  readonly type?: string;
  readonly expected?: readonly number[];
}

/** MD5 of `abc`, which clients send in its place. */
const ABC = "900150983CD24FB0D6963F7D28E17F72";
const server = (name: string, url: string, path?: string) => ({
  name,
  url,
  ...(path === undefined ? {} : { path }),
});
const rule = (url: string) => ({
  contains: [{ type: "namespacedList", param: "mac", namespacedList: [{ value: "macs" }] }],
  return: { server: [server("beta", url)] },
});
const LIST = { name: "macs", type: "ENCODED", valueSet: [{ value: "abc" }] };
const SAVES: readonly [string, unknown][] = [
  ["/namespacedLists/addNewNamespaced/macs", LIST],
  ["/whitelist/a1", { paths: ["/EU/z1"] }],
  ["/servers/a1/default", server("default", "{protocol}://{host}:{port}/{urn}", "1.0")],
  [
    "/urlRules/a1/urlParams/default",
    { urlRule: { urn: "app", protocol: "http", port: "8080", ipProtocolVersion: "4" } },
  ],
  ["/rules/a1/beta", rule("xre://online:1")],
];

async function approve(fairlead: RunningFairlead, base: string, command: string): Promise<void> {
  const { version } = (await (await call(fairlead, "bob", "GET", base)).json()) as { version: number };
  await call(fairlead, "bob", "POST", `${command}/${version}`);
}

/** The model of version 1: clients of the list go to `online`. */
async function makeModel(fairlead: RunningFairlead): Promise<void> {
  for (const [path, body] of SAVES)
    await until(async () => {
      // A host that has just been registered is not known to the service yet.
      const { status } = await call(fairlead, "ann", "POST", path, { body, expected: [200, 201, 400, 404] });
      return status < 400;
    }, `${path} is saved`);
  await approve(fairlead, "/namespacedListChanges", "/namespacedListChanges/approveAll");
  await approve(fairlead, "/changes/a1", "/changes/a1/approve");
}

interface Snapshots {
  readonly snapshots: { readonly pathRules: { if: unknown[] } }[];
}

/** A bundle of what acts with another target, as clients make it of snapshots that they have. */
async function bundleTo(fairlead: RunningFairlead, url: string, rules = rule): Promise<Uint8Array> {
  const all = (await (
    await call(fairlead, "root", "GET", "/redirectorOffline/allSnapshots")
  ).json()) as Snapshots;
  all.snapshots[0]!.pathRules.if = [{ id: "beta", ...rules(url) }];
  const answer = await call(fairlead, "root", "POST", "/redirectorOffline/downloadCoreBackup", { body: all });
  return answer.bytes();
}

const upload = (fairlead: RunningFairlead, body: Uint8Array, expected = [200], query = "") =>
  call(fairlead, "root", "POST", `/redirectorOffline/a1/getOfflinePendingChanges${query}`, {
    body,
    type: "application/zip",
    expected,
  });

async function target(fairlead: RunningFairlead, query = `?mac=${ABC}`): Promise<string | null> {
  const url = `http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1${query}`;
  return (await fetch(url, { redirect: "manual" })).headers.get("location");
}

const redirect = (fairlead: RunningFairlead, ...words: string[]) =>
  fairlead.command("redirect", ...words, "--runtime-dir", join(fairlead.directory, "run"));

const status = async (fairlead: RunningFairlead) => (await redirect(fairlead, "status")).out;

const temporary = (): string => mkdtempSync(join(tmpdir(), "fairlead-bundle-"));
const ONLINE = "xre://online:1?ruleName=beta";
const OFFLINE = "xre://offline:1?ruleName=beta";

test.skipIf(lacksZookeeper !== null)(
  "RD133 a bundle that was put on a gateway acts without the store, stays when the store is back, and ends by upload and approval",
  async () => {
    const zookeeper = await startZookeeper();
    const [member] = zookeeper.members;
    const folder = temporary();
    const good = join(folder, "good");
    const store = `  store: { type: zookeeper, connect: "${member!.address}", session_timeout: 2s }\n`;
    const file = join(folder, "coreBackup.zip");
    {
      await using before = await runFairlead(configuration(good, store));
      const others = openStore("zookeeper", { connect: member!.address }, storeEnvironment(folder));
      await others.whenConnected(10_000);
      await registerHost(others, "/EU/z1/1.0/a1", "10.0.0.1");
      await makeModel(before);
      await until(async () => (await target(before)) === ONLINE, "the model acts");
      writeFileSync(file, await bundleTo(before, "xre://offline:1"));
      await others.close();
    }
    await member!.kill();
    const applied = Bun.spawnSync([
      ...PROGRAM,
      "redirect",
      "offline",
      "apply",
      file,
      "--path",
      good,
      "--json",
    ]);
    expect(JSON.parse(applied.stdout.toString())).toMatchObject({
      ok: true,
      models: { a1: 1 },
      lists_version: 1,
    });

    await using fairlead = await runFairlead(configuration(good, store));
    expect(await target(fairlead)).toBe(OFFLINE);
    // In the original's semantics clients send nothing but the hash.
    expect(await target(fairlead, "?mac=abc")).toBe("http://10.0.0.1:8080/app");
    expect(await status(fairlead)).toContain("a1: offline model, store not read yet\n");
    // The service has never read anything of the store, and gives what acts here.
    expect((await bundleTo(fairlead, "xre://again:1")).length).toBeGreaterThan(1_000);
    await member!.restart();
    await until(
      async () => (await status(fairlead)).includes("a1: offline model, store at 1\n"),
      "the store is back at the same version",
    );
    expect(await target(fairlead)).toBe(OFFLINE);
    expect(JSON.parse((await redirect(fairlead, "status", "--json")).out)).toMatchObject({
      offline: { models: { a1: 1 }, lists: 1 },
      last_known_good: { is_offline: true },
    });
    const uploaded = await upload(fairlead, await Bun.file(file).bytes());
    expect(await uploaded.json()).toMatchObject({ base_version: 1, model_version: 1 });
    expect(await target(fairlead)).toBe(OFFLINE);
    const others = openStore("zookeeper", { connect: member!.address }, storeEnvironment(folder));
    await others.whenConnected(10_000);
    await registerHost(others, "/EU/z1/1.0/a1", "10.0.0.1");
    await approve(fairlead, "/coreBackupChanges/a1", "/coreBackupChanges/a1/approve");
    expect(await fairlead.program.until("redirect_model")).toMatchObject({
      message: "a1: model 2 acts instead of the one that was made offline",
    });
    await fairlead.program.until("redirect_offline_ended");
    expect(await target(fairlead)).toBe(OFFLINE);
    await until(async () => !(await status(fairlead)).includes("offline"), "files say so as well");
    await others.close();
    await zookeeper.stop();
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);

test(
  "RD133 a bundle that is copied into the folder acts beside a store of the same version, until the gateway is to follow it again",
  async () => {
    const folder = temporary();
    const [good, database] = [join(folder, "good"), join(folder, "store")];
    const store = `  store: { type: sqlite, directory: ${database} }\n`;
    let files: ReadonlyMap<string, Uint8Array>;
    const hosts = openStore("sqlite", { directory: database }, storeEnvironment(folder));
    await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
    {
      await using before = await runFairlead(configuration(join(folder, "other"), store));
      await makeModel(before);
      const limits = { max_entries: 100, max_entry_bytes: 1_000_000, max_bytes: 1_000_000 };
      files = readZip(await bundleTo(before, "xre://offline:1"), () => true, limits);
    }
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(good, name)), { recursive: true });
      writeFileSync(join(good, name), bytes);
    }
    const resume = async (fairlead: RunningFairlead) =>
      JSON.parse((await redirect(fairlead, "resume", "--store", "--json")).out);
    {
      await using fairlead = await runFairlead(configuration(good, store));
      expect(await target(fairlead)).toBe(OFFLINE);
      await until(
        async () => (await status(fairlead)).includes("a1: offline model, store at 1\n"),
        "the store is read",
      );
      expect(await target(fairlead)).toBe(OFFLINE);
      expect((await redirect(fairlead, "resume")).error).toContain("expected --store");
      expect(await resume(fairlead)).toEqual({ ok: true, apps: { a1: 1 }, lists_version: 1, problems: [] });
      await until(async () => (await target(fairlead)) === ONLINE, "the store's model acts");
      expect(await resume(fairlead)).toEqual({ ok: false, error: "nothing that acts was made offline" });
      expect(readdirSync(good).some((name) => name.startsWith("generation-"))).toBe(true);
    }
    // The files are still there, and are not taken again.
    await using after = await runFairlead(configuration(good, store));
    expect(await target(after)).toBe(ONLINE);
    expect(await status(after)).not.toContain("offline");
    await hosts.close();
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);

/** A program with an approved model that leads to a registered host. */
const besideModel = (scene: (fairlead: RunningFairlead) => Promise<void>) => async (): Promise<void> => {
  const folder = temporary();
  await using fairlead = await runFairlead(configuration(join(folder, "good")));
  const hosts = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
  await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
  await makeModel(fairlead);
  await until(async () => (await target(fairlead)) === ONLINE, "the model acts");
  await scene(fairlead);
  await hosts.close();
  rmSync(folder, { recursive: true });
};

test(
  "RD134 after an upload ordinary saves answer 409 until it is approved, and gateways follow what was approved",
  besideModel(async (fairlead) => {
    await upload(fairlead, await bundleTo(fairlead, "xre://offline:1"));
    const save = (expected: number) =>
      call(fairlead, "ann", "POST", "/rules/a1/other", { body: rule("xre://other:1"), expected: [expected] });
    expect(await (await save(409)).text()).toContain("made offline are not resolved yet");
    expect(await target(fairlead)).toBe(ONLINE);
    await approve(fairlead, "/coreBackupChanges/a1", "/coreBackupChanges/a1/approve");
    await until(async () => (await target(fairlead)) === OFFLINE, "what was approved acts");
    await save(201);
  }),
  PATIENCE,
);

test(
  "RD135 a bundle that is older than the live model is refused with both versions named, and merged where it is wished",
  besideModel(async (fairlead) => {
    const bundle = await bundleTo(fairlead, "xre://offline:1");
    const other = {
      equals: [{ param: "x", value: "1" }],
      return: { server: [server("other", "xre://other:1")] },
    };
    await call(fairlead, "ann", "POST", "/rules/a1/other", { body: other });
    await approve(fairlead, "/changes/a1", "/changes/a1/approve");
    const refused = await upload(fairlead, bundle, [409]);
    expect(await refused.text()).toContain(
      "has version 2, and the bundle was made of version 1; ?merge=true",
    );
    await upload(fairlead, bundle, [200], "?merge=true");
    await approve(fairlead, "/coreBackupChanges/a1", "/coreBackupChanges/a1/approve");
    await until(async () => (await target(fairlead)) === OFFLINE, "the offline change acts");
    expect(await target(fairlead, "?x=1")).toBe("xre://other:1?ruleName=other");
  }),
  PATIENCE,
);

test("a bundle that is damaged is not applied, by name, and the folder stays as it is", async () => {
  const folder = temporary();
  const file = join(folder, "coreBackup.zip");
  writeFileSync(file, "no zip");
  const run = (...words: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...PROGRAM, "redirect", "offline", ...words]);
    return [exitCode, stdout.toString(), stderr.toString()];
  };
  const good = join(folder, "good");
  expect(run("apply", file, "--path", good)).toEqual([
    1,
    "",
    `fairlead redirect offline apply: ${file} is no zip file, or its end is missing\n`,
  ]);
  expect(JSON.parse(run("apply", `${file}x`, "--path", good, "--json")[1] as string)).toEqual({
    ok: false,
    error: `${file}x: no such file`,
  });
  expect(run("apply")[0]).toBe(2);
  expect(run("apply", file, "--path", good, "-c", file)[0]).toBe(2);
  writeFileSync(
    join(folder, "fairlead.yaml"),
    "routes: [{ respond: { status: 200 } }]\nlisteners: { web: { address: ':0' } }",
  );
  expect(run("apply", file, "-c", join(folder, "fairlead.yaml"))[2]).toContain("has no section redirect");
  expect(readdirSync(folder).toSorted()).toEqual(["coreBackup.zip", "fairlead.yaml"]);
  rmSync(folder, { recursive: true });
});
