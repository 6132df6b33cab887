import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startZookeeper, type Zookeeper, zookeeperLacking } from "../daemons/zookeeper.ts";
import { requirement } from "../support/require.ts";
import { eventually, openStore, storeEnvironment } from "../support/store_tools.ts";
import type { StackHosts } from "../../src/core/redirect/hosts.ts";
import { seededRandom } from "../../src/core/strategies/random.ts";
import type { Store, StoreOperation } from "../../src/store/contract.ts";
import type { ZookeeperStore } from "../../src/store/zookeeper/store.ts";
import {
  addressesOf,
  nodeOf,
  Observed,
  payloadOf,
  putText,
  registerHost,
} from "../../src/planes/redirect/discovery/test_services.ts";

const lacking = requirement("zookeeper", zookeeperLacking());
const directory = mkdtempSync(join(tmpdir(), "fairlead-discovery-"));
let zookeeper: Zookeeper | null = null;
const ends: (() => unknown)[] = [];
let count = 0;

beforeAll(async () => {
  if (lacking === null) zookeeper = await startZookeeper();
}, 60_000);
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(async () => {
  await zookeeper?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const SESSION_MS = 2_000;
const OPTIONS: Readonly<Record<string, () => Readonly<Record<string, unknown>>>> = {
  sqlite: () => ({ directory }),
  zookeeper: () => ({ connect: zookeeper!.connect, session_timeout: `${SESSION_MS}ms` }),
};

async function opened(type: string, base: string): Promise<Store> {
  const store = openStore(type, { ...OPTIONS[type]!(), base }, storeEnvironment(directory));
  ends.push(() => store.close());
  await store.whenConnected(10_000);
  return store;
}

async function observed(...words: ConstructorParameters<typeof Observed>): Promise<Observed> {
  const found = new Observed(...words);
  ends.unshift(() => found.discovery.close());
  await found.discovery.whenListed();
  return found;
}

/** A gateway's store and one of the hosts, with a base that no other test uses. */
async function twoStores(type: string): Promise<[Store, Store]> {
  const base = `/discovery-${++count}`;
  return [await opened(type, base), await opened(type, base)];
}

function stackOf(application: string, path: string, ...addresses: string[]): StackHosts {
  const at = path.lastIndexOf("/");
  const hosts = addresses.map((ipv4) => ({
    key: nodeOf(`${path}/${application}`, ipv4).slice("/services".length),
    ipv4,
    ipv6: null,
    weight: 10,
  }));
  return { stack: path.slice(0, at), flavor: path.slice(at + 1), hosts };
}

for (const type of ["sqlite", "zookeeper"])
  describe.skipIf(type === "zookeeper" && lacking !== null)(type, () => {
    test("RD72 a host in a known stack, in a new stack and in a new application is used within 1 s, and its end too", async () => {
      const [own, hosts] = await twoStores(type);
      await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
      const found = await observed(own);
      expect(found.addresses()).toBe("10.0.0.1");
      const second = await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.2");
      await found.has("10.0.0.1 10.0.0.2");
      await registerHost(hosts, "/US/z9/2.0/a1", "10.0.0.3");
      await found.has("10.0.0.1 10.0.0.2 10.0.0.3");
      expect(found.discovery.hosts("a1")).toEqual([
        stackOf("a1", "/EU/z1/1.0", "10.0.0.1", "10.0.0.2"),
        stackOf("a1", "/US/z9/2.0", "10.0.0.3"),
      ]);
      await registerHost(hosts, "/EU/z1/1.0/other", "10.0.0.4");
      await found.has("10.0.0.4", "other");
      await second.close();
      await found.has("10.0.0.1 10.0.0.3");
      expect(found.discovery.applications).toEqual(["a1", "other"]);
      // Whoever has not changed keeps its value, and its application hears nothing.
      expect(found.told.filter((line) => line.startsWith("other"))).toEqual(["other: 10.0.0.4"]);
      expect(found.discovery.status).toMatchObject({
        is_current: true,
        disconnected: null,
        applications: 2,
        hosts: 3,
      });
    });

    test("many hosts at once are told in few batches, and another weight is told", async () => {
      const [own, hosts] = await twoStores(type);
      const found = await observed(own);
      const addresses = Array.from(
        { length: 200 },
        (_, index) => `10.1.${1 + (index >> 7)}.${100 + (index & 127)}`,
      );
      await hosts.transact(
        addresses.map((ipv4): StoreOperation => ({
          kind: "put",
          path: nodeOf("/EU/z1/1.0/a1", ipv4),
          value: payloadOf(ipv4),
          expect: "absent",
        })),
      );
      await found.has(addresses.toSorted().join(" "));
      expect(found.told.length).toBeLessThan(20);
      const [first = ""] = addresses.toSorted();
      await hosts.put(nodeOf("/EU/z1/1.0/a1", first), payloadOf(first, "a1", 77));
      await eventually("the weight", () => found.discovery.hosts("a1")[0]?.hosts[0]?.weight === 77, 1_000);
    });

    test("RD71 RD151 a registration that cannot be read is passed over and named; it counts once it can be", async () => {
      const [own, hosts] = await twoStores(type);
      await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
      await putText(hosts, "/services/EU/z1/1.0/a1/bad", '{"name”:"app1"}');
      const found = await observed(own);
      expect(found.addresses()).toBe("10.0.0.1");
      expect(found.discovery.status.skipped).toEqual({
        count: 1,
        named: [
          "/EU/z1/1.0/a1/bad was passed over: it is no JSON in UTF-8; expected the registration of a host",
        ],
      });
      await hosts.put("/services/EU/z1/1.0/a1/bad", payloadOf("10.0.0.9"));
      await found.has("10.0.0.1 10.0.0.9");
      expect(found.discovery.status.skipped).toEqual({ count: 0, named: [] });
      await putText(hosts, "/services/EU/z1/1.0/a1/bad", "rubbish");
      await found.has("10.0.0.1");
      await hosts.delete("/services/EU/z1/1.0/a1/bad");
      await eventually("forgotten", () => found.discovery.status.skipped.count === 0, 1_000);
      await putText(
        hosts,
        "/services/EU/z1/1.0/a1/half",
        '{"address":"h","payload":{"parameters":{"weight":"2.5"}}}',
      );
      await found.has("10.0.0.1 h");
      expect(found.discovery.status.warnings).toEqual({
        count: 1,
        named: ['/EU/z1/1.0/a1/half has the weight "2.5", which counts as 3'],
      });
    });

    test("RD73 a static application is frozen until the next snapshot", async () => {
      const [own, hosts] = await twoStores(type);
      const first = await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
      const found = await observed(own, { static_applications: new Set(["a1", "late"]) });
      await found.has("10.0.0.1");
      await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.2");
      await registerHost(hosts, "/EU/z1/1.0/late", "10.0.0.3");
      await first.close();
      await registerHost(hosts, "/EU/z1/1.0/dynamic", "10.0.0.4");
      await found.has("10.0.0.4", "dynamic");
      await eventually("both are known", () => found.discovery.status.hosts === 3, 1_000);
      expect([found.addresses(), found.addresses("late")]).toEqual(["10.0.0.1", ""]);
      found.told.length = 0;
      found.discovery.snapshot("a1");
      found.discovery.snapshot("a1");
      expect([found.addresses(), found.addresses("late")]).toEqual(["10.0.0.2", ""]);
      found.discovery.snapshot("late");
      expect(found.addresses("late")).toBe("10.0.0.3");
      expect(found.told).toEqual(["a1: 10.0.0.2", "late: 10.0.0.3"]);
    });

    test("RD73 RD76 a static application starts with the hosts it had, and a snapshot waits for the first list", async () => {
      const [own, hosts] = await twoStores(type);
      for (const application of ["kept", "fresh", "none"])
        await registerHost(hosts, `/EU/z1/1.0/${application}`, "10.0.0.1");
      const initial = new Map(
        ["kept", "fresh"].map((name) => [name, [stackOf(name, "/EU/z1/1.0", "10.0.0.9")]] as const),
      );
      const found = new Observed(own, { static_applications: new Set(["kept", "fresh", "none"]) }, initial);
      ends.unshift(() => found.discovery.close());
      found.discovery.snapshot("fresh");
      await found.discovery.whenListed();
      await found.has("10.0.0.1", "none");
      // What this start has not found yet may only be late.
      expect(found.addresses("fresh")).toBe("10.0.0.1 10.0.0.9");
      expect(found.addresses("kept")).toBe("10.0.0.9");
      found.discovery.snapshot("kept");
      expect(found.addresses("kept")).toBe("10.0.0.1 10.0.0.9");
    });

    test("RD143 two environments in one store see their own hosts only", async () => {
      const [one, oneHosts] = await twoStores(type);
      const [other, otherHosts] = await twoStores(type);
      const [foundOne, foundOther] = [await observed(one), await observed(other)];
      await registerHost(oneHosts, "/EU/z1/1.0/a1", "10.0.0.1");
      await registerHost(otherHosts, "/EU/z1/1.0/a1", "10.0.0.2");
      await Promise.all([foundOne.has("10.0.0.1"), foundOther.has("10.0.0.2")]);
      expect([foundOne.told.length, foundOther.told.length]).toEqual([1, 1]);
    });

    test("RD170 a stack, or a datacenter, that is deleted and comes back 20 times, with flat watches", async () => {
      const [own, hosts] = await twoStores(type);
      await registerHost(hosts, "/US/z1/1.0/a1", "10.0.0.9");
      const found = await observed(own);
      const before = type === "zookeeper" ? await zookeeper!.server.watches() : 0;
      for (let round = 0; round < 20; round++) {
        const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].slice(0, 1 + (round % 3));
        const made = await Promise.all(addresses.map((ipv4) => registerHost(hosts, "/EU/z1/1.0/a1", ipv4)));
        await found.has([...addresses, "10.0.0.9"].join(" "));
        await Promise.all(made.map((registration) => registration.close()));
        const parents = ["/EU/z1/1.0/a1", "/EU/z1/1.0", "/EU/z1", "/EU"].slice(0, round % 2 === 0 ? 1 : 4);
        for (const parent of parents) await hosts.delete(`/services${parent}`);
        await found.has("10.0.0.9");
      }
      expect(found.discovery.status).toMatchObject({ hosts: 1, graces: [], skipped: { count: 0 } });
      if (type === "zookeeper") expect(await zookeeper!.server.watches()).toBe(before);
    }, 60_000);

    test("RD170 RD155 hosts of an earlier start: gone with their nodes' parents, else kept for a time", async () => {
      const [own, hosts] = await twoStores(type);
      await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
      const initial = new Map([
        [
          "a1",
          [stackOf("a1", "/EU/z1/1.0", "10.0.0.1", "10.0.0.2"), stackOf("a1", "/XX/z1/1.0", "10.9.9.9")],
        ],
        ["old", [stackOf("old", "/EU/z1/1.0", "10.8.8.8")]],
      ]);
      const found = new Observed(own, { grace_ms: 700 }, initial);
      ends.unshift(() => found.discovery.close());
      expect(found.addresses()).toBe("10.0.0.1 10.0.0.2 10.9.9.9");
      await found.discovery.whenListed();
      expect([found.addresses(), found.addresses("old")]).toEqual(["10.0.0.1 10.0.0.2", ""]);
      expect(found.discovery.status.graces).toMatchObject([
        { stack: "/EU/z1/1.0/a1", hosts: 1, reason: "store outage" },
      ]);
      await found.has("10.0.0.1", "a1", 3_000);
    });

    test("RD155 the services as a whole vanish: the last hosts stay for a time", async () => {
      const [own, hosts] = await twoStores(type);
      await hosts.put(nodeOf("/EU/z1/1.0/a1", "10.0.0.1"), payloadOf("10.0.0.1"));
      const found = await observed(own, { grace_ms: 60_000 });
      await hosts.transact(
        [
          nodeOf("/EU/z1/1.0/a1", "10.0.0.1"),
          "/services/EU/z1/1.0/a1",
          "/services/EU/z1/1.0",
          "/services/EU/z1",
        ]
          .concat("/services/EU", "/services")
          .map((path) => ({ kind: "delete", path })),
      );
      await eventually("it says so", () => found.discovery.status.graces.length === 1, 1_000);
      expect(found.addresses()).toBe("10.0.0.1");
      await hosts.put(nodeOf("/EU/z1/1.0/a1", "10.0.0.1"), payloadOf("10.0.0.1"));
      await eventually("it is back", () => found.discovery.status.graces.length === 0, 1_000);
      expect(found.told).toEqual(["a1: 10.0.0.1"]);
    });

    test("RD173 1,000 hosts of which 100 go and come each second, and 20 starts: in the end all are known", async () => {
      const [own, hosts] = await twoStores(type);
      const nodes = Array.from({ length: 1_000 }, (_, index) => ({
        stack: `/EU/z${index % 10}/1.0/a1`,
        ipv4: `10.0.${Math.floor(index / 250)}.${index % 250}`,
      }));
      const put = ({ stack, ipv4 }: (typeof nodes)[number]): StoreOperation => ({
        kind: "put",
        path: nodeOf(stack, ipv4),
        value: payloadOf(ipv4),
        expect: "absent",
      });
      for (let at = 0; at < 1_000; at += 200) await hosts.transact(nodes.slice(at, at + 200).map(put));
      const random = seededRandom(173);
      let [isChurning, rounds] = [true, 0];
      const churn = (async () => {
        while (isChurning) {
          const chosen = new Set(Array.from({ length: 10 }, () => nodes[Math.floor(random() * 1_000)]!));
          const paths = [...chosen].map(({ stack, ipv4 }) => nodeOf(stack, ipv4));
          await hosts.transact(paths.map((path) => ({ kind: "delete", path })));
          await Bun.sleep(50);
          await hosts.transact([...chosen].map(put));
          await Bun.sleep(50);
          rounds++;
        }
      })();
      const starts: Observed[] = [];
      for (let start = 0; start < 20; start++) {
        await eventually("the churn goes on", () => rounds > start);
        const begun = performance.now();
        starts.push(await observed(own));
        expect(performance.now() - begun).toBeLessThan(2_000);
        expect(addressesOf(starts.at(-1)!.discovery.hosts("a1")).length).toBeGreaterThan(900);
        if (start < 15) starts.shift()!.discovery.close();
      }
      isChurning = false;
      await churn;
      await hosts.delete(nodeOf(nodes[0]!.stack, nodes[0]!.ipv4));
      const all = nodes.slice(1).map(({ ipv4 }) => ipv4);
      for (const { discovery } of starts)
        await eventually(
          "the hosts of the store",
          () =>
            addressesOf(discovery.hosts("a1")).toSorted().join() === all.toSorted().join() &&
            discovery.status.graces.length === 0,
          2_000,
        );
    }, 60_000);
  });

describe.skipIf(lacking !== null)("zookeeper, outages", () => {
  test("RD74 RD155 paused for longer than the sessions: no host is missed for a moment, and all come back", async () => {
    const [own, hosts] = await twoStores("zookeeper");
    for (const number of [1, 2, 3, 4]) await registerHost(hosts, "/EU/z1/1.0/a1", `10.0.0.${number}`);
    await registerHost(hosts, "/EU/z2/1.0/a1", "10.0.0.5");
    const found = await observed(own);
    const all = found.addresses();
    expect(all.split(" ").length).toBe(5);
    found.told.length = 0;
    const session = (hosts as ZookeeperStore).sessionId;
    // A server that goes on may take a session up again before it ends it: then once more.
    for (let round = 0; round < 5 && (hosts as ZookeeperStore).sessionId === session; round++) {
      zookeeper!.server.pause();
      await eventually("disconnected", () => own.state.kind === "disconnected");
      await Bun.sleep(SESSION_MS * 2);
      expect(found.addresses()).toBe(all);
      expect(found.discovery.status).toMatchObject({ is_current: false, hosts: 5 });
      expect(found.discovery.status.disconnected?.for_ms).toBeGreaterThan(SESSION_MS);
      zookeeper!.server.continue();
      let isMissed = false;
      await eventually(
        "current, and no host in its grace",
        () => {
          isMissed ||= found.addresses() !== all;
          const { is_current, graces } = found.discovery.status;
          return is_current && graces.length === 0 && hosts.state.kind === "connected";
        },
        20_000,
      );
      expect([isMissed, found.told]).toEqual([false, []]);
    }
    // All registrations were gone, and are others now.
    expect((hosts as ZookeeperStore).sessionId).not.toBe(session);
    const last = await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.6");
    await found.has(all.replace(" 10.0.0.5", " 10.0.0.6 10.0.0.5"));
    await last.close();
    await found.has(all);
  }, 60_000);

  test("RD155 hosts that do not come back from an outage stay for the grace, and the status says so", async () => {
    const base = `/discovery-${++count}`;
    const own = await opened("zookeeper", base);
    const [living, dying] = [await opened("zookeeper", base), await opened("zookeeper", base)];
    await registerHost(living, "/EU/z1/1.0/a1", "10.0.0.1");
    await registerHost(dying, "/EU/z1/1.0/a1", "10.0.0.2");
    const found = await observed(own, { grace_ms: 3_000 });
    zookeeper!.server.pause();
    await eventually("disconnected", () => own.state.kind === "disconnected");
    await dying.close();
    await Bun.sleep(SESSION_MS);
    zookeeper!.server.continue();
    await eventually("listed", () => found.discovery.status.is_current, 20_000);
    await eventually("in its grace", () => found.discovery.status.graces.length === 1);
    expect(found.addresses()).toBe("10.0.0.1 10.0.0.2");
    expect(found.discovery.status.graces[0]).toMatchObject({
      stack: "/EU/z1/1.0/a1",
      reason: "store outage",
    });
    await found.has("10.0.0.1", "a1", 6_000);
    expect(found.discovery.status.graces).toEqual([]);
  }, 60_000);

  test("RD75 a gateway that starts while the store is away uses the hosts it knew, and recovers by itself", async () => {
    const [, hosts] = await twoStores("zookeeper");
    const base = `/discovery-${count}`;
    await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.1");
    zookeeper!.server.pause();
    const own = openStore("zookeeper", { ...OPTIONS["zookeeper"]!(), base }, storeEnvironment(directory));
    ends.push(() => own.close());
    const found = new Observed(own, {}, new Map([["a1", [stackOf("a1", "/EU/z1/1.0", "10.0.0.1")]]]));
    ends.unshift(() => found.discovery.close());
    expect(found.addresses()).toBe("10.0.0.1");
    expect(found.discovery.status).toMatchObject({ is_current: false, hosts: 1 });
    await eventually("it has tried", () => found.discovery.status.disconnected!.for_ms > 1_000);
    zookeeper!.server.continue();
    await found.discovery.whenListed();
    await found.has("10.0.0.1");
    await registerHost(hosts, "/EU/z1/1.0/a1", "10.0.0.2");
    await found.has("10.0.0.1 10.0.0.2");
  }, 60_000);
});
