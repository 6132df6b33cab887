/** The redirector as its clients and operators see it: the program, a store that others write to, and the files of the original. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RedirectModel } from "../../src/core/redirect/model.ts";
import {
  conditionOf,
  literalOf,
  modelOf,
  ruleOf,
  serverOf,
  to,
} from "../../src/core/redirect/test_decider.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import { LISTS, listsBytes } from "../../src/planes/redirect/models/stored.ts";
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { requirement } from "../support/require.ts";
import { startZookeeper, zookeeperLacking } from "../daemons/zookeeper.ts";
import { runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, writeModel, untilAllDecide } from "./redirect_program.ts";

const PATIENCE = 60_000;
const lacksZookeeper = requirement("zookeeper", zookeeperLacking());

const CONFIGURATION = `workers: 2
redirect:
  address: "127.0.0.1:0"
  apps: { a1: {} }
`;

const write = (store: Store, version: number, model: RedirectModel) =>
  writeModel(store, "a1", version, model);

const BETA = modelOf({
  rules: [
    ruleOf("beta", [conditionOf("contains", { param: "mac", lists: ["beta"] })], to(literalOf("xre://t:1"))),
  ],
});

test(
  "RD05 RD61 RD72 RD81 RD82 RD84 RD113 RD169 what a service writes and hosts register acts in all workers without a restart",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    expect((await askRedirect(fairlead)).status).toBe(503);
    expect((await askRedirect(fairlead, "/serviceDirect/nobody")).status).toBe(404);
    expect((await askRedirect(fairlead, "/healthCheck")).status).toBe(503);
    const store = embeddedStore(fairlead);
    const host = await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await write(store, 1, modelOf());
    await untilAllDecide(fairlead);
    expect(await askRedirect(fairlead)).toMatchObject({ status: 302, location: "http://10.0.0.1:8080/app" });
    expect(await askRedirect(fairlead, "/healthCheck")).toMatchObject({ status: 200, text: "OK" });

    const start = performance.now();
    const other = await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.2");
    const places = async () =>
      new Set(
        (await Promise.all(Array.from({ length: 16 }, () => askRedirect(fairlead)))).map(
          ({ location }) => location,
        ),
      );
    await until(async () => (await places()).size === 2, "the second host is used");
    await host.close();
    await until(async () => (await places()).size === 1, "the first host is gone");
    expect(performance.now() - start).toBeLessThan(4_000);

    const list = {
      name: "beta",
      description: null,
      type: "TEXT" as const,
      version: 1,
      values: [{ value: "M", encoded: null }],
    };
    await new LargeDocuments(store).write(LISTS, listsBytes({ version: 1, lists: [list] }));
    await write(store, 2, BETA);
    const post = { method: "POST", body: '{"mac":"m"}', headers: { "content-type": "application/json" } };
    await until(
      async () => (await askRedirect(fairlead, undefined, post)).location?.startsWith("xre:") === true,
      "the rule acts",
    );
    expect(await askRedirect(fairlead, "/serviceDirect/a1?mac=M")).toMatchObject({
      location: "xre://t:1?ruleName=beta",
    });
    // An older one does not come back, and a broken one is refused by name.
    await write(store, 1, modelOf());
    await write(store, 3, modelOf({ default_server: null }));
    expect(await fairlead.program.until("redirect_refused")).toMatchObject({
      level: "error",
      message: "a1: model 3 is refused: the model has no default server (REQUIRED_MODEL_NULL)",
    });
    await write(store, 4, modelOf({ default_server: serverOf("2.0") }));
    expect(await fairlead.program.until("redirect_refused", 2)).toMatchObject({
      message:
        'a1: model 4 is refused: no host may be chosen for the default server at "2.0" (CANT_REDIRECT_TO_DEFAULT)',
    });
    expect(await askRedirect(fairlead, "/serviceDirect/a1?mac=M")).toMatchObject({
      location: "xre://t:1?ruleName=beta",
    });
    await registerHost(store, "/EU/z1/2.0/a1", "10.0.0.3");
    await until(
      async () => (await askRedirect(fairlead)).location === "http://10.0.0.3:8080/app",
      "the model acts as soon as its host is there",
    );
    await other.close();
    await store.close();
  },
  PATIENCE,
);

/** So many rules; every place that they lead to names the version. */
const versioned = (version: number, rules: number): RedirectModel =>
  modelOf({
    default_server: literalOf(`http://v${version}/default`),
    rules: Array.from({ length: rules }, (_, index) =>
      ruleOf(
        `rule${index}`,
        [conditionOf("equals", { param: "mac", value: `m${index}` })],
        to(literalOf(`http://v${version}/${index}`)),
      ),
    ),
  });

test(
  "RD85 of 10,000 decisions while models take each other's place, each is of exactly one version and none fails",
  async () => {
    const rules = 2_000;
    const swaps = 5;
    await using fairlead = await runFairlead(CONFIGURATION.replace("a1: {}", "a1: { answer_headers: true }"));
    const store = embeddedStore(fairlead);
    await write(store, 1, versioned(1, rules));
    await untilAllDecide(fairlead);
    const url = `http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1?mac=m`;
    const seen = new Set<number>();
    const wrong: string[] = [];
    let asked = 0;
    let isDone = false;
    const client = async (): Promise<void> => {
      while (asked < 10_000 || !isDone) {
        const index = asked++ % (rules + 1);
        const answer = await fetch(`${url}${index}`, { redirect: "manual" });
        const version = Number(answer.headers.get("x-fairlead-version"));
        const place = index === rules ? "default" : `${index}?ruleName=rule${index}`;
        const said = `${answer.status} ${answer.headers.get("location")}`;
        if (said !== `302 http://v${version}/${place}`) wrong.push(`${version}: ${said}`);
        seen.add(version);
      }
    };
    const clients = Array.from({ length: 50 }, client);
    for (let version = 2; version <= swaps + 1; version++) {
      await write(store, version, versioned(version, rules));
      await until(() => seen.has(version), `version ${version} acts`);
    }
    isDone = true;
    await Promise.all(clients);
    expect(wrong).toEqual([]);
    expect([...seen].toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: swaps + 1 }, (_, index) => index + 1),
    );
    expect(asked).toBeGreaterThanOrEqual(10_000);
    await store.close();
  },
  PATIENCE,
);

test(
  "RD75 RD76 RD77 RD86 RD132 the original's files serve while the store knows nothing, and what it knows later is kept in files",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-good-"));
    const put = (name: string, text: string): void => {
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    put("applications.json", '{"apps":["a1"]}');
    put(
      "a1/selectserver.xml",
      `<selectServer><if id="beta"><equals><param>x</param><value>1</value></equals><return><server><name>beta</name>
      <url>xre://t:1</url></server></return></if><distribution><server><name>default</name>
      <url>{protocol}://{host}:{port}/{urn}</url><path>1.0</path></server></distribution></selectServer>`,
    );
    put(
      "a1/urlrules.xml",
      `<urlRules><default><urlRule><urn>app</urn><protocol>http</protocol><port>8080</port>
      <ipProtocolVersion>4</ipProtocolVersion></urlRule></default></urlRules>`,
    );
    put("a1/whitelist.xml", "<whitelisted><paths>/EU/z1</paths></whitelisted>");
    put("a1/modelmetadata.json", '{"version":3}');
    put(
      "a1/manualbackup.json",
      '{"version":0,"snapshotList":[{"path":"/EU/z1/1.0/a1","hosts":[{"ipv4":"10.0.0.1"}]}]}',
    );
    await using fairlead = await runFairlead(`${CONFIGURATION}  last_known_good: { path: ${folder} }`);
    const at = async (target: string) => (await askRedirect(fairlead, target)).location;
    expect(await at("/serviceDirect/a1")).toBe("http://10.0.0.1:8080/app");
    expect(await at("/serviceDirect/a1?x=1")).toBe("xre://t:1?ruleName=beta");
    const store = embeddedStore(fairlead);
    await write(store, 3, modelOf({ default_server: literalOf("http://same-version") }));
    await write(store, 4, modelOf({ default_server: literalOf("http://newer") }));
    await until(async () => (await at("/serviceDirect/a1")) === "http://newer", "the newer model acts");
    await until(
      () => readdirSync(folder).some((name) => name.startsWith("generation-")),
      "a generation is written",
    );
    await store.close();
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);

test(
  "RD03 RD162 a reload changes how applications are answered, and the section may go",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const store = embeddedStore(fairlead);
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await write(store, 1, modelOf());
    await untilAllDecide(fairlead);
    const redirect = (...words: string[]) =>
      fairlead.command("redirect", ...words, "--runtime-dir", join(fairlead.directory, "run"));
    const status = await redirect("status");
    expect([status.code, status.out]).toEqual([0, expect.stringMatching(/^a1 +1 +1\b/m)]);
    const explained = await redirect("explain", "a1", "mac=m", "--json");
    expect(JSON.parse(explained.out)).toMatchObject({
      ok: true,
      decision: { type: "DEFAULT_SERVER", locations: [{ url: "http://10.0.0.1:8080/app" }] },
    });
    expect((await redirect("explain", "a1")).out).toEndWith("-> http://10.0.0.1:8080/app\n");
    expect((await redirect("explain", "other")).error).toContain("other: no model is known");
    expect((await redirect("explain", "a1", "mac")).error).toContain("mac: expected NAME=VALUE");
    await fairlead.apply(CONFIGURATION.replace("a1: {}", "a1: { answer: locations, answer_headers: true }"));
    const answer = await askRedirect(fairlead);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      200,
      { location: [{ destination: "10.0.0.1", port: "8080" }] },
    ]);
    await fairlead.apply("workers: 2\nroutes: [{ respond: { status: 200 } }]");
    expect((await fairlead.page("/health")).status).toBe(200);
    expect((await redirect("status")).error).toContain("the configuration has no section redirect");
    await store.close();
  },
  PATIENCE,
);

test.skipIf(lacksZookeeper !== null)(
  "RD74 RD155 a ZooKeeper that stands still for longer than all sessions last changes no decision under load",
  async () => {
    const zookeeper = await startZookeeper();
    const [member] = zookeeper.members;
    const session = "session_timeout: 2s";
    await using fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  store: { type: zookeeper, connect: "${member!.address}", ${session} }
`);
    const options = { connect: member!.address, session_timeout: "2s" };
    const store = openStore("zookeeper", options, storeEnvironment(fairlead.directory));
    await store.whenConnected(10_000);
    const hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    for (const address of hosts) await registerHost(store, "/EU/z1/1.0/a1", address);
    await write(store, 1, modelOf());
    const places = hosts.map((address) => `http://${address}:8080/app`);
    const seen = new Map<string, number>();
    const askOften = async (count: number): Promise<void> => {
      for (let number = 0; number < count; number++) {
        const { status, location } = await askRedirect(fairlead);
        const key = `${status} ${location}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    };
    await until(async () => {
      seen.clear();
      await askOften(30);
      return places.every((place) => seen.has(`302 ${place}`));
    }, "all hosts are used");
    seen.clear();
    member!.pause();
    const end = performance.now() + 5_000;
    while (performance.now() < end) await askOften(50);
    member!.continue();
    const back = performance.now() + 4_000;
    while (performance.now() < back) await askOften(50);
    expect([...seen.keys()].toSorted()).toEqual(places.map((place) => `302 ${place}`).toSorted());
    await write(store, 2, BETA);
    await untilAllDecide(fairlead);
    await fairlead.program.until("redirect_model", 2);
    await store.close();
    await zookeeper.stop();
  },
  PATIENCE,
);
